//! Messages: batch after batch in the order of their ids, chunk after chunk. A place is a batch and the chunk in it that comes next.

use std::collections::VecDeque;

use carillon_core::{
    batch::Batch,
    chunk::{
        Chunk, Pointer,
        source::{FrameAddress, Source},
    },
    export::{Dataset, Export, messages::MessageRows, table::Row},
    frame::{self, Recipient},
    id::BatchId,
    status,
};
use carillon_runtime::recipients;
use carillon_store::StoreError;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::Block;
use crate::State;

/// Batches read together.
const BATCHES: i32 = 64;
/// Chunks of a block at most.
const CHUNKS: u32 = 64;
/// Rows of a full chunk.
const FULL: u64 = 100;
/// Chunks read of the ledger together: 32 of each partition.
const WINDOW: u32 = 512;
/// Batches and frames read at once.
const CONCURRENT: usize = 16;
/// Bytes of one read of frames that stand one after the other.
const FRAMES: u32 = 4 * 1024 * 1024;
/// How long a request may be repeated, and an hour.
const REPEATED_FOR: SignedDuration = SignedDuration::from_hours(73);

pub struct Messages<'a> {
    state: &'a State,
    export: &'a Export,
    now: Timestamp,
    /// Batches that were read, the one at hand first.
    batches: VecDeque<Batch>,
    /// Where more batches begin; `None`: there are none.
    more: Option<BatchId>,
    last: BatchId,
    /// The chunk of the first batch that comes next.
    chunk: u32,
    /// Chunks that were read, from `chunk`.
    window: VecDeque<(Pointer, Chunk)>,
}

impl<'a> Messages<'a> {
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<&str>,
    ) -> Result<Self, StoreError> {
        let (first, last) = range(export);
        let (first, chunk) = match from {
            Some(place) => read_place(place)?,
            None => (first, 0),
        };
        let mut messages = Self {
            state,
            export,
            now: Timestamp::now(),
            batches: VecDeque::new(),
            more: Some(first),
            last,
            chunk,
            window: VecDeque::new(),
        };
        messages.read_batches().await?;
        Ok(messages)
    }

    /// Known for one batch only: of many, nobody has counted them.
    pub fn steps(&self) -> Option<u64> {
        let alone = self.export.filter.batch.and(self.batches.front())?;
        alone.progress.chunks.map(u64::from)
    }

    pub async fn next(&mut self) -> Result<Block, StoreError> {
        self.read_batches().await?;
        let Some(batch) = self.batches.front() else {
            return Ok(Block {
                rows: Vec::new(),
                steps: 0,
                next: None,
            });
        };
        let chunks = batch.progress.chunks.unwrap_or(0);
        if self.chunk == 0 && chunks <= 1 {
            return self.small_batches().await;
        }
        let block = self.state.limits.part_rows / FULL;
        let block = u32::try_from(block).unwrap_or(CHUNKS).clamp(1, CHUNKS);
        let end = chunks.min(self.chunk + block);
        if self.window.is_empty() && self.chunk < chunks {
            let to = chunks.min(self.chunk + WINDOW);
            let ledger = &self.state.ledger;
            let read = ledger
                .chunks_between(batch.terms.id, self.chunk, to)
                .await?;
            self.window = read.into();
        }
        let here = self
            .window
            .partition_point(|(pointer, _)| pointer.chunk < end);
        let here: Vec<_> = self.window.drain(..here).collect();
        let rows = self.rows(batch, here).await?;
        let steps = u64::from(end - self.chunk);
        self.chunk = end;
        if self.chunk >= chunks {
            self.batches.pop_front();
            self.window.clear();
            self.chunk = 0;
        }
        self.block(rows, steps).await
    }

    /// API sends: many batches of one chunk, read side by side.
    async fn small_batches(&mut self) -> Result<Block, StoreError> {
        let small = |batch: &Batch| batch.progress.chunks.unwrap_or(0) <= 1;
        let count = self.batches.iter().take_while(|batch| small(batch)).count();
        let batches: Vec<Batch> = self.batches.drain(..count).collect();
        let this = &*self;
        let rows: Vec<Vec<Row>> = stream::iter(&batches)
            .map(async |batch| {
                let chunks = batch.progress.chunks.unwrap_or(0);
                let id = batch.terms.id;
                let read = this.state.ledger.chunks_between(id, 0, chunks).await?;
                this.rows(batch, read).await
            })
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        self.block(rows.into_iter().flatten().collect(), count as u64)
            .await
    }

    async fn block(&mut self, rows: Vec<Row>, steps: u64) -> Result<Block, StoreError> {
        self.read_batches().await?;
        let next = self
            .batches
            .front()
            .map(|batch| place(batch.terms.id, self.chunk));
        Ok(Block { rows, steps, next })
    }

    /// The next batches of the export, where none is at hand.
    async fn read_batches(&mut self) -> Result<(), StoreError> {
        while self.batches.is_empty()
            && let Some(first) = self.more
        {
            let read = match self.export.filter.batch {
                Some(batch) => {
                    let found = self.state.batches.find(batch).await?;
                    found.into_iter().collect()
                }
                None => {
                    let (account, batches) = (self.export.account, &self.state.batches);
                    batches.between(account, first, self.last, BATCHES).await?
                }
            };
            let alone = self.export.filter.batch.is_some();
            let full = read.len() == usize::try_from(BATCHES).expect("a few");
            let last = read
                .last()
                .map(|batch| batch.terms.id)
                .filter(|_| full && !alone);
            self.more = last.and_then(after);
            let own = read.into_iter().filter(|batch| {
                let terms = &batch.terms;
                terms.account == self.export.account
                    && self.export.includes(terms.began, terms.test)
            });
            self.batches.extend(own);
        }
        Ok(())
    }

    async fn rows(
        &self,
        batch: &Batch,
        mut chunks: Vec<(Pointer, Chunk)>,
    ) -> Result<Vec<Row>, StoreError> {
        // Frames of chunks that nobody asks for aren't read.
        chunks.retain(|(_, chunk)| self.wants(batch, chunk));
        let makes = MessageRows::new(batch, self.now);
        let (state, export) = (self.state, self.export);
        let runs = stream::iter(runs(chunks))
            .map(async |run| {
                let recipients = run.recipients(state).await?;
                Ok::<_, StoreError>((run, recipients))
            })
            .buffered(CONCURRENT);
        let mut runs = std::pin::pin!(runs);
        let mut rows = Vec::new();
        while let Some((run, recipients)) = runs.try_next().await? {
            for ((pointer, chunk), recipients) in run.chunks.iter().zip(&recipients) {
                rows.extend(makes.of_chunk(export, &state.key, (*pointer, chunk), recipients));
            }
        }
        Ok(rows)
    }

    fn wants(&self, batch: &Batch, chunk: &Chunk) -> bool {
        let clicked = self.export.dataset != Dataset::Clicks || !chunk.clicked.is_empty();
        let wanted = &self.export.filter.statuses;
        let view = batch.view(self.now);
        let mut slots = 0..chunk.slots.len();
        let any = wanted.is_empty()
            || slots.any(|slot| wanted.contains(&status::status(chunk, slot, view).0));
        clicked && any
    }
}

/// Chunks whose frames stand one after the other in a file, or one chunk.
struct Run {
    at: Option<FrameAddress>,
    chunks: Vec<(Pointer, Chunk)>,
}

impl Run {
    /// Of each of its chunks.
    async fn recipients(&self, state: &State) -> Result<Vec<Vec<Recipient>>, StoreError> {
        let (first, chunk) = self.chunks.first().expect("a run has a chunk");
        let Some(at) = self.at else {
            let alone = recipients::of_chunk(&state.ledger, &state.files, *first, chunk).await?;
            return Ok(vec![alone]);
        };
        let frames = state.files.read_frame(first.batch, at).await?;
        let each = self.chunks.iter().map(|(_, chunk)| {
            let Source::Frame(own) = &chunk.source else {
                return Err(StoreError::corrupt("the source of a chunk"));
            };
            let from = usize::try_from(own.offset - at.offset).expect("less than a read");
            let frame = frames.get(from..from + own.length as usize);
            let frame =
                frame.ok_or_else(|| StoreError::corrupt("the length of a chunk's frame"))?;
            let recipients =
                frame::decode(frame).map_err(|error| StoreError::corrupt(error.to_string()))?;
            if recipients.len() == chunk.slots.len() {
                Ok(recipients)
            } else {
                Err(StoreError::corrupt("the number of a chunk's recipients"))
            }
        });
        each.collect()
    }
}

fn runs(chunks: Vec<(Pointer, Chunk)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (pointer, chunk) in chunks {
        let own = match &chunk.source {
            Source::Frame(address) => Some(*address),
            Source::Inline(_) | Source::Sibling => None,
        };
        let last = runs
            .last_mut()
            .filter(|run| run.chunks[0].0.batch == pointer.batch);
        match (last, own) {
            (
                Some(Run {
                    at: Some(at),
                    chunks,
                }),
                Some(own),
            ) if follows(*at, own) => {
                at.length += own.length;
                chunks.push((pointer, chunk));
            }
            _ => runs.push(Run {
                at: own,
                chunks: vec![(pointer, chunk)],
            }),
        }
    }
    runs
}

fn follows(before: FrameAddress, next: FrameAddress) -> bool {
    (before.run, before.part) == (next.run, next.part)
        && before.offset + u64::from(before.length) == next.offset
        && before.length + next.length <= FRAMES
}

/// The ids that batches of the export can have: an id begins with the time that it was drawn at, which is before its batch is made, by
/// as long as a request with an `Idempotency-Key` may be repeated.
fn range(export: &Export) -> (BatchId, BatchId) {
    let of = |milliseconds: i64| {
        let milliseconds = u128::try_from(milliseconds).unwrap_or(0);
        BatchId::from_uuid(uuid::Uuid::from_u128(milliseconds << 80))
    };
    let first = export.filter.from.map_or(0, |from| {
        from.as_millisecond() - i64::try_from(REPEATED_FOR.as_millis()).unwrap_or(0)
    });
    let last = export.filter.until.map_or_else(
        || BatchId::from_uuid(uuid::Uuid::max()),
        |until| of(until.as_millisecond() + 1),
    );
    (of(first), last)
}

fn after(id: BatchId) -> Option<BatchId> {
    let next = id.uuid().as_u128().checked_add(1)?;
    Some(BatchId::from_uuid(uuid::Uuid::from_u128(next)))
}

fn place(batch: BatchId, chunk: u32) -> String {
    format!("{batch}.{chunk}")
}

fn read_place(place: &str) -> Result<(BatchId, u32), StoreError> {
    let read = place
        .split_once('.')
        .and_then(|(batch, chunk)| Some((batch.parse().ok()?, chunk.parse().ok()?)));
    read.ok_or_else(|| StoreError::corrupt("the place of an export"))
}
