//! Whose lake is filled each day, and how far it is: one small item each, in one partition, read each minute.

use aws_sdk_dynamodb::Client;
use carillon_core::{export::lake::LakeSchedule, id::AccountId};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC},
    item::{Item, ReadItem, json, text},
    keys::{self, LAKES, SORT},
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

    /// `None` ends it; what is there stays.
    pub async fn set(
        &self,
        account: AccountId,
        schedule: Option<&LakeSchedule>,
        audit: &Audit,
    ) -> Result<(), StoreError> {
        let key = keys::lake(account);
        let write = match schedule {
            Some(schedule) => {
                let mut item = key.item();
                item.insert(DOC.to_owned(), json(schedule));
                self.table.put(item, Condition::ANY)
            }
            None => self.table.delete(&key, Condition::ANY),
        };
        let writes = vec![write, audit.write(&self.table)];
        let written = self
            .table
            .commit(writes, "change an account's lake")
            .await?;
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
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

    /// A day was asked for; nothing where its owner changed or ended it meanwhile.
    pub async fn advance(
        &self,
        account: AccountId,
        before: &LakeSchedule,
        after: &LakeSchedule,
    ) -> Result<(), StoreError> {
        let mut item = keys::lake(account).item();
        item.insert(DOC.to_owned(), json(after));
        let condition = Condition {
            expression: "doc = :expected",
            expected: Some(json(before)),
        };
        let writes = vec![self.table.put(item, condition)];
        let written = self.table.commit(writes, "note a day of a lake").await?;
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }
}
