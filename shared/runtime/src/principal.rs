//! Who is calling. A handler names what its caller must be allowed to do in its signature, as `May<SendMessages>`;
//! there is no other way to learn the account.

use std::{
    collections::HashMap,
    marker::PhantomData,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::{FromRef, FromRequestParts};
use carillon_core::{
    api_key::{ApiKeySecret, Mode, Scope},
    id::AccountId,
    keyed_hash::DeploymentKey,
};
use carillon_store::{
    api_keys::{ApiKey, ApiKeys},
    audit::Actor,
};
use http::{HeaderMap, header, request::Parts};
use jiff::{SignedDuration, Timestamp};

use crate::problem::{Code, Problem};

/// A key that was read is believed for so long: a revoked one is refused everywhere after this.
const BELIEVED: SignedDuration = SignedDuration::from_secs(30);
/// Keys that are remembered at most.
const REMEMBERED: usize = 10_000;

/// An API key or, in the console, a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub account: AccountId,
    pub actor: Actor,
    pub mode: Mode,
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// A test key knows nothing of what a live key made, so that it can't set it going.
    pub fn sees(&self, test: bool) -> bool {
        test || self.mode == Mode::Live
    }

    /// Refuses a test key where there is no telling test from live.
    pub fn must_be_live(&self) -> Result<(), Problem> {
        match self.mode {
            Mode::Live => Ok(()),
            Mode::Test => {
                let detail =
                    "A test key can't change what live messages depend on. Use a live key.";
                Err(Problem::new(Code::ForbiddenScope, detail))
            }
        }
    }
}

/// The caller of a handler that needs `P`.
#[derive(Debug)]
pub struct May<P> {
    principal: Principal,
    permission: PhantomData<P>,
}

pub trait Permission {
    const SCOPE: Scope;
}

#[derive(Debug)]
pub enum SendMessages {}
impl Permission for SendMessages {
    const SCOPE: Scope = Scope::MessagesSend;
}

#[derive(Debug)]
pub enum ReadMessages {}
impl Permission for ReadMessages {
    const SCOPE: Scope = Scope::MessagesRead;
}

#[derive(Debug)]
pub enum WriteCampaigns {}
impl Permission for WriteCampaigns {
    const SCOPE: Scope = Scope::CampaignsWrite;
}

#[derive(Debug)]
pub enum ReadCampaigns {}
impl Permission for ReadCampaigns {
    const SCOPE: Scope = Scope::CampaignsRead;
}

#[derive(Debug)]
pub enum WriteGateways {}
impl Permission for WriteGateways {
    const SCOPE: Scope = Scope::GatewaysWrite;
}

#[derive(Debug)]
pub enum ReadGateways {}
impl Permission for ReadGateways {
    const SCOPE: Scope = Scope::GatewaysRead;
}

#[derive(Debug)]
pub enum AdministerKeys {}
impl Permission for AdministerKeys {
    const SCOPE: Scope = Scope::KeysAdmin;
}

#[derive(Debug)]
pub enum ReadAudit {}
impl Permission for ReadAudit {
    const SCOPE: Scope = Scope::AuditRead;
}

impl<P> Deref for May<P> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<S, P> FromRequestParts<S> for May<P>
where
    S: Send + Sync,
    P: Permission,
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Authenticator::from_ref(state);
        let principal = authenticator
            .principal(&parts.headers, Timestamp::now())
            .await?;
        if !principal.scopes.contains(&P::SCOPE) {
            let scope = P::SCOPE;
            let detail = format!(
                "This needs the scope `{scope}`. Use an API key that has it, or create one: `POST /v1/keys`."
            );
            return Err(Problem::new(Code::ForbiddenScope, detail));
        }
        let permission = PhantomData;
        Ok(Self {
            principal,
            permission,
        })
    }
}

/// Finds out who is calling.
#[derive(Debug, Clone)]
pub struct Authenticator {
    keys: ApiKeys,
    deployment: DeploymentKey,
    remembered: Arc<Mutex<HashMap<String, (Timestamp, ApiKey)>>>,
}

impl Authenticator {
    pub fn new(keys: ApiKeys, deployment: DeploymentKey) -> Self {
        let remembered = Arc::default();
        Self {
            keys,
            deployment,
            remembered,
        }
    }

    async fn principal(&self, headers: &HeaderMap, now: Timestamp) -> Result<Principal, Problem> {
        let key = bearer(headers).and_then(|key| key.parse::<ApiKeySecret>().ok());
        // A mistyped key is refused by its check, before anything is read.
        let secret = key.ok_or_else(unauthenticated)?;
        let hash = secret.hash(&self.deployment);
        let key = if let Some(key) = self.recall(&hash, now) {
            key
        } else {
            let key = self.keys.find(&hash).await?.ok_or_else(unauthenticated)?;
            self.remember(hash, key.clone(), now);
            key
        };
        let ApiKey {
            id,
            account,
            mode,
            scopes,
            expires,
            revoked,
            ..
        } = key;
        if revoked.is_some() {
            return Err(Problem::new(
                Code::KeyRevoked,
                "The API key was revoked. Use another one.",
            ));
        }
        if expires.is_some_and(|time| time <= now) {
            return Err(Problem::new(
                Code::KeyExpired,
                "The API key has expired. Use another one.",
            ));
        }
        let actor = Actor::Key(id);
        Ok(Principal {
            account,
            actor,
            mode,
            scopes,
        })
    }

    /// As if the key had just been read.
    pub fn remember(&self, hash: String, key: ApiKey, now: Timestamp) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash, (now, key));
    }

    fn recall(&self, hash: &str, now: Timestamp) -> Option<ApiKey> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (read, key) = remembered.get(hash)?;
        (now.duration_since(*read) < BELIEVED).then(|| key.clone())
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn unauthenticated() -> Problem {
    let detail = "Send an API key of this deployment, complete and unchanged, as `Authorization: Bearer car_…`.";
    Problem::new(Code::Unauthenticated, detail)
}
