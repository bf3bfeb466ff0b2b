//! Requests that happen once: what came in under an `Idempotency-Key`, the ids drawn for it, and the answer once there is one.
//! A request that died on its way is done again with the same ids, so that it ends as if it had not.

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use carillon_core::id::AccountId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    StoreError, condition,
    item::{Item, ReadItem, json, number, text, time},
    keys::{self, Key},
};

/// How long an answer is given again.
pub const KEPT: SignedDuration = SignedDuration::from_hours(72);

/// An answer, to be given again as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON.
    pub body: String,
}

/// What a request is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIdentity {
    pub account: AccountId,
    /// A keyed hash of mode, method, path and key.
    pub key_hash: String,
    /// A keyed hash of the body.
    pub fingerprint: String,
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// Do it, with these ids: the ones offered, or those of an attempt that died.
    Do {
        reserved: Value,
    },
    Replay(KeptAnswer),
    /// Another attempt is at it.
    InFlight,
    /// The key came with another body before.
    Reused,
}

#[derive(Debug, Clone)]
pub struct Idempotency {
    client: Client,
    table: String,
}

impl Idempotency {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    /// `until`: when this attempt is certainly over.
    pub async fn begin(
        &self,
        request: &RequestIdentity,
        offered: &Value,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Begun, StoreError> {
        let expires = now + KEPT;
        let mut item = key(request).item();
        item.insert("fingerprint".to_owned(), text(&request.fingerprint));
        item.insert("reserved".to_owned(), json(offered));
        item.insert("in_progress_until".to_owned(), time(until));
        item.insert("expires".to_owned(), time(expires));
        item.insert("ttl".to_owned(), number(expires.as_second()));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // Expired items are deleted late: until then they count as absent.
            .condition_expression("attribute_not_exists(pk) OR expires <= :now")
            .expression_attribute_values(":now", time(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let there = match put.send().await {
            Ok(_) => return Ok(do_with(offered)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(lost)) => lost.item.clone(),
                _ => return Err(StoreError::service("reserve an idempotency key")(error)),
            },
        };
        let there = there.ok_or_else(|| StoreError::corrupt("an idempotency record"))?;
        self.judge(request, &there, offered, now, until).await
    }

    /// Keeps the answer.
    pub async fn finish(
        &self,
        request: &RequestIdentity,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .update_expression("SET answer = :answer")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":answer", json(answer));
        let kept = update.send().await;
        kept.map(drop)
            .map_err(StoreError::service("keep an answer"))
    }

    /// The attempt failed: the next one needn't wait for its end, and gets the same ids.
    pub async fn give_up(&self, request: &RequestIdentity) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .update_expression("SET in_progress_until = :never")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":never", number(0));
        let given_up = update.send().await;
        given_up
            .map(drop)
            .map_err(StoreError::service("give up an attempt"))
    }

    /// The request was refused and nothing of it was done: the key is free again.
    pub async fn forget(&self, request: &RequestIdentity) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()));
        let forgotten = delete.send().await;
        forgotten
            .map(drop)
            .map_err(StoreError::service("free an idempotency key"))
    }

    async fn judge(
        &self,
        request: &RequestIdentity,
        there: &Item,
        offered: &Value,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Begun, StoreError> {
        let in_progress_until = there
            .find("in_progress_until")
            .cloned()
            .ok_or_else(|| StoreError::corrupt("an idempotency record"))?;
        if there.text("fingerprint")? != request.fingerprint {
            return Ok(Begun::Reused);
        }
        if let Some(answer) = there.find_json("answer")? {
            return Ok(Begun::Replay(answer));
        }
        let busy = there.find_time("in_progress_until")?;
        if busy.is_some_and(|end| end > now) {
            return Ok(Begun::InFlight);
        }
        // The attempt that reserved it is over and left no answer.
        let taken = self.take_over(request, in_progress_until, until).await?;
        if !taken {
            return Ok(Begun::InFlight);
        }
        let reserved = there.find_json("reserved")?;
        Ok(do_with(reserved.as_ref().unwrap_or(offered)))
    }

    /// Whether it was this attempt that took it over.
    async fn take_over(
        &self,
        request: &RequestIdentity,
        seen: AttributeValue,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .update_expression("SET in_progress_until = :until")
            .condition_expression("in_progress_until = :seen AND attribute_not_exists(answer)")
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":seen", seen);
        let taken = condition::held(update.send().await, "take over an attempt")?;
        Ok(taken.is_some())
    }
}

fn do_with(reserved: &Value) -> Begun {
    Begun::Do {
        reserved: reserved.clone(),
    }
}

fn key(request: &RequestIdentity) -> Key {
    keys::idempotency(request.account, &request.key_hash)
}
