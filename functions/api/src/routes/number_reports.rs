//! `/v1/privacy/reports`: all that is known of a number, as one file in JSON, for whoever asks what you have about them (GDPR article
//! 15). The work itself is done by the function `privacy`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::PrivacyRequestId,
    privacy::{Act, Place, Progress, Request},
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    principal::{May, ReadPrivacy, WritePrivacy},
    problem::{Code, Problem},
    random,
};
use carillon_store::report_files::KEPT;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::erasures::FoundView;
use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    once::{Answer, Once},
    services::Api,
    time,
};

const PATH: &str = "/v1/privacy/reports";

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberReportRequest {
    /// In E.164. Kept until the report is made, then as a keyed hash; it is in the file.
    #[schema(example = "+447700900123")]
    number: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NumberReportView {
    #[schema(value_type = String, example = "prv_01h455vb4pex5vsknk084sn02q")]
    id: PrivacyRequestId,
    /// What stands for the number, in this account only.
    number_hash: String,
    status: NumberReportStatus,
    #[schema(value_type = String, format = DateTime)]
    asked: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    done: Option<Timestamp>,
    /// Until when it can be downloaded, unless the number is erased before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    kept_until: Option<Timestamp>,
    found: FoundView,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NumberReportStatus {
    /// It begins within a minute.
    Waiting,
    Working,
    Done,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NumberReportDownload {
    /// Whoever has it can fetch the file until `expires`.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

impl NumberReportView {
    fn new(request: Request) -> Self {
        let Request {
            id,
            account: _,
            act: _,
            number: _,
            number_hash,
            asked,
            progress,
            found,
            version: _,
        } = request;
        let (status, done) = match progress {
            Progress::Round {
                place: Place::Records,
                ..
            } => (NumberReportStatus::Waiting, None),
            Progress::Round { .. } => (NumberReportStatus::Working, None),
            Progress::Done { at } => (NumberReportStatus::Done, Some(at)),
        };
        Self {
            id,
            number_hash,
            status,
            asked,
            done,
            kept_until: done.map(|done| done + KEPT),
            found: FoundView::new(found),
        }
    }
}

/// Gathers all that is known of a number: its contact, consents, opt-out, messages both ways, and where else it stands. It is done in
/// the background: ask for the report until it is `done`, then for its download.
#[utoipa::path(
    post, path = "/v1/privacy/reports", operation_id = "reportOnNumber", tag = "privacy",
    security(("key" = ["privacy:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = NumberReportRequest,
    responses((status = 202, description = "It begins", body = NumberReportView)),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WritePrivacy>,
    once: Once,
    Input { value, raw }: Input<NumberReportRequest>,
) -> Result<Response, Problem> {
    let NumberReportRequest { number } = value;
    let number = check::number("/number", &number, None)?;
    who.must_be_live()?;
    let now = time::now();
    let drawn: (PrivacyRequestId, Timestamp) = (random::id(now), now);
    let work = async |(id, asked): (PrivacyRequestId, Timestamp)| {
        let number_hash = api.key.number(who.account, number);
        let (account, hash) = (who.account, number_hash.clone());
        let request = Request::new((id, asked), account, Act::Report, number, hash);
        let audit = act::audit(&who, "number.report", &number_hash, asked);
        api.privacy.create(&request, &audit).await?;
        Ok(Answer::new(
            StatusCode::ACCEPTED,
            &NumberReportView::new(request),
        ))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// Reports, the newest first.
#[utoipa::path(
    get, path = "/v1/privacy/reports", operation_id = "listNumberReports", tag = "privacy",
    security(("key" = ["privacy:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<NumberReportView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadPrivacy>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, PATH, query)?;
    let after = asked.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| Problem::unexplained())?;
    let limit = i32::try_from(asked.limit + 1).expect("a page is short");
    let reports = api
        .privacy
        .list(who.account, Act::Report, after, limit)
        .await?;
    let place = |report: &Request| report.id.to_string();
    Ok(asked.answer(&api, &who, reports, place, |report| {
        Some(NumberReportView::new(report))
    }))
}

/// How far a report is.
#[utoipa::path(
    get, path = "/v1/privacy/reports/{id}", operation_id = "getNumberReport", tag = "privacy",
    security(("key" = ["privacy:read"])),
    params(("id" = String, Path, description = "`prv_…`")),
    responses((status = 200, description = "The report", body = NumberReportView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadPrivacy>,
    InPath(id): InPath<PrivacyRequestId>,
) -> Result<Response, Problem> {
    let report = api.privacy.find(who.account, Act::Report, id).await?;
    let report = report.ok_or_else(|| Problem::not_found("report"))?;
    Ok(Json(NumberReportView::new(report)).into_response())
}

/// A link to the file of a report that is done. It works for 15 minutes; the file is kept for 7 days.
#[utoipa::path(
    post, path = "/v1/privacy/reports/{id}/download", operation_id = "downloadNumberReport", tag = "privacy",
    security(("key" = ["privacy:read"])),
    params(("id" = String, Path, description = "`prv_…`")),
    responses((status = 200, description = "The link", body = NumberReportDownload)),
)]
pub async fn download(
    State(api): State<Api>,
    who: May<ReadPrivacy>,
    InPath(id): InPath<PrivacyRequestId>,
) -> Result<Response, Problem> {
    let report = api.privacy.find(who.account, Act::Report, id).await?;
    let report = report.ok_or_else(|| Problem::not_found("report"))?;
    let now = time::now();
    let detail = match report.progress {
        Progress::Done { at } if now < at + KEPT => None,
        Progress::Done { .. } => Some("It was kept for 7 days. Ask for another one."),
        Progress::Round { .. } => Some("It isn't done. Look at it until its `status` is `done`."),
    };
    if let Some(detail) = detail {
        return Err(Problem::new(Code::InvalidState, detail));
    }
    api.audit
        .record(&act::audit(&who, "number.report.download", id, now))
        .await?;
    let of = (who.account, report.number_hash.as_str(), id);
    let link = api.files.report_url(of, now).await?;
    let download = NumberReportDownload {
        url: link.url,
        expires: link.expires,
    };
    Ok(Json(download).into_response())
}
