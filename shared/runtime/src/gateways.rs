//! Gateway accounts with their credentials opened, for five minutes at most: a new secret is seen by then, or at once by who knows
//! that there is one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carillon_core::id::{AccountId, GatewayAccountId};
use carillon_gateways::{Credentials, GatewayAccount, GatewayKind, callback::PathToken};
use carillon_store::{
    StoreError,
    credentials::{Sealed, Vault},
    gateway_accounts::{GatewayAccounts, GatewayRecord},
};
use jiff::{SignedDuration, Timestamp};

const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);

pub struct GatewayCache {
    accounts: GatewayAccounts,
    vault: Vault,
    hooks_url: String,
    open: Mutex<HashMap<GatewayAccountId, Opened>>,
}

#[derive(Clone)]
struct Opened {
    account: Arc<GatewayAccount>,
    /// Of its record.
    version: u32,
    since: Timestamp,
}

impl GatewayCache {
    pub fn new(accounts: GatewayAccounts, vault: Vault, hooks_url: String) -> Self {
        let open = Mutex::default();
        Self {
            accounts,
            vault,
            hooks_url,
            open,
        }
    }

    /// `None` when it is gone, or configured in a way that this version can't read. One that is switched off is opened all the same: reports
    /// of what has left by it still come. That nothing leaves by it is for the rate item to say.
    pub async fn open(
        &self,
        account: AccountId,
        id: GatewayAccountId,
        now: Timestamp,
    ) -> Result<Option<Arc<GatewayAccount>>, StoreError> {
        self.open_newer(account, id, 0, now).await
    }

    /// As its record was in this version, or later.
    pub async fn open_newer(
        &self,
        account: AccountId,
        id: GatewayAccountId,
        version: u32,
        now: Timestamp,
    ) -> Result<Option<Arc<GatewayAccount>>, StoreError> {
        let fresh = |opened: &&Opened| {
            now.duration_since(opened.since) < KEPT_FOR && opened.version >= version
        };
        if let Some(opened) = self.lock().get(&id).filter(fresh) {
            return Ok(Some(opened.account.clone()));
        }
        let Some((record, sealed)) = self.accounts.find(account, id).await? else {
            return Ok(None);
        };
        let Some(opened) = self.unseal(&record, &sealed).await? else {
            tracing::warn!(gateway = %id, "a gateway account can't be used");
            return Ok(None);
        };
        let account = Arc::new(opened);
        let opened = Opened {
            account: account.clone(),
            version: record.version,
            since: now,
        };
        self.lock().insert(id, opened);
        Ok(Some(account))
    }

    /// Which gateway account a webhook's path token belongs to, opened.
    pub async fn open_by_token(
        &self,
        token: &PathToken,
        now: Timestamp,
    ) -> Result<Option<Arc<GatewayAccount>>, StoreError> {
        let known = |opened: &&Opened| {
            now.duration_since(opened.since) < KEPT_FOR && opened.account.token.is(token)
        };
        if let Some(known) = self.lock().values().find(known) {
            return Ok(Some(known.account.clone()));
        }
        match self.accounts.find_by_token(token.as_str()).await? {
            Some((account, id)) => self.open(account, id, now).await,
            None => Ok(None),
        }
    }

    async fn unseal(
        &self,
        record: &GatewayRecord,
        sealed: &Sealed,
    ) -> Result<Option<GatewayAccount>, StoreError> {
        let plain = self.vault.open(record.account, record.id, sealed).await?;
        let credentials: Result<Credentials, _> = serde_json::from_slice(&plain);
        let (Ok(credentials), Ok(kind), Ok(token)) = (
            credentials,
            record.kind.parse::<GatewayKind>(),
            record.token.parse(),
        ) else {
            return Ok(None);
        };
        let hooks_url = self.hooks_url.as_str();
        let opened = GatewayAccount::open(
            record.id,
            record.account,
            kind,
            &record.config,
            credentials,
            token,
            hooks_url,
        );
        Ok(opened.ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<GatewayAccountId, Opened>> {
        self.open
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
