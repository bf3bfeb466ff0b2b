//! `/v1/batches`: acts of sending, by a campaign or by the API.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::{Batch, Control, Stage},
    chunk::{ChunkState, Pointer},
    event::{CampaignTurn, Event},
    id::{BatchId, CampaignId},
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadMessages, SendMessages},
    problem::{Code, Problem},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    act,
    fields::Lane,
    list::{Asked, Page, PageQuery},
    messages::{Message, MessagesQuery, page_of_messages},
    report::Report,
    services::Api,
    time,
    timeline::TimelineReport,
    wording::TemplateInput,
};

/// Chunks of a request to `POST /v1/messages` at most.
const FEW_CHUNKS: u32 = 10;
/// Batches of a page looked at at once.
const CONCURRENT: usize = 16;

#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    #[schema(value_type = String)]
    id: BatchId,
    /// What made it; absent for API sends.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignId>,
    status: BatchStatus,
    lane: Lane,
    test: bool,
    text: String,
    /// The version that it was made from, whatever became of the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateInput>,
    /// Messages, known once it is prepared.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchStatus {
    Preparing,
    Scheduled,
    Running,
    Paused,
    Cancelled,
    Finished,
    Failed,
}

impl BatchView {
    /// The batch of an API send is nobody's to finish: whether it is over is seen by its few chunks.
    async fn read(api: &Api, batch: Batch, now: Timestamp) -> Result<Self, Problem> {
        let chunks = batch.progress.chunks.unwrap_or(0);
        let mut over = batch.progress.stage == Stage::Ready && (1..=FEW_CHUNKS).contains(&chunks);
        for chunk in 0..chunks {
            if !over {
                break;
            }
            let batch = batch.terms.id;
            let found = api.ledger.find(Pointer { batch, chunk }).await?;
            over = found.is_none_or(|chunk| chunk.state == ChunkState::Done);
        }
        let mut view = Self::new(batch, now);
        if over && view.status == BatchStatus::Running {
            view.status = BatchStatus::Finished;
        }
        Ok(view)
    }

    fn new(batch: Batch, now: Timestamp) -> Self {
        let early = batch.terms.not_before.is_some_and(|time| time > now);
        let status = match (batch.progress.stage, batch.progress.control) {
            (Stage::Failed, _) => BatchStatus::Failed,
            (_, Control::Cancelled) => BatchStatus::Cancelled,
            (Stage::Finished, _) => BatchStatus::Finished,
            (_, Control::Paused) => BatchStatus::Paused,
            (Stage::Preparing, _) => BatchStatus::Preparing,
            (Stage::Ready, _) if early => BatchStatus::Scheduled,
            (Stage::Ready, _) => BatchStatus::Running,
        };
        let Batch { terms, progress } = batch;
        Self {
            id: terms.id,
            campaign: terms.campaign,
            status,
            lane: terms.lane.into(),
            test: terms.test,
            template: terms.content.template.map(TemplateInput::from),
            text: terms.content.text,
            accepted: progress.prepared.map(|prepared| prepared.accepted),
            created: terms.began,
            not_before: terms.not_before,
            expires: terms.expires_at,
            problem: progress.problem,
        }
    }
}

/// A batch of the caller's account.
pub async fn find(api: &Api, who: &Principal, id: BatchId) -> Result<Batch, Problem> {
    let batch = api.batches.find(id).await?;
    let own = batch.filter(|batch| batch.terms.account == who.account);
    let seen = own.filter(|batch| who.sees(batch.terms.test));
    seen.ok_or_else(|| Problem::not_found("batch"))
}

/// Batches, newest first.
#[utoipa::path(
    get, path = "/v1/batches", operation_id = "listBatches", tag = "batches",
    security(("key" = ["messages:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<BatchView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/batches", query)?;
    let batches = api
        .batches
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let now = time::now();
    let views = stream::iter(batches).map(async |batch| {
        let (id, seen) = (batch.terms.id, who.sees(batch.terms.test));
        let view = BatchView::read(&api, batch, now).await?;
        Ok::<_, Problem>((id, seen.then_some(view)))
    });
    let views = views.buffered(CONCURRENT).try_collect().await?;
    let place = |(id, _): &(BatchId, Option<BatchView>)| id.to_string();
    Ok(asked.answer(&api, &who, views, place, |(_, view)| view))
}

/// A batch.
#[utoipa::path(
    get, path = "/v1/batches/{id}", operation_id = "getBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The batch as it is now", body = BatchView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    let batch = find(&api, &who, id).await?;
    let view = BatchView::read(&api, batch, time::now()).await?;
    Ok(Json(view).into_response())
}

/// Holds back what has not left. Acts within 5 seconds.
#[utoipa::path(
    post, path = "/v1/batches/{id}/pause", operation_id = "pauseBatch", tag = "batches",
    security(("key" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The batch, paused", body = BatchView)),
)]
pub async fn pause(
    State(api): State<Api>,
    who: May<SendMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    controlled(&api, &who, id, Control::Paused).await
}

/// Goes on after a pause.
#[utoipa::path(
    post, path = "/v1/batches/{id}/resume", operation_id = "resumeBatch", tag = "batches",
    security(("key" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The batch, running", body = BatchView)),
)]
pub async fn resume(
    State(api): State<Api>,
    who: May<SendMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    controlled(&api, &who, id, Control::Running).await
}

/// Cancels what has not left, for good. Acts within 5 seconds.
#[utoipa::path(
    post, path = "/v1/batches/{id}/cancel", operation_id = "cancelBatch", tag = "batches",
    security(("key" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The batch, cancelled", body = BatchView)),
)]
pub async fn cancel(
    State(api): State<Api>,
    who: May<SendMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    controlled(&api, &who, id, Control::Cancelled).await
}

async fn controlled(
    api: &Api,
    who: &Principal,
    id: BatchId,
    control: Control,
) -> Result<Response, Problem> {
    let batch = find(api, who, id).await?;
    control_batch(api, who, &batch, control).await?;
    let batch = find(api, who, id).await?;
    let view = BatchView::read(api, batch, time::now()).await?;
    Ok(Json(view).into_response())
}

/// Pauses, resumes or cancels a batch of the caller's, and tells the dispatcher, who may be asleep.
pub async fn control_batch(
    api: &Api,
    who: &Principal,
    batch: &Batch,
    control: Control,
) -> Result<(), Problem> {
    let id = batch.terms.id;
    let action = match control {
        Control::Running => "batch.resume",
        Control::Paused => "batch.pause",
        Control::Cancelled => "batch.cancel",
    };
    api.audit
        .record(&act::audit(who, action, id, time::now()))
        .await?;
    tell(api, batch, control).await?;
    if !api.batches.control(id, control).await? {
        let detail = "It is over, or was cancelled, and stays as it is.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    api.queues.wake_dispatcher(id).await?;
    Ok(())
}

/// Before it is so: an event may come twice, and none is missing.
async fn tell(api: &Api, batch: &Batch, control: Control) -> Result<(), Problem> {
    let turn = match control {
        Control::Running => CampaignTurn::Resumed,
        Control::Paused => CampaignTurn::Paused,
        Control::Cancelled => CampaignTurn::Cancelled,
    };
    let changes = !batch.is_over() && batch.progress.control != control;
    let told = Event::of_batch(&batch.terms, turn, time::now()).filter(|_| changes);
    Ok(api.queues.send_events(told.into_iter().collect()).await?)
}

/// What became of a batch's messages, counted now.
#[utoipa::path(
    get, path = "/v1/batches/{id}/report", operation_id = "reportBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The count", body = Report)),
)]
pub async fn report(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    let batch = find(&api, &who, id).await?;
    Ok(Json(Report::count(&api, &batch).await?).into_response())
}

/// When a batch's messages left, and when each came to its end.
#[utoipa::path(
    get, path = "/v1/batches/{id}/timeline", operation_id = "timelineOfBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The columns of a chart", body = TimelineReport)),
)]
pub async fn timeline(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    let batch = find(&api, &who, id).await?;
    Ok(Json(TimelineReport::count(&api, &batch).await?).into_response())
}

/// A batch's messages, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/batches/{id}/messages", operation_id = "listMessagesOfBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`"), MessagesQuery),
    responses((status = 200, description = "A page", body = Page<Message>)),
)]
pub async fn messages(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/batches/{id}/messages");
    let (asked, status) = query.asked(&api, &who, &path)?;
    let batch = find(&api, &who, id).await?;
    page_of_messages(&api, &who, &batch, &asked, status).await
}
