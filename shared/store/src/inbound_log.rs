//! What handsets wrote to an account, in the order of time.

use aws_sdk_dynamodb::Client;
use carillon_core::{id::AccountId, inbound::QueuedInbound, keyword::Meaning};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    core_table::{CoreTable, DOC, Order, Page},
    item::{ReadItem, json, number},
    keys,
};

/// How long a message from a handset is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

#[derive(Debug, Clone)]
pub struct InboundLog {
    /// The contacts table.
    table: CoreTable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedInbound {
    pub message: QueuedInbound,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
}

impl InboundLog {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writing it again changes nothing.
    pub async fn put(&self, logged: &LoggedInbound, now: Timestamp) -> Result<(), StoreError> {
        let message = &logged.message;
        let mut item = keys::inbound(message.account, message.at, message.id()).item();
        item.insert(DOC.to_owned(), json(logged));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        let put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(item));
        let written = put.send().await;
        written
            .map(drop)
            .map_err(StoreError::service("log an inbound message"))
    }

    /// The newest of an account.
    pub async fn newest(
        &self,
        account: AccountId,
        limit: i32,
    ) -> Result<Vec<LoggedInbound>, StoreError> {
        let page = Page {
            partition: &keys::inbound_log(account),
            // Milliseconds of this millennium, with zeros before them.
            prefix: "0",
            after: None,
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list inbound messages").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }
}
