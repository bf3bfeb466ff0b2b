//! Events of a time that an endpoint is sent again, out of the archive of events. Where one has got to is written after what it sent, so
//! that one that dies sends something twice and leaves nothing out.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, EventId, ReplayId, WebhookId},
    webhook::Wanted,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    audit::Audit,
    condition,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text, time},
    keys::{self, INDEX, INDEX_PARTITION, INDEX_SORT},
};

const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Debug, Clone)]
pub struct Replays {
    table: CoreTable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub id: ReplayId,
    pub account: AccountId,
    pub endpoint: WebhookId,
    /// Events that were first delivered, or first could not be, in this time.
    pub since: Timestamp,
    pub until: Timestamp,
    /// Of these types; all that the endpoint wants when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    /// These only, when there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventId>,
    pub created: Timestamp,
    pub state: ReplayState,
    /// The file of the archive that was sent last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Events that were sent or, where that failed, wait to be sent.
    pub sent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    Running,
    Finished,
    /// Its endpoint is gone or switched off.
    Stopped,
}

impl Replays {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    pub async fn create(&self, replay: &Replay, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(replay), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "begin a replay").await?;
        // The same id is the same request.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        endpoint: WebhookId,
        id: ReplayId,
    ) -> Result<Option<Replay>, StoreError> {
        let key = keys::replay(account, endpoint, id);
        let item = self.table.get(&key, "read a replay").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Of an endpoint, newest first.
    pub async fn list(
        &self,
        account: AccountId,
        endpoint: WebhookId,
        limit: i32,
    ) -> Result<Vec<Replay>, StoreError> {
        let page = Page {
            partition: &keys::endpoints(account),
            prefix: &keys::replays_of(endpoint),
            after: None,
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list replays").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Those that aren't over, of all accounts, oldest first.
    pub async fn running(&self, limit: i32) -> Result<Vec<Replay>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name(INDEX)
            .key_condition_expression("gpk = :running")
            .expression_attribute_values(":running", text(keys::REPLAYS))
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("look for replays"))?;
        answer.items().iter().map(|item| item.json(DOC)).collect()
    }

    /// Whether `owner` is now the only one at work on it.
    pub async fn hold(
        &self,
        replay: &Replay,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = keys::replay(replay.account, replay.endpoint, replay.id);
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .update_expression("SET holder = :owner, held_until = :until")
            .condition_expression(
                "gpk = :running AND (attribute_not_exists(held_until) OR held_until <= :now)",
            )
            .expression_attribute_values(":running", text(keys::REPLAYS))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now));
        let held = condition::held(update.send().await, "take a replay")?;
        Ok(held.is_some())
    }

    /// How far its holder has come, and until when it is held on to; whether nobody else has it by now.
    pub async fn write(
        &self,
        replay: &Replay,
        owner: &str,
        held_until: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let mut item = to_item(replay);
        if let Some(until) = held_until {
            item.insert("holder".to_owned(), text(owner));
            item.insert("held_until".to_owned(), time(until));
        }
        let put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(item))
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner));
        let written = condition::held(put.send().await, "write a replay")?;
        Ok(written.is_some())
    }
}

fn to_item(replay: &Replay) -> Item {
    let mut item = keys::replay(replay.account, replay.endpoint, replay.id).item();
    item.insert(DOC.to_owned(), json(replay));
    let ttl = (replay.created + KEPT).as_second();
    item.insert("ttl".to_owned(), number(ttl));
    if replay.state == ReplayState::Running {
        item.insert(INDEX_PARTITION.to_owned(), text(keys::REPLAYS));
        item.insert(INDEX_SORT.to_owned(), text(replay.id));
    }
    item
}
