//! What accounts answer handsets, and which messages were answered: each once, however often it comes.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, BatchId, EventId},
    replies::Replies,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{ReadItem, json, number, text, time},
    keys,
    records::Stale,
};

/// Longer than a message may come again.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 15);
/// Answers of one number that are looked at.
const LOOKED: i32 = 200;

/// What each account answers: one item in the core table, changed under the version that was read.
#[derive(Debug, Clone)]
pub struct ReplySettings {
    table: CoreTable,
}

impl ReplySettings {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// As they are now. Of an account that has said nothing: ours.
    pub async fn find(&self, account: AccountId) -> Result<Replies, StoreError> {
        let item = self
            .table
            .get(&keys::replies(account), "read an account's replies")
            .await?;
        item.map_or(Ok(Replies::of(account)), |item| item.json(DOC))
    }

    /// Writes them over those they were made from: their version must be the next one.
    pub async fn change(
        &self,
        replies: &Replies,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = match replies.version - 1 {
            0 => Condition::NEW,
            version => Condition::version(version),
        };
        let mut item = keys::replies(replies.account).item();
        item.insert("version".to_owned(), number(replies.version));
        item.insert(DOC.to_owned(), json(replies));
        let writes = vec![self.table.put(item, before), audit.write(&self.table)];
        let written = self.table.commit(writes, "change replies").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

/// Which messages of handsets were answered, in the contacts table.
#[derive(Debug, Clone)]
pub struct Answered {
    table: CoreTable,
}

impl Answered {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// The batch that answers a message: the offered one, or that of an earlier attempt.
    pub async fn reserve(
        &self,
        account: AccountId,
        number_hash: &str,
        inbound: EventId,
        offered: BatchId,
        now: Timestamp,
    ) -> Result<BatchId, StoreError> {
        let key = keys::answer(account, number_hash, inbound);
        let mut item = key.item();
        item.insert("batch".to_owned(), text(offered));
        item.insert("at".to_owned(), time(now));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        let writes = vec![self.table.put(item, Condition::NEW)];
        if self
            .table
            .commit(writes, "reserve an answer")
            .await?
            .is_ok()
        {
            return Ok(offered);
        }
        let item = self.table.get(&key, "read an answer").await?;
        let item = item.ok_or_else(|| StoreError::corrupt("an answer that was there"))?;
        let batch = item.text("batch")?.parse();
        batch.map_err(|_| StoreError::corrupt("an answer's batch"))
    }

    /// Other messages of the number that were answered since.
    pub async fn count(
        &self,
        account: AccountId,
        number_hash: &str,
        but: EventId,
        since: Timestamp,
    ) -> Result<usize, StoreError> {
        let page = Page {
            partition: &keys::answers(account, number_hash),
            prefix: "evt_",
            after: None,
            order: Order::NewestFirst,
            limit: LOOKED,
        };
        let items = self.table.page(page, "count answers").await?;
        let own = keys::answer(account, number_hash, but).sort;
        let mut count = 0;
        for item in &items {
            let at = item.find_time("at")?;
            let other = item.text(keys::SORT)? != own;
            count += usize::from(other && at.is_some_and(|at| at > since));
        }
        Ok(count)
    }
}
