//! Batches that are done: campaigns are counted a few times while their reports come in, and all are looked at once more when those should have
//! come: messages of which nothing was heard become `unknown` by a report of our own, which `receipts` applies like any other; then the totals
//! are frozen.

use std::collections::VecDeque;

use carillon_core::{
    batch::Batch,
    breakdown::Counter,
    chunk::{Chunk, Pointer, receipt::Proof},
    closing::{Found, Look, Next},
    message_id::MessageId,
    queued_report::{About, QueuedReport, QueuedReports},
    report::ReportWord,
};
use carillon_runtime::logs::chain;
use carillon_store::{
    StoreError,
    batches::Closing,
    ledger::{Consistency, PageOfChunks},
    queues::Outbound,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{State, dispatcher::Dispatcher};

/// Batches looked at in a second, of each partition of the list.
const A_SECOND: i32 = 16;
/// The list is looked at this often while it is empty.
const EVERY: SignedDuration = SignedDuration::from_secs(5);
/// Batches at once.
const CONCURRENT: usize = 32;
/// Pages read for one batch in a second, at once.
const PAGES: usize = 4;
/// Chunks of a large batch.
const LARGE: u32 = 1_000;

/// A look at a large batch goes on from second to second.
#[derive(Debug)]
pub struct Looking {
    closing: Closing,
    batch: Batch,
    found: Found,
    counter: Counter,
    left: VecDeque<PageOfChunks>,
}

impl Dispatcher<'_> {
    /// Whether more is due right now.
    pub async fn close(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        if let Some(looking) = self.memory.looking.take() {
            self.go_on_looking(looking, now).await;
        }
        if self.memory.close_from.is_some_and(|from| now < from) {
            return Ok(self.memory.looking.is_some());
        }
        let state = self.state;
        let due = state
            .batches
            .closings(now - state.unknown_after, A_SECOND)
            .await?;
        self.memory.close_from = due.is_empty().then_some(now + EVERY);
        let more = !due.is_empty();
        let mut looks = stream::iter(due)
            .map(async |closing: Closing| (closing, Looking::at(state, closing, now).await))
            .buffer_unordered(CONCURRENT);
        while let Some((closing, look)) = looks.next().await {
            match look {
                // One large batch at a time; the others stay on the list.
                Ok(Some(large)) => self.memory.looking = self.memory.looking.take().or(Some(large)),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(batch = %closing.batch, error = chain(&error), "a batch can't be closed");
                }
            }
        }
        Ok(more)
    }

    async fn go_on_looking(&mut self, mut looking: Looking, now: Timestamp) {
        let (state, batch) = (self.state, looking.closing.batch);
        let went_on = async {
            looking.read(state, now).await?;
            if looking.left.is_empty() {
                looking.conclude(state, now).await?;
            }
            Ok::<_, StoreError>(())
        };
        match went_on.await {
            Ok(()) if looking.left.is_empty() => {}
            Ok(()) => self.memory.looking = Some(looking),
            Err(error) => {
                tracing::error!(%batch, error = chain(&error), "a batch can't be closed");
            }
        }
    }
}

impl Looking {
    /// Looks at a small batch; a large one is handed back.
    async fn at(
        state: &State,
        closing: Closing,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(batch) = state.batches.find(closing.batch).await? else {
            state.batches.closed(closing).await?;
            return Ok(None);
        };
        let chunks = batch.progress.chunks.unwrap_or(0);
        let mut looking = Self {
            closing,
            counter: Counter::new(&batch, now),
            batch,
            found: Found::default(),
            left: PageOfChunks::all(closing.batch, chunks).collect(),
        };
        if chunks > LARGE {
            return Ok(Some(looking));
        }
        while !looking.left.is_empty() {
            looking.read(state, now).await?;
        }
        looking.conclude(state, now).await?;
        Ok(None)
    }

    async fn read(&mut self, state: &State, now: Timestamp) -> Result<(), StoreError> {
        let consistency = match self.closing.look {
            Look::Early => Consistency::Eventual,
            Look::Silence | Look::Last => Consistency::Strong,
        };
        let pages: Vec<_> = self.left.drain(..PAGES.min(self.left.len())).collect();
        let mut read = stream::iter(pages)
            .map(|page| state.ledger.page_of_chunks(page, consistency))
            .buffer_unordered(PAGES);
        while let Some((chunks, next)) = read.try_next().await? {
            let mut reports = Vec::new();
            for (pointer, chunk) in chunks {
                let silent = self.found.count(&chunk, state.unknown_after, now);
                self.counter.count(&chunk);
                if !silent.is_empty() && self.closing.look == Look::Silence {
                    reports.push(silence(pointer, &chunk, &silent, now));
                }
            }
            state.queues.send_receipts(reports).await?;
            self.left.extend(next);
        }
        Ok(())
    }

    /// What follows is written before the entry goes.
    async fn conclude(&self, state: &State, now: Timestamp) -> Result<(), StoreError> {
        let Self {
            closing,
            batch,
            found,
            counter,
            left: _,
        } = self;
        if found.silent > 0 && closing.look == Look::Silence {
            tracing::info!(metric = "messages.silent", batch = %closing.batch, messages = found.silent, "nothing was heard of messages for too long; they are unknown now");
        }
        let next = found.next(batch, closing.look, state.unknown_after, now);
        let again = match next {
            Next::Again(at) => Some((at, closing.look)),
            Next::Note(again) => {
                if batch.progress.totals != Some(found.totals) {
                    state.batches.noted(closing.batch, &found.totals).await?;
                }
                again.map(|at| (at, Look::Early))
            }
            Next::Freeze(last) => {
                let kept = batch.progress.snapshot.is_some();
                if batch.progress.totals != Some(found.totals) || !batch.is_over() || !kept {
                    let (id, breakdown) = (closing.batch, counter.breakdown());
                    state.batches.close(id, &found.totals, &breakdown).await?;
                }
                last.map(|at| (at, Look::Last))
            }
            Next::Nothing => None,
        };
        if let Some((at, look)) = again {
            let later = Closing {
                batch: closing.batch,
                since: at - state.unknown_after,
                look,
            };
            state.batches.close_later(later).await?;
        }
        state.batches.closed(*closing).await
    }
}

/// One message for the receipts queue: the silent slots of a chunk.
fn silence(pointer: Pointer, chunk: &Chunk, slots: &[usize], now: Timestamp) -> Outbound {
    let report = |slot: &usize| QueuedReport {
        about: About::Message {
            message: MessageId {
                batch: pointer.batch,
                chunk: pointer.chunk,
                slot: u8::try_from(*slot).expect("a chunk has a hundred slots"),
            },
            attempt: chunk.slots[*slot].attempt,
            via: None,
        },
        word: ReportWord::Unknown,
        reason: None,
        proof: Proof::Sweeper,
        at: now,
    };
    let reports = slots.iter().map(report).collect();
    Outbound::now(&QueuedReports { reports })
}
