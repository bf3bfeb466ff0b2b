//! Erasures: an item each, and while there is work with it an item in the list of what is due. Both are written together, under the
//! version that was read.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    erasure::Erasure,
    id::{AccountId, ErasureId},
};
use jiff::Timestamp;

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text},
    keys::{self, SORT},
    records::Stale,
};

#[derive(Debug, Clone)]
pub struct Erasures {
    table: CoreTable,
}

impl Erasures {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes a erasure once; a second call with the same id changes nothing.
    pub async fn create(&self, erasure: &Erasure, audit: &Audit) -> Result<(), StoreError> {
        let mut writes = vec![
            self.table.put(to_item(erasure), Condition::NEW),
            audit.write(&self.table),
        ];
        writes.extend(work(erasure).map(|key| self.table.put(key.item(), Condition::ANY)));
        match self.table.commit(writes, "take an erasure").await? {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        id: ErasureId,
    ) -> Result<Option<Erasure>, StoreError> {
        let key = keys::erasure(account, id);
        let item = self.table.get(&key, "read an erasure").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<ErasureId>,
        limit: i32,
    ) -> Result<Vec<Erasure>, StoreError> {
        let after = after.map(|id| keys::erasure(account, id).sort);
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::ERASURE,
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list erasures").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Those whose time has come, the longest due first.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<Erasure>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :work AND sk < :now")
            .expression_attribute_values(":work", text(keys::ERASURES_DUE))
            .expression_attribute_values(":now", text(keys::closing_time(now)))
            .consistent_read(true)
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("look for erasures"))?;
        let mut due = Vec::new();
        for item in answer.items() {
            let named = keys::erasure_due_of(item.text(SORT)?);
            let (account, id) = named.ok_or_else(|| StoreError::corrupt("a due erasure"))?;
            due.extend(self.find(account, id).await?);
        }
        Ok(due)
    }

    /// Writes what became of a erasure that was read, unless somebody was faster. The result carries its new version.
    pub async fn change(
        &self,
        before: &Erasure,
        after: Erasure,
    ) -> Result<Result<Erasure, Stale>, StoreError> {
        let after = Erasure {
            version: before.version + 1,
            ..after
        };
        let mut writes = vec![
            self.table
                .put(to_item(&after), Condition::version(before.version)),
        ];
        let (was_due, is_due) = (work(before), work(&after));
        if was_due != is_due {
            writes.extend(was_due.map(|key| self.table.delete(&key, Condition::ANY)));
            writes.extend(is_due.map(|key| self.table.put(key.item(), Condition::ANY)));
        }
        let written = self.table.commit(writes, "go on with an erasure").await?;
        Ok(written.map(|()| after).map_err(|ConditionLost| Stale))
    }
}

fn work(erasure: &Erasure) -> Option<keys::Key> {
    Some(keys::erasure_due(
        erasure.due()?,
        erasure.account,
        erasure.id,
    ))
}

fn to_item(erasure: &Erasure) -> Item {
    let mut item = keys::erasure(erasure.account, erasure.id).item();
    item.insert("version".to_owned(), number(erasure.version));
    item.insert(DOC.to_owned(), json(erasure));
    item
}
