//! What has to wait: written down with the time of its next attempt, after the endpoint's backlog says that there is something.

use carillon_core::{
    event::Event,
    webhook::{Attempt, Delivery, DeliveryState, Trouble, Verdict, retry},
};
use carillon_runtime::random;
use carillon_store::{StoreError, webhooks::Parked};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{call::Called, endpoints::Ready, state::State};

/// Writes on their way at once.
const CONCURRENT: usize = 16;

/// Events that were not tried, because their endpoint's breaker is open or the time is over.
pub async fn untried(
    state: &State,
    ready: &Ready,
    events: &[Event],
    now: Timestamp,
) -> Result<(), StoreError> {
    let parked = events
        .iter()
        .map(|event| parked(ready, event, now))
        .collect();
    write(state, ready, parked, now).await
}

/// Events of a first call that failed.
pub async fn failed(
    state: &State,
    ready: &Ready,
    events: &[Event],
    called: &Called,
    now: Timestamp,
) -> Result<(), StoreError> {
    let random = u32::from_le_bytes(random::bytes());
    let parked = events.iter().map(|event| {
        let parked = parked(ready, event, now);
        after(parked, called, now, random)
    });
    write(state, ready, parked.collect(), now).await
}

async fn write(
    state: &State,
    ready: &Ready,
    parked: Vec<Parked>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let endpoint = &ready.endpoint;
    state
        .backlogs
        .touch(endpoint.account, endpoint.id, now)
        .await?;
    stream::iter(&parked)
        .map(|parked| state.deliveries.park(parked))
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await
}

fn parked(ready: &Ready, event: &Event, now: Timestamp) -> Parked {
    let delivery = Delivery {
        endpoint: ready.endpoint.id,
        account: event.account,
        event: event.id,
        kind: event.kind.clone(),
        at: event.timestamp,
        state: DeliveryState::Waiting,
        attempts: 0,
        until: now + retry::GIVE_UP_AFTER,
        last: None,
    };
    Parked {
        delivery,
        event: Some(event.clone()),
        due: Some(now),
    }
}

/// A delivery as a call leaves it.
pub fn after(parked: Parked, called: &Called, now: Timestamp, random: u32) -> Parked {
    let Parked {
        mut delivery,
        event,
        due: _,
    } = parked;
    delivery.attempts += 1;
    delivery.last = Some(called.attempt);
    let next = |trouble| retry::next(delivery.attempts, trouble, called.retry_after, now, random);
    let due = match called.verdict {
        Verdict::Delivered => None,
        Verdict::Failed(trouble) => next(trouble),
        // Whoever switches its endpoint on again gets it then.
        Verdict::Gone => Some(now + ONCE_MORE),
    };
    delivery.state = match (called.verdict, due) {
        (Verdict::Delivered, _) => DeliveryState::Delivered,
        (_, Some(_)) => DeliveryState::Waiting,
        (_, None) => DeliveryState::GivenUp,
    };
    Parked {
        event: event.filter(|_| delivery.state != DeliveryState::Delivered),
        delivery,
        due,
    }
}

const ONCE_MORE: SignedDuration = SignedDuration::from_secs(60);

/// One that got through, for the log: where somebody waits to see it there.
pub fn done(ready: &Ready, event: &Event, attempt: Attempt, now: Timestamp) -> Parked {
    let mut parked = parked(ready, event, now);
    parked.delivery.state = DeliveryState::Delivered;
    parked.delivery.attempts = 1;
    parked.delivery.last = Some(attempt);
    Parked {
        event: None,
        due: None,
        ..parked
    }
}

/// One that has waited for too long.
pub fn given_up(parked: Parked) -> Parked {
    let mut delivery = parked.delivery;
    delivery.state = DeliveryState::GivenUp;
    delivery.last = delivery.last.or(Some(Attempt {
        at: delivery.until,
        took_ms: 0,
        code: None,
        trouble: Some(Trouble::Unreachable),
    }));
    Parked {
        delivery,
        event: parked.event,
        due: None,
    }
}
