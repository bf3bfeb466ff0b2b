//! What reports said of each gateway account in each country, in buckets of five minutes: a hint for routing, never what reports are
//! counted from. An account's buckets are a partition of its own, since its pages read hours of them; which accounts have any is
//! another, for whoever looks at all of them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder};
use carillon_core::{
    id::{AccountId, GatewayAccountId},
    phone::Country,
    routing::shift::Deliveries as Counts,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{Item, ReadItem, number, text, time},
    keys::{self, Key, SORT},
};

const KEPT: SignedDuration = SignedDuration::from_hours(6);
/// Accounts read at once.
const CONCURRENT: usize = 16;

#[derive(Debug, Clone)]
pub struct Deliveries {
    table: CoreTable,
}

/// Whose messages to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Traffic {
    pub account: AccountId,
    pub country: Country,
    pub gateway: GatewayAccountId,
}

impl Deliveries {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Adds to the bucket of this time. Done twice it counts twice, which a hint may.
    pub async fn add(
        &self,
        traffic: Traffic,
        counts: Counts,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Counts { delivered, failed } = counts;
        let count = |count: u64| number(i64::try_from(count).unwrap_or(i64::MAX));
        let update = self
            .keep(&keys::deliveries(traffic, now), now)
            .update_expression("ADD delivered :delivered, failed :failed SET #ttl = :ttl")
            .expression_attribute_values(":delivered", count(delivered))
            .expression_attribute_values(":failed", count(failed));
        let noted = self
            .keep(&keys::has_deliveries(traffic.account, now), now)
            .update_expression("SET #ttl = :ttl");
        let noted = noted.send().await;
        noted.map_err(StoreError::service("note that deliveries are counted"))?;
        let added = update.send().await;
        added
            .map(drop)
            .map_err(StoreError::service("count deliveries"))
    }

    fn keep(&self, key: &Key, now: Timestamp) -> UpdateItemFluentBuilder {
        self.table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number((now + KEPT).as_second()))
    }

    /// Whether it is time to compare, and the caller the one who does: not before `again` for anybody else.
    pub async fn may_judge(&self, now: Timestamp, again: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(keys::judged().item()))
            .update_expression("SET again = :again")
            .condition_expression("attribute_not_exists(again) OR again <= :now")
            .expression_attribute_values(":again", time(again))
            .expression_attribute_values(":now", time(now));
        let held = condition::held(update.send().await, "take a turn to compare")?;
        Ok(held.is_some())
    }

    /// What was counted for an account since a time, and a bucket before it at most.
    pub async fn of(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<(Traffic, Counts)>, StoreError> {
        let items = self.read(keys::deliveries_of(account), since).await?;
        let bucket = |item| from_item(account, item);
        items.iter().map(bucket).collect()
    }

    /// The same for all accounts.
    pub async fn since(&self, since: Timestamp) -> Result<Vec<(Traffic, Counts)>, StoreError> {
        let notes = self.read(keys::DELIVERIES.to_owned(), since).await?;
        let corrupt = || StoreError::corrupt("the key of a note of deliveries");
        let account = |item: &Item| keys::delivering(item.text(SORT)?).ok_or_else(corrupt);
        let accounts: BTreeSet<AccountId> = notes.iter().map(account).collect::<Result<_, _>>()?;
        let all = stream::iter(accounts).map(|account| self.of(account, since));
        all.buffered(CONCURRENT).try_concat().await
    }

    async fn read(&self, partition: String, since: Timestamp) -> Result<Vec<Item>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :partition AND sk >= :from")
            .expression_attribute_values(":partition", text(partition))
            .expression_attribute_values(":from", text(keys::deliveries_from(since)));
        let items = query.into_paginator().items().send().try_collect().await;
        items.map_err(StoreError::service("read deliveries"))
    }
}

fn from_item(account: AccountId, item: &Item) -> Result<(Traffic, Counts), StoreError> {
    let corrupt = || StoreError::corrupt("the key of a bucket of deliveries");
    let traffic = keys::traffic(account, item.text(SORT)?).ok_or_else(corrupt)?;
    let count = |name: &str| {
        let count = item.find_number(name)?.unwrap_or_default();
        u64::try_from(count).map_err(|_| StoreError::corrupt(format!("attribute `{name}`")))
    };
    let counts = Counts {
        delivered: count("delivered")?,
        failed: count("failed")?,
    };
    Ok((traffic, counts))
}
