//! Keyed hashes under the one key of a deployment: of numbers, of API keys, of callbacks. Each purpose has a key of its own.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
};

use uuid::Uuid;

use crate::{
    id::{AccountId, ContactId},
    phone::Phone,
};

/// Made from the deployment's secret. Never shown.
#[derive(Clone)]
pub struct DeploymentKey([u8; 32]);

/// What a hash is for: the same input under two purposes gives unrelated hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Number,
    ApiKey,
    Callback,
    Cursor,
    Fingerprint,
    /// Which of several ways a number takes.
    Spread,
    /// What mixes the numbers of short links.
    Link,
    /// The seals of consent records.
    Consent,
    /// Members by their e-mail addresses.
    Email,
    /// Sessions of the console, and what their forms prove themselves by.
    Session,
    Form,
}

impl DeploymentKey {
    pub fn from_secret(secret: &str) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(key)
    }

    /// HMAC-SHA256 of the parts, each with its length before it, under the key for `purpose`.
    pub fn hash(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let name = match purpose {
            Purpose::Number => "number",
            Purpose::ApiKey => "api key",
            Purpose::Callback => "callback",
            Purpose::Cursor => "cursor",
            Purpose::Fingerprint => "fingerprint",
            Purpose::Spread => "spread",
            Purpose::Link => "link",
            Purpose::Consent => "consent",
            Purpose::Email => "email",
            Purpose::Session => "session",
            Purpose::Form => "form",
        };
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), name.as_bytes());
        let mut context =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// What a number is called in keys: 26 characters, different for every account.
    pub fn number(&self, account: AccountId, number: Phone) -> String {
        crate::base32::encode(&self.number_hash(account, number))
    }

    /// The id of the contact with a number: the same hash, so that it is the contact's address.
    pub fn contact(&self, account: AccountId, number: Phone) -> ContactId {
        ContactId::from_uuid(Uuid::from_bytes(self.number_hash(account, number)))
    }

    fn number_hash(&self, account: AccountId, number: Phone) -> [u8; 16] {
        let hash = self.hash(
            Purpose::Number,
            &[account.uuid().as_bytes(), &number.digits().to_be_bytes()],
        );
        *hash.first_chunk().expect("a hash has 32 bytes")
    }

    /// What a block of a thousand numbers is called in keys: their digits but the last three.
    pub fn block(&self, account: AccountId, block: u64) -> String {
        let hash = self.hash(
            Purpose::Number,
            &[account.uuid().as_bytes(), b"block", &block.to_be_bytes()],
        );
        crate::base32::encode(&hash[..16])
    }

    /// What spreads an account's numbers over routes and senders: the same for a number every time, and nothing is kept for it.
    pub fn spread(&self, account: AccountId, number: Phone) -> u64 {
        let hash = self.hash(
            Purpose::Spread,
            &[account.uuid().as_bytes(), &number.digits().to_be_bytes()],
        );
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(first)
    }

    /// A hash as text: 52 characters.
    pub fn text(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        crate::base32::encode(&self.hash(purpose, parts))
    }
}

/// Compares in constant time.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    verify_slices_are_equal(left, right).is_ok()
}

impl std::fmt::Debug for DeploymentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeploymentKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_boundaries_give_unrelated_hashes() {
        let key = DeploymentKey::from_secret("a secret of a test");

        let hash = key.hash(Purpose::Number, &[b"ab", b"c"]);

        assert_eq!(hash, key.hash(Purpose::Number, &[b"ab", b"c"]));
        assert_ne!(hash, key.hash(Purpose::ApiKey, &[b"ab", b"c"]));
        assert_ne!(hash, key.hash(Purpose::Number, &[b"a", b"bc"]));
        assert_ne!(
            hash,
            DeploymentKey::from_secret("another").hash(Purpose::Number, &[b"ab", b"c"])
        );
    }
}
