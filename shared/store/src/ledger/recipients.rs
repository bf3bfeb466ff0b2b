//! Who a chunk goes to, where that stands in the ledger: recipients too long for their chunk, and what was sent to a number by the API.

use carillon_core::{
    chunk::Pointer,
    id::{AccountId, BatchId},
    message_id::MessageId,
};
use jiff::{SignedDuration, Timestamp};

use super::{KEPT, Ledger};
use crate::{
    StoreError,
    item::{Item, ReadItem, binary, number, text},
    keys::{self, PARTITION, SORT},
};

/// How far ahead a message may be planned.
const PLANNED_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);

/// A message may wait a week for its end.
const VALID: SignedDuration = SignedDuration::from_hours(24 * 8);

/// Stands on what frequency caps count. Its name is in `marketed_to`.
const MARKETING: &str = "mk";

/// What a message to a number is, for those who count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// Counted by frequency caps.
    Marketing,
    Other,
}

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

    /// What is sent to a number by the API, and when, for "what did we send to this number". It stays as long as the chunk does.
    pub async fn index_recipient(
        &self,
        account: AccountId,
        number_hash: &str,
        message: MessageId,
        kind: Indexed,
        begins: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = Item::from([
            (
                PARTITION.to_owned(),
                text(keys::recipient_index(account, number_hash)),
            ),
            (
                SORT.to_owned(),
                text(format_args!("{}#{message}", begins.as_millisecond())),
            ),
            (
                "ttl".to_owned(),
                number((begins + VALID + KEPT).as_second()),
            ),
        ]);
        if kind == Indexed::Marketing {
            item.insert(MARKETING.to_owned(), number(1));
        }
        self.put(item, "index a recipient").await
    }

    /// When marketing was sent to a number by the API since a time, but for one batch, strongly consistent.
    pub async fn marketed_to(
        &self,
        account: AccountId,
        number_hash: &str,
        since: Timestamp,
        but_for: BatchId,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let index = keys::recipient_index(account, number_hash);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :number AND sk >= :since")
            .filter_expression("attribute_exists(mk)")
            .expression_attribute_values(":number", text(index))
            .expression_attribute_values(":since", text(since.as_millisecond()))
            .consistent_read(true);
        let items = query.into_paginator().items().send().try_collect().await;
        let items: Vec<Item> = items.map_err(StoreError::service("look up a number"))?;
        let mut sent = Vec::new();
        for item in &items {
            let (at, message) = indexed(item)?;
            if message.batch != but_for {
                sent.push(at);
            }
        }
        Ok(sent)
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
        let message = |item: &Item| indexed(item).map(|(_, message)| message);
        answer.items().iter().map(message).collect()
    }
}

fn indexed(item: &Item) -> Result<(Timestamp, MessageId), StoreError> {
    let corrupt = || StoreError::corrupt("a recipient index");
    let (at, message) = item.text(SORT)?.split_once('#').ok_or_else(corrupt)?;
    let at = at.parse().ok();
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    Ok((
        at.ok_or_else(corrupt)?,
        message.parse().map_err(|_| corrupt())?,
    ))
}
