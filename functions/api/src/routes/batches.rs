//! `/v1/batches`: acts of sending, by a campaign or by the API.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::{Batch, Control, Prepared, Stage},
    id::{BatchId, CampaignId},
    status::{Status, Totals, status},
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadMessages, SendMessages},
    problem::{Code, Problem},
};
use carillon_store::ledger::Consistency;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    act,
    fields::Lane,
    list::{Asked, Page, PageQuery},
    messages::{Message, OpenChunk},
    services::Api,
    time,
};

/// Chunks that one page of messages looks at, at most.
const CHUNKS: usize = 20;

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
            text: terms.text,
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
    own.ok_or_else(|| Problem::not_found("batch"))
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
    let place = |batch: &Batch| batch.terms.id.to_string();
    Ok(asked.answer(&api, &who, batches, place, |batch| {
        BatchView::new(batch, now)
    }))
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
    Ok(Json(BatchView::new(batch, time::now())).into_response())
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
    Ok(Json(BatchView::new(batch, time::now())).into_response())
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
    if !api.batches.control(id, control).await? {
        let detail = "It is over, or was cancelled, and stays as it is.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    api.queues.wake_dispatcher(id).await?;
    Ok(())
}

/// What became of the messages, counted now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    /// Rows of the audience. The sum of `accepted`, `rejected`, `duplicates` and `opted_out`.
    uploaded: u64,
    /// Rows that can't be sent to.
    rejected: u64,
    /// Rows whose number an earlier row has.
    duplicates: u64,
    /// Numbers that had opted out before.
    opted_out: u64,
    /// Messages. The sum of `counts`.
    accepted: u64,
    /// Of `accepted`: what a gateway took, or may have taken.
    submitted: u64,
    /// Of `accepted`: what has no end yet.
    in_flight: u64,
    /// Of `accepted`: sent a second time while in doubt.
    resent: u64,
    /// SMS that the texts take.
    parts: u64,
    /// Messages by status.
    #[schema(value_type = BTreeMap<String, u64>)]
    counts: BTreeMap<&'static str, u64>,
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
}

const STATUSES: [(Status, &str); 12] = [
    (Status::Scheduled, "scheduled"),
    (Status::Queued, "queued"),
    (Status::Held, "held"),
    (Status::Sending, "sending"),
    (Status::Sent, "sent"),
    (Status::Delivered, "delivered"),
    (Status::Undelivered, "undelivered"),
    (Status::Failed, "failed"),
    (Status::Expired, "expired"),
    (Status::Suppressed, "suppressed"),
    (Status::Cancelled, "cancelled"),
    (Status::Unknown, "unknown"),
];

impl Report {
    /// Of something that has no batch yet.
    pub fn nothing(now: Timestamp) -> Self {
        Self::new(
            None,
            Prepared::default(),
            &Totals::default(),
            &[0; STATUSES.len()],
            now,
        )
    }

    /// Counts every slot of the batch.
    pub async fn count(api: &Api, batch: &Batch) -> Result<Self, Problem> {
        let now = time::now();
        let view = batch.view(now);
        let mut totals = Totals::default();
        let mut counts = [0; STATUSES.len()];
        let count = |_, chunk| {
            totals.count(&chunk, view);
            for slot in 0..chunk.slots.len() {
                let (found, _) = status(&chunk, slot, view);
                let place = STATUSES.iter().position(|(status, _)| *status == found);
                counts[place.expect("all statuses are listed")] += 1;
            }
        };
        api.ledger
            .each_chunk(batch.terms.id, Consistency::Eventual, count)
            .await?;
        let prepared = batch.progress.prepared.unwrap_or_default();
        let frozen = batch
            .progress
            .totals
            .filter(|frozen| frozen.accepted > totals.accepted);
        if let Some(frozen) = frozen.filter(|_| batch.progress.stage == Stage::Finished) {
            // The ledger forgets after a while; the batch keeps what it came to.
            return Ok(Self::new(
                Some(batch),
                prepared,
                &frozen,
                &ends(&frozen),
                now,
            ));
        }
        Ok(Self::new(Some(batch), prepared, &totals, &counts, now))
    }

    fn new(
        batch: Option<&Batch>,
        prepared: Prepared,
        totals: &Totals,
        counts: &[u64; STATUSES.len()],
        counted: Timestamp,
    ) -> Self {
        let Prepared {
            rows,
            accepted: _,
            rejected,
            duplicates,
            opted_out,
            parts,
        } = prepared;
        let names = STATUSES.iter().map(|(_, name)| *name);
        Self {
            batch: batch.map(|batch| batch.terms.id),
            uploaded: rows,
            rejected,
            duplicates,
            opted_out,
            accepted: totals.accepted,
            submitted: totals.submitted,
            in_flight: totals.in_flight,
            resent: totals.resent,
            parts,
            counts: names.zip(counts.iter().copied()).collect(),
            counted,
        }
    }
}

/// Of frozen totals, which don't tell apart what was still in flight.
fn ends(totals: &Totals) -> [u64; STATUSES.len()] {
    STATUSES.map(|(status, _)| match status {
        Status::Scheduled | Status::Queued | Status::Held | Status::Sending => 0,
        Status::Sent => totals.in_flight,
        Status::Delivered => totals.delivered,
        Status::Undelivered => totals.undelivered,
        Status::Failed => totals.failed,
        Status::Expired => totals.expired,
        Status::Suppressed => totals.suppressed,
        Status::Cancelled => totals.cancelled,
        Status::Unknown => totals.unknown,
    })
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

/// A batch's messages, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/batches/{id}/messages", operation_id = "listMessagesOfBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<Message>)),
)]
pub async fn messages(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/batches/{id}/messages");
    let asked = Asked::new(&api, &who, &path, query)?;
    let batch = find(&api, &who, id).await?;
    page_of_messages(&api, &who, &batch, &asked).await
}

/// Messages are counted through chunk by chunk; a cursor is the chunk and the slot that come next.
pub async fn page_of_messages(
    api: &Api,
    who: &Principal,
    batch: &Batch,
    asked: &Asked,
) -> Result<Response, Problem> {
    let now = time::now();
    let chunks = batch.progress.chunks.unwrap_or(0);
    let (mut chunk, mut slot) = asked
        .after
        .as_deref()
        .and_then(read_place)
        .unwrap_or((0, 0));
    let mut data = Vec::new();
    let mut looked_at = 0;
    while chunk < chunks && data.len() < asked.limit && looked_at < CHUNKS {
        looked_at += 1;
        if let Some(open) = OpenChunk::find(api, batch, chunk).await? {
            while slot < open.slots() && data.len() < asked.limit {
                data.extend(open.message(slot, now));
                slot += 1;
            }
            if slot < open.slots() {
                break;
            }
        }
        (chunk, slot) = (chunk + 1, 0);
    }
    let next = (chunk < chunks).then(|| format!("{chunk}.{slot}"));
    Ok(asked.answer_until(api, who, data, next.as_deref()))
}

fn read_place(place: &str) -> Option<(u32, usize)> {
    let (chunk, slot) = place.split_once('.')?;
    Some((chunk.parse().ok()?, slot.parse().ok()?))
}
