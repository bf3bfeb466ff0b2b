//! Who opened tracked links: an item for each time, and a bit in the chunk for each recipient who did.

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::{
    chunk::{Pointer, window::SlotSet},
    click::{Click, Device, Visitor},
    id::BatchId,
    message_id::MessageId,
};
use futures::future;
use jiff::{SignedDuration, Timestamp};

use super::Ledger;
use crate::{
    StoreError, condition,
    item::{Item, ReadItem, binary, number, text},
    keys::{self, CLICK_SHARDS, SORT},
};

/// As long as recipient files and links are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

impl Ledger {
    /// The same request again changes nothing.
    pub async fn record_click(&self, click: &Click) -> Result<(), StoreError> {
        let Visitor { device, is_program } = click.visitor;
        let mut item = keys::click(click).item();
        item.insert("device".to_owned(), text(device.as_str()));
        item.insert("program".to_owned(), AttributeValue::Bool(is_program));
        let ends = (click.at + KEPT).as_second();
        item.insert("ttl".to_owned(), number(ends));
        self.put(item, "record a click").await
    }

    /// A recipient opened a link: whether nobody had noted it before. `None` when there is no such chunk.
    pub async fn mark_clicked(
        &self,
        pointer: Pointer,
        slot: usize,
        mut known: SlotSet,
    ) -> Result<Option<bool>, StoreError> {
        while !known.contains(slot) {
            let mut clicked = known;
            clicked.insert(slot);
            let update = self
                .update(keys::chunk(pointer).item())
                .update_expression("SET c = :clicked")
                .condition_expression("attribute_exists(pk) AND c = :known")
                .expression_attribute_values(":clicked", binary(clicked.to_bytes()))
                .expression_attribute_values(":known", binary(known.to_bytes()));
            if condition::held(update.send().await, "mark a recipient as clicked")?.is_some() {
                return Ok(Some(true));
            }
            // Another recipient of the chunk was quicker, or this one on another device.
            match self.find(pointer).await? {
                Some(chunk) => known = chunk.clicked,
                None => return Ok(None),
            }
        }
        Ok(Some(false))
    }

    /// Up to `limit` clicks of a batch in the order of time, after the one whose place is given; and each with its place.
    pub async fn clicks(
        &self,
        batch: BatchId,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<(String, Click)>, StoreError> {
        let shards = (0..CLICK_SHARDS).map(|shard| self.clicks_of(batch, shard, after, limit));
        let mut found: Vec<_> = future::try_join_all(shards)
            .await?
            .into_iter()
            .flatten()
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }

    /// Hands every click of a batch to `each`, in no order across its partitions.
    pub async fn each_click(
        &self,
        batch: BatchId,
        mut each: impl FnMut(Click),
    ) -> Result<(), StoreError> {
        for shard in 0..CLICK_SHARDS {
            let mut after = None;
            loop {
                let page = self.clicks_of(batch, shard, after.as_deref(), PAGE).await?;
                after = page.last().map(|(place, _)| place.clone());
                for (_, click) in page {
                    each(click);
                }
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn clicks_of(
        &self,
        batch: BatchId,
        shard: u32,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<(String, Click)>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :clicks AND sk > :after")
            .expression_attribute_values(":clicks", text(keys::clicks(batch, shard)))
            .expression_attribute_values(":after", text(after.unwrap_or(FIRST)))
            .limit(limit)
            .send()
            .await
            .map_err(StoreError::service("read clicks"))?;
        let items = found.items().iter();
        items.map(|item| from_item(batch, item)).collect()
    }
}

/// Items of a page that is read whole: about 100 bytes each.
const PAGE: i32 = 5_000;
/// Before any time.
const FIRST: &str = "0";

fn from_item(batch: BatchId, item: &Item) -> Result<(String, Click), StoreError> {
    let place = item.text(SORT)?;
    let corrupt = || StoreError::corrupt("a click");
    let mut parts = place.splitn(5, '#');
    let mut part = || parts.next().ok_or_else(corrupt);
    let ms = part()?.parse().map_err(|_| corrupt())?;
    let chunk = part()?.parse().map_err(|_| corrupt())?;
    let slot = part()?.parse().map_err(|_| corrupt())?;
    let click = Click {
        message: MessageId { batch, chunk, slot },
        link: part()?.parse().map_err(|_| corrupt())?,
        at: Timestamp::from_millisecond(ms).map_err(|_| corrupt())?,
        visitor: Visitor {
            device: Device::from_word(item.text("device")?).ok_or_else(corrupt)?,
            is_program: item.find("program") == Some(&AttributeValue::Bool(true)),
        },
        request: part()?.to_owned(),
    };
    Ok((place.to_owned(), click))
}
