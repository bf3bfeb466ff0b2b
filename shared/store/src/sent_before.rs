//! What an account sent to whom lately, by a fingerprint of both, so that nobody sends the same twice by mistake.

use aws_sdk_dynamodb::Client;
use carillon_core::id::{AccountId, CampaignId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    core_table::{CoreTable, DOC},
    item::{ReadItem, json, number},
    keys,
};

/// How long the same content to the same audience is remarkable.
pub const REMARKABLE: SignedDuration = SignedDuration::from_hours(24);

/// A campaign that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBefore {
    pub campaign: CampaignId,
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct SentLately {
    table: CoreTable,
}

impl SentLately {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// The last campaign with this fingerprint that began, or begins, within a day of `at`.
    pub async fn find(
        &self,
        account: AccountId,
        fingerprint: &str,
        at: Timestamp,
    ) -> Result<Option<SentBefore>, StoreError> {
        let key = keys::sent(account, fingerprint);
        let item = self.table.get(&key, "look for the same campaign").await?;
        let found: Option<SentBefore> = item.map(|item| item.json(DOC)).transpose()?;
        Ok(found.filter(|before| at.duration_since(before.at).abs() < REMARKABLE))
    }

    pub async fn record(
        &self,
        account: AccountId,
        fingerprint: &str,
        sent: SentBefore,
    ) -> Result<(), StoreError> {
        let mut item = keys::sent(account, fingerprint).item();
        item.insert(DOC.to_owned(), json(&sent));
        let until = sent.at + REMARKABLE;
        item.insert("ttl".to_owned(), number(until.as_second()));
        self.table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(item))
            .send()
            .await
            .map_err(StoreError::service("remember a campaign"))?;
        Ok(())
    }
}
