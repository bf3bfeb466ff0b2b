//! What became of a campaign.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::id::CampaignId;
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, ReadCampaigns, ReadMessages},
    problem::Problem,
};

use super::{batch_of, find};
use crate::{
    list::Page,
    messages::{Message, MessagesQuery, page_of_messages},
    report::Report,
    services::Api,
    time,
    timeline::TimelineReport,
};

/// What became of a campaign's messages, counted now.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/report", operation_id = "reportCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The count", body = Report)),
)]
pub async fn report(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    let report = match batch_of(&api, &campaign).await? {
        Some(batch) => Report::count(&api, &batch).await?,
        None => Report::nothing(time::now()),
    };
    Ok(Json(report).into_response())
}

/// When a campaign's messages left, and when each came to its end.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/timeline", operation_id = "timelineOfCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The columns of a chart", body = TimelineReport)),
)]
pub async fn timeline(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    let timeline = match batch_of(&api, &campaign).await? {
        Some(batch) => TimelineReport::count(&api, &batch).await?,
        None => TimelineReport::nothing(time::now()),
    };
    Ok(Json(timeline).into_response())
}

/// A campaign's messages, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/messages", operation_id = "listMessagesOfCampaign", tag = "campaigns",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`cmp_…`"), MessagesQuery),
    responses((status = 200, description = "A page", body = Page<Message>)),
)]
pub async fn messages(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<CampaignId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/campaigns/{id}/messages");
    let (asked, status) = query.asked(&api, &who, &path)?;
    let campaign = find(&api, &who, id).await?;
    match batch_of(&api, &campaign).await? {
        Some(batch) => page_of_messages(&api, &who, &batch, &asked, status).await,
        None => Ok(asked.answer_until::<Message>(&api, &who, Vec::new(), None)),
    }
}
