//! Lists of batches by a time: campaigns', by when they were made, and planned ones, by when they begin. API sends that leave at once, which
//! there may be a million of, aren't in either: their ids say when they were made.

use std::collections::HashMap;

use carillon_core::{
    batch::Batch,
    id::{AccountId, BatchId},
};
use jiff::Timestamp;

use super::Batches;
use crate::{
    StoreError,
    item::{Item, ReadItem, text},
    keys::{self, SORT},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Batches of campaigns, by when they were made.
    Campaigns,
    /// Batches that were made for a later time, by that time.
    Planned,
}

/// What was listed between two places of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// Each with its place, in the order of places.
    pub batches: Vec<(String, Batch)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

impl List {
    fn partition(self, account: AccountId) -> String {
        match self {
            Self::Campaigns => keys::campaign_batches(account),
            Self::Planned => keys::planned_batches(account),
        }
    }
}

/// Before whatever has this very time.
pub fn place_from(time: Timestamp) -> String {
    keys::closing_time(time)
}

/// Where a batch that was made for a later time stands; `None` for all others.
pub(crate) fn planned(batch: &Batch) -> Option<Item> {
    let terms = &batch.terms;
    let at = terms.not_before?;
    Some(keys::planned_batch(terms.account, at, terms.id).item())
}

/// Everything that a batch is found by beside its id.
pub(crate) fn items(batch: &Batch) -> impl Iterator<Item = Item> {
    let items = [
        super::marketing(batch),
        super::of_campaigns(batch),
        planned(batch),
    ];
    items.into_iter().flatten()
}

impl Batches {
    pub(super) async fn put_in_list(&self, item: Item) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map(drop)
            .map_err(StoreError::service("list a batch by its time"))
    }

    /// Those from a place on, up to that time, which is in it to the millisecond. One that is listed and isn't there was never made.
    pub async fn listed(
        &self,
        list: List,
        account: AccountId,
        from: &str,
        until: Timestamp,
        limit: i32,
    ) -> Result<Page, StoreError> {
        // Behind every batch of that very millisecond.
        let last = format!("{}#~", keys::closing_time(until));
        if from > last.as_str() {
            return Ok(Page::default());
        }
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :list AND sk BETWEEN :from AND :last")
            .expression_attribute_values(":list", text(list.partition(account)))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":last", text(last))
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("list batches by their time"))?;
        let places: Result<Vec<String>, _> = answer
            .items()
            .iter()
            .map(|item| item.text(SORT).map(str::to_owned))
            .collect();
        let places = places?;
        let ids: Result<Vec<BatchId>, _> = places.iter().map(|place| id(place)).collect();
        let found = self.find_all(&ids?).await?;
        let mut found: HashMap<BatchId, Batch> =
            found.into_iter().map(|it| (it.terms.id, it)).collect();
        // Sorts after this place and before any other.
        let next = places.last().map(|place| format!("{place}~"));
        let placed = places.into_iter().filter_map(|place| {
            let batch = found.remove(&id(&place).ok()?)?;
            Some((place, batch))
        });
        Ok(Page {
            batches: placed.collect(),
            next,
        })
    }
}

pub(super) fn id(place: &str) -> Result<BatchId, StoreError> {
    let id = place.split_once('#').and_then(|(_, id)| id.parse().ok());
    id.ok_or_else(|| StoreError::corrupt("a batch in a list"))
}
