//! How often one-time passwords went to a number and to its block of a thousand: an item each, read, decided on and written if it is
//! still what was read.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::AccountId,
    limits::velocity::{Counts, Pause, Velocity as Decision, VelocityLimit},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError, condition,
    core_table::{CoreTable, DOC},
    item::{ReadItem, json, number, text},
    keys,
};

/// How often others may be faster. Then it is let through: spending caps stand behind it.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(5);
/// Longer than the longest stop is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(96);

#[derive(Debug, Clone)]
pub struct Velocity {
    table: CoreTable,
}

/// Not before then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    pub until: Timestamp,
}

impl Velocity {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Forgets how often it was.
    pub async fn forget(&self, account: AccountId, hash: &str) -> Result<(), StoreError> {
        let key = keys::velocity(account, hash);
        self.table
            .remove(&key, "forget how fast messages went")
            .await
    }

    /// Counts one message to what a hash stands for, if it isn't one too many.
    pub async fn count(
        &self,
        account: AccountId,
        hash: &str,
        limits: &[VelocityLimit],
        pause: Pause,
        now: Timestamp,
    ) -> Result<Result<(), TooFast>, StoreError> {
        let key = keys::velocity(account, hash);
        for _ in 0..TRIES {
            let item = self.table.get(&key, "look how fast messages go").await?;
            let known: Option<Counts> = item.as_ref().map(|item| item.json(DOC)).transpose()?;
            let before = known.unwrap_or_default();
            let (after, answer) = match before.take(limits, pause, 1, now) {
                Decision::Allowed(counts) => (counts, Ok(())),
                Decision::TooFast { until, counts } => (counts, Err(TooFast { until })),
            };
            if item.is_some() && before == after {
                return Ok(answer);
            }
            let mut new = key.item();
            new.insert(DOC.to_owned(), json(&after));
            new.insert("ttl".to_owned(), number((now + KEPT).as_second()));
            let put = self
                .table
                .client()
                .put_item()
                .table_name(self.table.name())
                .set_item(Some(new));
            let put = match &item {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(item) => put
                    .condition_expression("doc = :before")
                    .expression_attribute_values(":before", text(item.text(DOC)?)),
            };
            if condition::held(put.send().await, "count a message")?.is_some() {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Ok(()))
    }
}
