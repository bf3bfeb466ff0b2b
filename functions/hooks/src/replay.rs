//! Sends the events of a time again, out of the archive, file by file.

use std::collections::HashSet;

use carillon_core::{
    event::Event,
    id::EventId,
    webhook::{Health, archive},
};
use carillon_runtime::logs::chain;
use carillon_store::{
    StoreError,
    webhooks::{Replay, ReplayState},
};
use jiff::Timestamp;

use crate::{
    deliver::{to_endpoint, wants},
    endpoints::Ready,
    state::State,
    sweep::Shift,
};

/// Files listed at once.
const TOGETHER: i32 = 50;

pub async fn work(state: &State, replay: Replay, shift: Shift<'_>) {
    let id = replay.id;
    if let Err(error) = hold_and_send(state, replay, shift).await {
        tracing::error!(replay = %id, error = chain(&error), "a replay can't go on");
    }
}

async fn hold_and_send(
    state: &State,
    mut replay: Replay,
    shift: Shift<'_>,
) -> Result<(), StoreError> {
    let replays = &state.replays;
    let now = Timestamp::now();
    if !replays.hold(&replay, shift.owner, now, shift.end).await? {
        return Ok(());
    }
    // As it is now: who held it before may have come further than the index knew.
    let (account, endpoint) = (replay.account, replay.endpoint);
    match replays.find(account, endpoint, replay.id).await? {
        Some(current) => replay = current,
        None => return Ok(()),
    }
    let mut seen = HashSet::new();
    loop {
        let now = Timestamp::now();
        let found = state
            .endpoints
            .find(account, endpoint, Health::default(), now)
            .await?;
        let Some(ready) = found.filter(|ready| ready.endpoint.is_enabled()) else {
            replay.state = ReplayState::Stopped;
            break;
        };
        let span = (replay.since, replay.until);
        let place = replay.place.as_deref();
        let files = state
            .archive
            .archived(account, span, place, TOGETHER)
            .await?;
        if files.is_empty() {
            replay.state = ReplayState::Finished;
            break;
        }
        for file in files {
            if Timestamp::now() >= shift.stop {
                replays.write(&replay, shift.owner, None).await?;
                return Ok(());
            }
            let events = read(state, &replay, &ready, &file, &mut seen).await?;
            replay.sent += u64::try_from(events.len()).unwrap_or_default();
            to_endpoint(state, &ready, events, shift.stop).await?;
            replay.place = Some(file);
            if !replays.write(&replay, shift.owner, Some(shift.end)).await? {
                return Ok(());
            }
        }
    }
    replays.write(&replay, shift.owner, None).await.map(drop)
}

/// Those of a file that were asked for, each once.
async fn read(
    state: &State,
    replay: &Replay,
    ready: &Ready,
    file: &str,
    seen: &mut HashSet<EventId>,
) -> Result<Vec<Event>, StoreError> {
    let Some(packed) = state.archive.read_archived(file).await? else {
        return Ok(Vec::new());
    };
    let events = archive::unpack(&packed).map_err(|_| StoreError::corrupt("archived events"))?;
    let asked = |event: &Event| {
        let of_type = replay.wanted.as_ref();
        of_type.is_none_or(|wanted| wanted.wants(&event.kind))
            && (replay.events.is_empty() || replay.events.contains(&event.id))
    };
    let events = events.into_iter();
    let events =
        events.filter(|event| asked(event) && wants(ready, event) && seen.insert(event.id));
    Ok(events.collect())
}
