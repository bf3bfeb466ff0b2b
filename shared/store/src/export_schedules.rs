//! Schedules of exports: each an item of its account, and one that says when somebody has to look at it next, in one partition that is read each
//! minute.

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::{
    export::{Export, schedule::ExportSchedule},
    id::{AccountId, ExportScheduleId},
};
use jiff::Timestamp;

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    exports,
    item::{Item, ReadItem, json, number, text},
    keys::{self, EXPORT_SCHEDULES, SORT},
    records::Stale,
};

/// An account has this many at most.
pub const MOST: usize = 20;

/// When it is looked at next, in milliseconds.
const LOOK: &str = "look";

#[derive(Debug, Clone)]
pub struct ExportSchedules {
    table: CoreTable,
}

impl ExportSchedules {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes it once; a second call with the same id changes nothing.
    pub async fn create(&self, schedule: &ExportSchedule, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(schedule), Condition::NEW),
            self.look(schedule),
            audit.write(&self.table),
        ];
        let written = self
            .table
            .commit(writes, "create an export schedule")
            .await?;
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// As it is now, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: ExportScheduleId,
    ) -> Result<Option<ExportSchedule>, StoreError> {
        let key = keys::export_schedule(account, id);
        let item = self.table.get(&key, "read an export schedule").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<ExportSchedule>, StoreError> {
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::EXPORT_SCHEDULE,
            after: None,
            order: Order::OldestFirst,
            // Two that come at the same time may make it a few more.
            limit: i32::try_from(MOST * 2).expect("some tens"),
        };
        let items = self.table.page(page, "list export schedules").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Writes a changed one over the one it was made from: its version must be the next one.
    pub async fn change(
        &self,
        schedule: &ExportSchedule,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let mut writes = self.advanced(schedule);
        writes.push(audit.write(&self.table));
        let written = self
            .table
            .commit(writes, "change an export schedule")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Deletes the one that was read. Its exports stay.
    pub async fn delete(
        &self,
        schedule: &ExportSchedule,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let ExportSchedule { account, id, .. } = *schedule;
        let before = Condition::version(schedule.version);
        let writes = vec![
            self.table
                .delete(&keys::export_schedule(account, id), before),
            self.table
                .delete(&keys::export_schedule_look(account, id), Condition::ANY),
            audit.write(&self.table),
        ];
        let written = self
            .table
            .commit(writes, "delete an export schedule")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Those that have to be looked at by now, of all accounts.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<ExportSchedule>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :schedules")
            .filter_expression("#look <= :now")
            .expression_attribute_names("#look", LOOK)
            .expression_attribute_values(":schedules", text(EXPORT_SCHEDULES))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let items = query.into_paginator().items().send().try_collect().await;
        let items: Vec<Item> = items.map_err(StoreError::service("list export schedules"))?;
        let mut due = Vec::new();
        for item in &items {
            let (account, id) = read(item)?;
            due.extend(self.find(account, id).await?);
        }
        Ok(due)
    }

    /// Writes an export together with its schedule, which goes on to its next time: each time is made once, and none after the schedule was
    /// paused or deleted.
    pub async fn begin(
        &self,
        export: &Export,
        after: &ExportSchedule,
    ) -> Result<Result<(), Stale>, StoreError> {
        let mut writes = self.advanced(after);
        writes.extend(exports::created(&self.table, export));
        let written = self
            .table
            .commit(writes, "begin a scheduled export")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    fn advanced(&self, schedule: &ExportSchedule) -> Vec<TransactWriteItem> {
        let before = Condition::version(schedule.version - 1);
        vec![
            self.table.put(to_item(schedule), before),
            self.look(schedule),
        ]
    }

    /// Keeps the item that is read each minute in step with it.
    fn look(&self, schedule: &ExportSchedule) -> TransactWriteItem {
        let key = keys::export_schedule_look(schedule.account, schedule.id);
        if schedule.paused {
            return self.table.delete(&key, Condition::ANY);
        }
        let mut item = key.item();
        let at = schedule.next.at.as_millisecond();
        item.insert(LOOK.to_owned(), number(at));
        self.table.put(item, Condition::ANY)
    }
}

fn to_item(schedule: &ExportSchedule) -> Item {
    let mut item = keys::export_schedule(schedule.account, schedule.id).item();
    item.insert("version".to_owned(), number(schedule.version));
    item.insert(DOC.to_owned(), json(schedule));
    item
}

fn read(item: &Item) -> Result<(AccountId, ExportScheduleId), StoreError> {
    let corrupt = || StoreError::corrupt("the time of an export schedule");
    let (account, id) = item.text(SORT)?.split_once('#').ok_or_else(corrupt)?;
    Ok((
        account.parse().map_err(|_| corrupt())?,
        id.parse().map_err(|_| corrupt())?,
    ))
}
