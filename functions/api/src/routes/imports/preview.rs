//! What an import would make of the beginning of a file: how it is written, what its columns seem to mean, and what is wrong with its
//! first rows. Writes nothing.

use std::io::Cursor;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::UploadId,
    import::{Reader, Terms},
    recipients::{FileError, RowError},
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadContacts},
    problem::Problem,
    random,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    create::unnamed,
    file::{Beginning, Told},
    mapping::{ColumnInput, ColumnView, DelimiterWord, targets},
};
use crate::{check, services::Api, time};

/// Rows that are shown.
const SHOWN: usize = 10;
/// Problems that are told.
const TOLD: usize = 20;
/// Characters of a cell that are shown.
const CELL: usize = 200;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportPreviewRequest {
    #[schema(value_type = String)]
    upload: UploadId,
    /// Whether the first row names the columns. Left out: it does, unless there is a number in it.
    header: Option<bool>,
    /// Left out: found out.
    delimiter: Option<DelimiterWord>,
    /// The country of numbers without `+`, two letters.
    #[schema(example = "GB")]
    default_country: Option<String>,
    /// Left out: the suggested one.
    mapping: Option<Vec<ColumnInput>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportPreview {
    /// As far as the beginning tells.
    encoding: &'static str,
    delimiter: DelimiterWord,
    header: bool,
    columns: Vec<ImportPreviewColumn>,
    /// The cells of the first rows.
    rows: Vec<Vec<String>>,
    /// What is wrong with rows of the beginning, the first of it.
    problems: Vec<ImportPreviewProblem>,
    sample: ImportSample,
    bytes: u64,
    /// About how many rows the file has; exact where `sample.complete` says so.
    estimated_rows: u64,
}

/// A column of the file.
#[derive(Debug, Serialize, ToSchema)]
struct ImportPreviewColumn {
    #[serde(flatten)]
    mapped: ColumnView,
    /// From 1.
    position: usize,
    /// What is unclear about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ImportPreviewProblem {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    code: &'static str,
    detail: String,
}

/// Of the rows that were looked at.
#[derive(Debug, Serialize, ToSchema)]
struct ImportSample {
    rows: u64,
    rejected: u64,
    /// They are all of the file.
    complete: bool,
}

const AMBIGUOUS: &str = "its dates can be read in two ways; choose `date_day_first` or `date_month_first`, or they stay texts";

/// What an import of a file would begin with.
#[utoipa::path(
    post, path = "/v1/imports/preview", operation_id = "previewImport", tag = "imports",
    security(("key" = ["contacts:read"])),
    request_body = ImportPreviewRequest,
    responses((status = 200, description = "What the file seems to be", body = ImportPreview)),
)]
pub async fn preview(
    State(api): State<Api>,
    who: May<ReadContacts>,
    Input { value, .. }: Input<ImportPreviewRequest>,
) -> Result<Response, Problem> {
    let ImportPreviewRequest {
        upload,
        header,
        delimiter,
        default_country,
        mapping,
    } = value;
    let default_country = check::country("/default_country", default_country.as_deref())?;
    let given = mapping.map(targets).transpose()?;
    let told = Told { header, delimiter };
    let file = Beginning::read(&api, &who, upload, told).await?;
    let suggested = file.suggested(default_country);
    // A file that nobody has found the numbers in yet is shown all the same.
    let layout = match file.layout(given.clone(), default_country) {
        Ok(layout) => Some(layout),
        Err(_) if given.is_none() => None,
        Err(problem) => return Err(problem),
    };
    let mut sample = ImportSample {
        rows: file.rows.len() as u64,
        rejected: 0,
        complete: file.is_whole,
    };
    let mut problems = Vec::new();
    if let Some(layout) = &layout {
        let terms = Terms {
            layout: layout.clone(),
            default_country,
            ..unnamed(who.account, upload, random::id(time::now()))
        };
        for error in mistakes(&file, &terms) {
            sample.rejected += 1;
            if problems.len() < TOLD {
                problems.push(told_of(error));
            }
        }
    }
    let names = file.headers.names().iter().enumerate();
    let columns = names.map(|(place, name)| {
        let mapped = layout.as_ref().and_then(|layout| {
            let mut columns = layout.columns.iter();
            columns.find(|column| column.place == place)
        });
        let target = mapped.map(|column| &column.target);
        let is_ambiguous = given.is_none() && suggested[place].is_ambiguous;
        ImportPreviewColumn {
            mapped: ColumnView::new(name, target),
            position: place + 1,
            warning: is_ambiguous.then_some(AMBIGUOUS),
        }
    });
    let shown = |cell: &str| cell.chars().take(CELL).collect();
    let rows = file.rows.iter().take(SHOWN);
    let view = ImportPreview {
        encoding: file.encoding,
        delimiter: DelimiterWord::of(file.delimiter),
        header: file.header,
        columns: columns.collect(),
        rows: rows.map(|row| row.iter().map(shown).collect()).collect(),
        problems,
        estimated_rows: estimated(&file, sample.rows),
        sample,
        bytes: file.size,
    };
    Ok(Json(view).into_response())
}

/// What is wrong with rows of the beginning; of the file itself only where it is read to its end.
fn mistakes(file: &Beginning, terms: &Terms) -> Vec<RowError> {
    let mut mistakes = Vec::new();
    let Ok(mut reader) = Reader::open(Cursor::new(file.bytes()), terms) else {
        return mistakes;
    };
    loop {
        match reader.next() {
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => mistakes.push(error),
            Err(error @ FileError::UnclosedQuote { line }) if file.is_whole => {
                mistakes.push(RowError {
                    line,
                    column: None,
                    code: error.code(),
                    message: error.to_string(),
                });
                return mistakes;
            }
            Ok(None) | Err(_) => return mistakes,
        }
    }
}

fn told_of(error: RowError) -> ImportPreviewProblem {
    let RowError {
        line,
        column,
        code,
        message,
    } = error;
    ImportPreviewProblem {
        line,
        column,
        code,
        detail: message,
    }
}

fn estimated(file: &Beginning, rows: u64) -> u64 {
    if file.is_whole {
        return rows;
    }
    let looked_at = file.bytes().len().max(1) as u64;
    rows.saturating_mul(file.size) / looked_at
}
