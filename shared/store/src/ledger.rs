//! The ledger: one item of at most 1 KB a chunk, and what stands beside it. Every update of a chunk requires that it exists:
//! a pointer, a receipt or a click must never create one.

mod chunk_item;

use aws_sdk_dynamodb::{
    Client,
    operation::{
        put_item::PutItemError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use carillon_core::{
    batch::Control,
    chunk::{
        Chunk, ChunkState, Pointer, pack_receipts, pack_slots,
        receipt::Receipt,
        window::{SlotSet, Token},
    },
    id::{AccountId, BatchId, GatewayAccountId},
    message_id::MessageId,
    session::{ChunkWrite, Then},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

pub use self::chunk_item::to_item as chunk_item;
use crate::{
    StoreError,
    item::{Item, ReadItem, binary, number, text, time},
    keys::{self, CHUNK_SHARDS, PARTITION, SORT, WAKE_SHARDS},
};

/// How long a finished chunk can be looked at. Its batch keeps its totals for good.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 180);
/// How far ahead a message may be planned.
const PLANNED_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Workers' clocks may differ by this much when they look whether a chunk is due.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

/// Somebody else holds the chunk, or a later write of ours was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLost;

/// How fresh a count must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    Eventual,
    Strong,
}

impl Ledger {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Whether it was written now; `false` when the chunk was there.
    pub async fn create_chunk(&self, pointer: Pointer, chunk: &Chunk) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(chunk_item::to_item(pointer, chunk)))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::service("write a chunk")(error)),
        }
    }

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
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service("write a chunk's recipients"))
    }

    pub async fn find_recipients(&self, pointer: Pointer) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.get(keys::chunk_recipients(pointer).item()).await?;
        Ok(item.and_then(|item| item.find_binary("f").map(<[u8]>::to_vec)))
    }

    pub async fn find(&self, pointer: Pointer) -> Result<Option<Chunk>, StoreError> {
        self.get(keys::chunk(pointer).item())
            .await?
            .as_ref()
            .map(chunk_item::from_item)
            .transpose()
    }

    /// Takes a chunk that is not done, not leased and not parked into the future; `None` when that is not so.
    ///
    /// A chunk of a cancelled batch is taken although it is parked: waiting is over for it.
    ///
    /// `token` must be new for every call; the condition admits it again, since the SDK repeats a call whose answer was lost.
    pub async fn lease(
        &self,
        pointer: Pointer,
        token: Token,
        now: Timestamp,
        until: Timestamp,
        control: Control,
    ) -> Result<Option<Chunk>, StoreError> {
        let soon = if control == Control::Cancelled {
            Timestamp::MAX
        } else {
            now + SKEW
        };
        let update = self
            .update(keys::chunk(pointer).item())
            .update_expression("SET st = :leased, ow = :token, un = :until REMOVE w, wt")
            .condition_expression(
                "attribute_exists(pk) AND st <> :done AND (attribute_not_exists(un) OR un <= :now OR ow = :token) \
                 AND (st <> :parked OR wt <= :soon)",
            )
            .expression_attribute_values(":leased", chunk_item::state(ChunkState::Leased))
            .expression_attribute_values(":done", chunk_item::state(ChunkState::Done))
            .expression_attribute_values(":parked", chunk_item::state(ChunkState::Parked))
            .expression_attribute_values(":token", binary(token))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":soon", time(soon))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => answer.attributes().map(chunk_item::from_item).transpose(),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::service("lease a chunk")(error)),
        }
    }

    /// A write of the worker that holds the lease. Returns the chunk as it is then, with the reports that came in the meantime.
    pub async fn write(
        &self,
        pointer: Pointer,
        write: &ChunkWrite,
        now: Timestamp,
    ) -> Result<Result<Chunk, LeaseLost>, StoreError> {
        let update = self
            .update(keys::chunk(pointer).item())
            .condition_expression(
                "attribute_exists(pk) AND ow = :token AND (o = :before OR o = :after)",
            )
            .expression_attribute_values(":token", binary(write.token))
            .expression_attribute_values(":before", binary(write.before.pack()))
            .expression_attribute_values(":after", binary(write.window.pack()))
            .expression_attribute_values(":slots", binary(pack_slots(&write.slots)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match write.then {
            Then::Keep => update.update_expression("SET s = :slots, o = :after"),
            Then::Park(until) => update
                .update_expression("SET s = :slots, o = :after, st = :parked, w = :shard, wt = :wake REMOVE ow, un")
                .expression_attribute_values(":parked", chunk_item::state(ChunkState::Parked))
                .expression_attribute_values(":shard", number(keys::wake_shard(pointer)))
                .expression_attribute_values(":wake", time(until)),
            Then::GiveBack => update
                .update_expression("SET s = :slots, o = :after, st = :ready REMOVE ow, un")
                .expression_attribute_values(":ready", chunk_item::state(ChunkState::Ready)),
            Then::Finish => update
                .update_expression("SET s = :slots, o = :after, st = :done, #ttl = :ttl REMOVE ow, un")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":done", chunk_item::state(ChunkState::Done))
                .expression_attribute_values(":ttl", number((now + KEPT).as_second())),
        };
        match update.send().await {
            Ok(answer) => {
                let item = answer
                    .attributes()
                    .ok_or_else(|| StoreError::corrupt("the answer to a chunk's update"))?;
                chunk_item::from_item(item).map(Ok)
            }
            Err(error) => {
                let Some(lost) = error.as_service_error().and_then(|error| match error {
                    UpdateItemError::ConditionalCheckFailedException(lost) => Some(lost),
                    _ => None,
                }) else {
                    return Err(StoreError::service("write a chunk")(error));
                };
                // A write that lets go of the lease and whose answer was lost finds itself when it is repeated.
                let there = lost.item().map(chunk_item::from_item).transpose()?;
                Ok(there
                    .filter(|chunk| write.then != Then::Keep && chunk.window == write.window)
                    .ok_or(LeaseLost))
            }
        }
    }

    /// The gateway's ids of the slots of one window, written before its outcomes.
    pub async fn put_provider_ids(
        &self,
        pointer: Pointer,
        window: u32,
        ids: &[(usize, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::provider_ids(pointer, window).item();
        item.insert("ids".to_owned(), crate::item::json(&ids));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service("write provider ids"))
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
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service("map a provider id"))
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

    /// Reports, under the version they were applied to. `false` when others came first: read again, apply again.
    pub async fn write_receipts(
        &self,
        pointer: Pointer,
        version: u32,
        receipts: &[Option<Receipt>],
        read: SlotSet,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(keys::chunk(pointer).item())
            .update_expression("SET d = :receipts, r = :read, dv = :next")
            .condition_expression("attribute_exists(pk) AND dv = :version")
            .expression_attribute_values(":receipts", binary(pack_receipts(receipts)))
            .expression_attribute_values(":read", binary(read.to_bytes()))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version + 1));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::service("write receipts")(error)),
        }
    }

    /// Chunks whose `wake` is not after `now`, at most `limit` of each partition of the index.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<Pointer>, StoreError> {
        let shards = stream::iter(0..WAKE_SHARDS)
            .map(|shard| self.due_in(shard, now, limit))
            .buffer_unordered(8);
        let found: Vec<Vec<Pointer>> = shards.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn due_in(
        &self,
        shard: u32,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<Pointer>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(keys::WAKE_INDEX)
            .key_condition_expression("w = :shard AND wt <= :now")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", time(now))
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("look for what is due"))?;
        let pointer =
            |item: &Item| Ok(keys::chunk_pointer(item.text(PARTITION)?, item.text(SORT)?));
        answer
            .items()
            .iter()
            .filter_map(|item| pointer(item).transpose())
            .collect()
    }

    /// Whether anything is parked at all, due or not.
    pub async fn anything_waits(&self) -> Result<bool, StoreError> {
        let far = Timestamp::MAX;
        Ok(!self.due(far, 1).await?.is_empty())
    }

    /// Hands every chunk of a batch to `each`, 16 partitions at once, in no order across them.
    pub async fn each_chunk(
        &self,
        batch: BatchId,
        consistency: Consistency,
        mut each: impl FnMut(Pointer, Chunk),
    ) -> Result<(), StoreError> {
        let shards = stream::iter(0..CHUNK_SHARDS)
            .map(|shard| self.chunks_in(batch, shard, consistency))
            .buffer_unordered(4);
        let mut chunks = std::pin::pin!(shards);
        while let Some(page) = chunks.try_next().await? {
            for (pointer, chunk) in page {
                each(pointer, chunk);
            }
        }
        Ok(())
    }

    async fn chunks_in(
        &self,
        batch: BatchId,
        shard: u32,
        consistency: Consistency,
    ) -> Result<Vec<(Pointer, Chunk)>, StoreError> {
        let items = self
            .client
            .query()
            .table_name(&self.table)
            // Chunks' sort keys are digits; what stands beside them begins with a letter.
            .key_condition_expression("pk = :shard AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":shard", text(keys::chunk_shard(batch, shard)))
            .expression_attribute_values(":first", text("0"))
            .expression_attribute_values(":last", text(":"))
            .consistent_read(consistency == Consistency::Strong)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(StoreError::service("read a batch's chunks"))?;
        let read = |item: &Item| {
            let pointer = keys::chunk_pointer(item.text(PARTITION)?, item.text(SORT)?);
            Ok((
                pointer.ok_or_else(|| StoreError::corrupt("a chunk's key"))?,
                chunk_item::from_item(item)?,
            ))
        };
        items.iter().map(read).collect()
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
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service("index a recipient"))
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

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true);
        Ok(read
            .send()
            .await
            .map_err(StoreError::service("read the ledger"))?
            .item)
    }

    fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
    }
}
