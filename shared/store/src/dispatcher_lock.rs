//! Who dispatches: one item, held for as long as its function lives.

use aws_sdk_dynamodb::{Client, types::ReturnValue};
use jiff::Timestamp;

use crate::{
    StoreError, condition,
    item::{ReadItem, text, time},
    keys,
};

#[derive(Debug, Clone)]
pub struct DispatcherLock {
    client: Client,
    table: String,
}

/// How the lock stands when its holder renews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Ours,
    /// Still ours, and somebody waits for it.
    Wanted,
    /// Its time was over, and somebody else has it.
    Lost,
}

impl DispatcherLock {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Whether it is now held by `owner`: it was free, over, or its own. `owner` is new for every invocation.
    pub async fn take(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::dispatcher_lock().item()))
            .update_expression("SET holder = :owner, held_until = :until REMOVE wanted_by")
            .condition_expression(
                "attribute_not_exists(held_until) OR held_until <= :now OR holder = :owner",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now));
        let taken = condition::held(update.send().await, "take the dispatcher's lock")?;
        Ok(taken.is_some())
    }

    /// Asks the holder to give it back; it learns so when it renews it.
    pub async fn want(&self, owner: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::dispatcher_lock().item()))
            .update_expression("SET wanted_by = :owner")
            .condition_expression("attribute_exists(holder)")
            .expression_attribute_values(":owner", text(owner));
        condition::held(update.send().await, "ask for the dispatcher's lock").map(drop)
    }

    pub async fn renew(&self, owner: &str, until: Timestamp) -> Result<Held, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::dispatcher_lock().item()))
            .update_expression("SET held_until = :until")
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .return_values(ReturnValue::AllNew);
        let renewed = condition::held(update.send().await, "renew the dispatcher's lock")?;
        let Some(item) = renewed.and_then(|answer| answer.attributes) else {
            return Ok(Held::Lost);
        };
        Ok(match item.find("wanted_by") {
            Some(_) => Held::Wanted,
            None => Held::Ours,
        })
    }

    /// Gives it back early; nothing when somebody else has it by now.
    pub async fn release(&self, owner: &str) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::dispatcher_lock().item()))
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner));
        let deleted = delete.send().await;
        condition::held(deleted, "release the dispatcher's lock").map(drop)
    }
}
