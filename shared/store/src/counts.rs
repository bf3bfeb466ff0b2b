//! What batches come to: told by what they came to when they were closed, or counted of their chunks. Most batches are one-time passwords
//! with a chunk each, so the chunks of small batches are read a hundred in a call.

use std::collections::HashMap;

use carillon_core::{
    batch::Batch,
    breakdown::{Breakdown, Counter},
    chunk::{Chunk, Pointer},
    id::BatchId,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{StoreError, batches::Batches, ledger::Ledger};

/// Batches of more chunks are read by their own queries.
const SMALL: u32 = 10;
/// Chunks of a large batch that are read together.
const TOGETHER: u32 = 1_024;
/// Batches that are read at once.
const CONCURRENT: usize = 16;

/// What a batch is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// By its chunks, as long as there are any.
    Ledger,
    /// By what it came to when it was closed; one that isn't, by its chunks.
    Kept,
}

/// A batch with what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub batch: Batch,
    pub breakdown: Breakdown,
    /// It is what the batch came to when it was closed.
    pub closed: bool,
    /// It is what the dispatcher counted last.
    pub last_count: bool,
}

/// Reads nothing.
pub fn last_count(batch: Batch, now: Timestamp) -> Counted {
    Counted {
        breakdown: Counter::last_count(&batch, now).breakdown(),
        batch,
        closed: false,
        last_count: true,
    }
}

/// In the order of the batches.
pub async fn count(
    (batches, ledger): (&Batches, &Ledger),
    chosen: Vec<Batch>,
    of: Of,
    now: Timestamp,
) -> Result<Vec<Counted>, StoreError> {
    let is_small = |batch: &&Batch| chunks(batch) <= SMALL && is_open(batch, of);
    let pointers = chosen.iter().filter(is_small).flat_map(pointers).collect();
    let mut small: HashMap<BatchId, Vec<Chunk>> = HashMap::new();
    for (pointer, chunk) in ledger.find_all(pointers).await? {
        small.entry(pointer.batch).or_default().push(chunk);
    }
    let small = &small;
    let counted = stream::iter(chosen).map(async |batch| {
        let kept = batches.snapshot(&batch).await?;
        let (breakdown, closed) = match kept {
            Some(kept) if of == Of::Kept => (kept, true),
            kept => {
                let mut counter = Counter::new(&batch, now);
                if is_small(&&batch) {
                    let chunks = small.get(&batch.terms.id).into_iter().flatten();
                    chunks.for_each(|chunk| counter.count(chunk));
                } else {
                    count_large(ledger, &batch, &mut counter).await?;
                }
                longer(counter.breakdown(), kept)
            }
        };
        Ok::<_, StoreError>(Counted {
            batch,
            breakdown,
            closed,
            last_count: false,
        })
    });
    counted.buffered(CONCURRENT).try_collect().await
}

/// Chunks that are read for it.
pub fn to_read(batch: &Batch, of: Of) -> u32 {
    if is_open(batch, of) { chunks(batch) } else { 0 }
}

fn chunks(batch: &Batch) -> u32 {
    batch.progress.chunks.unwrap_or(0)
}

fn is_open(batch: &Batch, of: Of) -> bool {
    of == Of::Ledger || batch.progress.snapshot.is_none()
}

fn pointers(batch: &Batch) -> impl Iterator<Item = Pointer> {
    let id = batch.terms.id;
    (0..chunks(batch)).map(move |chunk| Pointer { batch: id, chunk })
}

async fn count_large(
    ledger: &Ledger,
    batch: &Batch,
    counter: &mut Counter,
) -> Result<(), StoreError> {
    let chunks = chunks(batch);
    for first in (0..chunks).step_by(TOGETHER as usize) {
        let end = chunks.min(first + TOGETHER);
        let read = ledger.chunks_between(batch.terms.id, first, end).await?;
        for (_, chunk) in &read {
            counter.count(chunk);
        }
    }
    Ok(())
}

/// What was counted, or what was kept, where the ledger has forgotten chunks; and whether it was kept.
fn longer(counted: Breakdown, kept: Option<Breakdown>) -> (Breakdown, bool) {
    let messages = counted.total().messages;
    match kept.filter(|kept| kept.total().messages > messages) {
        Some(kept) => (kept, true),
        None => (counted, false),
    }
}
