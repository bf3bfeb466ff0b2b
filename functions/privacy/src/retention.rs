//! Once a day, for each account that keeps something for a time of its own: forgets what is older, class by class. Each step may be
//! done again, so whoever is killed is followed by one who begins where it was.

use carillon_core::{
    batch::{Batch, Stage},
    id::{AccountId, BatchId},
    retention::{Class, Retention},
};
use carillon_runtime::logs::chain;
use carillon_store::{
    StoreError,
    files::Files,
    ledger::{Consistency, PageOfChunks},
    retention::Sweep,
};
use jiff::{SignedDuration, Timestamp};

use crate::State;

/// Longer than an invocation lives.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(10);
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Batches that are looked for at once.
const TOGETHER: i32 = 100;

/// What is old by `now` goes; no further batch is begun after `until`.
pub async fn sweep(state: &State, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
    for sweep in state.sweeps.due(now).await? {
        if Timestamp::now() >= until {
            break;
        }
        let account = sweep.account;
        // One that fails is tried again in a while, and keeps no other from being swept.
        if let Err(error) = of_account(state, sweep, now, until).await {
            tracing::error!(%account, error = chain(&error), metric = "privacy.failures", "what an account keeps too long could not be forgotten");
        }
    }
    Ok(())
}

async fn of_account(
    state: &State,
    sweep: Sweep,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let taken = Sweep {
        due: now + TAKEN_FOR,
        ..sweep.clone()
    };
    if state.sweeps.change(&sweep, &taken).await?.is_err() {
        return Ok(());
    }
    let account = sweep.account;
    let retention = state.safeguards.find(account).await?.retention;
    let has_time = || Timestamp::now() < until;
    let others_through = others(state, account, retention, now, until).await?;
    let Pass { swept, reached } = messages(state, &sweep, retention, now, has_time).await?;
    let is_through = others_through && reached.is_none();
    let after = Sweep {
        due: if is_through { now + EVERY } else { now },
        swept,
        reached,
        account,
    };
    let noted = state.sweeps.change(&taken, &after).await?;
    // Otherwise the setting was changed, and it is due at once.
    tracing::info!(%account, through = is_through, noted = noted.is_ok(), "what an account kept too long is forgotten");
    Ok(())
}

/// Whether it came to the end.
async fn others(
    state: &State,
    account: AccountId,
    retention: Retention,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    if let Some(before) = retention.before(Class::Inbound, now) {
        let hash = |number| state.key.number(account, number);
        let has_time = || Timestamp::now() < until;
        let forgotten = state.inbound.forget_before(account, before, hash, has_time);
        if !forgotten.await? {
            return Ok(false);
        }
    }
    if let Some(before) = retention.before(Class::Audit, now) {
        state.audit.forget_before(account, before).await?;
    }
    if let Some(before) = retention.before(Class::Files, now) {
        for prefix in Files::account_prefixes(account) {
            for key in state.files.older(&prefix, before).await? {
                state.files.delete(&key).await?;
            }
        }
    }
    Ok(true)
}

/// How far it came with an account's messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    /// Up to here all are forgotten.
    pub swept: Option<BatchId>,
    /// Where its time was over; `None` when it came to the end.
    pub reached: Option<BatchId>,
}

/// A batch that isn't over is passed by, and kept in mind for the next pass. Whose time is over says how far it came, so that the next
/// one doesn't begin with the same.
pub async fn messages(
    state: &State,
    sweep: &Sweep,
    retention: Retention,
    now: Timestamp,
    mut has_time: impl FnMut() -> bool,
) -> Result<Pass, StoreError> {
    let Sweep { swept, reached, .. } = *sweep;
    let through = |swept| Pass {
        swept,
        reached: None,
    };
    let Some(before) = retention.before(Class::Messages, now) else {
        return Ok(through(swept));
    };
    let last = BatchId::at(before, [u8::MAX; 10]);
    let first = swept.unwrap_or_else(|| BatchId::at(Timestamp::UNIX_EPOCH, [0; 10]));
    let mut from = reached.unwrap_or(first);
    let (mut swept, mut all_before) = (swept, from == first);
    loop {
        let batches = state.batches.between(sweep.account, from, last, TOGETHER);
        let batches = batches.await?;
        let is_last = batches.len() < usize::try_from(TOGETHER).unwrap_or_default();
        for batch in batches {
            if batch.terms.id == from {
                continue;
            }
            if !has_time() {
                let reached = Some(from);
                return Ok(Pass { swept, reached });
            }
            from = batch.terms.id;
            // One that isn't over is looked at again tomorrow; those after it may go today.
            all_before &= forget(state, &batch, before).await?;
            if all_before {
                swept = Some(from);
            }
        }
        if is_last {
            return Ok(through(swept));
        }
    }
}

/// Whether nothing is left of a batch's messages. Their fates go first, then whom they went to.
async fn forget(state: &State, batch: &Batch, before: Timestamp) -> Result<bool, StoreError> {
    let is_over = match batch.progress.stage {
        Stage::Preparing | Stage::Ready => false,
        Stage::Failed | Stage::Finished => true,
    };
    if !is_over || !is_done_before(state, batch, before).await? {
        return Ok(false);
    }
    let id = batch.terms.id;
    let chunks = batch.progress.chunks.unwrap_or(0);
    if batch.terms.content.links.is_some() {
        state.ledger.forget_clicks(id).await?;
    }
    state.ledger.forget_chunks(id, chunks).await?;
    if batch.terms.campaign.is_some() {
        for key in state
            .files
            .keys(&Files::recipients_prefix(id), None)
            .await?
        {
            state.files.delete(&key).await?;
        }
        let rejected = Files::rejected_key(batch.terms.account, id);
        state.files.delete(&rejected).await?;
    } else {
        state.batches.forget_text(&batch.terms).await?;
    }
    Ok(true)
}

/// Whether each chunk that there is was done with before that.
async fn is_done_before(
    state: &State,
    batch: &Batch,
    before: Timestamp,
) -> Result<bool, StoreError> {
    let chunks = batch.progress.chunks.unwrap_or(0);
    for page in PageOfChunks::all(batch.terms.id, chunks) {
        let mut page = Some(page);
        while let Some(this) = page {
            let (chunks, next) = state
                .ledger
                .page_of_chunks(this, Consistency::Strong)
                .await?;
            let is_old = |done: Timestamp| done < before;
            if !chunks
                .iter()
                .all(|(_, chunk)| chunk.done.is_some_and(is_old))
            {
                return Ok(false);
            }
            page = next;
        }
    }
    Ok(true)
}
