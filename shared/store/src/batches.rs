//! Batches in the core table: what they were made with, and what moves.

use aws_sdk_dynamodb::{
    Client,
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use carillon_core::{
    batch::{Batch, BatchProgress, BatchTerms, Control, Prepared, Stage, Sweep},
    id::{AccountId, BatchId},
    status::Totals,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    StoreError,
    item::{Item, ReadItem, json, number, text},
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

    /// Every chunk is in the ledger: the dispatcher may begin. Changes nothing when that was said before.
    pub async fn ready(
        &self,
        id: BatchId,
        chunks: u32,
        prepared: &Prepared,
    ) -> Result<(), StoreError> {
        let values = [
            (":ready", stage(Stage::Ready)),
            (":from", stage(Stage::Preparing)),
            (":chunks", number(chunks)),
            (":prepared", json(prepared)),
        ];
        self.change(
            id,
            "SET stage = :ready, chunks = :chunks, prepared = :prepared",
            "stage = :from",
            values,
            "make a batch ready",
        )
        .await
        .map(drop)
    }

    /// The audience could not be read; nothing of it is in the ledger.
    pub async fn fail(&self, id: BatchId, problem: &str) -> Result<(), StoreError> {
        let values = [
            (":failed", stage(Stage::Failed)),
            (":from", stage(Stage::Preparing)),
            (":problem", text(problem)),
        ];
        let failed = self
            .change(
                id,
                "SET stage = :failed, problem = :problem",
                "stage = :from",
                values,
                "fail a batch",
            )
            .await?;
        // A batch that became ready in the meantime is still the dispatcher's.
        if failed {
            self.retire(id).await
        } else {
            Ok(())
        }
    }

    /// Pauses, resumes or cancels; a cancelled or ended batch stays as it is. From then on the dispatcher works with it, also with
    /// one of an API send, and after a resume or a cancel it looks at every chunk again. Returns whether it is now so.
    pub async fn control(&self, id: BatchId, control: Control) -> Result<bool, StoreError> {
        let update = match control {
            Control::Running | Control::Cancelled => "SET control = :control REMOVE swept",
            Control::Paused => "SET control = :control",
        };
        let condition = "(control <> :cancelled OR :control = :cancelled) AND stage <> :finished AND stage <> :failed";
        let values = [
            (":control", word(control)),
            (":cancelled", word(Control::Cancelled)),
            (":finished", stage(Stage::Finished)),
            (":failed", stage(Stage::Failed)),
        ];
        let changed = self
            .change(id, update, condition, values, "control a batch")
            .await?;
        if changed {
            let key = Some(keys::active_batch(id).item());
            let put = self.client.put_item().table_name(&self.table).set_item(key);
            let put = put.send().await;
            put.map_err(StoreError::service("make a batch active"))?;
        }
        Ok(changed)
    }

    /// Chunks below `cursor` have been released. Called after their pointers are on the queue: a cursor that is behind only doubles pointers.
    pub async fn advance(&self, id: BatchId, cursor: u32) -> Result<(), StoreError> {
        let values = [(":cursor", number(cursor))];
        self.change(
            id,
            "SET released = :cursor",
            "released < :cursor",
            values,
            "advance a batch",
        )
        .await
        .map(drop)
    }

    /// The chunks that nobody worked on were released again.
    pub async fn swept(&self, id: BatchId, sweep: Sweep) -> Result<(), StoreError> {
        let values = [(":sweep", json(&sweep))];
        self.change(
            id,
            "SET swept = :sweep",
            "attribute_exists(pk)",
            values,
            "note a sweep",
        )
        .await
        .map(drop)
    }

    /// The totals of the last recount.
    pub async fn counted(&self, id: BatchId, totals: &Totals) -> Result<(), StoreError> {
        let values = [
            (":totals", json(totals)),
            (":finished", stage(Stage::Finished)),
        ];
        self.change(
            id,
            "SET totals = :totals",
            "stage <> :finished",
            values,
            "note a recount",
        )
        .await
        .map(drop)
    }

    /// Every chunk is done.
    pub async fn finish(&self, id: BatchId, totals: &Totals) -> Result<(), StoreError> {
        let values = [
            (":finished", stage(Stage::Finished)),
            (":ready", stage(Stage::Ready)),
            (":totals", json(totals)),
        ];
        self.change(
            id,
            "SET stage = :finished, totals = :totals",
            "stage = :ready",
            values,
            "finish a batch",
        )
        .await?;
        self.retire(id).await
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

    /// Whether the condition held.
    async fn change<const N: usize>(
        &self,
        id: BatchId,
        update: &str,
        condition: &str,
        values: [(&str, aws_sdk_dynamodb::types::AttributeValue); N],
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::batch(id).item()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::service(operation)(error)),
        }
    }
}

fn to_item(batch: &Batch) -> Item {
    let Batch { terms, progress } = batch;
    let BatchProgress {
        stage: at,
        control,
        cursor,
        chunks,
        swept,
        prepared,
        totals,
        problem,
    } = progress;
    let mut item = keys::batch(terms.id).item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set(keys::INDEX_PARTITION, text(keys::batches_of(terms.account)));
    set(keys::INDEX_SORT, text(terms.id));
    set("terms", json(terms));
    set("stage", stage(*at));
    set("control", word(*control));
    set("released", number(*cursor));
    if let Some(chunks) = chunks {
        set("chunks", number(*chunks));
    }
    if let Some(swept) = swept {
        set("swept", json(swept));
    }
    if let Some(prepared) = prepared {
        set("prepared", json(prepared));
    }
    if let Some(totals) = totals {
        set("totals", json(totals));
    }
    if let Some(problem) = problem {
        set("problem", text(problem));
    }
    item
}

fn from_item(item: &Item) -> Result<Batch, StoreError> {
    let terms: BatchTerms = item.json("terms")?;
    let progress = BatchProgress {
        stage: from_word(item.text("stage")?)?,
        control: from_word(item.text("control")?)?,
        cursor: item.number("released")?,
        chunks: item
            .find_number("chunks")?
            .map(|chunks| u32::try_from(chunks).map_err(|_| StoreError::corrupt("chunks")))
            .transpose()?,
        swept: item.find_json("swept")?,
        prepared: item.find_json("prepared")?,
        totals: item.find_json("totals")?,
        problem: item
            .find("problem")
            .and_then(|value| value.as_s().ok())
            .cloned(),
    };
    Ok(Batch { terms, progress })
}

fn stage(stage: Stage) -> aws_sdk_dynamodb::types::AttributeValue {
    word(stage)
}

/// An enum's name, as text.
fn word<T: Serialize>(value: T) -> aws_sdk_dynamodb::types::AttributeValue {
    let name = serde_json::to_value(value).expect("a plain enum is a JSON string");
    text(name.as_str().expect("a plain enum is a JSON string"))
}

fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    serde_json::from_value(word.into())
        .map_err(|_| StoreError::corrupt(format!("the word `{word}`")))
}
