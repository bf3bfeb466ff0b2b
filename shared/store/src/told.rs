//! What an account was told of already: a small item for each, until it may be told again.

use aws_sdk_dynamodb::Client;
use carillon_core::id::AccountId;
use jiff::Timestamp;

use crate::{
    StoreError,
    core_table::CoreTable,
    item::{ReadItem, number, time},
    keys,
};

#[derive(Debug, Clone)]
pub struct Told {
    table: CoreTable,
}

impl Told {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    pub async fn is_told(
        &self,
        account: AccountId,
        what: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = keys::told(account, what);
        let item = self.table.get(&key, "look what was told").await?;
        let until = match item {
            Some(item) => item.find_time("until")?,
            None => None,
        };
        Ok(until.is_some_and(|until| now < until))
    }

    /// After it was: whoever dies in between tells it twice, and never not at all.
    pub async fn note(
        &self,
        account: AccountId,
        what: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::told(account, what).item();
        item.insert("until".to_owned(), time(until));
        item.insert("ttl".to_owned(), number(until.as_second()));
        let put = self.table.client().put_item();
        let put = put.table_name(self.table.name()).set_item(Some(item));
        let written = put.send().await;
        written
            .map(drop)
            .map_err(StoreError::service("note what was told"))
    }
}
