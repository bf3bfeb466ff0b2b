//! What each account lets leave: one item, changed under the version that was read.

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::{id::AccountId, safeguards::Safeguards};

use crate::{
    StoreError,
    accounts::Account,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC},
    item::{Item, ReadItem, json, number},
    keys,
    records::Stale,
    retention,
};

#[derive(Debug, Clone)]
pub struct SafeguardStore {
    table: CoreTable,
}

impl SafeguardStore {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// As they are now, strongly consistent. Of an account that has said nothing: nowhere may be sent to.
    pub async fn find(&self, account: AccountId) -> Result<Safeguards, StoreError> {
        let key = keys::safeguards(account);
        let item = self.table.get(&key, "read an account's safeguards").await?;
        match item {
            Some(item) => item.json(DOC),
            None => Ok(Safeguards::of(account)),
        }
    }

    /// Writes them over those they were made from: their version must be the next one.
    pub async fn change(
        &self,
        safeguards: &Safeguards,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        self.commit(self.writes(safeguards, audit)).await
    }

    /// Together with the account's name.
    pub async fn change_and_name(
        &self,
        safeguards: &Safeguards,
        name: &str,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::account(safeguards.account);
        let Some(mut item) = self.table.get(&key, "read an account").await? else {
            return Ok(Err(Stale));
        };
        let account: Account = item.json(DOC)?;
        let name = name.to_owned();
        // An operator may change its quotas at the same time.
        let before = Condition {
            expression: "doc = :expected",
            expected: item.insert(DOC.to_owned(), json(&Account { name, ..account })),
        };
        let mut writes = self.writes(safeguards, audit);
        writes.push(self.table.put(item, before));
        self.commit(writes).await
    }

    fn writes(&self, safeguards: &Safeguards, audit: &Audit) -> Vec<TransactWriteItem> {
        let before = match safeguards.version - 1 {
            0 => Condition::NEW,
            version => Condition::version(version),
        };
        vec![
            self.table.put(to_item(safeguards), before),
            audit.write(&self.table),
            retention::listing(&self.table, safeguards),
        ]
    }

    async fn commit(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Result<(), Stale>, StoreError> {
        let written = self.table.commit(writes, "change safeguards").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

pub(crate) fn to_item(safeguards: &Safeguards) -> Item {
    let mut item = keys::safeguards(safeguards.account).item();
    item.insert("version".to_owned(), number(safeguards.version));
    item.insert(DOC.to_owned(), json(safeguards));
    item
}
