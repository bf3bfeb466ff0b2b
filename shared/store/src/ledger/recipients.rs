//! Who a chunk goes to, where that stands in the ledger: recipients too long for their chunk, and what was sent to a number by the API.

use carillon_core::{chunk::Pointer, id::AccountId, message_id::MessageId};
use jiff::{SignedDuration, Timestamp};

use super::{KEPT, Ledger};
use crate::{
    StoreError,
    item::{Item, ReadItem, binary, number, text},
    keys::{self, PARTITION, SORT},
};

/// How far ahead a message may be planned.
const PLANNED_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);

impl Ledger {
    /// The frame of a chunk that is too long for the chunk itself. Written before the chunk.
    pub async fn put_recipients(
        &self,
        pointer: Pointer,
        frame: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::chunk_recipients(pointer).item();
        item.insert("f".to_owned(), binary(frame));
        // A message may be planned a year ahead.
        item.insert(
            "ttl".to_owned(),
            number((now + KEPT + PLANNED_AHEAD).as_second()),
        );
        self.put(item, "write a chunk's recipients").await
    }

    pub async fn find_recipients(&self, pointer: Pointer) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.get(keys::chunk_recipients(pointer).item()).await?;
        Ok(item.and_then(|item| item.find_binary("f").map(<[u8]>::to_vec)))
    }

    /// What was sent to a number by the API, for "what did we send to this number".
    pub async fn index_recipient(
        &self,
        account: AccountId,
        number_hash: &str,
        message: MessageId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = Item::from([
            (
                PARTITION.to_owned(),
                text(keys::recipient_index(account, number_hash)),
            ),
            (
                SORT.to_owned(),
                text(format_args!("{}#{message}", now.as_millisecond())),
            ),
            ("ttl".to_owned(), number((now + KEPT).as_second())),
        ]);
        self.put(item, "index a recipient").await
    }

    /// The messages sent to a number by the API, newest first.
    pub async fn sent_to(
        &self,
        account: AccountId,
        number_hash: &str,
        since: Timestamp,
        limit: i32,
    ) -> Result<Vec<MessageId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :number AND sk >= :since")
            .expression_attribute_values(
                ":number",
                text(keys::recipient_index(account, number_hash)),
            )
            .expression_attribute_values(":since", text(since.as_millisecond()))
            .scan_index_forward(false)
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("look up a number"))?;
        let message = |item: &Item| {
            let (_, message) = item
                .text(SORT)?
                .split_once('#')
                .ok_or_else(|| StoreError::corrupt("a recipient index"))?;
            message
                .parse()
                .map_err(|_| StoreError::corrupt("a recipient index"))
        };
        answer.items().iter().map(message).collect()
    }
}
