//! Accounts: the tenants.

use aws_sdk_dynamodb::Client;
use carillon_core::{id::AccountId, quota::Quotas, safeguards::Safeguards};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    api_keys::{self, StoredKey},
    audit::Audit,
    core_table::{Condition, CoreTable, DOC},
    item::{ReadItem, json},
    keys, safeguards,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub created: Timestamp,
    /// Where the operator allows it other ones than everybody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}

#[derive(Debug, Clone)]
pub struct Accounts {
    table: CoreTable,
}

impl Accounts {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// An account with what it lets leave and its first keys, without which nobody could use it.
    pub async fn create(
        &self,
        account: &Account,
        safeguards: &Safeguards,
        first_keys: &[StoredKey],
        audit: &Audit,
    ) -> Result<(), StoreError> {
        let mut item = keys::account(account.id).item();
        item.insert(DOC.to_owned(), json(account));
        let first_keys = first_keys.iter().map(api_keys::to_item);
        let mut writes: Vec<_> = [item, safeguards::to_item(safeguards)]
            .into_iter()
            .chain(first_keys)
            .map(|item| self.table.put(item, Condition::NEW))
            .collect();
        writes.push(audit.write(&self.table));
        let written = self.table.commit(writes, "create an account").await?;
        written.map_err(|_| StoreError::corrupt("a new id that is there already"))
    }

    /// `None` when there is no such account.
    pub async fn set_quotas(
        &self,
        id: AccountId,
        quotas: Option<Quotas>,
        audit: &Audit,
    ) -> Result<Option<Account>, StoreError> {
        let Some(account) = self.find(id).await? else {
            return Ok(None);
        };
        let account = Account { quotas, ..account };
        let mut item = keys::account(id).item();
        item.insert(DOC.to_owned(), json(&account));
        let there = Condition {
            expression: "attribute_exists(pk)",
            expected: None,
        };
        let writes = vec![self.table.put(item, there), audit.write(&self.table)];
        let written = self.table.commit(writes, "change an account").await?;
        Ok(written.is_ok().then_some(account))
    }

    pub async fn find(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let item = self
            .table
            .get(&keys::account(id), "read an account")
            .await?;
        item.map(|item| item.json(DOC)).transpose()
    }
}
