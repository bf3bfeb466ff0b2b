//! Accounts that keep something for a time of their own, and what is swept for them. An entry for each, written with the setting; each
//! sweep pushes its time a day ahead.

use std::str::FromStr;

use aws_sdk_dynamodb::{
    Client,
    types::{TransactWriteItem, Update},
};
use carillon_core::{
    id::{AccountId, BatchId},
    safeguards::Safeguards,
};
use jiff::Timestamp;

use crate::{
    StoreError,
    core_table::{Condition, ConditionLost, CoreTable},
    item::{Item, ReadItem, text, time},
    keys::{self, SORT},
    records::Stale,
};

const DUE: &str = "due";
const SWEPT: &str = "swept";
const REACHED: &str = "reached";

/// When an account is swept next, and how far it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    pub account: AccountId,
    pub due: Timestamp,
    /// Up to here, no batch has messages any more.
    pub swept: Option<BatchId>,
    /// How far a pass came whose time was over: batches between the two that weren't over are looked at in the next one.
    pub reached: Option<BatchId>,
}

#[derive(Debug, Clone)]
pub struct Sweeps {
    table: CoreTable,
}

/// The entry that a setting makes: due at once, or gone where all is usual. How far the last sweep was stays.
pub(crate) fn listing(table: &CoreTable, safeguards: &Safeguards) -> TransactWriteItem {
    let key = keys::retention(safeguards.account);
    if safeguards.retention.is_usual() {
        return table.delete(&key, Condition::ANY);
    }
    let update = Update::builder()
        .table_name(table.name())
        .set_key(Some(key.item()))
        .update_expression("SET due = :now")
        .expression_attribute_values(":now", time(Timestamp::UNIX_EPOCH))
        .build()
        .expect("table, key and expression are set");
    TransactWriteItem::builder().update(update).build()
}

impl Sweeps {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Those whose time has come.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<Sweep>, StoreError> {
        let entries = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(keys::RETENTION))
            .consistent_read(true);
        let entries = entries.into_paginator().items().send().try_collect().await;
        let entries: Vec<Item> =
            entries.map_err(StoreError::service("look for accounts to sweep"))?;
        let entries: Vec<Sweep> = entries.iter().map(from_item).collect::<Result<_, _>>()?;
        Ok(entries.into_iter().filter(|it| it.due <= now).collect())
    }

    /// Writes what became of one that was read; lost when somebody else has it, or the setting was changed.
    pub async fn change(
        &self,
        before: &Sweep,
        after: &Sweep,
    ) -> Result<Result<(), Stale>, StoreError> {
        let unchanged = Condition {
            expression: "due = :expected",
            expected: Some(time(before.due)),
        };
        let writes = vec![self.table.put(to_item(after), unchanged)];
        let written = self.table.commit(writes, "sweep an account").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

fn to_item(sweep: &Sweep) -> Item {
    let mut item = keys::retention(sweep.account).item();
    item.insert(DUE.to_owned(), time(sweep.due));
    let places = [(SWEPT, sweep.swept), (REACHED, sweep.reached)].into_iter();
    item.extend(places.filter_map(|(name, batch)| Some((name.to_owned(), text(batch?)))));
    item
}

fn from_item(item: &Item) -> Result<Sweep, StoreError> {
    let corrupt = || StoreError::corrupt("an account to sweep");
    let place = |name: &str| {
        item.find(name)
            .map(|_| BatchId::from_str(item.text(name)?).map_err(|_| corrupt()))
            .transpose()
    };
    Ok(Sweep {
        account: item.text(SORT)?.parse().map_err(|_| corrupt())?,
        due: item.find_time(DUE)?.ok_or_else(corrupt)?,
        swept: place(SWEPT)?,
        reached: place(REACHED)?,
    })
}
