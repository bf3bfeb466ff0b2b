//! A gateway account: one set of credentials at one gateway, with what is needed to call it and to be called by it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use carillon_core::{
    id::{AccountId, GatewayAccountId},
    keyed_hash::DeploymentKey,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    FieldProblem, Gateway, GatewayKind,
    callback::{self, Attempt, Claim, PathToken},
};

/// Something that must not be shown: `Debug` doesn't, and there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// For a request's header or a signature's key, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secrets of a gateway account by the names that its configuration calls them by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// `None` for one that is missing or empty: an empty secret would sign anything.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(Secret::expose)
            .filter(|secret| !secret.is_empty())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All of them as JSON, to be encrypted and stored; `serde_json::from_slice` reads it back.
    pub fn reveal_json(&self) -> Vec<u8> {
        let revealed: BTreeMap<_, _> = self
            .0
            .iter()
            .map(|(name, secret)| (name, &secret.0))
            .collect();
        serde_json::to_vec(&revealed).expect("a map of strings is always JSON")
    }
}

impl FromIterator<(String, Secret)> for Credentials {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

#[derive(Clone)]
pub struct GatewayAccount {
    pub id: GatewayAccountId,
    /// The account that it belongs to.
    pub owner: AccountId,
    pub kind: GatewayKind,
    pub gateway: Arc<dyn Gateway>,
    pub credentials: Credentials,
    /// What its calls to us carry in their path.
    pub token: PathToken,
    /// The public URL of `webhook`, without a slash at its end.
    pub hooks_url: String,
}

impl GatewayAccount {
    pub fn open(
        id: GatewayAccountId,
        owner: AccountId,
        kind: GatewayKind,
        config: &Value,
        credentials: Credentials,
        token: PathToken,
        hooks_url: impl Into<String>,
    ) -> Result<Self, Vec<FieldProblem>> {
        Ok(Self {
            id,
            owner,
            kind,
            gateway: kind.open(config)?,
            credentials,
            token,
            hooks_url: hooks_url.into(),
        })
    }

    /// What a message's reports shall carry, and the URL they shall be posted to.
    pub fn callback(&self, key: &DeploymentKey, attempt: Attempt) -> (Claim, String) {
        let claim = Claim::new(key, self.id, attempt);
        let url = callback::url(&self.hooks_url, self.kind, &self.token, &claim);
        (claim, url)
    }
}

impl fmt::Debug for GatewayAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("GatewayAccount");
        shown.field("id", &self.id).field("kind", &self.kind);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_back_from_what_was_stored() {
        let given = r#"{"signing":"s3cret","token":"t0ken"}"#;
        let credentials: Credentials = serde_json::from_str(given).unwrap();

        let stored = credentials.reveal_json();

        assert_eq!(stored, given.as_bytes());
        assert_eq!(
            serde_json::from_slice::<Credentials>(&stored).unwrap(),
            credentials
        );
    }

    #[test]
    fn an_empty_secret_is_none() {
        let credentials: Credentials = serde_json::from_str(r#"{"signing":""}"#).unwrap();

        assert_eq!(credentials.get("signing"), None);
    }
}
