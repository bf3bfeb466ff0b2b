//! One endpoint's backlog: what is due is tried again, by one worker at a time. While its breaker is open nothing is read or called; when
//! it has been open for its time, one call finds out how things are.

use std::{collections::HashSet, time::Duration};

use carillon_core::{
    event::Event,
    id::EventId,
    webhook::{DeliveryState, Health, Verdict},
};
use carillon_runtime::{logs::chain, random};
use carillon_store::{
    StoreError,
    webhooks::{Backlog, Parked},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{
    call::{Called, call},
    deliver::{Bytes, CALLS, calls, envelope},
    disable,
    endpoints::Ready,
    park,
    state::State,
    sweep::Shift,
};

/// Read at once, of each partition.
const TOGETHER: i32 = 25;
/// What may not have been in the index yet is looked for again after this.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// An endpoint that is switched off: whoever switches it on says so in the backlog.
const OFF: SignedDuration = SignedDuration::from_hours(24);

/// The index is asked again after this when all that it says is what was settled since.
const INDEX_LAGS: Duration = Duration::from_millis(200);
const MOST_LAGS: u32 = 25;

/// What was settled while the backlog is held, by the attempts that each had: the index may still say that it waits.
#[derive(Debug, Default)]
pub struct Settled(HashSet<(EventId, u32)>);

impl Settled {
    fn add(&mut self, parked: &Parked) {
        self.0.insert(key(parked));
    }

    /// What the index says, without what it doesn't know yet.
    pub fn leave_out(&self, due: Vec<Parked>) -> Vec<Parked> {
        let waits = |parked: &Parked| !self.0.contains(&key(parked));
        due.into_iter().filter(waits).collect()
    }
}

fn key(parked: &Parked) -> (EventId, u32) {
    (parked.delivery.event, parked.delivery.attempts)
}

/// What follows.
enum Next {
    LookAt(Timestamp),
    Forget,
}

pub async fn work(state: &State, backlog: Backlog, shift: Shift<'_>) {
    let result = hold_and_try(state, &backlog, shift).await;
    if let Err(error) = result {
        tracing::error!(webhook = %backlog.endpoint, error = chain(&error), "a backlog of a webhook can't be worked on");
    }
}

async fn hold_and_try(
    state: &State,
    backlog: &Backlog,
    shift: Shift<'_>,
) -> Result<(), StoreError> {
    let backlogs = &state.backlogs;
    let now = Timestamp::now();
    if !backlogs.hold(backlog, shift.owner, now, shift.end).await? {
        return Ok(());
    }
    match try_again(state, backlog, shift.stop).await? {
        Next::LookAt(time) => backlogs.let_go(backlog, shift.owner, time).await,
        Next::Forget => backlogs.forget(backlog, shift.owner).await,
    }
}

async fn try_again(state: &State, backlog: &Backlog, stop: Timestamp) -> Result<Next, StoreError> {
    let now = Timestamp::now();
    let (account, id) = (backlog.account, backlog.endpoint);
    let found = state
        .endpoints
        .find(account, id, backlog.health, now)
        .await?;
    let Some(mut ready) = found else {
        return Ok(Next::Forget);
    };
    let (mut settled, mut lags) = (Settled::default(), 0);
    loop {
        let now = Timestamp::now();
        if now >= stop {
            return Ok(Next::LookAt(now));
        }
        if !ready.endpoint.is_enabled() {
            return Ok(Next::LookAt(now + OFF));
        }
        if let Some(until) = state.standings.open_until(id, now) {
            return Ok(Next::LookAt(until));
        }
        if ready.health.is_hopeless(now) {
            disable::hopeless(state, &ready.endpoint, now).await?;
            return Ok(Next::LookAt(now + OFF));
        }
        let said = state.deliveries.due(id, now, TOGETHER).await?;
        let said_none = said.is_empty();
        let due = settled.leave_out(said);
        if due.is_empty() && !said_none {
            if lags == MOST_LAGS {
                return Ok(Next::LookAt(now + LOOK_AGAIN));
            }
            lags += 1;
            tokio::time::sleep(INDEX_LAGS).await;
            continue;
        }
        lags = 0;
        let (late, mut due): (Vec<_>, Vec<_>) = due
            .into_iter()
            .partition(|parked| parked.delivery.until <= now);
        give_up(state, late, &mut settled).await?;
        if due.is_empty() {
            return next_look(state, backlog, now).await;
        }
        let probes = ready.health.is_half_open(now);
        if probes {
            due.truncate(1);
        }
        match tried(state, &mut ready, due, &mut settled, stop).await? {
            Tried::GoOn => {}
            Tried::Opened(until) => return Ok(Next::LookAt(until)),
            Tried::Gone => {
                disable::gone(state, &ready.endpoint, Timestamp::now()).await?;
                return Ok(Next::LookAt(now + OFF));
            }
        }
    }
}

async fn next_look(state: &State, backlog: &Backlog, now: Timestamp) -> Result<Next, StoreError> {
    let due = state.deliveries.next_due(backlog.endpoint).await?;
    let soon = now + LOOK_AGAIN;
    Ok(match (due, backlog.is_settled(now)) {
        (Some(due), true) => Next::LookAt(due),
        (Some(due), false) => Next::LookAt(due.min(soon)),
        (None, false) => Next::LookAt(soon),
        (None, true) => Next::Forget,
    })
}

async fn give_up(
    state: &State,
    late: Vec<Parked>,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    for parked in late {
        settled.add(&parked);
        let attempts = parked.delivery.attempts;
        tracing::warn!(metric = "hooks.given_up", webhook = %parked.delivery.endpoint, "an event is given up: its time is over");
        state
            .deliveries
            .settle(&park::given_up(parked), attempts)
            .await?;
    }
    Ok(())
}

pub enum Tried {
    GoOn,
    Opened(Timestamp),
    Gone,
}

/// What is due, a few calls at a time. Each call's end is written down before the next begins in its place.
pub async fn tried(
    state: &State,
    ready: &mut Ready,
    due: Vec<Parked>,
    settled: &mut Settled,
    stop: Timestamp,
) -> Result<Tried, StoreError> {
    let at = &*ready;
    let calls = stream::iter(calls(at.endpoint.grouping, due))
        .map(|group| attempt(state, at, group, stop))
        .buffer_unordered(CALLS);
    let called: Vec<Result<Option<Attempted>, StoreError>> = calls.collect().await;
    let mut tried = Tried::GoOn;
    let mut succeeded = false;
    for called in called {
        let Some(Attempted { called, of }) = called? else {
            continue;
        };
        for parked in &of {
            settled.add(parked);
        }
        let now = Timestamp::now();
        match called.verdict {
            Verdict::Delivered => {
                succeeded = true;
                state.standings.succeeded(ready.endpoint.id);
            }
            Verdict::Gone => return Ok(Tried::Gone),
            Verdict::Failed(trouble) => {
                let id = ready.endpoint.id;
                let opened = state.standings.failed(id, trouble, &ready.health, now);
                if let Some(health) = opened {
                    tried = Tried::Opened(health.open_until.unwrap_or(now));
                    let account = ready.endpoint.account;
                    state.backlogs.open(account, id, &health, now).await?;
                    ready.health = health;
                }
            }
        }
    }
    let was_failing = ready.health.failing_since.is_some();
    if succeeded && was_failing && matches!(tried, Tried::GoOn) {
        let (account, id) = (ready.endpoint.account, ready.endpoint.id);
        state.endpoints.forget(account);
        state.backlogs.close(account, id, Timestamp::now()).await?;
        ready.health = Health::default();
    }
    Ok(tried)
}

/// A call, and what it was about, as that was before.
struct Attempted {
    called: Called,
    of: Vec<Parked>,
}

/// `None` of what was left alone: the breaker opened, or the time is over.
async fn attempt(
    state: &State,
    ready: &Ready,
    group: Vec<Parked>,
    stop: Timestamp,
) -> Result<Option<Attempted>, StoreError> {
    let now = Timestamp::now();
    if now >= stop || state.standings.is_open(ready.endpoint.id, now) {
        return Ok(None);
    }
    let events: Vec<&Event> = group
        .iter()
        .filter_map(|parked| parked.event.as_ref())
        .collect();
    let Some(envelope) = envelope(ready.endpoint.grouping, &events) else {
        return Ok(None);
    };
    let called = call(state, ready, &envelope).await;
    state.tally.count(ready.endpoint.id, group.len(), &called);
    let now = Timestamp::now();
    let random = u32::from_le_bytes(random::bytes());
    for parked in &group {
        let attempts = parked.delivery.attempts;
        let after = park::after(parked.clone(), &called, now, random);
        if after.delivery.state == DeliveryState::GivenUp {
            tracing::warn!(metric = "hooks.given_up", webhook = %ready.endpoint.id, "an event is given up after its last attempt");
        }
        state.deliveries.settle(&after, attempts).await?;
    }
    let of = group;
    Ok(Some(Attempted { called, of }))
}

impl Bytes for Parked {
    fn bytes(&self) -> usize {
        self.event.as_ref().map_or(0, Bytes::bytes)
    }
}
