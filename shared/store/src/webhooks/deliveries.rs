//! Deliveries that didn't get through at once: an item each, which is its own state, found by the index while it waits, and the line of the
//! log for thirty days.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use carillon_core::{
    event::Event,
    id::{EventId, WebhookId},
    webhook::{Delivery, DeliveryState},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError, condition,
    core_table::{CoreTable, DOC},
    item::{Item, ReadItem, json, number, text},
    keys::{self, DELIVERY_SHARDS, INDEX, INDEX_PARTITION, INDEX_SORT},
};

const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
const EVENT: &str = "event";
const ATTEMPTS: &str = "attempts";

#[derive(Debug, Clone)]
pub struct Deliveries {
    table: CoreTable,
}

/// A delivery with what is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub delivery: Delivery,
    /// `None` of one that got through: nobody needs it any more.
    pub event: Option<Event>,
    /// When it is tried again; `None` when it isn't.
    pub due: Option<Timestamp>,
}

impl Deliveries {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Once: one that waits already, because its event came twice, stays as it is. One that is over, and sent again, begins again.
    pub async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        let condition = "attribute_not_exists(pk) OR attribute_not_exists(gpk)";
        self.write(parked, condition, None).await?;
        Ok(())
    }

    /// What an attempt made of it, if nobody made one in between. Whether that is so.
    pub async fn settle(&self, parked: &Parked, attempts_before: u32) -> Result<bool, StoreError> {
        let before = Some(number(attempts_before));
        self.write(parked, "attempts = :before", before).await
    }

    async fn write(
        &self,
        parked: &Parked,
        condition: &str,
        before: Option<AttributeValue>,
    ) -> Result<bool, StoreError> {
        let mut put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(to_item(parked)))
            .condition_expression(condition);
        if let Some(before) = before {
            put = put.expression_attribute_values(":before", before);
        }
        let written = condition::held(put.send().await, "write a delivery")?;
        Ok(written.is_some())
    }

    pub async fn find(
        &self,
        endpoint: WebhookId,
        at: Timestamp,
        event: EventId,
    ) -> Result<Option<Parked>, StoreError> {
        let key = keys::delivery(endpoint, at, event);
        let item = self.table.get(&key, "read a delivery").await?;
        item.as_ref().map(from_item).transpose()
    }

    /// Those that are due, the longest first, at most `limit` of each partition.
    pub async fn due(
        &self,
        endpoint: WebhookId,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<Parked>, StoreError> {
        let shards = stream::iter(0..DELIVERY_SHARDS)
            .map(|shard| self.due_in(endpoint, shard, now, limit))
            .buffered(usize::from(DELIVERY_SHARDS));
        let found: Vec<Vec<Parked>> = shards.try_collect().await?;
        let mut all: Vec<Parked> = found.into_iter().flatten().collect();
        all.sort_by_key(|parked| parked.due);
        Ok(all)
    }

    /// When the first one is due of those that wait. An index tells: one written a moment ago may be missing.
    pub async fn next_due(&self, endpoint: WebhookId) -> Result<Option<Timestamp>, StoreError> {
        let first = self.due(endpoint, Timestamp::MAX, 1).await?;
        Ok(first.first().and_then(|parked| parked.due))
    }

    async fn due_in(
        &self,
        endpoint: WebhookId,
        shard: u8,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<Parked>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name(INDEX)
            .key_condition_expression("gpk = :due AND gsk <= :now")
            .expression_attribute_values(":due", text(keys::deliveries_due(endpoint, shard)))
            .expression_attribute_values(":now", text(sort(now)))
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("look for deliveries that are due"))?;
        answer.items().iter().map(from_item).collect()
    }

    /// The log: newest events first, from the one after `after`, which is a place.
    pub async fn list(
        &self,
        endpoint: WebhookId,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<Parked>, StoreError> {
        let shards = stream::iter(0..DELIVERY_SHARDS)
            .map(|shard| self.list_in(endpoint, shard, after, limit))
            .buffered(usize::from(DELIVERY_SHARDS));
        let found: Vec<Vec<Parked>> = shards.try_collect().await?;
        let mut all: Vec<Parked> = found.into_iter().flatten().collect();
        all.sort_by_key(|parked| std::cmp::Reverse(parked.place()));
        all.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(all)
    }

    /// Deletes one that was read, unless somebody tried it meanwhile. Whether nobody did.
    pub async fn delete(&self, parked: &Parked) -> Result<bool, StoreError> {
        let Delivery {
            endpoint,
            at,
            event,
            attempts,
            ..
        } = parked.delivery;
        let key = keys::delivery(endpoint, at, event);
        let deleted = self
            .table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .condition_expression("attempts = :before")
            .expression_attribute_values(":before", number(attempts))
            .send()
            .await;
        Ok(condition::held(deleted, "delete a delivery")?.is_some())
    }

    async fn list_in(
        &self,
        endpoint: WebhookId,
        shard: u8,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<Parked>, StoreError> {
        // `~` is behind every place.
        let after = after.unwrap_or("~");
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :shard AND sk < :after")
            .expression_attribute_values(":shard", text(keys::deliveries_to(endpoint, shard)))
            .expression_attribute_values(":after", text(after))
            .scan_index_forward(false)
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("read a log of deliveries"))?;
        answer.items().iter().map(from_item).collect()
    }
}

impl Parked {
    /// Among those of its endpoint, in the order of time.
    pub fn place(&self) -> String {
        keys::delivery_place(self.delivery.at, self.delivery.event)
    }
}

/// Digits that sort.
fn sort(due: Timestamp) -> String {
    format!("{:015}", due.as_millisecond())
}

fn to_item(parked: &Parked) -> Item {
    let Parked {
        delivery,
        event,
        due,
    } = parked;
    let mut item = keys::delivery(delivery.endpoint, delivery.at, delivery.event).item();
    item.insert(DOC.to_owned(), json(delivery));
    item.insert(ATTEMPTS.to_owned(), number(delivery.attempts));
    let begun = delivery.last.map_or(delivery.at, |last| last.at);
    item.insert("ttl".to_owned(), number((begun + KEPT).as_second()));
    if let Some(event) = event {
        item.insert(EVENT.to_owned(), json(event));
    }
    if let Some(due) = due.filter(|_| delivery.state == DeliveryState::Waiting) {
        let shard = keys::delivery_shard(delivery.event);
        let partition = keys::deliveries_due(delivery.endpoint, shard);
        item.insert(INDEX_PARTITION.to_owned(), text(partition));
        item.insert(INDEX_SORT.to_owned(), text(sort(due)));
    }
    item
}

fn from_item(item: &Item) -> Result<Parked, StoreError> {
    let due = match item.find(INDEX_SORT) {
        Some(_) => Some(read_sort(item.text(INDEX_SORT)?)?),
        None => None,
    };
    Ok(Parked {
        delivery: item.json(DOC)?,
        event: item.find_json(EVENT)?,
        due,
    })
}

fn read_sort(digits: &str) -> Result<Timestamp, StoreError> {
    let time = digits.parse().ok();
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    time.ok_or_else(|| StoreError::corrupt("when a delivery is due"))
}
