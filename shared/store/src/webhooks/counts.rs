//! What got through to an endpoint and what did not, by the hour: one write for what an environment has seen in a while.

use aws_sdk_dynamodb::Client;
use carillon_core::id::WebhookId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    core_table::CoreTable,
    item::{ReadItem, number, text},
    keys,
};

const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Debug, Clone)]
pub struct DeliveryCounts {
    table: CoreTable,
}

/// Calls' events, first and later attempts alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub delivered: u64,
    pub failed: u64,
    /// Of all calls together.
    pub calls: u64,
    pub milliseconds: u64,
}

impl Counts {
    pub const fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.calls += other.calls;
        self.milliseconds += other.milliseconds;
    }
}

impl DeliveryCounts {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    pub async fn add(
        &self,
        endpoint: WebhookId,
        counts: Counts,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let value = |count: u64| number(i64::try_from(count).unwrap_or(i64::MAX));
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(keys::delivered_in(endpoint, now).item()))
            .update_expression(
                "ADD delivered :delivered, failed :failed, calls :calls, milliseconds :time SET #ttl = :ttl",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":delivered", value(counts.delivered))
            .expression_attribute_values(":failed", value(counts.failed))
            .expression_attribute_values(":calls", value(counts.calls))
            .expression_attribute_values(":time", value(counts.milliseconds))
            .expression_attribute_values(":ttl", number((now + KEPT).as_second()));
        let added = update.send().await;
        added
            .map(drop)
            .map_err(StoreError::service("count deliveries"))
    }

    /// Of all hours since the one that `since` is in.
    pub async fn since(&self, endpoint: WebhookId, since: Timestamp) -> Result<Counts, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :hours AND sk >= :since")
            .expression_attribute_values(":hours", text(keys::delivered_hours(endpoint)))
            .expression_attribute_values(":since", text(keys::delivered_hour(since)));
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("read counts of deliveries"))?;
        let mut all = Counts::default();
        for item in answer.items() {
            all.add(&Counts {
                delivered: item.number("delivered")?,
                failed: item.number("failed")?,
                calls: item.number("calls")?,
                milliseconds: item.number("milliseconds")?,
            });
        }
        Ok(all)
    }
}
