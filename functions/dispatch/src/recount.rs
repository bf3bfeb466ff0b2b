//! Recounting: the totals of running batches from their chunks, a few pages of chunks a second, so that a batch of ten million holds
//! up nobody. When a count is complete it is noted, lost chunks are released again, and a batch whose chunks are all done is finished.

use std::collections::VecDeque;

use carillon_core::{
    batch::{Batch, Control, Stage},
    chunk::{Chunk, ChunkState, Pointer},
    closing::{self, Look},
    event::{CampaignTurn, Event},
    status::Totals,
};
use carillon_runtime::logs::chain;
use carillon_store::{
    StoreError,
    batches::Closing,
    ledger::{Consistency, PageOfChunks},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{State, dispatcher::Dispatcher};

/// Pages of at most 1,000 chunks read in a second, over all batches.
const PAGES_A_SECOND: usize = 48;
/// Pages read at once.
const CONCURRENT: usize = 8;

/// When a batch was last counted, and what came out.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    at: Timestamp,
    totals: Totals,
    /// Chunks were missing.
    short: bool,
}

/// A count under way.
#[derive(Debug)]
pub struct Counting {
    control: Control,
    resumed: bool,
    totals: Totals,
    /// Released chunks that nobody has.
    idle: Vec<u32>,
    left: VecDeque<PageOfChunks>,
}

impl Dispatcher<'_> {
    pub async fn recount(&mut self, batches: &[Batch], now: Timestamp) {
        let counted = &self.memory.counted;
        let mut due: Vec<&Batch> = batches
            .iter()
            .filter(|batch| is_due(batch, counted.get(&batch.terms.id), now))
            .collect();
        // Whoever waited longest goes first.
        due.sort_by_key(|batch| counted.get(&batch.terms.id).map(|counted| counted.at));
        let mut pages = PAGES_A_SECOND;
        for batch in due {
            if pages == 0 {
                return;
            }
            if let Err(error) = self.go_on(batch, &mut pages, now).await {
                let id = batch.terms.id;
                self.memory.counting.remove(&id);
                tracing::error!(batch = %id, error = chain(&error), "a batch can't be counted");
            }
        }
    }

    async fn go_on(
        &mut self,
        batch: &Batch,
        pages: &mut usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = batch.terms.id;
        let begun = self
            .memory
            .counting
            .remove(&id)
            .filter(|counting| counting.fits(batch));
        let mut counting = begun.unwrap_or_else(|| Counting::begin(batch));
        while !counting.left.is_empty() && *pages > 0 {
            let some = CONCURRENT.min(*pages).min(counting.left.len());
            *pages -= some;
            counting.read(self.state, batch, some, now).await?;
        }
        if counting.left.is_empty() {
            self.conclude(batch, counting, now).await
        } else {
            self.memory.counting.insert(id, counting);
            Ok(())
        }
    }

    async fn conclude(
        &mut self,
        batch: &Batch,
        counting: Counting,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, expected) = (batch.terms.id, batch.progress.chunks.unwrap_or(0));
        let Counting { totals, idle, .. } = counting;
        let last = self.memory.counted.get(&id).copied();
        if last.is_none_or(|last| last.totals != totals) {
            self.state.batches.counted(id, &totals).await?;
        }
        self.sweep(batch, &idle, now).await?;
        let short = totals.chunks < u64::from(expected);
        let counted = Counted {
            at: now,
            totals,
            short,
        };
        self.memory.counted.insert(id, counted);
        // An API send that is paused at once may be counted before its last chunk is written.
        if short && last.is_some_and(|last| last.short) {
            tracing::error!(metric = "ledger.chunks_missing", batch = %id, expected, found = totals.chunks, "chunks are missing from the ledger");
        }
        if !short && totals.chunks_done == totals.chunks {
            self.count_early(batch, now).await?;
            let finished = Event::of_batch(&batch.terms, CampaignTurn::Finished, now);
            let told = finished.into_iter().collect();
            self.state.queues.send_events(told).await?;
            self.state.batches.finish(id, &totals, now).await?;
            self.memory.counted.remove(&id);
            tracing::info!(batch = %id, accepted = totals.accepted, "a batch is finished");
        }
        Ok(())
    }
}

impl Dispatcher<'_> {
    /// A campaign is counted while its reports come in. Before it is finished, since nobody does so afterwards.
    async fn count_early(&self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let after = self.state.unknown_after;
        let at = closing::early(now, after, now).filter(|_| batch.terms.campaign.is_some());
        let Some(at) = at else {
            return Ok(());
        };
        let closing = Closing {
            batch: batch.terms.id,
            since: at - after,
            look: Look::Early,
        };
        self.state.batches.close_later(closing).await
    }
}

impl Counting {
    fn begin(batch: &Batch) -> Self {
        let chunks = batch.progress.chunks.unwrap_or(0);
        Self {
            control: batch.progress.control,
            resumed: batch.progress.swept.is_none(),
            totals: Totals::default(),
            idle: Vec::new(),
            left: PageOfChunks::all(batch.terms.id, chunks).collect(),
        }
    }

    /// What was counted under another control saw other chunks as idle.
    fn fits(&self, batch: &Batch) -> bool {
        self.control == batch.progress.control && self.resumed == batch.progress.swept.is_none()
    }

    async fn read(
        &mut self,
        state: &State,
        batch: &Batch,
        pages: usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let pages: Vec<PageOfChunks> = self.left.drain(..pages).collect();
        let mut read = stream::iter(pages)
            .map(|page| state.ledger.page_of_chunks(page, Consistency::Strong))
            .buffer_unordered(CONCURRENT);
        let view = batch.view(now);
        while let Some((chunks, next)) = read.try_next().await? {
            for (pointer, chunk) in chunks {
                self.totals.count(&chunk, view);
                if is_lost(pointer, &chunk, batch, now) {
                    self.idle.push(pointer.chunk);
                }
            }
            self.left.extend(next);
        }
        Ok(())
    }
}

/// Released, and nobody has it: neither done, nor held by a lease whose time isn't over, nor parked; but waiting is over for what is
/// cancelled.
fn is_lost(pointer: Pointer, chunk: &Chunk, batch: &Batch, now: Timestamp) -> bool {
    let nobody_has_it = match chunk.state {
        ChunkState::Ready => true,
        ChunkState::Parked => batch.progress.control == Control::Cancelled,
        ChunkState::Leased => chunk.lease.is_none_or(|lease| lease.until <= now),
        ChunkState::Done => false,
    };
    nobody_has_it && pointer.chunk < batch.progress.cursor
}

fn is_due(batch: &Batch, counted: Option<&Counted>, now: Timestamp) -> bool {
    let (progress, chunks) = (&batch.progress, batch.progress.chunks.unwrap_or(0));
    let untouched = progress.cursor == 0 && chunks > 0;
    let resumed = progress.swept.is_none();
    let is_time = counted.is_none_or(|counted| now.duration_since(counted.at) >= interval(batch));
    progress.stage == Stage::Ready && !untouched && (resumed || is_time)
}

/// A recount of ten million messages costs a fifth of a cent: once a minute. A small batch is nearly free, unless it is spread over hours.
fn interval(batch: &Batch) -> SignedDuration {
    let chunks = batch.progress.chunks.unwrap_or(0);
    let trickles = batch.terms.spread_over.is_some() && batch.progress.cursor < chunks;
    match chunks {
        0..=200 if !trickles => SignedDuration::from_secs(2),
        0..=5_000 => SignedDuration::from_secs(10),
        _ => SignedDuration::from_mins(1),
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::batch::BatchTerms;
    use carillon_testkit::build;

    use super::*;

    #[test]
    fn what_trickles_is_counted_less_often_until_its_last_chunk_has_left() {
        let hours = Some(3 * 3_600);
        for (name, chunks, spread_over, cursor, seconds) in [
            ("small", 60, None, 10, 2),
            ("spread", 60, hours, 10, 10),
            ("its last has left", 60, hours, 60, 2),
            ("large", 201, None, 10, 10),
            ("very large", 5_001, None, 10, 60),
        ] {
            let terms = BatchTerms {
                spread_over,
                ..build::terms(Timestamp::UNIX_EPOCH)
            };
            let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
            batch.progress.cursor = cursor;

            assert_eq!(
                interval(&batch),
                SignedDuration::from_secs(seconds),
                "{name}"
            );
        }
    }
}
