//! Gateway credentials and the secrets of webhooks in an envelope: sealed with a data key of their own, which KMS made, keeps sealed,
//! and opens only for the account and the gateway account or endpoint that it was made for.
//!
//! ```text
//!  version 1 | nonce 12 | the credentials by AES-256-GCM | tag 16
//! ```

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_sdk_kms::{Client, primitives::Blob, types::DataKeySpec};
use carillon_core::id::{AccountId, GatewayAccountId, WebhookId};

use crate::StoreError;

const VERSION: u8 = 1;

/// Credentials as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Itself encrypted by KMS.
    pub data_key: Vec<u8>,
    pub content: Vec<u8>,
}

/// Whose they are. KMS is told so too, so that a function's role can be held to one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Gateway(GatewayAccountId),
    Webhook(WebhookId),
}

impl From<GatewayAccountId> for Owner {
    fn from(id: GatewayAccountId) -> Self {
        Self::Gateway(id)
    }
}

impl From<WebhookId> for Owner {
    fn from(id: WebhookId) -> Self {
        Self::Webhook(id)
    }
}

impl Owner {
    fn named(self) -> (&'static str, String) {
        match self {
            Self::Gateway(id) => ("gateway", id.to_string()),
            Self::Webhook(id) => ("webhook", id.to_string()),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Vault {
    client: Client,
    key_arn: String,
}

impl Vault {
    pub fn new(client: Client, key_arn: impl Into<String>) -> Self {
        let key_arn = key_arn.into();
        Self { client, key_arn }
    }

    pub async fn seal(
        &self,
        account: AccountId,
        owner: impl Into<Owner>,
        credentials: &[u8],
    ) -> Result<Sealed, StoreError> {
        let owner = owner.into();
        let call = self
            .client
            .generate_data_key()
            .key_id(&self.key_arn)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context(account, owner)));
        let made = call
            .send()
            .await
            .map_err(StoreError::service("make a data key"))?;
        let (Some(plain), Some(data_key)) = (made.plaintext, made.ciphertext_blob) else {
            return Err(StoreError::corrupt("a data key without its two halves"));
        };
        let content = encrypt(plain.as_ref(), &bound_to(account, owner), credentials)
            .ok_or_else(|| StoreError::corrupt("a data key that is not one"))?;
        Ok(Sealed {
            data_key: data_key.into_inner(),
            content,
        })
    }

    pub async fn open(
        &self,
        account: AccountId,
        owner: impl Into<Owner>,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, StoreError> {
        let owner = owner.into();
        let call = self
            .client
            .decrypt()
            .key_id(&self.key_arn)
            .ciphertext_blob(Blob::new(sealed.data_key.clone()))
            .set_encryption_context(Some(context(account, owner)));
        let opened = call
            .send()
            .await
            .map_err(StoreError::service("open a data key"))?;
        let plain = opened.plaintext.unwrap_or_else(|| Blob::new([]));
        decrypt(plain.as_ref(), &bound_to(account, owner), &sealed.content)
            .ok_or_else(|| StoreError::corrupt("sealed credentials"))
    }
}

fn context(account: AccountId, owner: Owner) -> HashMap<String, String> {
    let (name, id) = owner.named();
    [
        ("account".to_owned(), account.to_string()),
        (name.to_owned(), id),
    ]
    .into()
}

fn bound_to(account: AccountId, owner: Owner) -> String {
    let (_, id) = owner.named();
    format!("{account} {id}")
}

fn encrypt(key: &[u8], bound_to: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut content = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound_to), &mut content)
        .ok()?;
    Some([&[VERSION], nonce.as_ref().as_slice(), &content].concat())
}

fn decrypt(key: &[u8], bound_to: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (version, rest) = sealed.split_first()?;
    let (nonce, content) = rest.split_first_chunk::<NONCE_LEN>()?;
    if *version != VERSION {
        return None;
    }
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut content = content.to_vec();
    let plain = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(bound_to),
            &mut content,
        )
        .ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_for_its_owner_only() {
        let key = [7; 32];
        let sealed = encrypt(&key, "acc_1 gwa_1", b"a secret").unwrap();
        let mut touched = sealed.clone();
        *touched.last_mut().unwrap() ^= 1;

        assert_eq!(decrypt(&key, "acc_1 gwa_1", &sealed).unwrap(), b"a secret");
        assert_eq!(decrypt(&key, "acc_2 gwa_1", &sealed), None);
        assert_eq!(decrypt(&[8; 32], "acc_1 gwa_1", &sealed), None);
        assert_eq!(decrypt(&key, "acc_1 gwa_1", &touched), None);
        assert_eq!(decrypt(&key, "acc_1 gwa_1", &[]), None);
    }

    #[test]
    fn the_same_credentials_never_look_the_same() {
        let seal = || encrypt(&[7; 32], "", b"a secret").unwrap();

        assert_ne!(seal(), seal());
    }
}
