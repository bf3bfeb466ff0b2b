//! Once a minute, and then each second while something is due within the minute: looks which endpoints' backlogs have to be looked at, and
//! works on all of them side by side. Nothing goes back to a queue.

use std::{collections::HashSet, time::Duration};

use carillon_core::id::{ReplayId, WebhookId};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use futures::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};

use crate::{backlog, replay, state::State};

const TICK: Duration = Duration::from_secs(1);
/// The next minute's invocation sees what is due later.
const WORTH_WAITING: SignedDuration = SignedDuration::from_secs(60);
/// Endpoints worked on at once.
const CONCURRENT: usize = 64;
const REPLAYS: i32 = 16;

/// How long to work, and under whose name.
#[derive(Debug, Clone, Copy)]
pub struct Shift<'a> {
    pub owner: &'a str,
    /// No call begins after this.
    pub stop: Timestamp,
    /// By then it is over, whatever happens: what is held is free again.
    pub end: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Busy {
    Backlog(WebhookId),
    Replay(ReplayId),
}

pub async fn sweep(
    state: &State,
    owner: &str,
    stop: Timestamp,
    end: Timestamp,
) -> Result<(), StoreError> {
    let shift = Shift { owner, stop, end };
    let mut busy = HashSet::new();
    let mut works: FuturesUnordered<LocalBoxFuture<'_, Busy>> = FuturesUnordered::new();
    loop {
        let now = Timestamp::now();
        if now >= stop {
            break;
        }
        let looked = begin(state, shift, &mut busy, &works, now).await;
        let (begun, more) = looked.unwrap_or_else(|error| {
            tracing::error!(
                error = chain(&error),
                "backlogs of webhooks can't be looked up"
            );
            (Vec::new(), true)
        });
        works.extend(begun);
        if works.is_empty() && !more {
            return Ok(());
        }
        let tick = tokio::time::sleep(TICK);
        tokio::pin!(tick);
        loop {
            tokio::select! {
                () = &mut tick => break,
                Some(done) = works.next() => { busy.remove(&done); }
            }
        }
    }
    // Joined, none is left behind.
    while works.next().await.is_some() {}
    Ok(())
}

/// Works on what is due at this moment.
pub async fn once(
    state: &State,
    owner: &str,
    stop: Timestamp,
    end: Timestamp,
) -> Result<(), StoreError> {
    let shift = Shift { owner, stop, end };
    let mut works = FuturesUnordered::new();
    let (begun, _) = begin(state, shift, &mut HashSet::new(), &works, Timestamp::now()).await?;
    works.extend(begun);
    while works.next().await.is_some() {}
    Ok(())
}

/// Work that nobody is at yet, and whether there will be more soon.
async fn begin<'a>(
    state: &'a State,
    shift: Shift<'a>,
    busy: &mut HashSet<Busy>,
    works: &FuturesUnordered<LocalBoxFuture<'a, Busy>>,
    now: Timestamp,
) -> Result<(Vec<LocalBoxFuture<'a, Busy>>, bool), StoreError> {
    let mut begun: Vec<LocalBoxFuture<'a, Busy>> = Vec::new();
    let mut more = false;
    let room = |begun: &Vec<_>| works.len() + begun.len() < CONCURRENT;
    for backlog in state.backlogs.list().await? {
        let opens = backlog.health.open_until.unwrap_or(Timestamp::MIN);
        let look_at = backlog.look_at.max(opens);
        more |= look_at <= now + WORTH_WAITING;
        let held = backlog.held_until.is_some_and(|until| now < until);
        let key = Busy::Backlog(backlog.endpoint);
        if look_at <= now && !held && room(&begun) && busy.insert(key) {
            let work = async move {
                backlog::work(state, backlog, shift).await;
                key
            };
            begun.push(work.boxed_local());
        }
    }
    for replay in state.replays.running(REPLAYS).await? {
        more = true;
        let key = Busy::Replay(replay.id);
        if room(&begun) && busy.insert(key) {
            let work = async move {
                replay::work(state, replay, shift).await;
                key
            };
            begun.push(work.boxed_local());
        }
    }
    Ok((begun, more))
}
