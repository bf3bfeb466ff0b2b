//! Recounting: the totals of a running batch from its chunks, the chunks that nobody works on, and the end.

use carillon_core::{
    batch::{Batch, Control, Stage, Sweep},
    chunk::{Chunk, ChunkState, Pointer},
    status::Totals,
};
use carillon_store::{StoreError, ledger::Consistency};
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

/// When a batch was last counted, and what came out.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    at: Timestamp,
    totals: Totals,
}

impl Dispatcher<'_> {
    /// Counts when it is time; releases again what was lost; finishes.
    pub async fn recount(&mut self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let (id, chunks) = (batch.terms.id, batch.progress.chunks.unwrap_or(0));
        let untouched = batch.progress.cursor == 0 && chunks > 0;
        if batch.progress.stage != Stage::Ready || untouched {
            return Ok(());
        }
        let resumed = batch.progress.swept.is_none();
        let counted = self.counted.get(&id).copied();
        if !resumed
            && counted.is_some_and(|counted| now.duration_since(counted.at) < interval(chunks))
        {
            return Ok(());
        }
        let (totals, idle) = self.count(batch, now).await?;
        self.counted.insert(id, Counted { at: now, totals });
        if counted.is_none_or(|counted| counted.totals != totals) {
            self.state.batches.counted(id, &totals).await?;
        }
        self.sweep(batch, &idle, now).await?;
        if totals.chunks < u64::from(chunks) {
            // Right after a batch was made, the count may not see its last chunks yet.
            tracing::warn!(metric = "ledger.chunks_missing", batch = %id, expected = chunks, found = totals.chunks, "chunks are missing from the ledger");
        } else if totals.chunks_done == u64::from(chunks) {
            self.state.batches.finish(id, &totals).await?;
            self.counted.remove(&id);
            tracing::info!(batch = %id, accepted = totals.accepted, "a batch is finished");
        }
        Ok(())
    }

    /// The totals, and the released chunks that nobody has.
    async fn count(&self, batch: &Batch, now: Timestamp) -> Result<(Totals, Vec<u32>), StoreError> {
        let (mut totals, mut idle, view) = (Totals::default(), Vec::new(), batch.view(now));
        let count = |pointer: Pointer, chunk: Chunk| {
            totals.count(&chunk, view);
            if pointer.chunk < batch.progress.cursor && is_idle(&chunk, batch.progress.control, now)
            {
                idle.push(pointer.chunk);
            }
        };
        self.state
            .ledger
            .each_chunk(batch.terms.id, Consistency::Strong, count)
            .await?;
        Ok((totals, idle))
    }

    /// Releases idle chunks again whose release is at least a period old, once in a period; all of them after a resume.
    async fn sweep(&self, batch: &Batch, idle: &[u32], now: Timestamp) -> Result<(), StoreError> {
        if batch.progress.control == Control::Paused {
            return Ok(());
        }
        let terms = &batch.terms;
        let below = match batch.progress.swept {
            Some(last) if now.duration_since(last.at) < self.state.sweep_after => return Ok(()),
            Some(last) => last.below,
            None => batch.progress.cursor,
        };
        let lost = idle.iter().filter(|chunk| **chunk < below);
        let pointers: Vec<Pointer> = lost
            .map(|chunk| Pointer {
                batch: terms.id,
                chunk: *chunk,
            })
            .collect();
        if !pointers.is_empty() {
            tracing::warn!(batch = %terms.id, chunks = pointers.len(), "chunks that nobody works on are released again");
            self.state
                .queues
                .send_pointers(terms.lane, terms.account, &pointers)
                .await?;
        }
        self.state
            .batches
            .swept(
                terms.id,
                Sweep {
                    at: now,
                    below: batch.progress.cursor,
                },
            )
            .await
    }
}

/// Neither done, nor held by a lease whose time isn't over, nor parked: but waiting is over for what is cancelled.
fn is_idle(chunk: &Chunk, control: Control, now: Timestamp) -> bool {
    match chunk.state {
        ChunkState::Ready => true,
        ChunkState::Parked => control == Control::Cancelled,
        ChunkState::Leased => chunk.lease.is_none_or(|lease| lease.until <= now),
        ChunkState::Done => false,
    }
}

/// A recount of ten million messages costs a fifth of a cent: once a minute. A small batch is nearly free.
fn interval(chunks: u32) -> SignedDuration {
    match chunks {
        0..=200 => SignedDuration::from_secs(2),
        201..=5_000 => SignedDuration::from_secs(10),
        _ => SignedDuration::from_mins(1),
    }
}
