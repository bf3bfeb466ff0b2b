//! The batches that are looked at after they are done, in the order of time. An entry that comes twice is looked at twice, and ends the same.

use carillon_core::{batch::Stage, closing::Look, id::BatchId, status::Totals};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{Batches, batch_item::stage};
use crate::{
    StoreError,
    item::{Item, ReadItem, json, text},
    keys::{self, CLOSING_SHARDS},
};

/// An entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    pub batch: BatchId,
    /// Since when there is silence: the look is due a fixed time later.
    pub since: Timestamp,
    pub look: Look,
}

impl Batches {
    pub async fn close_later(&self, closing: Closing) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(closing)));
        let put = put.send().await;
        put.map(drop)
            .map_err(StoreError::service("list a batch to close"))
    }

    /// Entries that are no younger than `until`, at most `limit` of each partition of the list.
    pub async fn closings(&self, until: Timestamp, limit: i32) -> Result<Vec<Closing>, StoreError> {
        let shards = stream::iter(0..CLOSING_SHARDS)
            .map(|shard| self.closings_in(shard, until, limit))
            .buffer_unordered(8);
        let found: Vec<Vec<Closing>> = shards.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn closings_in(
        &self,
        shard: u32,
        until: Timestamp,
        limit: i32,
    ) -> Result<Vec<Closing>, StoreError> {
        // Behind every entry of that very millisecond.
        let last = format!("{}#~", keys::closing_time(until));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :shard AND sk <= :last")
            .expression_attribute_values(":shard", text(keys::closings(shard)))
            .expression_attribute_values(":last", text(last))
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("look for batches to close"))?;
        answer.items().iter().map(from_item).collect()
    }

    /// The look was taken, and what follows from it is written.
    pub async fn closed(&self, closing: Closing) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::closing(closing.batch, closing.since).item()));
        let deleted = delete.send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("close a batch"))
    }

    /// What a batch that is over comes to so far; what it was closed with stands.
    pub async fn noted(&self, id: BatchId, totals: &Totals) -> Result<(), StoreError> {
        let values = [
            (":finished", stage(Stage::Finished)),
            (":totals", json(totals)),
        ];
        let condition = "stage = :finished AND attribute_not_exists(came_to)";
        let update = "SET totals = :totals";
        let noted = self.change(id, update, condition, values, "note what a batch comes to");
        noted.await.map(drop)
    }

    /// Every chunk is done: the batch is over. May be said again, with later totals.
    pub async fn freeze(&self, id: BatchId, totals: &Totals) -> Result<(), StoreError> {
        let values = [
            (":finished", stage(Stage::Finished)),
            (":ready", stage(Stage::Ready)),
            (":totals", json(totals)),
        ];
        let condition = "stage = :ready OR stage = :finished";
        let update = "SET stage = :finished, totals = :totals";
        let frozen = self.change(id, update, condition, values, "freeze a batch's totals");
        frozen.await.map(drop)
    }
}

const EARLY: &str = "early";
const LAST: &str = "last";

fn to_item(closing: Closing) -> Item {
    let Closing { batch, since, look } = closing;
    let mut item = keys::closing(batch, since).item();
    let word = match look {
        Look::Early => Some(EARLY),
        Look::Silence => None,
        Look::Last => Some(LAST),
    };
    item.extend(word.map(|word| ("look".to_owned(), text(word))));
    item
}

fn from_item(item: &Item) -> Result<Closing, StoreError> {
    let corrupt = || StoreError::corrupt("a batch to close");
    let (since, batch) = item.text(keys::SORT)?.split_once('#').ok_or_else(corrupt)?;
    let since = since.parse().map_err(|_| corrupt())?;
    Ok(Closing {
        batch: batch.parse().map_err(|_| corrupt())?,
        since: Timestamp::from_millisecond(since).map_err(|_| corrupt())?,
        look: match item.find("look").and_then(|word| word.as_s().ok()) {
            Some(word) if word == EARLY => Look::Early,
            Some(_) => Look::Last,
            None => Look::Silence,
        },
    })
}
