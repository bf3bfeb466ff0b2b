//! Parked chunks whose time has come, and those of API sends that nobody took: what the sparse index of the ledger knows.

use std::collections::BTreeMap;

use carillon_core::{chunk::Pointer, id::BatchId};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{dispatcher::Dispatcher, outline::Outline};

/// Due chunks looked at in a second, of each partition of the index.
const LIMIT: i32 = 100;
/// When many are kept back, so that they don't hide those behind them.
const LARGEST_LIMIT: i32 = 1_600;
/// A pointer to a due chunk is given this long to be worked on, beside the time that its lane needs.
pub const WAKE_AGAIN: SignedDuration = SignedDuration::from_secs(20);
/// Batches read at once.
const CONCURRENT: usize = 16;
/// Batches remembered at most.
const REMEMBERED: usize = 4_096;

/// Due chunks of one batch.
pub struct Due {
    pub outline: Outline,
    pub pointers: Vec<Pointer>,
}

impl Dispatcher<'_> {
    /// The chunks that are due and were not pointed to a moment ago, by batch.
    pub async fn due(&mut self, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let memory = &mut self.memory;
        memory.woken.retain(|_, again| *again > now);
        let limit = memory.due_limit.max(LIMIT);
        let due = self.state.ledger.due(now, limit).await?;
        let found = due.len();
        let mut by_batch: BTreeMap<BatchId, Vec<Pointer>> = BTreeMap::new();
        for pointer in due {
            if !memory.woken.contains_key(&pointer) {
                by_batch.entry(pointer.batch).or_default().push(pointer);
            }
        }
        memory.due_limit = next_limit(limit, found);
        self.outline(by_batch.keys().copied().collect()).await;
        let mut all = Vec::new();
        for (id, pointers) in by_batch {
            if let Some(outline) = self.memory.outlines.get(&id).cloned() {
                all.push(Due { outline, pointers });
            } else {
                let again = pointers
                    .into_iter()
                    .map(|pointer| (pointer, now + WAKE_AGAIN));
                self.memory.woken.extend(again);
            }
        }
        Ok(all)
    }

    /// Learns of batches that it doesn't know.
    async fn outline(&mut self, mut ids: Vec<BatchId>) {
        let state = self.state;
        let outlines = &mut self.memory.outlines;
        if outlines.len() > REMEMBERED {
            outlines.clear();
        }
        ids.retain(|id| !outlines.contains_key(id));
        let mut found = stream::iter(ids)
            .map(async |id: BatchId| (id, state.batches.find(id).await))
            .buffer_unordered(CONCURRENT);
        while let Some((id, found)) = found.next().await {
            match found {
                Ok(Some(batch)) => {
                    outlines.insert(id, Outline::of(&batch));
                }
                Ok(None) => {
                    tracing::error!(metric = "chunks.without_batch", batch = %id, "a chunk is due and its batch is gone");
                }
                Err(error) => {
                    tracing::error!(batch = %id, error = chain(&error), "a batch can't be read");
                }
            }
        }
    }
}

/// More when the pages were full, less when they weren't.
fn next_limit(limit: i32, found: usize) -> i32 {
    let full = i32::try_from(found).unwrap_or(i32::MAX) >= limit;
    let next = if full { limit * 2 } else { limit / 2 };
    next.clamp(LIMIT, LARGEST_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_back_does_not_hide_what_is_behind_it() {
        for (name, limit, found, expected) in [
            ("few", 100, 12, 100),
            ("a full partition", 100, 130, 200),
            ("all full", 1_600, 25_600, 1_600),
            ("fewer again", 800, 90, 400),
        ] {
            assert_eq!(next_limit(limit, found), expected, "{name}");
        }
    }
}
