//! Messages: batch after batch, chunk after chunk. A place is that of a batch and the chunk in it that comes next.

use std::collections::VecDeque;

use carillon_core::{
    batch::Batch,
    chunk::{
        Chunk, Pointer,
        source::{FrameAddress, Source},
    },
    export::{Export, messages::MessageRows, table::Row},
    frame::{self, Recipient},
    status,
};
use carillon_runtime::recipients;
use carillon_store::StoreError;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{
    Block,
    batches::{Batches, Place},
};
use crate::State;

/// Chunks of a block at most.
const CHUNKS: u32 = 64;
/// Rows of a full chunk.
const FULL: u64 = 100;
/// Small batches and frames read at once.
const CONCURRENT: usize = 16;
/// Bytes of one read of frames that stand one after the other.
const FRAMES: u32 = 4 * 1024 * 1024;

pub struct Messages<'a> {
    state: &'a State,
    export: &'a Export,
    now: Timestamp,
    batches: Batches<'a>,
    /// The chunk of the batch at hand that comes next.
    chunk: u32,
    /// Chunks that were read, from `chunk`.
    window: VecDeque<(Pointer, Chunk)>,
    /// The first that was not read.
    read_to: u32,
}

impl<'a> Messages<'a> {
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<&str>,
    ) -> Result<Self, StoreError> {
        let (first, chunk) = from.map(read_place).transpose()?.unzip();
        Ok(Self {
            state,
            export,
            now: Timestamp::now(),
            batches: Batches::open(state, export, first).await?,
            chunk: chunk.unwrap_or(0),
            window: VecDeque::new(),
            read_to: 0,
        })
    }

    /// Known for one batch only: of many, nobody has counted them.
    pub fn steps(&self) -> Option<u64> {
        let alone = self.export.filter.batch.and(self.batches.front())?;
        alone.progress.chunks.map(u64::from)
    }

    pub async fn next(&mut self) -> Result<Block, StoreError> {
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
        if self.chunk >= self.read_to {
            let to = chunks.min(self.chunk + self.state.limits.window);
            let (ledger, id) = (&self.state.ledger, batch.terms.id);
            let read = ledger.chunks_between(id, self.chunk, to).await?;
            (self.window, self.read_to) = (read.into(), to);
        }
        let block = self.state.limits.part_rows / FULL;
        let block = u32::try_from(block).unwrap_or(CHUNKS).clamp(1, CHUNKS);
        // What was not read is of the next block.
        let end = self.read_to.min(self.chunk + block);
        let here = self
            .window
            .partition_point(|(pointer, _)| pointer.chunk < end);
        let here: Vec<_> = self.window.drain(..here).collect();
        let rows = self.rows(batch, here).await?;
        let steps = u64::from(end - self.chunk);
        self.chunk = end;
        if self.chunk >= chunks {
            self.batches.advance().await?;
            (self.chunk, self.read_to) = (0, 0);
        }
        Ok(self.block(rows, steps))
    }

    /// API sends: many batches of one chunk, read side by side.
    async fn small_batches(&mut self) -> Result<Block, StoreError> {
        let small = |batch: &Batch| batch.progress.chunks.unwrap_or(0) <= 1;
        let batches = self.batches.take_while(small).await?;
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
        let rows = rows.into_iter().flatten().collect();
        Ok(self.block(rows, batches.len() as u64))
    }

    fn block(&self, rows: Vec<Row>, steps: u64) -> Block {
        let place = self.batches.place();
        let next = place.map(|batch| format!("{batch}.{}", self.chunk));
        Block { rows, steps, next }
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
        let wanted = &self.export.filter.statuses;
        let view = batch.view(self.now);
        let mut slots = 0..chunk.slots.len();
        wanted.is_empty() || slots.any(|slot| wanted.contains(&status::status(chunk, slot, view).0))
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

fn read_place(place: &str) -> Result<(Place, u32), StoreError> {
    let read = place
        .split_once('.')
        .and_then(|(batch, chunk)| Some((batch.parse().ok()?, chunk.parse().ok()?)));
    read.ok_or_else(|| StoreError::corrupt("the place of an export"))
}
