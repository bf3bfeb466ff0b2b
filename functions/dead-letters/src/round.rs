//! One round past all queues. A letter is kept before it is deleted, so that a crash between leaves it twice and never nowhere.

use carillon_core::{
    dead_letter::{DeadLetter, DeadQueue},
    id::AccountId,
};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, dead_letter_queues::Found, dead_letters::Kept};
use jiff::{SignedDuration, Timestamp};

use crate::{
    State,
    letter::{self, Told},
};

/// What is left of the time when a round ends: to put back what belongs to nobody, and to count.
const ROOM_TO_END: SignedDuration = SignedDuration::from_secs(10);

pub async fn make(state: &State, deadline: Timestamp) -> Result<(), StoreError> {
    for (queue, url) in &state.queues {
        // One queue that fails doesn't keep the others from being emptied.
        if let Err(error) = empty(state, *queue, url, deadline - ROOM_TO_END).await {
            tracing::error!(
                queue = queue.as_str(),
                error = chain(&error),
                "dead letters could not be taken from their queue"
            );
        }
    }
    let open = state.letters.count().await?;
    tracing::info!(
        metric = "dead_letters.open",
        count = open,
        "dead letters wait for somebody"
    );
    Ok(())
}

async fn empty(
    state: &State,
    queue: DeadQueue,
    url: &str,
    until: Timestamp,
) -> Result<(), StoreError> {
    let mut nobodys = Vec::new();
    while Timestamp::now() < until {
        let found = state.reader.look(url).await?;
        if found.is_empty() {
            break;
        }
        for found in found {
            match addressed(state, queue, &found).await? {
                Some(letter) => take(state, url, letter, found).await?,
                None => nobodys.push(found),
            }
        }
    }
    for found in &nobodys {
        state.reader.leave(url, found).await?;
    }
    if !nobodys.is_empty() {
        tracing::warn!(
            metric = "dead_letters.nobodys",
            queue = queue.as_str(),
            count = nobodys.len(),
            "dead letters name no account and stay in their queue"
        );
    }
    Ok(())
}

async fn take(
    state: &State,
    url: &str,
    letter: DeadLetter,
    found: Found,
) -> Result<(), StoreError> {
    tracing::warn!(
        metric = "dead_letters.kept",
        queue = letter.queue.as_str(),
        why = letter.why.as_str(),
        account = %letter.account,
        letter = %letter.id,
        "a dead letter was taken to its account"
    );
    let body = found.body.clone();
    state.letters.keep(&Kept { letter, body }).await?;
    state.reader.delete(url, &found).await
}

/// `None` when nobody knows whose it is.
async fn addressed(
    state: &State,
    queue: DeadQueue,
    found: &Found,
) -> Result<Option<DeadLetter>, StoreError> {
    let Told { subject, account } = letter::told(queue, &found.body);
    let batch = match subject.batch {
        Some(batch) => state.batches.find(batch).await?,
        None => None,
    };
    let group = || found.group.as_ref()?.parse::<AccountId>().ok();
    let of_batch = batch.as_ref().map(|batch| batch.terms.account);
    let Some(account) = of_batch.or(account).or_else(group) else {
        return Ok(None);
    };
    let mut subject = subject;
    subject.campaign = subject
        .campaign
        .or(batch.as_ref().and_then(|batch| batch.terms.campaign));
    let now = Timestamp::now();
    Ok(Some(DeadLetter {
        id: letter::id(&found.message_id, found.since),
        account,
        test: batch.is_some_and(|batch| batch.terms.test),
        queue,
        subject,
        why: found.why,
        receives: found.receives,
        since: Timestamp::from_millisecond(found.since).unwrap_or(now),
        died: now,
    }))
}
