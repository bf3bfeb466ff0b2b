//! Cursors: where a list goes on. Signed for one account and one route, since what is in them becomes a key.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carillon_core::{
    id::AccountId,
    keyed_hash::{DeploymentKey, Purpose, same},
};

use crate::problem::{Code, Problem};

/// Bytes of the signature that are kept.
const SIGNATURE: usize = 16;

#[derive(Debug, Clone)]
pub struct Cursors {
    key: DeploymentKey,
}

impl Cursors {
    pub fn new(key: DeploymentKey) -> Self {
        Self { key }
    }

    /// `route` is the list's path, with the ids in it.
    pub fn seal(&self, account: AccountId, route: &str, place: &str) -> String {
        let mut content = self.sign(account, route, place).to_vec();
        content.extend_from_slice(place.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(content)
    }

    pub fn open(&self, account: AccountId, route: &str, cursor: &str) -> Result<String, Problem> {
        let place = self.read(account, route, cursor);
        place.ok_or_else(|| {
            let detail = "The cursor is not one that this list gave. Take `next_cursor` as it was answered, or begin without a cursor.";
            Problem::new(Code::InvalidCursor, detail)
        })
    }

    fn read(&self, account: AccountId, route: &str, cursor: &str) -> Option<String> {
        let content = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (signature, place) = content.split_at_checked(SIGNATURE)?;
        let place = std::str::from_utf8(place).ok()?;
        same(signature, &self.sign(account, route, place)).then(|| place.to_owned())
    }

    fn sign(&self, account: AccountId, route: &str, place: &str) -> [u8; SIGNATURE] {
        let (account, route) = (account.uuid(), route.as_bytes());
        let parts = [account.as_bytes(), route, place.as_bytes()];
        let hash = self.key.hash(Purpose::Cursor, &parts);
        *hash.first_chunk().expect("a hash has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_account_and_its_list_only() {
        let cursors = Cursors::new(DeploymentKey::from_secret("a secret of a test"));
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let other: AccountId = "acc_01h455vb4pex5vsknk084sn02r".parse().unwrap();

        let cursor = cursors.seal(account, "/v1/campaigns", "cmp_1");

        let open = |account, route, cursor: &str| cursors.open(account, route, cursor).ok();
        assert_eq!(
            open(account, "/v1/campaigns", &cursor).as_deref(),
            Some("cmp_1")
        );
        assert_eq!(open(other, "/v1/campaigns", &cursor), None);
        assert_eq!(open(account, "/v1/batches", &cursor), None);
        assert_eq!(
            open(
                account,
                "/v1/campaigns",
                &cursor.replacen('A', "B", 1).repeat(2)
            ),
            None
        );
        assert_eq!(open(account, "/v1/campaigns", "cmp_1"), None);
        assert_eq!(open(account, "/v1/campaigns", ""), None);
    }
}
