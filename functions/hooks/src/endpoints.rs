//! The endpoints of accounts with their secrets opened, for a few seconds: a change is followed by then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use carillon_core::{
    id::{AccountId, WebhookId},
    webhook::{Endpoint, EndpointSecret, Health},
};
use carillon_store::{
    StoreError,
    credentials::{Sealed, Vault},
    webhooks::{Backlogs, Endpoints, KeptEndpoint},
};
use jiff::{SignedDuration, Timestamp};

const BELIEVED: SignedDuration = SignedDuration::from_secs(5);
/// Accounts and opened secrets that are remembered at most; then all are forgotten.
const REMEMBERED: usize = 4_096;

/// An endpoint, ready to be called.
#[derive(Debug, Clone)]
pub struct Ready {
    pub endpoint: Endpoint,
    /// Those that sign now, the newest first.
    pub secrets: Vec<EndpointSecret>,
    pub health: Health,
}

pub struct EndpointCache {
    pub endpoints: Endpoints,
    backlogs: Backlogs,
    vault: Vault,
    accounts: Mutex<HashMap<AccountId, Known>>,
    /// A secret never changes, so it is opened once.
    opened: Mutex<HashMap<Vec<u8>, EndpointSecret>>,
}

#[derive(Clone)]
struct Known {
    endpoints: Arc<Vec<Ready>>,
    since: Timestamp,
}

impl EndpointCache {
    pub fn new(endpoints: Endpoints, backlogs: Backlogs, vault: Vault) -> Self {
        Self {
            endpoints,
            backlogs,
            vault,
            accounts: Mutex::default(),
            opened: Mutex::default(),
        }
    }

    /// Those of an account, as they were a few seconds ago at most.
    pub async fn of(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Arc<Vec<Ready>>, StoreError> {
        let known = lock(&self.accounts).get(&account).cloned();
        let fresh = known.filter(|known| now.duration_since(known.since) < BELIEVED);
        match fresh {
            Some(known) => Ok(known.endpoints),
            None => self.of_now(account, now).await,
        }
    }

    /// As they are now.
    pub async fn of_now(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Arc<Vec<Ready>>, StoreError> {
        let kept = self.endpoints.list(account).await?;
        let backlogs = if kept.is_empty() {
            Vec::new()
        } else {
            self.backlogs.of_account(account).await?
        };
        let mut ready = Vec::new();
        for kept in kept {
            let of_it = |id| backlogs.iter().find(|backlog| backlog.endpoint == id);
            let health = of_it(kept.endpoint.id).map(|backlog| backlog.health);
            ready.push(self.ready(kept, health.unwrap_or_default(), now).await?);
        }
        let endpoints = Arc::new(ready);
        let mut accounts = lock(&self.accounts);
        if accounts.len() >= REMEMBERED {
            accounts.clear();
        }
        let known = Known {
            endpoints: endpoints.clone(),
            since: now,
        };
        accounts.insert(account, known);
        Ok(endpoints)
    }

    pub fn forget(&self, account: AccountId) {
        lock(&self.accounts).remove(&account);
    }

    /// One endpoint as it is now.
    pub async fn find(
        &self,
        account: AccountId,
        id: WebhookId,
        health: Health,
        now: Timestamp,
    ) -> Result<Option<Ready>, StoreError> {
        match self.endpoints.find(account, id).await? {
            Some(kept) => self.ready(kept, health, now).await.map(Some),
            None => Ok(None),
        }
    }

    async fn ready(
        &self,
        kept: KeptEndpoint,
        health: Health,
        now: Timestamp,
    ) -> Result<Ready, StoreError> {
        let KeptEndpoint { endpoint, secrets } = kept;
        let mut open = Vec::new();
        for secret in secrets {
            if secret.until.is_none_or(|until| now < until) {
                open.push(self.open(&endpoint, &secret.sealed).await?);
            }
        }
        Ok(Ready {
            endpoint,
            secrets: open,
            health,
        })
    }

    async fn open(
        &self,
        endpoint: &Endpoint,
        sealed: &Sealed,
    ) -> Result<EndpointSecret, StoreError> {
        if let Some(secret) = lock(&self.opened).get(&sealed.content) {
            return Ok(secret.clone());
        }
        let (account, id) = (endpoint.account, endpoint.id);
        let plain = self.vault.open(account, id, sealed).await?;
        let secret = str::from_utf8(&plain)
            .ok()
            .and_then(|text| text.parse().ok());
        let secret: EndpointSecret =
            secret.ok_or_else(|| StoreError::corrupt("a webhook's secret"))?;
        let mut opened = lock(&self.opened);
        if opened.len() >= REMEMBERED {
            opened.clear();
        }
        opened.insert(sealed.content.clone(), secret.clone());
        Ok(secret)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("nothing panics while it holds the lock")
}
