//! The batches of an export, in the order of their ids, which is that of time.

use std::collections::VecDeque;

use carillon_core::{batch::Batch, export::Export, id::BatchId};
use carillon_store::StoreError;
use jiff::SignedDuration;

use crate::State;

/// Batches read together.
const BATCHES: i32 = 64;
/// How long a request may be repeated, and an hour.
const REPEATED_FOR: SignedDuration = SignedDuration::from_hours(73);

pub struct Batches<'a> {
    state: &'a State,
    export: &'a Export,
    /// Batches that were read, the one at hand first.
    read: VecDeque<Batch>,
    /// Where more batches begin; `None`: there are none.
    more: Option<BatchId>,
    last: BatchId,
}

impl<'a> Batches<'a> {
    /// `from`: the first, where the export goes on.
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<BatchId>,
    ) -> Result<Self, StoreError> {
        let (first, last) = range(export);
        let mut batches = Self {
            state,
            export,
            read: VecDeque::new(),
            more: Some(from.unwrap_or(first)),
            last,
        };
        batches.fill().await?;
        Ok(batches)
    }

    /// The one at hand.
    pub fn front(&self) -> Option<&Batch> {
        self.read.front()
    }

    /// The one at hand is done with; what comes next is read.
    pub async fn advance(&mut self) -> Result<(), StoreError> {
        self.read.pop_front();
        self.fill().await
    }

    /// Those from the one at hand on that are like it, as far as they were read.
    pub async fn take_while(
        &mut self,
        like: impl Fn(&Batch) -> bool,
    ) -> Result<Vec<Batch>, StoreError> {
        let count = self.read.iter().take_while(|batch| like(batch)).count();
        let taken = self.read.drain(..count).collect();
        self.fill().await?;
        Ok(taken)
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.read.is_empty()
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
            // A page may be short because it is large; only an empty one is the end.
            let alone = self.export.filter.batch.is_some();
            let last = read.last().map(|batch| batch.terms.id);
            self.more = last.filter(|_| !alone).and_then(BatchId::next);
            let own = read.into_iter().filter(|batch| {
                let terms = &batch.terms;
                terms.account == self.export.account
                    && self.export.includes(terms.began, terms.test)
            });
            self.read.extend(own);
        }
        Ok(())
    }
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
