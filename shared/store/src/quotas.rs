//! How often an account was asked for something in a window of ten seconds: one item, one write a request, nothing to read first.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use carillon_core::{
    id::{AccountId, ApiKeyId},
    quota::{Used, Window},
};
use jiff::SignedDuration;

use crate::{
    StoreError, condition,
    item::{Item, ReadItem, number},
    keys,
};

/// A count that takes longer isn't waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// After its end a window is of no use.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
const REQUESTS: &str = "requests";
const RECIPIENTS: &str = "recipients";

#[derive(Debug, Clone)]
pub struct RequestCounts {
    client: Client,
    table: String,
}

/// There is no room left for so many in this window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom(pub Used);

impl RequestCounts {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    /// Counts one request with a key.
    pub async fn request(
        &self,
        account: AccountId,
        key: ApiKeyId,
        window: Window,
    ) -> Result<Used, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::quota(account, window.number).item()))
            .update_expression("ADD #key :one, #requests :one SET #ttl = :ttl")
            .expression_attribute_names("#key", key.to_string())
            .expression_attribute_names("#requests", REQUESTS)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":ttl", number((window.ends + KEPT).as_second()))
            .return_values(ReturnValue::AllNew)
            .customize()
            .config_override(impatient());
        let answer = update.send().await;
        let answer = answer.map_err(StoreError::service("count a request"))?;
        used(key, &answer.attributes.unwrap_or_default())
    }

    /// Counts recipients, if there is room for them; what is more than `quota` by itself has room in an empty window.
    pub async fn recipients(
        &self,
        account: AccountId,
        key: ApiKeyId,
        window: Window,
        recipients: u32,
        quota: u32,
    ) -> Result<Result<Used, NoRoom>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::quota(account, window.number).item()))
            .update_expression("ADD #recipients :more SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(#recipients) OR #recipients <= :room")
            .expression_attribute_names("#recipients", RECIPIENTS)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":more", number(recipients))
            .expression_attribute_values(":room", number(i64::from(quota) - i64::from(recipients)))
            .expression_attribute_values(":ttl", number((window.ends + KEPT).as_second()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            .config_override(impatient());
        match condition::or_there(update.send().await, "count recipients")? {
            Ok(answer) => Ok(Ok(used(key, &answer.attributes.unwrap_or_default())?)),
            Err(there) => Ok(Err(NoRoom(used(key, &there.unwrap_or_default())?))),
        }
    }
}

fn used(key: ApiKeyId, item: &Item) -> Result<Used, StoreError> {
    let count = |name: &str| {
        let count = item.find_number(name)?.unwrap_or_default();
        u64::try_from(count).map_err(|_| StoreError::corrupt(format!("attribute `{name}`")))
    };
    Ok(Used {
        key: count(&key.to_string())?,
        account: count(REQUESTS)?,
        recipients: count(RECIPIENTS)?,
    })
}

/// A call that is repeated would count twice.
fn impatient() -> Builder {
    let timeout = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
    Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeout)
}
