//! The timeline of a batch: its chunks, or of a large batch a fair share of them, as columns of a chart.

use carillon_core::{
    batch::Batch,
    timeline::{Columns, Happened, Timeline},
};
use carillon_runtime::problem::Problem;
use carillon_store::ledger::{Consistency, PageOfChunks};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{services::Api, time};

/// Chunks that are enough for a chart; those of a partition are every sixteenth of a batch.
const ENOUGH: u64 = 2_000;

/// When messages left, and when each came to its end, from when the batch began.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineReport {
    /// When the first column begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    begins: Option<Timestamp>,
    /// How wide a column is.
    step_seconds: i64,
    #[schema(max_items = 48)]
    columns: Vec<Events>,
    /// After the last column.
    later: Events,
    /// Messages that are in it: of a large batch a share, evenly taken.
    counted: u64,
    accepted: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What happened in one column. A message is in it when its chunk was decided, and when its report came.
#[derive(Debug, Serialize, ToSchema)]
struct Events {
    sent: u64,
    delivered: u64,
    /// Refused, not delivered or too late.
    failed: u64,
}

impl TimelineReport {
    /// Of something that has no batch yet.
    pub fn nothing(now: Timestamp) -> Self {
        let columns = Columns {
            step: SignedDuration::from_secs(1),
            columns: Vec::new(),
            later: Happened::default(),
        };
        Self::new(None, columns, (0, 0), now)
    }

    pub async fn count(api: &Api, batch: &Batch) -> Result<Self, Problem> {
        let (mut timeline, mut chunks, mut counted) = (Timeline::new(batch), 0_u64, 0_u64);
        for first in PageOfChunks::all(batch.terms.id, batch.progress.chunks.unwrap_or(0)) {
            let mut next = Some(first);
            while let Some(page) = next {
                let (read, after) = api
                    .ledger
                    .page_of_chunks(page, Consistency::Eventual)
                    .await?;
                for (_, chunk) in &read {
                    timeline.count(chunk);
                    counted += chunk.slots.len() as u64;
                }
                chunks += read.len() as u64;
                next = after;
            }
            if chunks >= ENOUGH {
                break;
            }
        }
        let accepted = batch.progress.prepared.map_or(0, |it| it.accepted);
        let counts = (counted, accepted.max(counted));
        let begins = Some(batch.terms.starts());
        Ok(Self::new(begins, timeline.columns(), counts, time::now()))
    }

    fn new(
        begins: Option<Timestamp>,
        columns: Columns,
        (counted, accepted): (u64, u64),
        at: Timestamp,
    ) -> Self {
        let Columns {
            step,
            columns,
            later,
        } = columns;
        Self {
            begins,
            step_seconds: step.as_secs(),
            columns: columns.into_iter().map(Events::from).collect(),
            later: later.into(),
            counted,
            accepted,
            at,
        }
    }
}

impl From<Happened> for Events {
    fn from(happened: Happened) -> Self {
        let Happened {
            sent,
            delivered,
            failed,
        } = happened;
        Self {
            sent,
            delivered,
            failed,
        }
    }
}
