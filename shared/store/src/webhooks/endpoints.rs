//! Endpoints with their secrets, which are sealed. An account's are one partition and one read.

use aws_sdk_dynamodb::Client;
use base64::{Engine, engine::general_purpose::STANDARD};
use carillon_core::{
    id::{AccountId, WebhookId},
    webhook::Endpoint,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    credentials::Sealed,
    item::{Item, ReadItem, json, number},
    keys,
    records::Stale,
};

/// An account has this many at most: each event may go to each.
pub const MOST: usize = 20;

#[derive(Debug, Clone)]
pub struct Endpoints {
    table: CoreTable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEndpoint {
    pub endpoint: Endpoint,
    /// The newest first.
    pub secrets: Vec<KeptSecret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    pub sealed: Sealed,
    /// Of one that was replaced: it signs until then.
    pub until: Option<Timestamp>,
}

impl Endpoints {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes it once; a second call with the same id changes nothing.
    pub async fn create(&self, kept: &KeptEndpoint, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(kept), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self
            .table
            .commit(writes, "create a webhook endpoint")
            .await?;
        // The same id is the same request.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        id: WebhookId,
    ) -> Result<Option<KeptEndpoint>, StoreError> {
        let key = keys::endpoint(account, id);
        let item = self.table.get(&key, "read a webhook endpoint").await?;
        item.as_ref().map(from_item).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<KeptEndpoint>, StoreError> {
        let page = Page {
            partition: &keys::endpoints(account),
            prefix: keys::ENDPOINT,
            after: None,
            order: Order::OldestFirst,
            limit: i32::try_from(MOST).expect("twenty"),
        };
        let items = self.table.page(page, "list webhook endpoints").await?;
        items.iter().map(from_item).collect()
    }

    /// Writes a changed endpoint over the one it was made from: its version must be the next one.
    pub async fn change(
        &self,
        kept: &KeptEndpoint,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(kept.endpoint.version - 1);
        let writes = vec![
            self.table.put(to_item(kept), before),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "change a webhook endpoint");
        Ok(written.await?.map_err(|ConditionLost| Stale))
    }

    /// Deletes the endpoint that was read.
    pub async fn delete(
        &self,
        endpoint: &Endpoint,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::endpoint(endpoint.account, endpoint.id);
        let version = Condition::version(endpoint.version);
        let writes = vec![self.table.delete(&key, version), audit.write(&self.table)];
        let written = self.table.commit(writes, "delete a webhook endpoint");
        Ok(written.await?.map_err(|ConditionLost| Stale))
    }
}

const SECRETS: &str = "secrets";

/// A secret as text.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

fn to_item(kept: &KeptEndpoint) -> Item {
    let KeptEndpoint { endpoint, secrets } = kept;
    let written: Vec<_> = secrets.iter().map(write).collect();
    let mut item = keys::endpoint(endpoint.account, endpoint.id).item();
    item.insert("version".to_owned(), number(endpoint.version));
    item.insert(DOC.to_owned(), json(endpoint));
    item.insert(SECRETS.to_owned(), json(&written));
    item
}

fn from_item(item: &Item) -> Result<KeptEndpoint, StoreError> {
    let written: Vec<Written> = item.json(SECRETS)?;
    let secrets: Option<Vec<_>> = written.iter().map(read).collect();
    Ok(KeptEndpoint {
        endpoint: item.json(DOC)?,
        secrets: secrets.ok_or_else(|| StoreError::corrupt("an endpoint's secrets"))?,
    })
}

fn write(secret: &KeptSecret) -> Written {
    let KeptSecret { sealed, until } = secret;
    Written {
        key: STANDARD.encode(&sealed.data_key),
        content: STANDARD.encode(&sealed.content),
        until: *until,
    }
}

fn read(written: &Written) -> Option<KeptSecret> {
    let Written {
        key,
        content,
        until,
    } = written;
    let sealed = Sealed {
        data_key: STANDARD.decode(key).ok()?,
        content: STANDARD.decode(content).ok()?,
    };
    Some(KeptSecret {
        sealed,
        until: *until,
    })
}
