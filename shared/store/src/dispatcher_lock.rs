//! Who dispatches: one item, held for as long as its function lives.

use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, update_item::UpdateItemError},
};
use jiff::Timestamp;

use crate::{
    StoreError,
    item::{text, time},
    keys,
};

#[derive(Debug, Clone)]
pub struct DispatcherLock {
    client: Client,
    table: String,
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
            .update_expression("SET holder = :owner, held_until = :until")
            .condition_expression(
                "attribute_not_exists(held_until) OR held_until <= :now OR holder = :owner",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::service("take the dispatcher's lock")(error)),
        }
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
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::service("release the dispatcher's lock")(error)),
        }
    }
}
