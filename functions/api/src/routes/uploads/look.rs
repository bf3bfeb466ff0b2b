//! What a file of recipients is, before a campaign is made of it: its columns, who can be sent to, and what is wrong with which row.
//! By the reader that `prepare` reads it with. Writes nothing.

use std::{
    collections::{BTreeMap, HashSet},
    io::Cursor,
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use carillon_core::{
    id::UploadId,
    recipients::{Column, FileError, Options, RecipientReader, Row, RowError, Sheet},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadCampaigns},
    problem::{Code, FieldError, Problem},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{check, services::Api};

/// Bytes that are looked at: tens of thousands of rows.
const LOOKED_AT: u64 = 1 << 20;
/// Problems that are told.
const TOLD: usize = 20;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadCheckRequest {
    /// The country of numbers without `+`, two letters.
    #[schema(example = "GB")]
    default_country: Option<String>,
    /// The header of the column with the numbers, where it has none of the usual names.
    phone_column: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct UploadCheck {
    bytes: u64,
    /// As far as the beginning tells.
    encoding: &'static str,
    columns: Vec<UploadColumn>,
    /// The header of the column with the numbers; absent when none has a usual name, so that `phone_column` has to name it. Then no
    /// row was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_column: Option<String>,
    /// About how many rows the file has; exact where `complete` says so.
    estimated_rows: u64,
    /// Rows that were looked at: the sum of `usable`, `rejected` and `duplicates`.
    looked_at: u64,
    /// All of the file was.
    complete: bool,
    usable: u64,
    rejected: u64,
    /// Rows whose number an earlier row has.
    duplicates: u64,
    /// Of the usable ones: how many are of a country. Those of none have no entry.
    countries: BTreeMap<String, u64>,
    /// What is wrong with rows, the first of it.
    problems: Vec<UploadProblem>,
    /// The values of the first row that can be sent to, by placeholder.
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<BTreeMap<String, String>>,
}

/// A column of the file.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct UploadColumn {
    #[schema(example = "First name")]
    header: String,
    /// As a text says it.
    #[schema(example = "First_name")]
    placeholder: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct UploadProblem {
    /// Of the file, from 1.
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    code: &'static str,
    detail: String,
}

/// What an upload holds, as a campaign would read it.
#[utoipa::path(
    post, path = "/v1/uploads/{id}/check", operation_id = "checkUpload", tag = "uploads",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`upl_…`")),
    request_body = UploadCheckRequest,
    responses((status = 200, description = "What is in it", body = UploadCheck)),
)]
pub async fn look(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<UploadId>,
    Input {
        value: UploadCheckRequest {
            default_country,
            phone_column,
        },
        ..
    }: Input<UploadCheckRequest>,
) -> Result<Response, Problem> {
    let options = Options {
        default_country: check::country("/default_country", default_country.as_deref())?,
        phone_column,
    };
    let known = api.uploads.find(who.account, id).await?;
    known.ok_or_else(|| Problem::not_found("upload"))?;
    let arrived = api.files.find_upload(who.account, id).await?;
    let start = api
        .files
        .read_upload_start(who.account, id, LOOKED_AT)
        .await?;
    let (Some(arrived), Some(start)) = (arrived, start) else {
        let detail = "The upload has no file yet, or its file was deleted since. Post the file to the form that \
                      `POST /v1/uploads` gave, or make a new upload.";
        return Err(Problem::new(Code::UploadMissing, detail));
    };
    let checked = UploadCheck::of(&start, arrived.bytes, &options);
    let checked = checked.map_err(|error| unusable(&error))?;
    Ok(Json(checked).into_response())
}

fn unusable(error: &FileError) -> Problem {
    let pointer = match error {
        FileError::NoSuchColumn { .. } => "/phone_column",
        _ => "",
    };
    let error = FieldError::new(pointer, error.code(), error);
    Problem::of_fields(Code::UnusableFile, vec![error])
}

impl UploadCheck {
    /// `start`: its first bytes, or all; `bytes`: how many there are.
    fn of(start: &Bytes, bytes: u64, options: &Options) -> Result<Self, FileError> {
        let looked_at = check::whole_lines(start, LOOKED_AT);
        let complete = looked_at.len() as u64 >= bytes;
        let mut reader = match check::open_file(start, options, LOOKED_AT) {
            Ok(reader) => reader,
            Err(FileError::NoPhoneColumn { .. }) => return Self::nameless(looked_at, bytes),
            Err(error) => return Err(error),
        };
        let columns: Vec<_> = reader.columns().iter().map(UploadColumn::from).collect();
        let phone_column = columns[reader.phone_column()].header.clone();
        let mut checked = Self {
            bytes,
            encoding: reader.encoding().name(),
            phone_column: Some(phone_column),
            columns,
            complete,
            ..Self::default()
        };
        checked.read(&mut reader)?;
        checked.estimated_rows = if complete {
            checked.looked_at
        } else {
            checked.looked_at.saturating_mul(bytes) / (looked_at.len().max(1) as u64)
        };
        Ok(checked)
    }

    /// Of a file in which nobody has found the numbers yet: its columns, to choose from.
    fn nameless(looked_at: &[u8], bytes: u64) -> Result<Self, FileError> {
        let mut sheet = Sheet::open(Cursor::new(looked_at), None, None)?;
        sheet.read()?.ok_or(FileError::Empty)?;
        let headers = sheet.record().iter().map(str::trim);
        let headers = headers.filter(|header| !header.is_empty());
        let named = headers.map(|header| UploadColumn {
            header: header.to_owned(),
            placeholder: header.to_owned(),
        });
        Ok(Self {
            columns: named.collect(),
            encoding: sheet.encoding().name(),
            bytes,
            ..Self::default()
        })
    }

    fn read(&mut self, reader: &mut RecipientReader<Cursor<&[u8]>>) -> Result<(), FileError> {
        let mut seen = HashSet::new();
        loop {
            match reader.next() {
                Ok(Some(Ok(row))) => {
                    self.looked_at += 1;
                    if seen.insert(row.phone) {
                        self.take(row);
                    } else {
                        self.duplicates += 1;
                    }
                }
                Ok(Some(Err(error))) => {
                    self.looked_at += 1;
                    self.refuse(error);
                }
                // The end of a row that began here may be behind what was read.
                Err(FileError::UnclosedQuote { .. }) if !self.complete => return Ok(()),
                Err(error) => return Err(error),
                Ok(None) => return Ok(()),
            }
        }
    }

    fn take(&mut self, row: Row<'_>) {
        self.usable += 1;
        if let Some(country) = row.country {
            *self.countries.entry(country.to_string()).or_default() += 1;
        }
        self.example.get_or_insert_with(|| {
            let values = row.values();
            values
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        });
    }

    fn refuse(&mut self, error: RowError) {
        self.rejected += 1;
        if self.problems.len() < TOLD {
            self.problems.push(error.into());
        }
    }
}

impl From<&Column> for UploadColumn {
    fn from(Column { header, variable }: &Column) -> Self {
        Self {
            header: header.clone(),
            placeholder: variable.clone(),
        }
    }
}

impl From<RowError> for UploadProblem {
    fn from(error: RowError) -> Self {
        let RowError {
            line,
            column,
            code,
            message,
        } = error;
        Self {
            line,
            column,
            code,
            detail: message,
        }
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::phone::Country;

    use super::*;

    fn checked(file: &str, options: &Options) -> UploadCheck {
        let bytes = file.len() as u64;
        UploadCheck::of(&Bytes::from(file.to_owned()), bytes, options).unwrap()
    }

    #[test]
    fn every_row_is_counted_once_and_what_is_wrong_names_its_line() {
        let file = "phone,First name\n+447700900123,Ada\n4.47701E+11,Bea\n+447700900123,Ada\n+33612345678,Cid\n";

        let checked = checked(file, &Options::default());

        assert_eq!(checked.phone_column.as_deref(), Some("phone"));
        assert_eq!(checked.columns[1].placeholder, "First_name");
        assert_eq!(
            (checked.usable, checked.rejected, checked.duplicates),
            (2, 1, 1)
        );
        assert_eq!((checked.looked_at, checked.estimated_rows), (4, 4));
        assert!(checked.complete);
        assert_eq!(
            checked.countries,
            BTreeMap::from([("FR".to_owned(), 1), ("GB".to_owned(), 1)])
        );
        assert_eq!(
            (checked.problems[0].line, checked.problems[0].code),
            (3, "damaged_number")
        );
        let example = BTreeMap::from([("First_name".to_owned(), "Ada".to_owned())]);
        assert_eq!(checked.example, Some(example));
    }

    #[test]
    fn a_file_whose_numbers_nobody_has_found_shows_its_columns() {
        let file = "who;wohin\nAda;+447700900123\n";

        let unfound = checked(file, &Options::default());
        let named = Options {
            phone_column: Some("wohin".to_owned()),
            ..Options::default()
        };
        let found = checked(file, &named);

        assert_eq!((unfound.phone_column, unfound.looked_at), (None, 0));
        let headers = unfound.columns.iter().map(|it| it.header.as_str());
        assert_eq!(headers.collect::<Vec<_>>(), ["who", "wohin"]);
        assert_eq!((found.usable, found.rejected), (1, 0));
    }

    #[test]
    fn of_a_long_file_the_beginning_is_looked_at_and_the_rest_is_guessed() {
        let rows = 100_000;
        let numbers = (0..rows).map(|place| format!("+4477009{place:05}\n"));
        let file: String = std::iter::once("phone\n".to_owned())
            .chain(numbers)
            .collect();
        let size = file.len() as u64;
        let start = Bytes::from(file).slice(..usize::try_from(LOOKED_AT).unwrap());

        let checked = UploadCheck::of(&start, size, &Options::default()).unwrap();

        assert!(!checked.complete);
        assert!(checked.looked_at < rows, "{}", checked.looked_at);
        let off = checked.estimated_rows.abs_diff(rows);
        assert!(off < rows / 100, "{}", checked.estimated_rows);
    }

    #[test]
    fn numbers_without_a_plus_need_a_country() {
        let file = "phone\n07700900123\n";
        let british = Options {
            default_country: Country::parse("GB").ok(),
            ..Options::default()
        };

        assert_eq!(checked(file, &Options::default()).rejected, 1);
        assert_eq!(checked(file, &british).usable, 1);
    }
}
