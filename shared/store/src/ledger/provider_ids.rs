//! The gateways' own ids: beside the chunk by window, and as a map for gateways that echo nothing of ours.

use carillon_core::{chunk::Pointer, id::GatewayAccountId, message_id::MessageId};
use jiff::Timestamp;

use super::{KEPT, Ledger};
use crate::{
    StoreError,
    item::{ReadItem, json, number, text},
    keys,
};

impl Ledger {
    /// The gateway's ids of the slots of one window, written before its outcomes.
    pub async fn put_provider_ids(
        &self,
        pointer: Pointer,
        window: u32,
        ids: &[(usize, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = keys::provider_ids(pointer, window);
        self.put_ids(key, ids, now).await
    }

    /// The gateway's ids of slots that it was asked for after that window, written before they count as accepted.
    pub async fn put_found_provider_ids(
        &self,
        pointer: Pointer,
        window: u32,
        ids: &[(usize, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let first = ids.first().map_or(0, |(slot, _)| *slot);
        let key = keys::found_provider_ids(pointer, window, first);
        self.put_ids(key, ids, now).await
    }

    async fn put_ids(
        &self,
        key: keys::Key,
        ids: &[(usize, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = key.item();
        item.insert("ids".to_owned(), json(&ids));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        self.put(item, "write provider ids").await
    }

    /// For a gateway that echoes nothing of ours: which message its id is.
    pub async fn map_provider_id(
        &self,
        gateway: GatewayAccountId,
        provider_id: &str,
        message: MessageId,
        attempt: u8,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::provider_map(gateway, provider_id).item();
        item.insert("m".to_owned(), text(message));
        item.insert("a".to_owned(), number(attempt));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        self.put(item, "map a provider id").await
    }

    pub async fn find_by_provider_id(
        &self,
        gateway: GatewayAccountId,
        provider_id: &str,
    ) -> Result<Option<(MessageId, u8)>, StoreError> {
        let Some(item) = self
            .get(keys::provider_map(gateway, provider_id).item())
            .await?
        else {
            return Ok(None);
        };
        let message = item
            .text("m")?
            .parse()
            .map_err(|_| StoreError::corrupt("a provider map"))?;
        Ok(Some((message, item.number("a")?)))
    }
}
