//! Reports of one chunk: read, apply by weight, write under the version that was read; again when others came first.

use carillon_core::{
    batch::{BatchTerms, Control},
    chunk::{Chunk, Pointer},
    event::{Event, MessageEvent},
    id::GatewayAccountId,
    message_id::MessageId,
    queued_report::{About, QueuedReport},
    status::{BatchView, status},
};
use carillon_runtime::recipients;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Failure, State,
    apply::{apply_all, names_a_number},
};

/// How often a chunk is read again because others wrote to it.
const TRIES: u32 = 8;
/// A provider id that is not known after this long never will be.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_mins(15);

pub async fn to_chunk(
    state: &State,
    pointer: Pointer,
    reports: &[QueuedReport],
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(terms) = state.batches.find(pointer.batch).await? else {
        tracing::warn!(
            metric = "reports.without_message",
            "reports for a batch that is not there"
        );
        return Ok(());
    };
    let mut recipients = None;
    for _ in 0..TRIES {
        let Some(mut chunk) = state.ledger.find(pointer).await? else {
            tracing::warn!(
                metric = "reports.without_message",
                "reports for a chunk that is not there"
            );
            return Ok(());
        };
        if recipients.is_none() && reports.iter().any(names_a_number) {
            recipients =
                Some(recipients::of_chunk(&state.ledger, &state.files, pointer, &chunk).await?);
        }
        let before = chunk.clone();
        let known = recipients.as_deref().unwrap_or_default();
        if !apply_all(&mut chunk, reports, &terms, known) {
            return Ok(());
        }
        let events = events(&chunk, &before, &terms, pointer, now);
        state.queues.send_events(events).await?;
        let (version, read) = (chunk.receipts_version, chunk.read);
        if state
            .ledger
            .write_receipts(pointer, version, &chunk.receipts, read)
            .await?
        {
            state.tally.count(&before, &chunk, &terms, now);
            return Ok(());
        }
    }
    Err(Failure::Contention)
}

pub async fn to_provider_id(
    state: &State,
    gateway: GatewayAccountId,
    id: &str,
    reports: Vec<QueuedReport>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some((message, attempt)) = state.ledger.find_by_provider_id(gateway, id).await? else {
        if reports
            .iter()
            .any(|report| now.duration_since(report.at) < UNKNOWN_FOR)
        {
            return Err(Failure::TooEarly);
        }
        tracing::warn!(metric = "reports.without_reference", gateway = %gateway, "reports for a provider id that never came");
        return Ok(());
    };
    let about = About::Message {
        message,
        attempt,
        via: None,
    };
    let reports: Vec<_> = reports
        .into_iter()
        .map(|report| QueuedReport {
            about: about.clone(),
            ..report
        })
        .collect();
    let pointer = Pointer {
        batch: message.batch,
        chunk: message.chunk,
    };
    to_chunk(state, pointer, &reports, now).await
}

/// What customers are told of: before the write, so that what is in the ledger was told.
fn events(
    chunk: &Chunk,
    before: &Chunk,
    terms: &BatchTerms,
    pointer: Pointer,
    now: Timestamp,
) -> Vec<Event> {
    let view = BatchView {
        control: Control::Running,
        early: false,
    };
    let changed = (0..chunk.slots.len()).filter_map(|slot| {
        let (status, reason) = status(chunk, slot, view);
        let receipt = chunk.receipts[slot]?;
        let message = MessageId {
            batch: pointer.batch,
            chunk: pointer.chunk,
            slot: u8::try_from(slot).ok()?,
        };
        let data = MessageEvent {
            message,
            batch: pointer.batch,
            status,
            reason,
        };
        let told = Event::of_message(terms.account, receipt.attempt, data, now);
        (chunk.receipts[slot] != before.receipts[slot]).then_some(told)
    });
    changed.collect()
}
