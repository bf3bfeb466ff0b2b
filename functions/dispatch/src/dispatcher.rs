//! One invocation: takes the lock, ticks once a second until its time is nearly over, the next one is there or nothing is left to do.

use std::{collections::HashMap, time::Duration};

use carillon_core::{batch::Lane, chunk::Pointer, id::BatchId};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, dispatcher_lock::Held, queues::Wake};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    State,
    budgets::Budgets,
    closing::Looking,
    lanes::LaneFlow,
    outline::Outline,
    recount::{Counted, Counting},
    rounds::Rounds,
};

const TICK: Duration = Duration::from_secs(1);
/// The last tick begins this long before the function's own end.
const BEFORE_DEADLINE: SignedDuration = SignedDuration::from_secs(8);
/// Who dies with the lock blocks the others no longer than this.
const LOCK_FOR: SignedDuration = SignedDuration::from_secs(15);
const RENEW_AFTER: SignedDuration = SignedDuration::from_secs(3);
/// A dispatcher that is just leaving may not have seen what we were woken for: the lock is tried again after this.
const SECOND_TRY: Duration = Duration::from_millis(1_500);
/// The minute's dispatcher takes over from the last one, which is told so when it renews the lock.
const TAKE_OVER: SignedDuration = SignedDuration::from_secs(20);
const TAKE_OVER_TRY: Duration = Duration::from_millis(500);

/// What it was invoked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The schedule: who dispatches now is relieved.
    Minute,
    /// Somebody who has something for it; a dispatcher that runs sees it anyway.
    Wake(Option<BatchId>),
}

impl Call {
    pub fn of(event: &Value) -> Self {
        let Some(record) = event["Records"].get(0) else {
            return Self::Minute;
        };
        let body = record["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str::<Wake>(body).ok();
        Self::Wake(body.map(|body| body.wake))
    }
}

pub struct Dispatcher<'a> {
    pub(crate) state: &'a State,
    owner: &'a str,
    deadline: Timestamp,
    pub(crate) memory: Memory,
}

/// What an invocation remembers from one second to the next. Losing it costs nothing but a little speed.
#[derive(Default)]
pub struct Memory {
    pub budgets: Budgets,
    pub lanes: HashMap<Lane, (LaneFlow, Timestamp)>,
    pub rounds: HashMap<Lane, Rounds>,
    /// When a due chunk may be pointed to again.
    pub woken: HashMap<Pointer, Timestamp>,
    pub due_limit: i32,
    pub outlines: HashMap<BatchId, Outline>,
    pub counted: HashMap<BatchId, Counted>,
    pub counting: HashMap<BatchId, Counting>,
    /// A look at a large batch that is done, and when the list of those is looked at again.
    pub looking: Option<Looking>,
    pub close_from: Option<Timestamp>,
    /// When exports are looked at next.
    pub exports_from: Option<Timestamp>,
    /// What is looked at once a minute is looked at again then.
    pub minute_from: Option<Timestamp>,
    /// When schedules of exports are looked at next.
    pub schedules_from: Option<Timestamp>,
    /// When lakes are looked at next.
    pub lakes_from: Option<Timestamp>,
    /// When hours to count are looked for next.
    pub digests_from: Option<Timestamp>,
    /// Batches that need no look before then.
    pub resting: HashMap<BatchId, Timestamp>,
}

impl<'a> Dispatcher<'a> {
    pub fn new(state: &'a State, owner: &'a str, deadline: Timestamp) -> Self {
        Self {
            state,
            owner,
            deadline,
            memory: Memory::default(),
        }
    }

    pub async fn run(&mut self, call: Call) -> Result<(), StoreError> {
        let taken = match call {
            Call::Minute => self.take_over().await?,
            Call::Wake(_) => self.take_twice().await?,
        };
        if !taken {
            return Ok(());
        }
        tracing::debug!(?call, "dispatching");
        let mut renewed = Timestamp::now();
        loop {
            let started = tokio::time::Instant::now();
            let now = Timestamp::now();
            if now >= self.deadline - BEFORE_DEADLINE {
                break;
            }
            if now.duration_since(renewed) >= RENEW_AFTER {
                match self.renew(now).await {
                    Ok(Held::Ours) => renewed = now,
                    Ok(Held::Wanted) => break,
                    Ok(Held::Lost) => {
                        tracing::warn!("the dispatcher's lock was lost before its end");
                        return Ok(());
                    }
                    Err(error) => {
                        tracing::error!(error = chain(&error), "the lock can't be renewed");
                    }
                }
            }
            match self.tick(now).await {
                Ok(true) => {}
                Ok(false) => break,
                // The next second tries again; what was done so far is in the tables.
                Err(error) => tracing::error!(error = chain(&error), "a dispatcher's tick failed"),
            }
            tokio::time::sleep_until(started + TICK).await;
        }
        self.state.lock.release(self.owner).await
    }

    async fn take(&self) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let lock = &self.state.lock;
        lock.take(self.owner, now, now + LOCK_FOR).await
    }

    async fn take_twice(&self) -> Result<bool, StoreError> {
        if self.take().await? {
            return Ok(true);
        }
        tokio::time::sleep(SECOND_TRY).await;
        self.take().await
    }

    /// Asks whoever dispatches to leave, and waits for that: it leaves, or it is dead and its lock ends.
    async fn take_over(&self) -> Result<bool, StoreError> {
        if self.take().await? {
            return Ok(true);
        }
        self.state.lock.want(self.owner).await?;
        let until = (Timestamp::now() + TAKE_OVER).min(self.deadline - BEFORE_DEADLINE);
        while Timestamp::now() < until {
            tokio::time::sleep(TAKE_OVER_TRY).await;
            if self.take().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn renew(&self, now: Timestamp) -> Result<Held, StoreError> {
        self.state.lock.renew(self.owner, now + LOCK_FOR).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_events_are_told_apart() {
        let minute = include_str!("../../../events/dispatch-schedule.json");
        let wake = include_str!("../../../events/dispatch-sqs.json");
        let named = Some("bat_01h455vb4pex5vsknk084sn02q".parse().unwrap());
        for (name, event, expected) in [
            ("the minute", minute, Call::Minute),
            ("a wake", wake, Call::Wake(named)),
            (
                "garbage",
                r#"{"Records": [{"body": "x"}]}"#,
                Call::Wake(None),
            ),
        ] {
            let event = serde_json::from_str(event).unwrap();

            assert_eq!(Call::of(&event), expected, "{name}");
        }
    }
}
