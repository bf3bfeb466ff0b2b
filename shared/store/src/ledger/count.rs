//! Reading a whole batch: every report, export and count comes from here.

use carillon_core::{
    chunk::{Chunk, Pointer},
    id::BatchId,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Ledger, chunk_item};
use crate::{
    StoreError,
    item::{Item, ReadItem, text},
    keys::{self, CHUNK_SHARDS, PARTITION, SORT},
};

/// How fresh a count must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    Eventual,
    Strong,
}

impl Ledger {
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
}
