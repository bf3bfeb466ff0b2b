//! Counts an hour of an account's API sends. It is counted as a whole and put in the place of the digest before, under the condition that
//! nobody did so meanwhile: two workers, or one after another's death, end at the same digest.

use carillon_core::digest::{self, Digest};
use carillon_store::{
    StoreError,
    counts::{Of, count},
    digests::{Due, Lost, Part},
    queues::DigestRequest,
};
use jiff::Timestamp;

use crate::{State, worker::Ended};

/// Counts as much of it as the time allows. May be called again, and at the same time.
pub async fn work(
    state: &State,
    request: DigestRequest,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<Ended, StoreError> {
    let Some((due, part)) = state.digests.begin(request, now).await? else {
        return Ok(Ended::Lost);
    };
    let part = part.or_else(|| first(&due, now));
    let Some(mut part) = part else {
        return Ok(Ended::Lost);
    };
    let stops = deadline - state.limits.reserve;
    let (kept, ended) = match go_on(state, &due, &mut part, stops, now).await? {
        Ended::OutOfTime => {
            let kept = state.digests.keep_part(&due, &part, now).await?;
            (kept, Ended::OutOfTime)
        }
        ended => {
            let again = part.digest.next_look(due.hour, now);
            (state.digests.keep(&due, &part.digest, again).await?, ended)
        }
    };
    let batches: u64 = part.digest.sums.values().map(|sum| sum.batches).sum();
    let (account, hour) = (due.account, due.hour.begins());
    tracing::info!(%account, %hour, ?ended, batches, "an hour of API sends was counted");
    Ok(match kept {
        Ok(()) => ended,
        Err(Lost) => Ended::Lost,
    })
}

/// A count that begins.
fn first(due: &Due, now: Timestamp) -> Option<Part> {
    let (first, _) = digest::ids(due.hour.begins(), due.hour.ends())?;
    Some(Part {
        digest: Digest::default(),
        next: first,
        since: now,
    })
}

async fn go_on(
    state: &State,
    due: &Due,
    part: &mut Part,
    stops: Timestamp,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    let Some((_, last)) = digest::ids(due.hour.begins(), due.hour.ends()) else {
        return Ok(Ended::Finished);
    };
    loop {
        if Timestamp::now() >= stops {
            return Ok(Ended::OutOfTime);
        }
        let page = state
            .batches
            .between(due.account, part.next, last, state.limits.digest_batches);
        let mut batches = page.await?;
        // A page may be short because it is large; only an empty one is the end.
        let Some(next) = batches.last().and_then(|batch| batch.terms.id.next()) else {
            return Ok(Ended::Finished);
        };
        batches.retain(|batch| batch.terms.campaign.is_none());
        let from = (&state.batches, &state.ledger);
        for it in count(from, batches, Of::Kept, now).await? {
            part.digest.add(&it.batch, it.breakdown, it.closed, now);
        }
        part.next = next;
    }
}
