//! Batches in the core table: what they were made with, and what moves.

mod active;
mod batch_item;
mod closing;
mod listed;
mod marketing;
mod of_campaigns;
mod progress;
mod snapshots;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use carillon_core::{
    batch::Batch,
    closing::Look,
    id::{AccountId, BatchId},
};
use futures::try_join;
use jiff::Timestamp;

use self::batch_item::from_item;
pub(crate) use self::{
    batch_item::to_item, listed::items as listed, marketing::item as marketing,
    of_campaigns::item as of_campaigns, progress::cancellation,
};
pub use self::{
    closing::Closing,
    listed::{List, Page, place_from},
    progress::Replaced,
};
use crate::{
    StoreError, condition,
    digests::Digests,
    item::{Item, text},
    keys,
};

#[derive(Debug, Clone)]
pub struct Batches {
    client: Client,
    table: String,
    digests: Digests,
}

/// Whether the batch shows up among those that the dispatcher works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    Active,
    /// An API send: its pointers go out with it, the index of what is due finds the lost ones, and the list of what is to be closed
    /// finishes it.
    Passive,
}

impl Batches {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self {
            digests: Digests::new(client.clone(), &table),
            client,
            table,
        }
    }

    /// Writes a batch once; a second call with the same id changes nothing.
    pub async fn create(&self, batch: &Batch, activity: Activity) -> Result<(), StoreError> {
        match activity {
            Activity::Active => self.create_active(batch).await,
            Activity::Passive => {
                // Before it is there: reports look for it only where it is expected.
                match of_campaigns(batch) {
                    Some(item) => self.put_in_list(item).await?,
                    None => {
                        let (account, made) = (batch.terms.account, batch.terms.id.made());
                        let now = Timestamp::now();
                        self.digests.expect(account, made, now).await?;
                    }
                }
                if let Some(item) = listed::planned(batch) {
                    self.put_in_list(item).await?;
                }
                let closing = Closing {
                    batch: batch.terms.id,
                    since: batch.terms.starts(),
                    look: Look::Silence,
                };
                // A batch in the list that isn't there is passed over, so neither needs to wait for the other.
                try_join!(self.create_passive(batch), self.close_later(closing)).map(drop)
            }
        }
    }

    async fn create_passive(&self, batch: &Batch) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(batch)))
            .condition_expression("attribute_not_exists(pk)");
        condition::held(put.send().await, "create a batch").map(drop)
    }

    async fn create_active(&self, batch: &Batch) -> Result<(), StoreError> {
        let put = |item: Item| {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
                .build()
                .expect("table and item are set");
            TransactWriteItem::builder().put(put).build()
        };
        let id = batch.terms.id;
        let mut writes = vec![to_item(batch), keys::active_batch(id).item()];
        writes.extend(of_campaigns(batch));
        writes.extend(listed::planned(batch));
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes.into_iter().map(put).collect()))
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
                    // Load, or another transaction in the way.
                    None => Err(StoreError::Busy {
                        operation: "create a batch",
                        source: error.into(),
                    }),
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

    /// An account's batches whose ids lie between two, both included; oldest first.
    pub async fn between(
        &self,
        account: AccountId,
        first: BatchId,
        last: BatchId,
        limit: i32,
    ) -> Result<Vec<Batch>, StoreError> {
        if first > last {
            return Ok(Vec::new());
        }
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(keys::INDEX)
            .key_condition_expression("gpk = :batches AND gsk BETWEEN :first AND :last")
            .expression_attribute_values(":batches", text(keys::batches_of(account)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("list batches of a time"))?;
        answer.items().iter().map(from_item).collect()
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
