//! Whose lake is filled each day, and how far it is: one small item each, in one partition, read each minute.

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::{
    export::{Export, lake::LakeSchedule},
    id::AccountId,
};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC},
    exports,
    item::{Item, ReadItem, json, text},
    keys::{self, LAKES, SORT},
    records::Stale,
};

#[derive(Debug, Clone)]
pub struct Lakes {
    table: CoreTable,
}

impl Lakes {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    pub async fn find(&self, account: AccountId) -> Result<Option<LakeSchedule>, StoreError> {
        let key = keys::lake(account);
        let item = self.table.get(&key, "read an account's lake").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Changes what was read, as long as no day was asked for since. `None` ends it; what is there stays.
    pub async fn set(
        &self,
        account: AccountId,
        before: Option<&LakeSchedule>,
        after: Option<&LakeSchedule>,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let write = match after {
            Some(schedule) => self.put(account, before, schedule),
            None => self.table.delete(&keys::lake(account), as_it_was(before)),
        };
        let writes = vec![write, audit.write(&self.table)];
        let written = self
            .table
            .commit(writes, "change an account's lake")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// All of them.
    pub async fn list(&self) -> Result<Vec<(AccountId, LakeSchedule)>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :lakes")
            .expression_attribute_values(":lakes", text(LAKES));
        let items = query.into_paginator().items().send().try_collect().await;
        let items: Vec<Item> = items.map_err(StoreError::service("list lakes"))?;
        let read = |item: &Item| {
            let account = item.text(SORT)?.parse();
            let account = account.map_err(|_| StoreError::corrupt("whose a lake is"))?;
            Ok((account, item.json(DOC)?))
        };
        items.iter().map(read).collect()
    }

    /// Writes the export of a day together with the schedule, which goes on to its next: nothing where somebody did so, or its owner
    /// changed or ended it, since it was read.
    pub async fn begin(
        &self,
        export: &Export,
        before: &LakeSchedule,
        after: &LakeSchedule,
    ) -> Result<Result<(), Stale>, StoreError> {
        let mut writes = vec![self.put(export.account, Some(before), after)];
        writes.extend(exports::created(&self.table, export));
        let written = self.table.commit(writes, "begin a day of a lake").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    fn put(
        &self,
        account: AccountId,
        before: Option<&LakeSchedule>,
        after: &LakeSchedule,
    ) -> TransactWriteItem {
        let mut item = keys::lake(account).item();
        item.insert(DOC.to_owned(), json(after));
        self.table.put(item, as_it_was(before))
    }
}

fn as_it_was(before: Option<&LakeSchedule>) -> Condition {
    before.map_or(Condition::NEW, |before| Condition {
        expression: "doc = :expected",
        expected: Some(json(before)),
    })
}
