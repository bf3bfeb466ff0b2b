//! One invocation: takes the lock, looks once a second until its time is nearly over or nothing is left to do.

use std::{collections::HashMap, time::Duration};

use carillon_core::{
    batch::{Batch, Control, Stage},
    chunk::Pointer,
    id::BatchId,
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::{State, recount::Counted};

const TICK: Duration = Duration::from_secs(1);
/// The last tick begins this long before the function's own end.
const BEFORE_DEADLINE: SignedDuration = SignedDuration::from_secs(8);
/// The lock outlives the function by this much, so that two never dispatch at once.
const LOCK_MARGIN: SignedDuration = SignedDuration::from_secs(2);
/// A dispatcher that is just leaving may not have seen what we were woken for: the lock is tried again after this.
const SECOND_TRY: Duration = Duration::from_millis(1_500);
/// What is due later than this is left to the next minute's tick.
const WORTH_WAITING: SignedDuration = SignedDuration::from_secs(65);

pub struct Dispatcher<'a> {
    pub state: &'a State,
    owner: &'a str,
    deadline: Timestamp,
    /// When a due chunk was last pointed to, so that each second doesn't do it again.
    pub woken: HashMap<Pointer, Timestamp>,
    pub counted: HashMap<BatchId, Counted>,
    /// Where the round of accounts goes on.
    pub round: usize,
}

impl<'a> Dispatcher<'a> {
    pub fn new(state: &'a State, owner: &'a str, deadline: Timestamp) -> Self {
        let (woken, counted) = (HashMap::new(), HashMap::new());
        Self {
            state,
            owner,
            deadline,
            woken,
            counted,
            round: 0,
        }
    }

    pub async fn run(&mut self, woken_for: Option<BatchId>) -> Result<(), StoreError> {
        if !self.take_lock().await? {
            tokio::time::sleep(SECOND_TRY).await;
            if !self.take_lock().await? {
                return Ok(());
            }
        }
        tracing::debug!(batch = woken_for.map(|id| id.to_string()), "dispatching");
        while Timestamp::now() < self.deadline - BEFORE_DEADLINE {
            let started = tokio::time::Instant::now();
            match self.tick(Timestamp::now()).await {
                Ok(true) => {}
                Ok(false) => break,
                // The next second tries again; what was done so far is in the tables.
                Err(error) => tracing::error!(error = chain(&error), "a dispatcher's tick failed"),
            }
            tokio::time::sleep_until(started + TICK).await;
        }
        self.state.lock.release(self.owner).await
    }

    async fn take_lock(&self) -> Result<bool, StoreError> {
        let until = self.deadline + LOCK_MARGIN;
        self.state
            .lock
            .take(self.owner, Timestamp::now(), until)
            .await
    }

    /// Whether there is anything to stay for.
    async fn tick(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let mut batches = Vec::new();
        for id in self.state.batches.active().await? {
            match self.state.batches.find(id).await? {
                // A pause or a cancel that came just as it ended made it active again.
                Some(batch) if has_ended(&batch) => self.state.batches.retire(id).await?,
                found => batches.extend(found),
            }
        }
        self.release(&mut batches, now).await?;
        self.wake(now).await?;
        for batch in &batches {
            self.recount(batch, now).await?;
        }
        if batches.iter().any(|batch| is_work(batch, now)) {
            return Ok(true);
        }
        Ok(!self
            .state
            .ledger
            .due(now + WORTH_WAITING, 1)
            .await?
            .is_empty())
    }
}

const fn has_ended(batch: &Batch) -> bool {
    matches!(batch.progress.stage, Stage::Finished | Stage::Failed)
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
