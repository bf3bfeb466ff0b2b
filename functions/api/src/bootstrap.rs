//! Requests of whoever may invoke the function itself: an account with its first keys, another key for one that has lost all of its
//! own, other quotas for one that needs them.

use carillon_core::{
    api_key::{ApiKeySecret, Mode, Scope},
    id::{AccountId, MemberId},
    limits::destinations::Destinations,
    member::{Email, Member, NotAnEmail, Role},
    quota::Quotas,
    safeguards::Safeguards,
};
use carillon_runtime::random;
use carillon_store::{
    StoreError,
    accounts::Account,
    api_keys::{ApiKey, StoredKey},
    audit::{Actor, Audit},
    members::MemberAlready,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{routes::campaigns::recurring, services::Api, time};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// `countries`: those that it may send to, or `"all"`; left out, it has to allow some before anything leaves.
    CreateAccount {
        name: String,
        #[serde(default)]
        countries: Destinations,
        /// The e-mail address of the first owner, who signs in to the console with it.
        owner: Option<String>,
    },
    /// Somebody who signs in to the console with this e-mail address is an owner of the account.
    AddOwner {
        account: AccountId,
        email: String,
    },
    CreateKey {
        account: AccountId,
        name: String,
    },
    /// Each minute: the occurrences of campaigns that recur.
    MakeOccurrences {},
    /// `null`: those that everybody has.
    SetQuotas {
        account: AccountId,
        quotas: Option<Quotas>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(
        "expected `{{\"create_account\": {{\"name\": …, \"countries\": …, \"owner\": …}}}}`, \
         `{{\"add_owner\": {{\"account\": …, \"email\": …}}}}`, `{{\"create_key\": {{\"account\": …, \"name\": …}}}}` or \
         `{{\"set_quotas\": {{\"account\": …, \"quotas\": {{\"key\": …, \"account\": …, \"recipients\": …}}}}}}`"
    )]
    NotARequest,
    #[error("the name must have 1 to 100 characters")]
    Name,
    #[error(transparent)]
    Email(#[from] NotAnEmail),
    #[error("somebody with this address is a member already")]
    MemberAlready,
    #[error("there is no such account")]
    NoAccount,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub async fn handle(api: &Api, event: Value) -> Result<Value, BootstrapError> {
    let request = serde_json::from_value(event).map_err(|_| BootstrapError::NotARequest)?;
    match request {
        Request::CreateAccount {
            name,
            countries,
            owner,
        } => create_account(api, &name, countries, owner.as_deref()).await,
        Request::AddOwner { account, email } => {
            let email = email.parse()?;
            let found = api.accounts.find(account).await?;
            found.ok_or(BootstrapError::NoAccount)?;
            let owner = add_owner(api, account, email).await?;
            Ok(json!({"account": account, "owner": owner}))
        }
        Request::CreateKey { account, name } => create_key(api, account, &name).await,
        Request::MakeOccurrences {} => {
            let made = recurring::make_due(api, time::now()).await?;
            Ok(json!({"made": made}))
        }
        Request::SetQuotas { account, quotas } => set_quotas(api, account, quotas).await,
    }
}

async fn create_account(
    api: &Api,
    name: &str,
    countries: Destinations,
    owner: Option<&str>,
) -> Result<Value, BootstrapError> {
    let now = time::now();
    let name = checked(name)?;
    let owner = owner.map(str::parse).transpose()?;
    let account = Account {
        id: random::id(now),
        name,
        created: now,
        quotas: None,
    };
    let live = draw(
        api,
        account.id,
        "First live key",
        Mode::Live,
        Scope::ALL.to_vec(),
        now,
    );
    let test = draw(
        api,
        account.id,
        "First test key",
        Mode::Test,
        Scope::ALL.to_vec(),
        now,
    );
    let audit = entry(account.id, "account.create", account.id.to_string(), now);
    let keys = [live.stored, test.stored];
    let safeguards = Safeguards {
        destinations: countries,
        version: 1,
        ..Safeguards::of(account.id)
    };
    let created = api.accounts.create(&account, &safeguards, &keys, &audit);
    created.await?;
    tracing::info!(account = %account.id, "an account was created");
    let mut made = json!({
        "account": account.id,
        "key": live.secret.expose(),
        "test_key": test.secret.expose(),
    });
    if let Some(email) = owner {
        made["owner"] = json!(add_owner(api, account.id, email).await?);
    }
    Ok(made)
}

async fn add_owner(
    api: &Api,
    account: AccountId,
    email: Email,
) -> Result<MemberId, BootstrapError> {
    let now = time::now();
    let member = Member {
        id: random::id(now),
        account,
        email,
        role: Role::Owner,
        subject: None,
        invited: now,
        joined: None,
        alerts: false,
        signed_out: None,
        version: 1,
    };
    let audit = entry(account, "member.invite", member.id.to_string(), now);
    let invited = api.members.invite(&member, &audit).await?;
    invited.map_err(|MemberAlready| BootstrapError::MemberAlready)?;
    Ok(member.id)
}

async fn create_key(api: &Api, account: AccountId, name: &str) -> Result<Value, BootstrapError> {
    let now = time::now();
    let name = checked(name)?;
    api.accounts
        .find(account)
        .await?
        .ok_or(BootstrapError::NoAccount)?;
    let new = draw(api, account, &name, Mode::Live, Scope::ALL.to_vec(), now);
    let audit = entry(account, "key.create", new.stored.key.id.to_string(), now);
    api.api_keys.create(&new.stored, &audit).await?;
    Ok(json!({"account": account, "key": new.secret.expose()}))
}

async fn set_quotas(
    api: &Api,
    account: AccountId,
    quotas: Option<Quotas>,
) -> Result<Value, BootstrapError> {
    let now = time::now();
    let audit = entry(account, "account.set_quotas", account.to_string(), now);
    let account = api.accounts.set_quotas(account, quotas, &audit).await?;
    let account = account.ok_or(BootstrapError::NoAccount)?;
    Ok(json!({"account": account.id, "quotas": account.quotas}))
}

/// A key just drawn: the secret is shown once, the rest is stored.
pub struct NewKey {
    pub secret: ApiKeySecret,
    pub stored: StoredKey,
}

pub fn draw(
    api: &Api,
    account: AccountId,
    name: &str,
    mode: Mode,
    scopes: Vec<Scope>,
    now: Timestamp,
) -> NewKey {
    let secret = loop {
        if let Some(secret) = ApiKeySecret::new(mode, &random::bytes()) {
            break secret;
        }
    };
    let key = ApiKey {
        id: random::id(now),
        account,
        name: name.to_owned(),
        mode,
        scopes,
        hint: secret.hint(),
        created: now,
        expires: None,
        revoked: None,
        used: None,
    };
    let hash = secret.hash(&api.key);
    NewKey {
        secret,
        stored: StoredKey { key, hash },
    }
}

pub fn entry(account: AccountId, action: &str, target: String, now: Timestamp) -> Audit {
    Audit {
        id: random::id(now),
        at: now,
        account,
        actor: Actor::Operator,
        action: action.to_owned(),
        target,
    }
}

fn checked(name: &str) -> Result<String, BootstrapError> {
    let name = name.trim();
    let fits = (1..=100).contains(&name.chars().count());
    fits.then(|| name.to_owned()).ok_or(BootstrapError::Name)
}
