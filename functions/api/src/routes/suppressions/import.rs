//! Many opt-outs at once, from the list of another system: as JSON or as the CSV that it exports. Good rows count whatever the
//! others are; what is wrong with a row is told with its place, and without its number.

use std::io::Cursor;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use carillon_core::{
    phone::{Country, Phone},
    recipients::{Options, RecipientReader, RowError},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::{
    input::{self, Content, ContentKind, Query},
    principal::{May, WriteSuppressions},
    problem::{Code, FieldError, Problem},
};
use carillon_store::StoreError;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::checked_reason;
use crate::{act, check, services::Api, time};

/// Rows of one request at most, so that it is done in time.
const MOST: usize = 5_000;
/// Rows whose mistakes are told.
const TOLD: usize = 1_000;
const CONCURRENT: usize = 25;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// The country of numbers without `+`, two letters.
    default_country: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    #[schema(min_items = 1, max_items = 5_000)]
    suppressions: Vec<ImportRow>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    number: String,
    /// Left out: `imported`.
    reason: Option<String>,
    /// When its owner said so; a later START of theirs stands. Left out: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    said: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The sum of the next three.
    rows: usize,
    /// Must not be texted from now on.
    suppressed: usize,
    /// Their owners wanted messages again after what the row says.
    outweighed: usize,
    refused: usize,
    /// What is wrong with the refused, the first thousand of them.
    errors: Vec<ImportError>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportError {
    /// Of a CSV: the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Of JSON: which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    code: String,
    detail: String,
}

struct Checked {
    number: Phone,
    reason: Option<String>,
    said: Option<Timestamp>,
}

type Rows = Vec<Result<Checked, ImportError>>;

/// Takes up to 5,000 opt-outs of another system. A CSV has a header and a column for the number; `reason` and `said` are optional.
/// Doing it again changes nothing.
#[utoipa::path(
    post, path = "/v1/suppressions/import", operation_id = "importSuppressions", tag = "suppressions",
    security(("key" = ["suppressions:write"])),
    params(ImportQuery),
    request_body(content((ImportRequest = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "What became of the rows", body = Imported)),
)]
pub async fn import(
    State(api): State<Api>,
    who: May<WriteSuppressions>,
    Query(query): Query<ImportQuery>,
    Content { kind, raw }: Content,
) -> Result<Response, Problem> {
    let ImportQuery { default_country } = query;
    let country = default_country.as_deref().map(Country::parse).transpose();
    let country = country.map_err(|error| {
        Problem::new(Code::InvalidRequest, format!("`default_country`: {error}."))
    })?;
    who.must_be_live()?;
    let now = time::now();
    let rows = match kind {
        ContentKind::Json => of_json(&raw, country, now)?,
        ContentKind::Csv => of_csv(&raw, country, now)?,
    };
    let audit = act::audit(&who, "suppression.import", who.account, now);
    api.audit.record(&audit).await?;
    let (good, bad): (Vec<_>, Vec<_>) = rows.into_iter().partition(Result::is_ok);
    let suppress = good
        .into_iter()
        .flatten()
        .map(|row| suppress(&api, &who, row, now));
    let held: Vec<bool> = stream::iter(suppress)
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await?;
    let suppressed = held.iter().filter(|held| **held).count();
    let imported = Imported {
        rows: held.len() + bad.len(),
        suppressed,
        outweighed: held.len() - suppressed,
        refused: bad.len(),
        errors: bad.into_iter().filter_map(Result::err).take(TOLD).collect(),
    };
    Ok(Json(imported).into_response())
}

async fn suppress(
    api: &Api,
    who: &May<WriteSuppressions>,
    row: Checked,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Checked {
        number,
        reason,
        said,
    } = row;
    let hash = api.key.number(who.account, number);
    let word = Word {
        number: Some(number),
        reason,
        ..Word::new(Consent::OptedOut, said.unwrap_or(now), Cause::Import)
    };
    let stands = api
        .suppressions
        .take(who.account, &hash, &word, now)
        .await?;
    Ok(stands.holds())
}

fn of_json(raw: &Bytes, country: Option<Country>, now: Timestamp) -> Result<Rows, Problem> {
    let ImportRequest { suppressions } = input::parse(raw)?;
    if suppressions.is_empty() {
        return Err(check::content(
            "/suppressions",
            &"expected at least one row",
        ));
    }
    if suppressions.len() > MOST {
        return Err(check::content(
            "/suppressions",
            &format!("expected at most {MOST} rows; split them"),
        ));
    }
    let rows = suppressions.into_iter().enumerate().map(|(place, row)| {
        checked_row(row, &format!("/suppressions/{place}"), country, now).map_err(of_problem)
    });
    Ok(rows.collect())
}

fn checked_row(
    row: ImportRow,
    pointer: &str,
    country: Option<Country>,
    now: Timestamp,
) -> Result<Checked, Problem> {
    let ImportRow {
        number,
        reason,
        said,
    } = row;
    let pointer = |field: &str| format!("{pointer}/{field}");
    let reason = reason.map(|reason| checked_reason(&pointer("reason"), &reason));
    let said =
        said.map(|said| past(said, now).ok_or_else(|| check::content(&pointer("said"), &FUTURE)));
    Ok(Checked {
        number: check::number(&pointer("number"), &number, country)?,
        reason: reason.transpose()?,
        said: said.transpose()?,
    })
}

const FUTURE: &str = "expected a time that is over, as `2026-01-31T12:00:00Z`";

fn past(said: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (said <= now).then_some(said)
}

/// A row has one mistake, the first.
fn of_problem(problem: Problem) -> ImportError {
    let FieldError {
        pointer,
        code,
        detail,
    } = problem
        .errors
        .into_iter()
        .next()
        .unwrap_or_else(|| FieldError::new("", problem.code.as_str(), problem.detail));
    ImportError {
        line: None,
        pointer: Some(pointer),
        code: code.to_owned(),
        detail,
    }
}

fn of_csv(raw: &Bytes, country: Option<Country>, now: Timestamp) -> Result<Rows, Problem> {
    let unusable = |error| {
        Problem::new(
            Code::UnusableFile,
            format!("The CSV can't be used: {error}."),
        )
    };
    let options = Options {
        default_country: country,
        phone_column: None,
    };
    let mut reader =
        RecipientReader::open(Cursor::new(raw.as_ref()), &options).map_err(unusable)?;
    let mut rows = Rows::new();
    while let Some(row) = reader.next().map_err(unusable)? {
        if rows.len() == MOST {
            let detail = format!("The CSV has more than {MOST} rows. Split it.");
            return Err(Problem::new(Code::UnusableFile, detail));
        }
        rows.push(match row {
            Ok(row) => {
                let cell = |name| {
                    row.value(name)
                        .map(str::trim)
                        .filter(|cell| !cell.is_empty())
                };
                said_in_cell(cell("said"), now)
                    .map(|said| Checked {
                        number: row.phone,
                        reason: cell("reason")
                            .map(|reason| reason.chars().take(super::REASON).collect()),
                        said,
                    })
                    .map_err(|()| ImportError {
                        line: Some(row.line),
                        pointer: None,
                        code: Code::InvalidContent.as_str().to_owned(),
                        detail: format!("column `said`: {FUTURE}"),
                    })
            }
            Err(error) => Err(of_row(error)),
        });
    }
    Ok(rows)
}

fn said_in_cell(cell: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ()> {
    let Some(cell) = cell else { return Ok(None) };
    let said = cell.parse().ok().and_then(|said| past(said, now));
    said.map(Some).ok_or(())
}

fn of_row(error: RowError) -> ImportError {
    let RowError {
        line,
        column,
        code,
        message,
    } = error;
    let detail = match column {
        Some(column) => format!("column `{column}`: {message}"),
        None => message,
    };
    ImportError {
        line: Some(line),
        pointer: None,
        code: code.to_owned(),
        detail,
    }
}
