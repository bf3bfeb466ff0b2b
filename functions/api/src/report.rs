//! What became of a batch, by counting its slots.

use std::collections::BTreeMap;

use carillon_core::{
    batch::{Batch, Prepared, Stage},
    breakdown::Breakdown,
    id::BatchId,
    reason::Reason,
    status::{Status, Totals, status},
};
use carillon_runtime::problem::Problem;
use carillon_store::ledger::Consistency;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{messages::StatusWord, services::Api, time};

/// Chunks that are counted for an answer at most, two million messages; of more, the dispatcher's last count is told.
pub const COUNTED: u32 = 20_000;

/// What became of the messages, counted now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    /// Rows of the audience. The sum of `accepted`, `rejected`, `duplicates`, `opted_out`, `capped` and `no_consent`.
    uploaded: u64,
    /// Rows that can't be sent to.
    rejected: u64,
    /// Rows whose number an earlier row has.
    duplicates: u64,
    /// Numbers that had opted out before.
    opted_out: u64,
    /// Numbers that got as much marketing lately as the account allows.
    capped: u64,
    /// Numbers without a consent record, where the account asks for one.
    no_consent: u64,
    /// Messages. The sum of `counts`.
    accepted: u64,
    /// Of `accepted`: what a gateway took, or may have taken.
    submitted: u64,
    /// Of `accepted`: what has no end yet.
    in_flight: u64,
    /// Of `accepted`: left, and no clear answer came, so that the gateway may or may not have it. How each ended is in `counts`.
    doubted: u64,
    /// Messages that their gateway reported as read, where it does.
    read: u64,
    /// Of `doubted`: sent a second time, because the batch's policy is `at_least_once` and its gateway could not tell. The most
    /// that may have arrived twice; under `at_most_once` always 0.
    resent: u64,
    /// Of `accepted`: whose tracked link somebody opened.
    clicked: u64,
    /// SMS that the texts take.
    parts: u64,
    /// Messages by status; `unknown` are those that nothing could settle, and that nobody sends again. Of over two million messages it is the last count: while they are sent a minute old, after that of 15 minutes, two hours and a day after the last of them, and of its close three days after; what is in flight counts as `sent`.
    #[schema(value_type = BTreeMap<String, u64>)]
    counts: BTreeMap<&'static str, u64>,
    /// Why messages wait or ended otherwise than delivered, the most frequent first. Not of what is told from an earlier count.
    reasons: Vec<ReasonCount>,
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
}

/// How many messages have a status for a reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonCount {
    /// `class.reason`, stable.
    #[schema(value_type = String, example = "handset.absent")]
    code: Reason,
    words: &'static str,
    #[schema(value_type = StatusWord)]
    status: Status,
    messages: u64,
}

impl Report {
    /// Of something that has no batch yet.
    pub fn nothing(now: Timestamp) -> Self {
        Self::new(
            None,
            Prepared::default(),
            &Totals::default(),
            &[0; Status::ALL.len()],
            now,
        )
    }

    /// Counts every slot of the batch.
    pub async fn count(api: &Api, batch: &Batch) -> Result<Self, Problem> {
        let now = time::now();
        let view = batch.view(now);
        let prepared = batch.progress.prepared.unwrap_or_default();
        if batch.progress.chunks > Some(COUNTED) {
            let last = batch.last_count();
            return Ok(Self::new(Some(batch), prepared, &last, &ends(&last), now));
        }
        let mut totals = Totals::default();
        let mut counts = [0; Status::ALL.len()];
        let mut reasons = BTreeMap::new();
        let count = |_, chunk| {
            totals.count(&chunk, view);
            for slot in 0..chunk.slots.len() {
                let (found, reason) = status(&chunk, slot, view);
                let place = Status::ALL.iter().position(|status| *status == found);
                let place = place.expect("all statuses are listed");
                counts[place] += 1;
                if let Some(reason) = reason {
                    *reasons.entry((reason.byte(), place)).or_default() += 1;
                }
            }
        };
        api.ledger
            .each_chunk(batch.terms.id, Consistency::Eventual, count)
            .await?;
        let frozen = batch
            .progress
            .totals
            .filter(|frozen| frozen.accepted > totals.accepted);
        if let Some(frozen) = frozen.filter(|_| batch.progress.stage == Stage::Finished) {
            // The ledger forgets after a while; the batch keeps what it came to.
            let report = Self::new(Some(batch), prepared, &frozen, &ends(&frozen), now);
            let kept = api.batches.snapshot(batch).await?;
            return Ok(match kept {
                Some(kept) => report.with_reasons(&kept),
                None => report,
            });
        }
        Ok(Self {
            reasons: by_frequency(reasons),
            ..Self::new(Some(batch), prepared, &totals, &counts, now)
        })
    }

    /// Those that a batch was closed with.
    fn with_reasons(self, kept: &Breakdown) -> Self {
        let mut reasons = BTreeMap::new();
        for (place, tally) in &kept.cells {
            let status = Status::ALL
                .iter()
                .position(|status| *status == place.status);
            if let (Some(reason), Some(status)) = (place.reason, status) {
                *reasons.entry((reason.byte(), status)).or_default() += tally.messages;
            }
        }
        Self {
            reasons: by_frequency(reasons),
            ..self
        }
    }

    fn new(
        batch: Option<&Batch>,
        prepared: Prepared,
        totals: &Totals,
        counts: &[u64; Status::ALL.len()],
        counted: Timestamp,
    ) -> Self {
        let Prepared {
            rows,
            accepted: _,
            rejected,
            duplicates,
            opted_out,
            capped,
            no_consent,
            parts,
        } = prepared;
        let names = Status::ALL.iter().map(|status| status.as_str());
        Self {
            batch: batch.map(|batch| batch.terms.id),
            uploaded: rows,
            rejected,
            duplicates,
            opted_out,
            capped,
            no_consent,
            accepted: totals.accepted,
            submitted: totals.submitted,
            in_flight: totals.in_flight,
            doubted: totals.doubted,
            resent: totals.resent,
            clicked: totals.clicked,
            read: totals.read,
            parts,
            counts: names.zip(counts.iter().copied()).collect(),
            reasons: Vec::new(),
            counted,
        }
    }
}

/// Of counts by a reason's byte and a status's place.
fn by_frequency(reasons: BTreeMap<(u8, usize), u64>) -> Vec<ReasonCount> {
    let counted = reasons.into_iter().filter_map(|((byte, place), messages)| {
        let code = Reason::from_byte(byte)?;
        let status = Status::ALL[place];
        let words = code.facts().words;
        Some(ReasonCount {
            code,
            words,
            status,
            messages,
        })
    });
    let mut counted: Vec<_> = counted.collect();
    counted.sort_by_key(|reason| std::cmp::Reverse(reason.messages));
    counted
}

/// Of totals, which don't tell apart all that is in flight: what waits counts as `queued`, the rest as `sent`.
fn ends(totals: &Totals) -> [u64; Status::ALL.len()] {
    Status::ALL.map(|status| match status {
        Status::Scheduled | Status::Held | Status::Sending => 0,
        Status::Queued => totals.waiting,
        Status::Sent => totals.in_flight - totals.waiting,
        Status::Delivered => totals.delivered,
        Status::Undelivered => totals.undelivered,
        Status::Failed => totals.failed,
        Status::Expired => totals.expired,
        Status::Suppressed => totals.suppressed,
        Status::Cancelled => totals.cancelled,
        Status::Unknown => totals.unknown,
    })
}
