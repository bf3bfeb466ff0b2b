//! Tokens of a gateway account: one item that says until when its rate is spoken for (GCRA, the generic cell rate algorithm).
//! Whoever moves that time forward owns the parts in between, to be sent spaced by their tokens.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use carillon_core::id::GatewayAccountId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    item::{Item, ReadItem, number},
    keys,
};

/// Tokens are never handed out further ahead than this.
const HORIZON: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Clone)]
pub struct Rate {
    client: Client,
    table: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// The first part may leave then, each following one an interval later.
    From(Timestamp),
    /// All of the coming second is spoken for: nothing before then.
    NoneUntil(Timestamp),
}

impl Rate {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Takes `parts` tokens at `per_second`.
    pub async fn take(
        &self,
        gateway: GatewayAccountId,
        parts: u32,
        per_second: u32,
        now: Timestamp,
    ) -> Result<Tokens, StoreError> {
        let cost = i64::from(parts) * 1_000_000 / i64::from(per_second.max(1));
        let (now, limit) = (now.as_microsecond(), (now + HORIZON).as_microsecond());
        // In use: move the time forward. Idle or new: begin at now.
        if let Some(taken) = self
            .add(gateway, cost, now, limit)
            .await?
            .map(|end| end - cost)
        {
            return Ok(Tokens::From(at(taken)));
        }
        match self.restart(gateway, cost, now).await? {
            Ok(()) => Ok(Tokens::From(at(now))),
            Err(end) if end <= limit => match self.add(gateway, cost, now, limit).await? {
                Some(end) => Ok(Tokens::From(at(end - cost))),
                None => Ok(Tokens::NoneUntil(at(limit))),
            },
            Err(end) => Ok(Tokens::NoneUntil(at(
                end - HORIZON.as_micros().try_into().unwrap_or(0)
            ))),
        }
    }

    /// The new end when the time was between `now` and `limit`.
    async fn add(
        &self,
        gateway: GatewayAccountId,
        cost: i64,
        now: i64,
        limit: i64,
    ) -> Result<Option<i64>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::rate(gateway).item()))
            .update_expression("SET taken_until = taken_until + :cost")
            .condition_expression("taken_until BETWEEN :now AND :limit")
            .expression_attribute_values(":cost", number(cost))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":limit", number(limit))
            .return_values(ReturnValue::UpdatedNew);
        match update.send().await {
            Ok(answer) => answer
                .attributes()
                .map(|item| item.number("taken_until"))
                .transpose(),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::service("take tokens")(error)),
        }
    }

    /// Begins at `now` when the time is in the past; else the time.
    async fn restart(
        &self,
        gateway: GatewayAccountId,
        cost: i64,
        now: i64,
    ) -> Result<Result<(), i64>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::rate(gateway).item()))
            .update_expression("SET taken_until = :end")
            .condition_expression("attribute_not_exists(taken_until) OR taken_until < :now")
            .expression_attribute_values(":end", number(now + cost))
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(_) => Ok(Ok(())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(lost)) => {
                    let there: Option<&Item> = lost.item();
                    Ok(Err(there
                        .map(|item| item.number("taken_until"))
                        .transpose()?
                        .unwrap_or(now)))
                }
                _ => Err(StoreError::service("take tokens")(error)),
            },
        }
    }
}

fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}
