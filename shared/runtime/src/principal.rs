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
    id::{AccountId, ApiKeyId},
    keyed_hash::DeploymentKey,
    quota::Quotas,
};
use carillon_store::{
    accounts::Accounts,
    api_keys::{ApiKey, ApiKeys},
    audit::Actor,
};
use http::{HeaderMap, header, request::Parts};
use jiff::{SignedDuration, Timestamp};

use crate::{
    logs::chain,
    problem::{Code, Problem},
    quota::{Limiter, Told},
};

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
    pub quotas: Quotas,
}

impl Principal {
    /// The API key that is calling.
    pub fn key(&self) -> Option<ApiKeyId> {
        match self.actor {
            Actor::Key(id) => Some(id),
            Actor::Member(_) | Actor::Operator | Actor::Plan | Actor::System => None,
        }
    }

    /// The refusal of what its scopes don't allow.
    fn lacks(&self, scope: Scope) -> Problem {
        let detail = match self.actor {
            Actor::Member(_) => {
                format!("Your role doesn't allow this (`{scope}`). Ask an owner of the account.")
            }
            Actor::Key(_) | Actor::Operator | Actor::Plan | Actor::System => format!(
                "This needs the scope `{scope}`. Use an API key that has it, or create one: `POST /v1/keys`."
            ),
        };
        Problem::new(Code::ForbiddenScope, detail)
    }

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
pub enum WriteContacts {}
impl Permission for WriteContacts {
    const SCOPE: Scope = Scope::ContactsWrite;
}

#[derive(Debug)]
pub enum ReadContacts {}
impl Permission for ReadContacts {
    const SCOPE: Scope = Scope::ContactsRead;
}

#[derive(Debug)]
pub enum WriteTemplates {}
impl Permission for WriteTemplates {
    const SCOPE: Scope = Scope::TemplatesWrite;
}

#[derive(Debug)]
pub enum ReadTemplates {}
impl Permission for ReadTemplates {
    const SCOPE: Scope = Scope::TemplatesRead;
}

#[derive(Debug)]
pub enum WriteExports {}
impl Permission for WriteExports {
    const SCOPE: Scope = Scope::ExportsWrite;
}

#[derive(Debug)]
pub enum ReadExports {}
impl Permission for ReadExports {
    const SCOPE: Scope = Scope::ExportsRead;
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
pub enum ReadInbound {}
impl Permission for ReadInbound {
    const SCOPE: Scope = Scope::InboundRead;
}

#[derive(Debug)]
pub enum AdministerKeys {}
impl Permission for AdministerKeys {
    const SCOPE: Scope = Scope::KeysAdmin;
}

#[derive(Debug)]
pub enum AdministerMembers {}
impl Permission for AdministerMembers {
    const SCOPE: Scope = Scope::MembersAdmin;
}

#[derive(Debug)]
pub enum ReadAudit {}
impl Permission for ReadAudit {
    const SCOPE: Scope = Scope::AuditRead;
}

#[derive(Debug)]
pub enum ReadAccount {}
impl Permission for ReadAccount {
    const SCOPE: Scope = Scope::AccountRead;
}

#[derive(Debug)]
pub enum WriteAccount {}
impl Permission for WriteAccount {
    const SCOPE: Scope = Scope::AccountWrite;
}

#[derive(Debug)]
pub enum WritePrivacy {}
impl Permission for WritePrivacy {
    const SCOPE: Scope = Scope::PrivacyWrite;
}

#[derive(Debug)]
pub enum ReadPrivacy {}
impl Permission for ReadPrivacy {
    const SCOPE: Scope = Scope::PrivacyRead;
}

#[derive(Debug)]
pub enum ReadSuppressions {}
impl Permission for ReadSuppressions {
    const SCOPE: Scope = Scope::SuppressionsRead;
}

#[derive(Debug)]
pub enum WriteSuppressions {}
impl Permission for WriteSuppressions {
    const SCOPE: Scope = Scope::SuppressionsWrite;
}

#[derive(Debug)]
pub enum ReadWebhooks {}
impl Permission for ReadWebhooks {
    const SCOPE: Scope = Scope::WebhooksRead;
}

#[derive(Debug)]
pub enum WriteWebhooks {}
impl Permission for WriteWebhooks {
    const SCOPE: Scope = Scope::WebhooksWrite;
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
    Limiter: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let principal = principal(parts, state).await?;
        if !principal.scopes.contains(&P::SCOPE) {
            return Err(principal.lacks(P::SCOPE));
        }
        let permission = PhantomData;
        Ok(Self {
            principal,
            permission,
        })
    }
}

/// Whoever was signed in before the request came here, as the console does, or else the holder of its API key. No request can bring
/// an extension along.
async fn principal<S>(parts: &Parts, state: &S) -> Result<Principal, Problem>
where
    Authenticator: FromRef<S>,
    Limiter: FromRef<S>,
{
    if let Some(principal) = parts.extensions.get::<Principal>() {
        return Ok(principal.clone());
    }
    let (authenticator, now) = (Authenticator::from_ref(state), Timestamp::now());
    let principal = authenticator.principal(&parts.headers, now).await?;
    admit(&Limiter::from_ref(state), &principal, parts, now).await?;
    Ok(principal)
}

/// Counts the request, and leaves how its key stands where the answer's headers are made of it.
async fn admit(
    limiter: &Limiter,
    principal: &Principal,
    parts: &Parts,
    now: Timestamp,
) -> Result<(), Problem> {
    let Some(key) = principal.key() else {
        return Ok(());
    };
    let (standing, refused) = match limiter.admit(principal, key, now).await {
        Ok(standing) => (standing, Ok(())),
        Err((problem, standing)) => (Some(standing), Err(problem)),
    };
    if let (Some(told), Some(standing)) = (parts.extensions.get::<Told>(), standing) {
        told.set(standing);
    }
    refused
}

/// Finds out who is calling.
#[derive(Debug, Clone)]
pub struct Authenticator {
    keys: ApiKeys,
    accounts: Accounts,
    deployment: DeploymentKey,
    /// Of accounts that have none of their own.
    quotas: Quotas,
    remembered: Arc<Mutex<HashMap<String, Known>>>,
}

/// A key as it was read, with the quotas of its account.
#[derive(Debug, Clone)]
struct Known {
    read: Timestamp,
    key: ApiKey,
    quotas: Option<Quotas>,
}

impl Authenticator {
    pub fn new(
        keys: ApiKeys,
        accounts: Accounts,
        deployment: DeploymentKey,
        quotas: Quotas,
    ) -> Self {
        let remembered = Arc::default();
        Self {
            keys,
            accounts,
            deployment,
            quotas,
            remembered,
        }
    }

    async fn principal(&self, headers: &HeaderMap, now: Timestamp) -> Result<Principal, Problem> {
        let key = bearer(headers).and_then(|key| key.parse::<ApiKeySecret>().ok());
        // A mistyped key is refused by its check, before anything is read.
        let secret = key.ok_or_else(unauthenticated)?;
        let hash = secret.hash(&self.deployment);
        let Known { key, quotas, .. } = match self.recall(&hash, now) {
            Some(known) => known,
            None => self.read(hash, now).await?,
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
            quotas: quotas.unwrap_or(self.quotas),
        })
    }

    async fn read(&self, hash: String, now: Timestamp) -> Result<Known, Problem> {
        let key = self.keys.find(&hash).await?.ok_or_else(unauthenticated)?;
        let (account, ()) =
            futures::join!(self.accounts.find(key.account), self.note(&hash, &key, now));
        let account = account?;
        let known = Known {
            read: now,
            key,
            quotas: account.and_then(|account| account.quotas),
        };
        self.keep(hash, known.clone());
        Ok(known)
    }

    /// That it is used, once an hour. A request doesn't fail for it.
    async fn note(&self, hash: &str, key: &ApiKey, now: Timestamp) {
        if !key.is_news(now) {
            return;
        }
        if let Err(error) = self.keys.used(hash, now).await {
            tracing::warn!(key = %key.id, error = chain(&error), "the use of an API key can't be noted");
        }
    }

    /// As if the key had just been read, of an account without quotas of its own.
    pub fn remember(&self, hash: String, key: ApiKey, now: Timestamp) {
        let known = Known {
            read: now,
            key,
            quotas: None,
        };
        self.keep(hash, known);
    }

    fn keep(&self, hash: String, known: Known) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash, known);
    }

    fn recall(&self, hash: &str, now: Timestamp) -> Option<Known> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = remembered.get(hash)?;
        (now.duration_since(known.read) < BELIEVED).then(|| known.clone())
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
