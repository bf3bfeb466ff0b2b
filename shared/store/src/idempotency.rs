//! Requests that happen once: what came in under an `Idempotency-Key`, the ids drawn for it, and the answer once there is one.
//! A request that died on its way is done again with the same ids, so that it ends as if it had not.

use aws_sdk_dynamodb::{
    Client, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
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

/// One attempt at a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Drawn for this attempt.
    pub token: String,
    /// When it is certainly over.
    pub until: Timestamp,
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

    /// `offered`: the ids to do it with, if no attempt was before this one.
    pub async fn begin(
        &self,
        request: &RequestIdentity,
        attempt: &Attempt,
        offered: &Value,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let expires = now + KEPT;
        let mut item = key(request).item();
        item.insert("fingerprint".to_owned(), text(&request.fingerprint));
        item.insert("reserved".to_owned(), json(offered));
        item.insert("attempt".to_owned(), text(&attempt.token));
        item.insert("in_progress_until".to_owned(), time(attempt.until));
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
        self.judge(request, attempt, &there, now).await
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
    pub async fn give_up(
        &self,
        request: &RequestIdentity,
        attempt: &Attempt,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .update_expression("SET in_progress_until = :never")
            .condition_expression("attempt = :mine")
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":mine", text(&attempt.token));
        // Another one may have taken over, and goes on.
        condition::held(update.send().await, "give up an attempt").map(drop)
    }

    /// The request was refused and nothing of it was done: the key is free again.
    pub async fn forget(
        &self,
        request: &RequestIdentity,
        attempt: &Attempt,
    ) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .condition_expression("attempt = :mine AND attribute_not_exists(answer)")
            .expression_attribute_values(":mine", text(&attempt.token));
        condition::held(delete.send().await, "free an idempotency key").map(drop)
    }

    async fn judge(
        &self,
        request: &RequestIdentity,
        attempt: &Attempt,
        there: &Item,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        if there.text("fingerprint")? != request.fingerprint {
            return Ok(Begun::Reused);
        }
        if let Some(answer) = there.find_json("answer")? {
            return Ok(Begun::Replay(answer));
        }
        let reserved: Value = there.json("reserved")?;
        let at_it = there.text("attempt")?;
        if at_it == attempt.token {
            // The SDK repeated a call of ours whose answer was lost.
            return Ok(do_with(&reserved));
        }
        let until = there.find_time("in_progress_until")?;
        if until.is_some_and(|until| until > now) {
            return Ok(Begun::InFlight);
        }
        // The attempt that had it is over and left no answer.
        if self.take_over(request, attempt, at_it).await? {
            Ok(do_with(&reserved))
        } else {
            Ok(Begun::InFlight)
        }
    }

    /// Whether it was this attempt that took it over.
    async fn take_over(
        &self,
        request: &RequestIdentity,
        attempt: &Attempt,
        from: &str,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(request).item()))
            .update_expression("SET in_progress_until = :until, attempt = :mine")
            .condition_expression("attempt IN (:from, :mine) AND attribute_not_exists(answer)")
            .expression_attribute_values(":until", time(attempt.until))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":mine", text(&attempt.token));
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
