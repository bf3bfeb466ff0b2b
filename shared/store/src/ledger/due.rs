//! The sparse index of what is due: parked chunks whose time has come, and those of API sends that nobody took.

use carillon_core::chunk::Pointer;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::Ledger;
use crate::{
    StoreError,
    item::{Item, ReadItem, number, time},
    keys::{self, PARTITION, SORT, WAKE_SHARDS},
};

impl Ledger {
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
}
