//! All opt-outs as CSV, page by page: the header `Link` of a page names the next one, and only the first has the column names.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{csv_cell, phone::Phone, suppression::Cause};
use carillon_runtime::{
    input::Query,
    principal::{May, ReadSuppressions},
    problem::Problem,
};
use carillon_store::suppressions::Listed;
use http::{HeaderValue, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::services::Api;

const PATH: &str = "/v1/suppressions/export";
/// Rows of a page.
const ROWS: usize = 5_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Left out: `spreadsheet`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CsvFormat)]
enum Format {
    /// With a byte order mark, and `'` before what a spreadsheet would take for a formula, such as a number's `+`.
    #[default]
    Spreadsheet,
    /// As it is, for machines. Don't open it in a spreadsheet.
    Csv,
}

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Spreadsheet => "spreadsheet",
            Self::Csv => "csv",
        }
    }

    fn cell(self, cell: &str) -> String {
        match self {
            Self::Spreadsheet => csv_cell::quoted(&csv_cell::harmless(cell)),
            Self::Csv => csv_cell::quoted(cell),
        }
    }
}

/// Whom the account must not text, as CSV, 5,000 a page. What it writes, `POST /v1/suppressions/import` reads.
#[utoipa::path(
    get, path = "/v1/suppressions/export", operation_id = "exportSuppressions", tag = "suppressions",
    security(("key" = ["suppressions:read"])),
    params(ExportQuery),
    responses((status = 200, description = "A page", body = String, content_type = "text/csv", headers(("Link" = Option<String>)))),
)]
pub async fn export(
    State(api): State<Api>,
    who: May<ReadSuppressions>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let ExportQuery { format, cursor } = query;
    let after = cursor
        .map(|cursor| api.cursors.open(who.account, PATH, &cursor))
        .transpose()?;
    let mut listed = api
        .suppressions
        .page(who.account, after.as_deref(), ROWS + 1)
        .await?;
    let more = listed.len() > ROWS;
    listed.truncate(ROWS);
    let mut text = String::new();
    if after.is_none() {
        if format == Format::Spreadsheet {
            text.push('\u{feff}');
        }
        text.push_str("number,number_hash,said,since,cause,reason\r\n");
    }
    for listed in &listed {
        text.push_str(&line(listed, format));
    }
    let last = listed.last().filter(|_| more);
    let link = last.and_then(|last| {
        let cursor = api.cursors.seal(who.account, PATH, &last.place);
        let (url, format) = (&api.settings.public_url, format.word());
        HeaderValue::from_str(&format!(
            "<{url}{PATH}?format={format}&cursor={cursor}>; rel=\"next\""
        ))
        .ok()
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"suppressions.csv\"",
        ),
    ];
    let mut response = (headers, text).into_response();
    response
        .headers_mut()
        .extend(link.map(|link| (header::LINK, link)));
    Ok(response)
}

fn line(listed: &Listed, format: Format) -> String {
    let suppression = &listed.suppression;
    let cause = match suppression.cause {
        Cause::Reply => "reply",
        Cause::Link => "link",
        Cause::Request => "request",
        Cause::Import => "import",
        Cause::Erasure => "erasure",
    };
    let cells = [
        suppression.number.map(Phone::e164).unwrap_or_default(),
        listed.number_hash.clone(),
        suppression.said.to_string(),
        suppression.since.to_string(),
        cause.to_owned(),
        suppression.reason.clone().unwrap_or_default(),
    ];
    let cells = cells.map(|cell| format.cell(&cell));
    format!("{}\r\n", cells.join(","))
}
