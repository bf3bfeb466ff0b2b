//! API keys, found by their keyed hash. A revoked one stays, so that the list can say when.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    api_key::{Mode, Scope},
    id::{AccountId, ApiKeyId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    audit::Audit,
    condition,
    core_table::{Condition, CoreTable, DOC},
    item::{Item, ReadItem, json, text, time},
    keys::{self, INDEX, INDEX_PARTITION, INDEX_SORT, PARTITION},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub account: AccountId,
    pub name: String,
    pub mode: Mode,
    pub scopes: Vec<Scope>,
    /// Its first and last characters.
    pub hint: String,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    /// About when it was used last: noted once an hour. Beside the document, which a use doesn't change.
    #[serde(skip)]
    pub used: Option<Timestamp>,
}

/// A use is noted when the last one that was is so old.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl ApiKey {
    /// Whether a use at this time is worth a write.
    pub fn is_news(&self, now: Timestamp) -> bool {
        self.used
            .is_none_or(|used| now.duration_since(used) >= NOTED_EVERY)
    }
}

/// A key with what it is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub key: ApiKey,
    pub hash: String,
}

#[derive(Debug, Clone)]
pub struct ApiKeys {
    table: CoreTable,
}

impl ApiKeys {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    pub async fn create(&self, new: &StoredKey, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(new), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "create an API key").await?;
        written.map_err(|_| StoreError::corrupt("a new key that is there already"))
    }

    /// Whatever became of it: the caller looks whether it is revoked or expired.
    pub async fn find(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let item = self
            .table
            .get(&keys::api_key(hash), "read an API key")
            .await?;
        item.as_ref().map(from_item).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<ApiKey>, StoreError> {
        let items = self.query(account, None).await?;
        items.iter().map(from_item).collect()
    }

    /// Notes that it was used, unless that was noted within the hour. Returns whether it was noted now.
    pub async fn used(&self, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.table.client().update_item();
        let update = update
            .table_name(self.table.name())
            .set_key(Some(keys::api_key(hash).item()))
            .update_expression("SET used = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(used) OR used <= :before)",
            )
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":before", time(now - NOTED_EVERY));
        let noted = condition::held(update.send().await, "note that an API key is used")?;
        Ok(noted.is_some())
    }

    /// `None` when the account has no such key. Revoking it twice changes nothing.
    pub async fn revoke(
        &self,
        account: AccountId,
        id: ApiKeyId,
        now: Timestamp,
        audit: &Audit,
    ) -> Result<Option<ApiKey>, StoreError> {
        let items = self.query(account, Some(id)).await?;
        let Some(item) = items.first() else {
            return Ok(None);
        };
        let mut key = from_item(item)?;
        if key.revoked.is_some() {
            return Ok(Some(key));
        }
        key.revoked = Some(now);
        let hash = item.text(PARTITION)?.trim_start_matches("key#").to_owned();
        let stored = StoredKey { key, hash };
        let there = Condition {
            expression: "attribute_exists(pk)",
            expected: None,
        };
        let writes = vec![
            self.table.put(to_item(&stored), there),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "revoke an API key").await?;
        Ok(written.is_ok().then_some(stored.key))
    }

    /// All keys of an account, or the one of this id.
    async fn query(
        &self,
        account: AccountId,
        id: Option<ApiKeyId>,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name(INDEX)
            .expression_attribute_values(":keys", text(keys::api_keys_of(account)));
        let query = match id {
            None => query.key_condition_expression("gpk = :keys"),
            Some(id) => query
                .key_condition_expression("gpk = :keys AND gsk = :id")
                .expression_attribute_values(":id", text(id)),
        };
        let items = query.into_paginator().items().send().try_collect().await;
        items.map_err(StoreError::service("list API keys"))
    }
}

pub(crate) fn to_item(stored: &StoredKey) -> Item {
    let StoredKey { key, hash } = stored;
    let mut item = keys::api_key(hash).item();
    let keys_of = keys::api_keys_of(key.account);
    item.insert(INDEX_PARTITION.to_owned(), text(keys_of));
    item.insert(INDEX_SORT.to_owned(), text(key.id));
    item.insert(DOC.to_owned(), json(key));
    if let Some(used) = key.used {
        item.insert("used".to_owned(), time(used));
    }
    item
}

fn from_item(item: &Item) -> Result<ApiKey, StoreError> {
    let key: ApiKey = item.json(DOC)?;
    let used = item.find_time("used")?;
    Ok(ApiKey { used, ..key })
}
