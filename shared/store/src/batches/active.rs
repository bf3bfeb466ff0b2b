//! The batches that the dispatcher has work with.

use carillon_core::id::BatchId;

use super::Batches;
use crate::{
    StoreError,
    item::{ReadItem, text},
    keys,
};

impl Batches {
    /// The ids of all batches the dispatcher has work with, oldest first.
    pub async fn active(&self) -> Result<Vec<BatchId>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :active")
            .expression_attribute_values(":active", text(keys::ACTIVE))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(StoreError::service("list active batches"))?;
        pages
            .iter()
            .map(|item| {
                item.text(keys::SORT)?
                    .parse()
                    .map_err(|_| StoreError::corrupt("an active batch"))
            })
            .collect()
    }

    /// From now on the dispatcher looks at it.
    pub(super) async fn activate(&self, id: BatchId) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(keys::active_batch(id).item()));
        let put = put.send().await;
        put.map(drop)
            .map_err(StoreError::service("make a batch active"))
    }

    /// The dispatcher has nothing to do with the batch any more.
    pub async fn retire(&self, id: BatchId) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::active_batch(id).item()));
        delete
            .send()
            .await
            .map(drop)
            .map_err(StoreError::service("retire a batch"))
    }
}
