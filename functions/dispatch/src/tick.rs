//! One second: look at every active batch, release, wake, ask for preparations, recount, close. What fails with one batch fails for this
//! batch in this second, and for nobody else.

use carillon_core::{
    batch::{Batch, Control, Stage},
    id::BatchId,
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

/// What is due later than this is left to the next minute's dispatcher.
const WORTH_WAITING: SignedDuration = SignedDuration::from_secs(65);
/// Batches read at once.
const CONCURRENT: usize = 16;

impl Dispatcher<'_> {
    /// Whether there is anything to stay for.
    pub async fn tick(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let mut batches = self.active(now).await?;
        let due = match self.due(now).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = chain(&error), "what is due can't be looked up");
                Vec::new()
            }
        };
        self.release(&mut batches, due, now).await;
        self.ask_for_preparations(&batches, now).await;
        self.recount(&batches, now).await;
        if let Err(error) = self.ask_for_exports(now).await {
            tracing::error!(error = chain(&error), "exports can't be asked for");
        }
        if let Err(error) = self.begin_scheduled_exports(now).await {
            tracing::error!(
                error = chain(&error),
                "schedules of exports can't be looked up"
            );
        }
        if let Err(error) = self.ask_for_lakes(now).await {
            tracing::error!(error = chain(&error), "days of lakes can't be asked for");
        }
        if let Err(error) = self.ask_for_digests(now).await {
            tracing::error!(error = chain(&error), "digests can't be asked for");
        }
        let more_to_close = self.close(now).await.unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "batches to close can't be looked up");
            false
        });
        if let Err(error) = self.each_minute(&batches, now).await {
            tracing::error!(error = chain(&error), "the minute's look failed");
        }
        if more_to_close || batches.iter().any(|batch| is_work(batch, now)) {
            return Ok(true);
        }
        let soon = now + WORTH_WAITING;
        Ok(!self.state.ledger.due(soon, 1).await?.is_empty())
    }

    /// The batches that may need something now, oldest first.
    async fn active(&mut self, now: Timestamp) -> Result<Vec<Batch>, StoreError> {
        let state = self.state;
        let mut ids = state.batches.active().await?;
        self.memory.resting.retain(|_, until| *until > now);
        ids.retain(|id| !self.memory.resting.contains_key(id));
        let found: Vec<_> = stream::iter(ids)
            .map(async |id: BatchId| (id, state.batches.find(id).await))
            .buffered(CONCURRENT)
            .collect()
            .await;
        let mut batches = Vec::new();
        for (id, found) in found {
            match found {
                // A pause or a cancel that came just as it ended made it active again.
                Ok(Some(batch)) if batch.is_over() => {
                    if let Err(error) = state.batches.retire(id).await {
                        tracing::error!(batch = %id, error = chain(&error), "a batch can't be retired");
                    }
                }
                Ok(Some(batch)) => {
                    if let Some(until) = rests_until(&batch, now) {
                        self.memory.resting.insert(id, until);
                    }
                    batches.push(batch);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(batch = %id, error = chain(&error), "a batch can't be read");
                }
            }
        }
        Ok(batches)
    }
}

/// A batch of much later is looked at once in an invocation, however many there are of its kind.
fn rests_until(batch: &Batch, now: Timestamp) -> Option<Timestamp> {
    let begins = batch.terms.not_before?;
    (begins > now + WORTH_WAITING * 20).then_some(now + WORTH_WAITING)
}

/// A paused batch wakes us when it is resumed, one that is prepared when it is ready, one of later is found by a later tick.
fn is_work(batch: &Batch, now: Timestamp) -> bool {
    let soon = batch
        .terms
        .not_before
        .is_none_or(|time| time <= now + WORTH_WAITING);
    match (batch.progress.stage, batch.progress.control) {
        (Stage::Ready, Control::Running) => soon,
        (Stage::Ready, Control::Cancelled) => true,
        _ => false,
    }
}
