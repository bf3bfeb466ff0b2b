//! What handsets wrote to an account, in the order of time.

use aws_sdk_dynamodb::{
    Client, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};
use carillon_core::{id::AccountId, inbound::QueuedInbound, keyword::Meaning, phone::Phone};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    core_table::{CoreTable, DOC, Order, Page},
    item::{ReadItem, json, number, text, time},
    keys::{self, Key},
};

/// How long a message from a handset is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

/// For so long a message that its gateway brings again is known: all that a carrier does, and a queue keeps.
const COMES_AGAIN: SignedDuration = SignedDuration::from_hours(24 * 15);

/// Old messages that are forgotten together, and deletions on their way at once.
const FORGOTTEN: i32 = 500;
const CONCURRENT: usize = 16;

/// Messages of a number that are looked at together.
const LOOKED: i32 = 100;

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

impl LoggedInbound {
    /// Where it stands in its lists.
    pub fn place(&self) -> String {
        keys::inbound_place(self.message.at, self.message.id())
    }
}

/// A place in every list, behind which stands what was written before a time.
pub fn place_before(time: Timestamp) -> String {
    keys::place_before(time)
}

impl InboundLog {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// The message with the time at which it came first. A gateway brings again what it got no answer to; a START that counted from
    /// then would undo the STOP that came between. Without an id of the gateway's nobody can tell that it is the same.
    pub async fn as_it_came_first(
        &self,
        message: QueuedInbound,
        number_hash: &str,
    ) -> Result<QueuedInbound, StoreError> {
        const OPERATION: &str = "note when a message came";
        if message.provider_id.is_none() {
            return Ok(message);
        }
        let ends = message.at + COMES_AGAIN;
        let mut item = keys::first_came(message.account, number_hash, message.id()).item();
        item.insert("came".to_owned(), time(message.at));
        item.insert("ttl".to_owned(), number(ends.as_second()));
        let put = self.table.client().put_item();
        let put = put
            .table_name(self.table.name())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let there = match put.send().await {
            Ok(_) => return Ok(message),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(lost)) => lost.item.clone(),
                _ => return Err(StoreError::service(OPERATION)(error)),
            },
        };
        let came = there.map(|item| item.find_time("came")).transpose()?;
        let at = came.flatten();
        let at = at.ok_or_else(|| StoreError::corrupt("when a message came"))?;
        Ok(QueuedInbound { at, ..message })
    }

    /// Under the account and under the number. Writing it again changes nothing.
    pub async fn put(
        &self,
        logged: &LoggedInbound,
        number_hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let account = logged.message.account;
        let (all, of) = (
            keys::inbound_log(account),
            keys::inbound_of(account, number_hash),
        );
        futures::try_join!(self.put_in(all, logged, now), self.put_in(of, logged, now))?;
        Ok(())
    }

    async fn put_in(
        &self,
        partition: String,
        logged: &LoggedInbound,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::inbound(partition, logged.place()).item();
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

    /// The newest of an account, or the newest before a place.
    pub async fn newest(
        &self,
        account: AccountId,
        before: Option<&str>,
        limit: i32,
    ) -> Result<Vec<LoggedInbound>, StoreError> {
        let partition = keys::inbound_log(account);
        self.page(&partition, before, limit).await
    }

    /// The newest that one number wrote, or those before a place.
    pub async fn newest_of(
        &self,
        account: AccountId,
        number_hash: &str,
        before: Option<&str>,
        limit: i32,
    ) -> Result<Vec<LoggedInbound>, StoreError> {
        let partition = keys::inbound_of(account, number_hash);
        self.page(&partition, before, limit).await
    }

    /// Deletes all that one number wrote, in both places; how much that was.
    pub async fn forget(&self, account: AccountId, number_hash: &str) -> Result<u32, StoreError> {
        let mut count = 0;
        loop {
            let page = self.newest_of(account, number_hash, None, LOOKED).await?;
            if page.is_empty() {
                return Ok(count);
            }
            for logged in &page {
                // What it is found by goes last.
                for partition in [
                    keys::inbound_log(account),
                    keys::inbound_of(account, number_hash),
                ] {
                    let key = keys::inbound(partition, logged.place());
                    self.table.remove(&key, "forget an inbound message").await?;
                }
                count += 1;
            }
        }
    }

    /// Deletes what is older than a time, in both places, page by page: each is gone before the next is begun, if there is time for that.
    /// Whether nothing is left. `hash`: of a number.
    pub async fn forget_before(
        &self,
        account: AccountId,
        before: Timestamp,
        hash: impl Fn(Phone) -> String,
        mut has_time: impl FnMut() -> bool,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "forget old inbound messages";
        let all = keys::inbound_log(account);
        let end = format!("{:015}", before.as_millisecond());
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :log AND sk < :end")
            .expression_attribute_values(":log", text(&all))
            .expression_attribute_values(":end", text(&end))
            .limit(FORGOTTEN)
            .consistent_read(true);
        while has_time() {
            let page = query.clone().send().await;
            let page = page.map_err(StoreError::service(OPERATION))?;
            let mut copies = Vec::new();
            let mut lines = Vec::new();
            for item in page.items() {
                let logged: LoggedInbound = item.json(DOC)?;
                let of = keys::inbound_of(account, &hash(logged.message.from));
                copies.push(keys::inbound(of, logged.place()));
                lines.push(keys::inbound(all.clone(), logged.place()));
            }
            self.remove_all(copies, OPERATION).await?;
            // What they are found by goes last.
            self.remove_all(lines, OPERATION).await?;
            if page.last_evaluated_key().is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remove_all(&self, keys: Vec<Key>, operation: &'static str) -> Result<(), StoreError> {
        stream::iter(&keys)
            .map(|key| self.table.remove(key, operation))
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }

    async fn page(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<LoggedInbound>, StoreError> {
        let page = Page {
            partition,
            // Milliseconds of this millennium, with zeros before them.
            prefix: "0",
            after,
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list inbound messages").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }
}
