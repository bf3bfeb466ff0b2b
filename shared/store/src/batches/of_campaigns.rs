//! The batches of campaigns, by when they were made: API sends, which there may be a million of, aren't in this list.

use carillon_core::{
    batch::Batch,
    id::{AccountId, BatchId},
};
use jiff::Timestamp;

use super::{Batches, batch_item, listed};
use crate::{
    StoreError, batch_get,
    item::{Item, ReadItem, text},
    keys::{self, Key, SORT},
    ledger::Consistency,
};

/// Where a batch stands in the list; `None` for an API send.
pub(crate) fn item(batch: &Batch) -> Option<Item> {
    let terms = &batch.terms;
    terms.campaign?;
    Some(keys::campaign_batch(terms.account, terms.began, terms.id).item())
}

impl Batches {
    /// An account's campaigns' batches that were made in a time, oldest first, at most `limit`.
    pub async fn of_campaigns(
        &self,
        account: AccountId,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<BatchId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :batches AND sk BETWEEN :from AND :until")
            .expression_attribute_values(":batches", text(keys::campaign_batches(account)))
            .expression_attribute_values(":from", text(keys::closing_time(from)))
            // Behind every batch of that very millisecond.
            .expression_attribute_values(
                ":until",
                text(format!("{}#~", keys::closing_time(until))),
            );
        let mut pages = query.into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::service("list campaigns' batches"))?;
            for item in page.items() {
                ids.push(listed::id(item.text(SORT)?)?);
                if ids.len() >= limit {
                    return Ok(ids);
                }
            }
        }
        Ok(ids)
    }

    /// Those that there are, oldest first.
    pub async fn find_all(&self, ids: &[BatchId]) -> Result<Vec<Batch>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(|id| keys::batch(*id)).collect();
        let read = batch_get::get_all(
            &self.client,
            &self.table,
            &keys,
            Consistency::Eventual,
            "read batches",
        );
        let found: Result<Vec<Batch>, _> = read.await?.iter().map(batch_item::from_item).collect();
        let mut found = found?;
        found.sort_unstable_by_key(|batch| batch.terms.id);
        Ok(found)
    }
}
