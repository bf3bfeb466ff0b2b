//! Who did what: one entry for every act of a person or a key, written in the same transaction as what it tells of.

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::id::{AccountId, ApiKeyId, EventId, MemberId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{ReadItem, json},
    keys,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    Key(ApiKeyId),
    Member(MemberId),
    /// Whoever may invoke the function with the cloud's own permissions.
    Operator,
    /// What somebody planned before, when its time had come.
    Plan,
    /// Carillon itself, by a rule of its own.
    System,
}

/// An act, as its entry. Made before the act, so that both are written or neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub id: EventId,
    pub at: Timestamp,
    pub account: AccountId,
    pub actor: Actor,
    /// `campaign.start`: a kind of thing, and what was done to it.
    pub action: String,
    /// The id of the thing.
    pub target: String,
}

#[derive(Debug, Clone)]
pub struct AuditLog {
    table: CoreTable,
}

impl Audit {
    pub(crate) fn write(&self, table: &CoreTable) -> TransactWriteItem {
        let mut item = keys::audit_entry(self.account, self.id).item();
        item.insert(DOC.to_owned(), json(self));
        table.put(item, Condition::NEW)
    }
}

impl AuditLog {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// An act whose effect is written elsewhere. Call it before the act.
    pub async fn record(&self, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![audit.write(&self.table)];
        let written = self.table.commit(writes, "write an audit entry").await?;
        // The id is new, so what is there is this entry, from a repeated call.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// Forgets the entries that are older; how many those were.
    pub async fn forget_before(
        &self,
        account: AccountId,
        before: Timestamp,
    ) -> Result<u32, StoreError> {
        let end = EventId::at(before, [0; 10]).to_string();
        self.table
            .remove_before(&keys::audit(account), &end, "forget old audit entries")
            .await
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<EventId>,
        limit: i32,
    ) -> Result<Vec<Audit>, StoreError> {
        let after = after.map(|id| id.to_string());
        let page = Page {
            partition: &keys::audit(account),
            prefix: "evt_",
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "read the audit log").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }
}
