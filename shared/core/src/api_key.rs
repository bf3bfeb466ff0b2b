//! API keys: `car_live_` or `car_test_`, 30 characters drawn at random, and 6 that check everything before them.
//! So scanners can find them, and a mistyped one is refused before anything is read.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::keyed_hash::{DeploymentKey, Purpose};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 30;
const CHECK: usize = 6;

/// What a key may be used for at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    /// Everything is real but the gateway.
    Test,
}

impl Mode {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "car_live_",
            Self::Test => "car_test_",
        }
    }
}

/// A key as its owner holds it. Shown once, never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key: expected `car_live_` or `car_test_` and 36 letters and digits")]
pub struct NotAnApiKey;

impl ApiKeySecret {
    /// From 64 random bytes: those under 248 become characters evenly. `None`, about once in 10^19 draws, when too few are.
    pub fn new(mode: Mode, random: &[u8; 64]) -> Option<Self> {
        let even = random.iter().filter(|byte| **byte < 248);
        let drawn: String = even
            .take(RANDOM)
            .map(|byte| character(u32::from(*byte)))
            .collect();
        let body = format!("{}{drawn}", mode.prefix());
        let check = check(&body);
        (drawn.len() == RANDOM).then(|| Self(format!("{body}{check}")))
    }

    pub fn mode(&self) -> Mode {
        if self.0.starts_with(Mode::Live.prefix()) {
            Mode::Live
        } else {
            Mode::Test
        }
    }

    /// In full: for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a list may show of it: `car_live_…3WL7`.
    pub fn hint(&self) -> String {
        format!("{}…{}", self.mode().prefix(), &self.0[self.0.len() - 4..])
    }

    /// What it is stored under.
    pub fn hash(&self, key: &DeploymentKey) -> String {
        key.text(Purpose::ApiKey, &[self.0.as_bytes()])
    }
}

impl FromStr for ApiKeySecret {
    type Err = NotAnApiKey;

    fn from_str(given: &str) -> Result<Self, NotAnApiKey> {
        let rest = given
            .strip_prefix(Mode::Live.prefix())
            .or_else(|| given.strip_prefix(Mode::Test.prefix()))
            .ok_or(NotAnApiKey)?;
        if rest.len() != RANDOM + CHECK || !rest.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Err(NotAnApiKey);
        }
        let (body, given_check) = given.split_at(given.len() - CHECK);
        if check(body) != given_check {
            return Err(NotAnApiKey);
        }
        Ok(Self(given.to_owned()))
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret")
    }
}

/// CRC32 (IEEE) in base 62, the highest digit first.
fn check(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = ['0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = character(rest);
        rest /= 62;
    }
    digits.iter().collect()
}

fn character(value: u32) -> char {
    char::from(ALPHABET[(value % 62) as usize])
}

/// What a key's holder may do. A role of a member is a set of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    #[serde(rename = "messages:send")]
    MessagesSend,
    #[serde(rename = "messages:read")]
    MessagesRead,
    #[serde(rename = "campaigns:write")]
    CampaignsWrite,
    #[serde(rename = "campaigns:read")]
    CampaignsRead,
    #[serde(rename = "contacts:write")]
    ContactsWrite,
    #[serde(rename = "contacts:read")]
    ContactsRead,
    #[serde(rename = "templates:write")]
    TemplatesWrite,
    #[serde(rename = "templates:read")]
    TemplatesRead,
    #[serde(rename = "exports:write")]
    ExportsWrite,
    #[serde(rename = "exports:read")]
    ExportsRead,
    #[serde(rename = "gateways:write")]
    GatewaysWrite,
    #[serde(rename = "gateways:read")]
    GatewaysRead,
    #[serde(rename = "inbound:read")]
    InboundRead,
    #[serde(rename = "keys:admin")]
    KeysAdmin,
    #[serde(rename = "members:admin")]
    MembersAdmin,
    #[serde(rename = "audit:read")]
    AuditRead,
    #[serde(rename = "account:read")]
    AccountRead,
    #[serde(rename = "account:write")]
    AccountWrite,
    #[serde(rename = "privacy:read")]
    PrivacyRead,
    #[serde(rename = "privacy:write")]
    PrivacyWrite,
    #[serde(rename = "suppressions:read")]
    SuppressionsRead,
    #[serde(rename = "suppressions:write")]
    SuppressionsWrite,
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
}

impl Scope {
    pub const ALL: [Self; 24] = [
        Self::MessagesSend,
        Self::MessagesRead,
        Self::CampaignsWrite,
        Self::CampaignsRead,
        Self::ContactsWrite,
        Self::ContactsRead,
        Self::TemplatesWrite,
        Self::TemplatesRead,
        Self::ExportsWrite,
        Self::ExportsRead,
        Self::GatewaysWrite,
        Self::GatewaysRead,
        Self::InboundRead,
        Self::KeysAdmin,
        Self::MembersAdmin,
        Self::AuditRead,
        Self::AccountRead,
        Self::AccountWrite,
        Self::PrivacyRead,
        Self::PrivacyWrite,
        Self::SuppressionsRead,
        Self::SuppressionsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessagesSend => "messages:send",
            Self::MessagesRead => "messages:read",
            Self::CampaignsWrite => "campaigns:write",
            Self::CampaignsRead => "campaigns:read",
            Self::ContactsWrite => "contacts:write",
            Self::ContactsRead => "contacts:read",
            Self::TemplatesWrite => "templates:write",
            Self::TemplatesRead => "templates:read",
            Self::ExportsWrite => "exports:write",
            Self::ExportsRead => "exports:read",
            Self::GatewaysWrite => "gateways:write",
            Self::GatewaysRead => "gateways:read",
            Self::InboundRead => "inbound:read",
            Self::KeysAdmin => "keys:admin",
            Self::MembersAdmin => "members:admin",
            Self::AuditRead => "audit:read",
            Self::AccountRead => "account:read",
            Self::AccountWrite => "account:write",
            Self::PrivacyRead => "privacy:read",
            Self::PrivacyWrite => "privacy:write",
            Self::SuppressionsRead => "suppressions:read",
            Self::SuppressionsWrite => "suppressions:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_new_key_is_read_back(random: [u8; 64], test: bool) {
            let mode = if test { Mode::Test } else { Mode::Live };

            if let Some(key) = ApiKeySecret::new(mode, &random) {
                prop_assert_eq!(key.expose().parse(), Ok(key.clone()));
                prop_assert_eq!(key.mode(), mode);
            }
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let key = ApiKeySecret::new(Mode::Live, &[61; 64]).unwrap();
        let given = key.expose();

        for (name, changed) in [
            ("another mode", given.replace("live", "test")),
            ("a mistyped character", given.replacen("zz", "zy", 1)),
            (
                "swapped characters",
                format!("{}{}", &given[..40], "0".repeat(5)),
            ),
            ("short", given[..given.len() - 1].to_owned()),
            ("long", format!("{given}0")),
            ("another prefix", given.replace("car_", "bar_")),
            ("outside the alphabet", given.replacen('z', "-", 1)),
            ("not ASCII", given.replacen("zz", "é", 1)),
            ("empty", String::new()),
        ] {
            assert!(changed.parse::<ApiKeySecret>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_check_is_crc32_in_base_62() {
        // 0xc04d11ff and 0x292387e4.
        assert_eq!(check("bsk_live_0123456789ABCDEFGHIJKLMNOPQRST"), "3WL7rL");
        assert_eq!(check("bsk_test_0123456789ABCDEFGHIJKLMNOPQRST"), "0khz5o");
    }

    #[test]
    fn a_key_is_never_shown_by_mistake() {
        let key = ApiKeySecret::new(Mode::Test, &[10; 64]).unwrap();

        assert_eq!(format!("{key:?}"), "ApiKeySecret");
        assert!(!key.hint().contains("AAAA"), "{}", key.hint());
    }

    #[test]
    fn a_scope_is_stored_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
