//! The first delivery of events, straight from the queue: each endpoint that wants one gets it, all of them at once. Only what fails is
//! written down.

use carillon_core::{
    event::Event,
    id::AccountId,
    webhook::{Endpoint, Envelope, Grouping, Verdict, archive, envelope},
};
use carillon_runtime::{logs::chain, random};
use carillon_store::StoreError;
use futures::{StreamExt, future, stream};
use jiff::Timestamp;

use crate::{
    alerting,
    call::{Called, call},
    disable,
    endpoints::Ready,
    park,
    state::State,
};

/// Calls to one endpoint at once.
pub const CALLS: usize = 10;

/// When it returns without an error, each event was taken by each endpoint that wants it, or waits in the table.
pub async fn deliver(
    state: &State,
    account: AccountId,
    events: Vec<Event>,
    stop: Timestamp,
) -> Result<(), StoreError> {
    to_bus(state, &events).await?;
    to_endpoints(state, account, &events, stop).await?;
    alerting::tell(state, &events).await;
    Ok(())
}

async fn to_endpoints(
    state: &State,
    account: AccountId,
    events: &[Event],
    stop: Timestamp,
) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let mut endpoints = state.endpoints.of(account, now).await?;
    let unknown = |event: &Event| {
        let only = event.only;
        only.is_some_and(|only| !endpoints.iter().any(|ready| ready.endpoint.id == only))
    };
    // Somebody tries an endpoint that was made a moment ago.
    if events.iter().any(unknown) {
        endpoints = state.endpoints.of_now(account, now).await?;
    }
    if endpoints.is_empty() {
        return Ok(());
    }
    archive(state, account, events, now).await?;
    let each = endpoints.iter().map(|ready| {
        let wanted = events.iter().filter(|event| wants(ready, event)).cloned();
        to_endpoint(state, ready, wanted.collect(), stop)
    });
    // One that fails must not drop the others' calls.
    future::join_all(each).await.into_iter().collect()
}

/// First: whoever fails here has delivered nothing yet that would come twice.
async fn to_bus(state: &State, events: &[Event]) -> Result<(), StoreError> {
    let Some(bus) = &state.bus else {
        return Ok(());
    };
    let told: Vec<Event> = events
        .iter()
        .filter(|event| event.only.is_none())
        .cloned()
        .collect();
    bus.put(&told).await
}

/// So that it can be sent again. Before the delivery: what was delivered was archived.
async fn archive(
    state: &State,
    account: AccountId,
    events: &[Event],
    now: Timestamp,
) -> Result<(), StoreError> {
    let told: Vec<Event> = events
        .iter()
        .filter(|event| event.only.is_none())
        .cloned()
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let packed = archive::pack(&told).map_err(|_| StoreError::corrupt("events to archive"))?;
    state
        .archive
        .archive_events(account, now, &random::token(), packed)
        .await
}

pub fn wants(ready: &Ready, event: &Event) -> bool {
    let endpoint = &ready.endpoint;
    let told = match event.only {
        Some(only) => only == endpoint.id,
        None => endpoint.events.wants(&event.kind),
    };
    told && endpoint.is_enabled()
}

/// Events that an endpoint wants, in calls of one or of many. What is not tried waits, all of it written down together.
pub async fn to_endpoint(
    state: &State,
    ready: &Ready,
    events: Vec<Event>,
    stop: Timestamp,
) -> Result<(), StoreError> {
    let calls: Vec<Result<Vec<Event>, StoreError>> =
        stream::iter(calls(ready.endpoint.grouping, events))
            .map(|events| first(state, ready, events, stop))
            .buffer_unordered(CALLS)
            .collect()
            .await;
    let mut untried = Vec::new();
    let mut failed = Ok(());
    for call in calls {
        match call {
            Ok(left) => untried.extend(left),
            Err(error) => failed = Err(error),
        }
    }
    if !untried.is_empty() {
        park::untried(state, ready, &untried, Timestamp::now()).await?;
    }
    failed
}

/// What goes together in one call.
pub fn calls<T: Bytes>(grouping: Grouping, things: Vec<T>) -> Vec<Vec<T>> {
    let most = match grouping {
        Grouping::Single => 1,
        Grouping::Batches => envelope::MOST,
    };
    let mut calls: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for thing in things {
        bytes += thing.bytes();
        match calls.last_mut() {
            Some(call) if call.len() < most && bytes <= envelope::MOST_BYTES => call.push(thing),
            _ => {
                bytes = thing.bytes();
                calls.push(vec![thing]);
            }
        }
    }
    calls
}

/// About how long something is in a call.
pub trait Bytes {
    fn bytes(&self) -> usize;
}

impl Bytes for Event {
    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

pub fn envelope(grouping: Grouping, events: &[&Event]) -> Option<Envelope> {
    match grouping {
        Grouping::Single => events.first().map(|event| Envelope::single(event)),
        Grouping::Batches => Envelope::batch(events),
    }
}

/// The answer is what was not tried.
async fn first(
    state: &State,
    ready: &Ready,
    events: Vec<Event>,
    stop: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let now = Timestamp::now();
    let id = ready.endpoint.id;
    if now >= stop || state.standings.holds_back(id, &ready.health, now) {
        return Ok(events);
    }
    let of_call: Vec<&Event> = events.iter().collect();
    let Some(envelope) = envelope(ready.endpoint.grouping, &of_call) else {
        return Ok(Vec::new());
    };
    let called = call(state, ready, &envelope).await;
    state.tally.count(id, events.len(), &called);
    settle(state, ready, &events, &called, Timestamp::now()).await?;
    Ok(Vec::new())
}

async fn settle(
    state: &State,
    ready: &Ready,
    events: &[Event],
    called: &Called,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Endpoint { id, account, .. } = ready.endpoint;
    let trouble = match called.verdict {
        Verdict::Delivered => return succeeded(state, ready, events, called, now).await,
        Verdict::Gone => {
            park::failed(state, ready, events, called, now).await?;
            return disable::gone(state, &ready.endpoint, now).await;
        }
        Verdict::Failed(trouble) => trouble,
    };
    park::failed(state, ready, events, called, now).await?;
    state.nudge.soon(id, now).await;
    match state.standings.failed(id, trouble, &ready.health, now) {
        Some(health) => {
            state.endpoints.forget(account);
            state.backlogs.open(account, id, &health, now).await
        }
        None => Ok(()),
    }
}

async fn succeeded(
    state: &State,
    ready: &Ready,
    events: &[Event],
    called: &Called,
    now: Timestamp,
) -> Result<(), StoreError> {
    let endpoint = &ready.endpoint;
    state.standings.succeeded(endpoint.id);
    if ready.health.failing_since.is_some() {
        state.endpoints.forget(endpoint.account);
        let closed = state.backlogs.close(endpoint.account, endpoint.id, now);
        // It was delivered: to fail now would deliver it again.
        if let Err(error) = closed.await {
            tracing::warn!(webhook = %endpoint.id, error = chain(&error), "an endpoint's breaker can't be closed");
        }
    }
    for event in events.iter().filter(|event| event.only.is_some()) {
        let done = park::done(ready, event, called.attempt, now);
        state.deliveries.park(&done).await?;
    }
    Ok(())
}
