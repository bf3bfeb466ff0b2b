//! `/v1/segments`: contacts by a rule, in the language of `carillon_core::filter`. Who is in one is found out whenever it is asked.

pub mod count;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    contact::{List, Segment},
    filter::{self, FilterError, Parsed},
    id::SegmentId,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadContacts, WriteContacts},
    problem::{Code, Problem},
    random,
};
use carillon_store::records::{Record, Stale};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check, edit,
    once::{Answer, Once},
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Up to 4,096 bytes. Fields: `country`, `language`, `time_zone`, `tag`, `list`, `number`, `created`, `changed`, `attributes.…`;
    /// `and`, `or`, `not`, brackets.
    #[schema(
        example = "country = \"GB\" and (tag = \"vip\" or attributes.age >= 30) and created > now - 30 days"
    )]
    filter: String,
}

/// What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentChange {
    name: Option<String>,
    filter: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    filter: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    valid: bool,
    /// What is wrong, if anything is.
    errors: Vec<FilterRefusal>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FilterRefusal {
    /// In characters, from 1.
    column: usize,
    detail: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentView {
    #[schema(value_type = String)]
    id: SegmentId,
    name: String,
    filter: String,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Segments {
    data: Vec<SegmentView>,
}

impl From<Segment> for SegmentView {
    fn from(segment: Segment) -> Self {
        let Segment {
            id,
            account: _,
            name,
            filter,
            created,
            version: _,
        } = segment;
        Self {
            id,
            name,
            filter,
            created,
        }
    }
}

/// Makes a segment.
#[utoipa::path(
    post, path = "/v1/segments", operation_id = "createSegment", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = SegmentRequest,
    responses((status = 201, description = "The segment", body = SegmentView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input {
        value: SegmentRequest { name, filter },
        raw,
    }: Input<SegmentRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let name = check::name("/name", &name)?;
    readable(&filter)?;
    let now = time::now();
    let work = async |(id, created): (SegmentId, Timestamp)| {
        parsed(&api, &who, &filter).await?;
        let segments = api.segments.list(who.account).await?;
        if segments.len() >= Segment::MOST && segments.iter().all(|segment| segment.id != id) {
            let detail = format!(
                "An account has at most {} segments. Delete one.",
                Segment::MOST
            );
            return Err(Problem::new(Code::LimitReached, detail));
        }
        let segment = Segment {
            id,
            account: who.account,
            name,
            filter,
            created,
            version: 1,
        };
        let audit = act::audit(&who, "segment.create", id, now);
        api.segments.create(&segment, &audit).await?;
        let answer = Answer::new(StatusCode::CREATED, &SegmentView::from(segment));
        Ok(answer
            .at(format!("/v1/segments/{id}"))
            .tagged(edit::etag(1)))
    };
    once.run(&api, &who, &raw, (random::id(now), now), work)
        .await
}

/// All segments, oldest first.
#[utoipa::path(
    get, path = "/v1/segments", operation_id = "listSegments", tag = "contacts",
    security(("key" = ["contacts:read"])),
    responses((status = 200, description = "All of them", body = Segments)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadContacts>) -> Result<Response, Problem> {
    let segments = api.segments.list(who.account).await?;
    let data = segments.into_iter().map(SegmentView::from).collect();
    Ok(Json(Segments { data }).into_response())
}

/// A segment.
#[utoipa::path(
    get, path = "/v1/segments/{id}", operation_id = "getSegment", tag = "contacts",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`seg_…`")),
    responses((status = 200, description = "The segment", body = SegmentView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<SegmentId>,
) -> Result<Response, Problem> {
    Ok(answer(find(&api, &who, id).await?))
}

/// Changes a segment. Campaigns that name it take it as it is when they are prepared.
#[utoipa::path(
    patch, path = "/v1/segments/{id}", operation_id = "changeSegment", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(
        ("id" = String, Path, description = "`seg_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the segment that you read"),
    ),
    request_body = SegmentChange,
    responses((status = 200, description = "The segment as it is now", body = SegmentView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<SegmentId>,
    headers: HeaderMap,
    Input { value, .. }: Input<SegmentChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "segment")?;
    who.must_be_live()?;
    let mut segment = find(&api, &who, id).await?;
    if expected != edit::etag(segment.version) && expected != "*" {
        return Err(edit::stale("segment"));
    }
    if let Some(name) = value.name {
        segment.name = check::name("/name", &name)?;
    }
    if let Some(filter) = value.filter {
        parsed(&api, &who, &filter).await?;
        segment.filter = filter;
    }
    segment.version += 1;
    let audit = act::audit(&who, "segment.change", id, time::now());
    let written = api.segments.change(&segment, &audit).await?;
    written.map_err(|Stale| edit::stale("segment"))?;
    Ok(answer(segment))
}

/// Deletes a segment; its contacts stay.
#[utoipa::path(
    delete, path = "/v1/segments/{id}", operation_id = "deleteSegment", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`seg_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<SegmentId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let segment = find(&api, &who, id).await?;
    let audit = act::audit(&who, "segment.delete", id, time::now());
    let deleted = api.segments.delete(&segment, &audit).await?;
    deleted.map_err(|Stale| edit::stale("segment"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a filter can be read, and where not.
#[utoipa::path(
    post, path = "/v1/segments/check", operation_id = "checkFilter", tag = "contacts",
    security(("key" = ["contacts:read"])),
    request_body = CheckRequest,
    responses((status = 200, description = "What is wrong with it, if anything is", body = Checked)),
)]
pub async fn check(
    State(api): State<Api>,
    who: May<ReadContacts>,
    Input {
        value: CheckRequest { filter },
        ..
    }: Input<CheckRequest>,
) -> Result<Response, Problem> {
    let errors: Vec<FilterRefusal> = match filter::parse(&filter) {
        Err(error) => vec![error.into()],
        Ok(parsed) => {
            let unknown = unknown_lists(&api, &who, &parsed).await?;
            unknown.into_iter().map(FilterRefusal::from).collect()
        }
    };
    let valid = errors.is_empty();
    Ok(Json(Checked { valid, errors }).into_response())
}

impl From<FilterError> for FilterRefusal {
    fn from(error: FilterError) -> Self {
        let FilterError { column, message } = error;
        let detail = message;
        Self { column, detail }
    }
}

/// A filter as the account means it: every list that it names is there.
async fn parsed(api: &Api, who: &Principal, filter: &str) -> Result<Parsed, Problem> {
    let parsed = readable(filter)?;
    match unknown_lists(api, who, &parsed).await?.into_iter().next() {
        Some(error) => Err(check::content("/filter", &error)),
        None => Ok(parsed),
    }
}

fn readable(filter: &str) -> Result<Parsed, Problem> {
    filter::parse(filter).map_err(|error| check::content("/filter", &error))
}

async fn unknown_lists(
    api: &Api,
    who: &Principal,
    parsed: &Parsed,
) -> Result<Vec<FilterError>, Problem> {
    if parsed.lists.is_empty() {
        return Ok(Vec::new());
    }
    let lists = api.lists.list(who.account).await?;
    let is_known = |id| {
        lists
            .iter()
            .any(|list: &List| list.id == id && !list.deleting)
    };
    let unknown = parsed.lists.iter().filter(|(id, _)| !is_known(*id));
    let refusals = unknown.map(|(_, column)| FilterError {
        column: *column,
        message: "there is no such list; `GET /v1/lists` has those that there are".to_owned(),
    });
    Ok(refusals.collect())
}

pub async fn find(api: &Api, who: &Principal, id: SegmentId) -> Result<Segment, Problem> {
    let found = api.segments.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("segment"))
}

fn answer(segment: Segment) -> Response {
    let tag = [(header::ETAG, edit::etag(segment.version))];
    (tag, Json(SegmentView::from(segment))).into_response()
}
