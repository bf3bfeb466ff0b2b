//! Taking one recipient out of what the ledger holds: the frame of a chunk, the gateways' ids of its slot, the index of its number.
//! Each may be done again.

use carillon_core::{
    chunk::{Pointer, source::Source, window::SlotSet},
    id::{AccountId, BatchId, GatewayAccountId},
    message_id::MessageId,
};

use super::Ledger;
use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{Item, ReadItem, binary, json, text},
    keys::{self, CHUNK_SHARDS, CLICK_SHARDS, Key, PARTITION, SORT},
};

impl Ledger {
    /// Puts another frame into a chunk, in the place of the one that was read. `false` when that isn't there any more.
    pub async fn replace_source(
        &self,
        pointer: Pointer,
        before: &Source,
        after: &Source,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(keys::chunk(pointer).item())
            .update_expression("SET src = :after")
            .condition_expression("src = :before")
            .expression_attribute_values(":before", binary(before.pack()))
            .expression_attribute_values(":after", binary(after.pack()));
        let written = condition::held(update.send().await, "erase a recipient of a chunk")?;
        Ok(written.is_some())
    }

    /// The same with the frame beside a chunk.
    pub async fn replace_recipients(
        &self,
        pointer: Pointer,
        before: Vec<u8>,
        after: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(keys::chunk_recipients(pointer).item())
            .update_expression("SET f = :after")
            .condition_expression("f = :before")
            .expression_attribute_values(":before", binary(before))
            .expression_attribute_values(":after", binary(after));
        let written = condition::held(update.send().await, "erase a recipient beside a chunk")?;
        Ok(written.is_some())
    }

    /// Forgets the clicks of a batch.
    pub async fn forget_clicks(&self, batch: BatchId) -> Result<(), StoreError> {
        let partitions = (0..CLICK_SHARDS).map(|shard| keys::clicks(batch, shard));
        self.forget_partitions(partitions).await
    }

    /// Forgets the chunks of a batch and what stands beside them. What a gateway called a message, and under which number's hash it is
    /// listed, names nothing then and ends by itself.
    pub async fn forget_chunks(&self, batch: BatchId, chunks: u32) -> Result<(), StoreError> {
        let shards = 0..CHUNK_SHARDS.min(chunks);
        let partitions = shards.map(|shard| keys::chunk_shard(batch, shard));
        self.forget_partitions(partitions).await
    }

    async fn forget_partitions(
        &self,
        partitions: impl Iterator<Item = String>,
    ) -> Result<(), StoreError> {
        let table = CoreTable::new(self.client.clone(), &self.table);
        for partition in partitions {
            // After every sort key.
            let end = "~";
            table
                .remove_before(&partition, end, "forget a batch's messages")
                .await?;
        }
        Ok(())
    }

    /// Forgets what gateways called the messages of these slots. `gateways`: those that the batch may have left by.
    pub async fn forget_provider_ids(
        &self,
        pointer: Pointer,
        slots: SlotSet,
        gateways: &[GatewayAccountId],
    ) -> Result<(), StoreError> {
        for item in self.provider_ids(pointer).await? {
            let ids: Vec<(usize, String)> = item.json("ids")?;
            let (theirs, left): (Vec<_>, Vec<_>) =
                ids.into_iter().partition(|(slot, _)| slots.contains(*slot));
            for (slot, id) in &theirs {
                let slot = u8::try_from(*slot).map_err(|_| StoreError::corrupt("a slot"))?;
                let message = MessageId {
                    batch: pointer.batch,
                    chunk: pointer.chunk,
                    slot,
                };
                for gateway in gateways {
                    self.unmap(keys::provider_map(*gateway, id), message)
                        .await?;
                }
            }
            if !theirs.is_empty() {
                self.keep_provider_ids(&item, &left).await?;
            }
        }
        Ok(())
    }

    async fn provider_ids(&self, pointer: Pointer) -> Result<Vec<Item>, StoreError> {
        let Key { partition, sort } = keys::provider_ids_of(pointer);
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :chunk AND begins_with(sk, :ids)")
            .expression_attribute_values(":chunk", text(partition))
            .expression_attribute_values(":ids", text(sort))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(StoreError::service("read provider ids"))
    }

    /// Only in the place of what was read: a window may be written again while it is.
    async fn keep_provider_ids(
        &self,
        item: &Item,
        left: &[(usize, String)],
    ) -> Result<(), StoreError> {
        let key = [PARTITION, SORT].map(|name| (name.to_owned(), item[name].clone()));
        let update = self
            .update(Item::from(key))
            .update_expression("SET ids = :left")
            .condition_expression("ids = :before")
            .expression_attribute_values(":before", item["ids"].clone())
            .expression_attribute_values(":left", json(&left));
        condition::held(update.send().await, "forget provider ids").map(drop)
    }

    async fn unmap(&self, key: Key, message: MessageId) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression("m = :message")
            .expression_attribute_values(":message", text(message));
        condition::held(delete.send().await, "forget a provider id").map(drop)
    }

    /// Forgets that the API sent a message to a number. Last of all: nothing else says where it is.
    pub async fn forget_recipient(
        &self,
        account: AccountId,
        number_hash: &str,
        place: &str,
    ) -> Result<(), StoreError> {
        let partition = keys::recipient_index(account, number_hash);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::recipient_place(partition, place).item()));
        let deleted = delete.send().await;
        let operation = "forget a recipient";
        deleted.map(drop).map_err(StoreError::service(operation))
    }

    /// All that the API sent to a number, oldest first: where it stands in the index, and the message.
    pub async fn all_sent_to(
        &self,
        account: AccountId,
        number_hash: &str,
    ) -> Result<Vec<(String, MessageId)>, StoreError> {
        let items: Vec<Item> = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :number")
            .expression_attribute_values(
                ":number",
                text(keys::recipient_index(account, number_hash)),
            )
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(StoreError::service("look up a number"))?;
        let place = |item: &Item| {
            let place = item.text(SORT)?.to_owned();
            let message = place
                .split_once('#')
                .and_then(|(_, message)| message.parse().ok());
            let message = message.ok_or_else(|| StoreError::corrupt("a recipient index"))?;
            Ok((place, message))
        };
        items.iter().map(place).collect()
    }
}
