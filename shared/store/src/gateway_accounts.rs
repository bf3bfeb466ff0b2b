//! Gateway accounts: each one set of credentials at one gateway, which only its own functions can open.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, GatewayAccountId},
    rate::Limits,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    credentials::Sealed,
    item::{Item, ReadItem, binary, json, number},
    keys,
    rate::{History, Terms, change_limits},
};

/// Without its credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayRecord {
    pub id: GatewayAccountId,
    pub account: AccountId,
    /// The name of an adapter.
    pub kind: String,
    pub name: String,
    /// What its adapter is told.
    pub config: Value,
    /// What the gateway's calls to us carry in their path.
    pub token: String,
    /// `None` is without limit.
    pub parts_per_second: Option<u32>,
    /// Of each of its senders.
    pub sender_parts_per_second: Option<u32>,
    /// In millionths of the account's currency.
    pub cost_per_part: Option<u64>,
    pub enabled: bool,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

#[derive(Debug, Clone)]
pub struct GatewayAccounts {
    table: CoreTable,
}

/// Somebody changed it since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// An account has this many gateway accounts at most: a batch pins no more, and listing them is one read.
pub const MAX_GATEWAYS: usize = 100;

impl GatewayAccounts {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// The gateway account, how fast it may be sent to, and what finds it by the token in a webhook's path.
    pub async fn create(
        &self,
        gateway: &GatewayRecord,
        credentials: &Sealed,
        audit: &Audit,
    ) -> Result<(), StoreError> {
        let mut hook = keys::hook(&gateway.token).item();
        hook.insert(DOC.to_owned(), json(&(gateway.account, gateway.id)));
        let writes = vec![
            self.table
                .put(to_item(gateway, credentials), Condition::NEW),
            self.table.put(hook, Condition::NEW),
            change_limits(self.table.name(), &terms(gateway), History::Forgotten),
            audit.write(&self.table),
        ];
        let written = self
            .table
            .commit(writes, "create a gateway account")
            .await?;
        written.map_err(|_| StoreError::corrupt("a new id or token that is there already"))
    }

    /// Writes a changed gateway account over the one it was made from: its version must be the next one. Workers learn of it with their
    /// next tokens.
    pub async fn change(
        &self,
        gateway: &GatewayRecord,
        credentials: &Sealed,
        history: History,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(gateway.version - 1);
        let writes = vec![
            self.table.put(to_item(gateway, credentials), before),
            change_limits(self.table.name(), &terms(gateway), history),
            audit.write(&self.table),
        ];
        let written = self
            .table
            .commit(writes, "change a gateway account")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// With its credentials, still sealed.
    pub async fn find(
        &self,
        account: AccountId,
        id: GatewayAccountId,
    ) -> Result<Option<(GatewayRecord, Sealed)>, StoreError> {
        let key = keys::gateway(account, id);
        let item = self.table.get(&key, "read a gateway account").await?;
        item.as_ref().map(from_item).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<GatewayRecord>, StoreError> {
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::GATEWAY,
            after: None,
            order: Order::OldestFirst,
            limit: i32::try_from(MAX_GATEWAYS).expect("a hundred"),
        };
        let items = self.table.page(page, "list gateway accounts").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Whose webhook a path token is.
    pub async fn find_by_token(
        &self,
        token: &str,
    ) -> Result<Option<(AccountId, GatewayAccountId)>, StoreError> {
        let key = keys::hook(token);
        let item = self.table.get(&key, "look up a webhook's token").await?;
        item.map(|item| item.json(DOC)).transpose()
    }
}

fn terms(gateway: &GatewayRecord) -> Terms {
    Terms {
        gateway: gateway.id,
        limits: Limits {
            parts_per_second: gateway.parts_per_second,
            sender_parts_per_second: gateway.sender_parts_per_second,
        },
        enabled: gateway.enabled,
        record: gateway.version,
    }
}

fn to_item(gateway: &GatewayRecord, credentials: &Sealed) -> Item {
    let Sealed { data_key, content } = credentials;
    let mut item = keys::gateway(gateway.account, gateway.id).item();
    item.insert(DOC.to_owned(), json(gateway));
    item.insert("version".to_owned(), number(gateway.version));
    item.insert("data_key".to_owned(), binary(data_key.clone()));
    item.insert("credentials".to_owned(), binary(content.clone()));
    item
}

fn from_item(item: &Item) -> Result<(GatewayRecord, Sealed), StoreError> {
    let bytes = |name: &str| {
        let bytes = item.find_binary(name).map(<[u8]>::to_vec);
        bytes.ok_or_else(|| StoreError::corrupt(format!("attribute `{name}`")))
    };
    let sealed = Sealed {
        data_key: bytes("data_key")?,
        content: bytes("credentials")?,
    };
    Ok((item.json(DOC)?, sealed))
}
