//! Reading a whole batch: every report, export and count comes from here.

use carillon_core::{
    chunk::{Chunk, Pointer},
    id::BatchId,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Ledger, chunk_item};
use crate::{
    StoreError, batch_get,
    item::{Item, ReadItem, text},
    keys::{self, CHUNK_SHARDS, Key, PARTITION, SORT},
};

/// How fresh a count must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    Eventual,
    Strong,
}

/// Where a page of a batch's chunks begins: a partition, after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOfChunks {
    batch: BatchId,
    shard: u32,
    after: Option<u32>,
}

impl PageOfChunks {
    /// The first pages of the partitions that a batch of so many chunks has.
    pub fn all(batch: BatchId, chunks: u32) -> impl Iterator<Item = Self> {
        let first = move |shard| Self {
            batch,
            shard,
            after: None,
        };
        (0..chunks.min(CHUNK_SHARDS)).map(first)
    }
}

impl Ledger {
    /// Hands every chunk of a batch to `each`, 4 partitions at once, in no order across them.
    pub async fn each_chunk(
        &self,
        batch: BatchId,
        consistency: Consistency,
        mut each: impl FnMut(Pointer, Chunk),
    ) -> Result<(), StoreError> {
        let shards = stream::iter(PageOfChunks::all(batch, CHUNK_SHARDS))
            .map(|first| self.chunks_from(first, consistency))
            .buffer_unordered(4);
        let mut chunks = std::pin::pin!(shards);
        while let Some(page) = chunks.try_next().await? {
            for (pointer, chunk) in page {
                each(pointer, chunk);
            }
        }
        Ok(())
    }

    /// The chunks `first..end` of a batch that there are, in their order. About as many reads as a count of them costs.
    pub async fn chunks_between(
        &self,
        batch: BatchId,
        first: u32,
        end: u32,
    ) -> Result<Vec<(Pointer, Chunk)>, StoreError> {
        let shards = (first..end).take(CHUNK_SHARDS as usize);
        let reads = shards.map(|first| self.chunks_of_shard_between(batch, first, end));
        let read: Vec<_> = stream::iter(reads)
            .buffer_unordered(CHUNK_SHARDS as usize)
            .try_collect()
            .await?;
        let mut chunks: Vec<_> = read.into_iter().flatten().collect();
        chunks.sort_unstable_by_key(|(pointer, _)| pointer.chunk);
        Ok(chunks)
    }

    /// Those of these chunks that there are, in no order, a hundred in a call. No pointer may be there twice.
    pub async fn find_all(
        &self,
        pointers: Vec<Pointer>,
    ) -> Result<Vec<(Pointer, Chunk)>, StoreError> {
        let keys: Vec<Key> = pointers.into_iter().map(keys::chunk).collect();
        let read = batch_get::get_all(
            &self.client,
            &self.table,
            &keys,
            Consistency::Eventual,
            "read chunks of many batches",
        );
        read.await?.iter().map(read_chunk).collect()
    }

    /// Those of the partition of `first`.
    async fn chunks_of_shard_between(
        &self,
        batch: BatchId,
        first: u32,
        end: u32,
    ) -> Result<Vec<(Pointer, Chunk)>, StoreError> {
        let of = |chunk| keys::chunk(Pointer { batch, chunk });
        let (first, last) = (of(first), of(end - 1));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :shard AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":shard", text(first.partition))
            .expression_attribute_values(":first", text(first.sort))
            .expression_attribute_values(":last", text(last.sort));
        let items = query.into_paginator().items().send().try_collect().await;
        let items = items.map_err(StoreError::service("read some of a batch's chunks"))?;
        items.iter().map(read_chunk).collect()
    }

    async fn chunks_from(
        &self,
        first: PageOfChunks,
        consistency: Consistency,
    ) -> Result<Vec<(Pointer, Chunk)>, StoreError> {
        let (mut all, mut next) = (Vec::new(), Some(first));
        while let Some(page) = next {
            let (chunks, after) = self.page_of_chunks(page, consistency).await?;
            all.extend(chunks);
            next = after;
        }
        Ok(all)
    }

    /// At most a megabyte of chunks, about 1,000 full ones, and where the next page begins.
    pub async fn page_of_chunks(
        &self,
        page: PageOfChunks,
        consistency: Consistency,
    ) -> Result<(Vec<(Pointer, Chunk)>, Option<PageOfChunks>), StoreError> {
        let PageOfChunks {
            batch,
            shard,
            after,
        } = page;
        let start = after.map(|chunk| keys::chunk(Pointer { batch, chunk }).item());
        let query = self
            .client
            .query()
            .table_name(&self.table)
            // Chunks' sort keys are digits; what stands beside them begins with a letter.
            .key_condition_expression("pk = :shard AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":shard", text(keys::chunk_shard(batch, shard)))
            .expression_attribute_values(":first", text("0"))
            .expression_attribute_values(":last", text(":"))
            .set_exclusive_start_key(start)
            .consistent_read(consistency == Consistency::Strong);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("read a batch's chunks"))?;
        let chunks = answer
            .items()
            .iter()
            .map(read_chunk)
            .collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key().map(pointer).transpose()?;
        let next = last.map(|last| PageOfChunks {
            after: Some(last.chunk),
            ..page
        });
        Ok((chunks, next))
    }
}

fn read_chunk(item: &Item) -> Result<(Pointer, Chunk), StoreError> {
    Ok((pointer(item)?, chunk_item::from_item(item)?))
}

fn pointer(item: &Item) -> Result<Pointer, StoreError> {
    let pointer = keys::chunk_pointer(item.text(PARTITION)?, item.text(SORT)?);
    pointer.ok_or_else(|| StoreError::corrupt("a chunk's key"))
}
