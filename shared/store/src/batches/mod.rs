//! Batches in the core table: what they were made with, and what moves.

mod active;
mod batch_item;
mod progress;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use carillon_core::{
    batch::Batch,
    id::{AccountId, BatchId},
};

use self::batch_item::{from_item, to_item};
use crate::{
    StoreError,
    item::{Item, text},
    keys,
};

#[derive(Debug, Clone)]
pub struct Batches {
    client: Client,
    table: String,
}

/// Whether the batch shows up among those that the dispatcher works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    Active,
    /// An API send: its pointers go out with it, and the index of what is due finds the lost ones.
    Passive,
}

impl Batches {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Writes a batch once; a second call with the same id changes nothing.
    pub async fn create(&self, batch: &Batch, activity: Activity) -> Result<(), StoreError> {
        let put = |item: Item| {
            Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
                .build()
                .expect("table and item are set")
        };
        let id = batch.terms.id;
        let mut writes = vec![
            TransactWriteItem::builder()
                .put(put(to_item(batch)))
                .build(),
        ];
        if activity == Activity::Active {
            writes.push(
                TransactWriteItem::builder()
                    .put(put(keys::active_batch(id).item()))
                    .build(),
            );
        }
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        match written {
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(TransactWriteItemsError::is_transaction_canceled_exception) =>
            {
                // Cancelled because it is there, or because of something that only looking can tell.
                match self.find(id).await? {
                    Some(_) => Ok(()),
                    None => Err(StoreError::service("create a batch")(error)),
                }
            }
            written => written
                .map(drop)
                .map_err(StoreError::service("create a batch")),
        }
    }

    /// As it is now, strongly consistent.
    pub async fn find(&self, id: BatchId) -> Result<Option<Batch>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::batch(id).item()))
            .consistent_read(true);
        let answer = read
            .send()
            .await
            .map_err(StoreError::service("read a batch"))?;
        answer.item.as_ref().map(from_item).transpose()
    }

    /// An account's batches, newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<BatchId>,
        limit: i32,
    ) -> Result<Vec<Batch>, StoreError> {
        let start = after.map(|id| {
            let mut key = keys::batch(id).item();
            key.insert(
                keys::INDEX_PARTITION.to_owned(),
                text(keys::batches_of(account)),
            );
            key.insert(keys::INDEX_SORT.to_owned(), text(id));
            key
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(keys::INDEX)
            .key_condition_expression("gpk = :batches")
            .expression_attribute_values(":batches", text(keys::batches_of(account)))
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("list batches"))?;
        answer.items().iter().map(from_item).collect()
    }
}
