//! Who puts a day into an account's lake: one export at a time, and none after one that was asked for later.

use aws_sdk_dynamodb::Client;
use carillon_core::{export::Export, id::ExportId};
use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{ReadItem, number, text, time},
    keys,
};

/// Which export's day it is.
const EXPORT: &str = "export";
/// Until when that puts its files there.
const UNTIL: &str = "until";
/// Longer than exports of a day are in each other's way.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Debug, Clone)]
pub struct LakeDays {
    table: CoreTable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Mine,
    /// Another export puts its files there.
    Another,
    /// What was asked for later is there.
    Over,
}

impl LakeDays {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Takes the day for an export, or takes it for longer.
    pub async fn take(
        &self,
        export: &Export,
        day: Date,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Turn, StoreError> {
        let key = keys::lake_day(export.account, day);
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .update_expression("SET #export = :export, #until = :until, #ttl = :ttl")
            // Ids of exports are in the order of their times.
            .condition_expression(
                "attribute_not_exists(pk) OR #export = :export OR (#export < :export AND #until <= :now)",
            )
            .expression_attribute_names("#export", EXPORT)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":export", text(export.id))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", number((now + KEPT).as_second()));
        if condition::held(update.send().await, "take a day of a lake")?.is_some() {
            return Ok(Turn::Mine);
        }
        let found = self
            .table
            .get(&key, "read whose a day of a lake is")
            .await?;
        let Some(found) = found else {
            return Ok(Turn::Another);
        };
        let whose: ExportId = found
            .text(EXPORT)?
            .parse()
            .map_err(|_| StoreError::corrupt("whose a day of a lake is"))?;
        Ok(if whose > export.id {
            Turn::Over
        } else {
            Turn::Another
        })
    }

    /// Its files are there: the next one need not wait.
    pub async fn release(
        &self,
        export: &Export,
        day: Date,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(keys::lake_day(export.account, day).item()))
            .update_expression("SET #until = :now")
            .condition_expression("#export = :export")
            .expression_attribute_names("#export", EXPORT)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":export", text(export.id))
            .expression_attribute_values(":now", time(now));
        condition::held(update.send().await, "release a day of a lake").map(drop)
    }
}
