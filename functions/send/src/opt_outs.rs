//! The last look before a message leaves: has its recipient opted out since the audience was prepared?

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use carillon_core::{batch::BatchTerms, id::AccountId, keyed_hash::DeploymentKey, phone::Phone};
use carillon_store::{
    StoreError,
    suppressions::{OptedOut, Suppressions},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

/// Writers' clocks differ: each look goes back by this much behind the last.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);
/// An audience is prepared a quarter of an hour before its time; its cleaning is no older than this.
const PREPARED_BEFORE: SignedDuration = SignedDuration::from_mins(30);

/// Where a chunk's recipients came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// By `prepare`, which left out who had opted out by then.
    Prepared,
    /// Straight from a request.
    Direct,
}

pub struct OptOuts {
    suppressions: Suppressions,
    key: DeploymentKey,
    logs: Mutex<HashMap<AccountId, Arc<Mutex<Log>>>>,
}

/// An account's opt-outs from `from` on, as far as they were read.
#[derive(Default)]
struct Log {
    from: Option<Timestamp>,
    read_to: Option<Timestamp>,
    opted_out: OptedOut,
}

impl OptOuts {
    pub fn new(suppressions: Suppressions, key: DeploymentKey) -> Self {
        Self {
            suppressions,
            key,
            logs: Mutex::default(),
        }
    }

    /// Which of the numbers must not be texted. The look begins after the call, strongly consistent.
    pub async fn look(
        &self,
        terms: &BatchTerms,
        audience: Audience,
        numbers: &[Phone],
        now: Timestamp,
    ) -> Result<HashSet<Phone>, StoreError> {
        if terms.answers.is_some() {
            // It confirms the opt-out itself, and is the only one that may.
            return Ok(HashSet::new());
        }
        if audience == Audience::Direct {
            return self.one_by_one(terms.account, numbers).await;
        }
        let log = self
            .logs
            .lock()
            .await
            .entry(terms.account)
            .or_default()
            .clone();
        let mut log = log.lock().await;
        self.catch_up(terms, &mut log, now).await?;
        if log.opted_out.is_empty() {
            return Ok(HashSet::new());
        }
        let opted_out = |number: &&Phone| {
            log.opted_out
                .contains(&self.key.number(terms.account, **number))
        };
        Ok(numbers.iter().filter(opted_out).copied().collect())
    }

    /// Reads what is new. An audience was cleaned of what is older than its batch.
    async fn catch_up(
        &self,
        terms: &BatchTerms,
        log: &mut Log,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let needed = terms.began.max(terms.starts() - PREPARED_BEFORE) - OVERLAP;
        let known_from = log.from.filter(|from| *from <= needed);
        let since = match (known_from, log.read_to) {
            (Some(_), Some(read_to)) => read_to - OVERLAP,
            _ => needed,
        };
        let lines = self.suppressions.since(terms.account, Some(since)).await?;
        log.opted_out.apply(lines);
        log.from = Some(known_from.unwrap_or(needed));
        log.read_to = Some(now);
        Ok(())
    }

    /// Recipients that nobody cleaned: each is looked up by its number.
    async fn one_by_one(
        &self,
        account: AccountId,
        numbers: &[Phone],
    ) -> Result<HashSet<Phone>, StoreError> {
        let looks = stream::iter(numbers).map(|number| async move {
            let held = self
                .suppressions
                .holds(account, &self.key.number(account, *number))
                .await?;
            Ok::<_, StoreError>(held.then_some(*number))
        });
        let held: Vec<Option<Phone>> = looks.buffer_unordered(25).try_collect().await?;
        Ok(held.into_iter().flatten().collect())
    }
}
