//! Which endpoints have something waiting, and how they are: one item each, all in one partition, so that one query finds who needs a
//! look. It is there before the first delivery waits, and goes a while after the last one is done.

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder};
use carillon_core::{
    id::{AccountId, WebhookId},
    webhook::Health,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{Item, ReadItem, number, text, time},
    keys,
};

/// Longer than an index lags behind and than a function lives: what was parked after a look is found by one after this.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone)]
pub struct Backlogs {
    table: CoreTable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub account: AccountId,
    pub endpoint: WebhookId,
    /// When somebody should look at it.
    pub look_at: Timestamp,
    /// When something was parked last.
    pub touched: Timestamp,
    pub health: Health,
    /// Somebody is at work on it, until then at most.
    pub held_until: Option<Timestamp>,
}

impl Backlog {
    /// Nobody parks anything that a look may have missed.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        now.duration_since(self.touched) >= SETTLED_AFTER
    }
}

impl Backlogs {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Of all accounts.
    pub async fn list(&self) -> Result<Vec<Backlog>, StoreError> {
        self.query("").await
    }

    pub async fn of_account(&self, account: AccountId) -> Result<Vec<Backlog>, StoreError> {
        self.query(&keys::backlogs_of(account)).await
    }

    async fn query(&self, prefix: &str) -> Result<Vec<Backlog>, StoreError> {
        let mut all = Vec::new();
        let mut start = None;
        loop {
            let mut query = self
                .table
                .client()
                .query()
                .table_name(self.table.name())
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .expression_attribute_values(":partition", text(keys::BACKLOGS));
            query = if prefix.is_empty() {
                query.key_condition_expression("pk = :partition")
            } else {
                query
                    .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":prefix", text(prefix))
            };
            let answer = query.send().await;
            let answer = answer.map_err(StoreError::service("list the backlogs of webhooks"))?;
            for item in answer.items() {
                all.push(from_item(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(all);
            }
        }
    }

    /// Something is about to be parked: before that, so that it can't be forgotten.
    pub async fn touch(
        &self,
        account: AccountId,
        endpoint: WebhookId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .update(account, endpoint)
            .update_expression("SET touched = :now, look_at = :now, failing_since = if_not_exists(failing_since, :now)")
            .expression_attribute_values(":now", time(now));
        let touched = update.send().await;
        touched
            .map(drop)
            .map_err(StoreError::service("list a backlog"))
    }

    /// Opens the breaker, unless somebody did so since `now`.
    pub async fn open(
        &self,
        account: AccountId,
        endpoint: WebhookId,
        health: &Health,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = health.open_until.unwrap_or(now);
        let update = self
            .update(account, endpoint)
            .update_expression(
                "SET open_until = :until, openings = :openings, failing_since = if_not_exists(failing_since, :now), \
                 touched = if_not_exists(touched, :now), look_at = if_not_exists(look_at, :now)",
            )
            .condition_expression("attribute_not_exists(open_until) OR open_until <= :now")
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":openings", number(health.openings))
            .expression_attribute_values(":now", time(now));
        condition::held(update.send().await, "open an endpoint's breaker").map(drop)
    }

    /// Something got through, or somebody wants all of it to be tried again now.
    pub async fn close(
        &self,
        account: AccountId,
        endpoint: WebhookId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .update(account, endpoint)
            .update_expression("SET look_at = :now REMOVE open_until, openings, failing_since")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", time(now));
        condition::held(update.send().await, "close an endpoint's breaker").map(drop)
    }

    /// Whether `owner` is now the only one at work on it, until it lets go or that time.
    pub async fn hold(
        &self,
        backlog: &Backlog,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(backlog.account, backlog.endpoint)
            .update_expression("SET holder = :owner, held_until = :until")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(held_until) OR held_until <= :now)",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now));
        let held = condition::held(update.send().await, "take an endpoint's backlog")?;
        Ok(held.is_some())
    }

    /// Gives it back, to be looked at again then - or sooner, when something was parked since it was read.
    pub async fn let_go(
        &self,
        backlog: &Backlog,
        owner: &str,
        look_at: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .update(backlog.account, backlog.endpoint)
            .update_expression("SET look_at = :at REMOVE holder, held_until")
            .condition_expression("holder = :owner AND touched = :touched")
            .expression_attribute_values(":at", time(look_at))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":touched", time(backlog.touched));
        let given = condition::held(update.send().await, "give a backlog back")?;
        if given.is_some() {
            return Ok(());
        }
        let update = self
            .update(backlog.account, backlog.endpoint)
            .update_expression("REMOVE holder, held_until")
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner));
        condition::held(update.send().await, "give a backlog back").map(drop)
    }

    /// Nothing waits, and nothing was parked since it was read.
    pub async fn forget(&self, backlog: &Backlog, owner: &str) -> Result<(), StoreError> {
        let delete = self
            .table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(
                keys::backlog(backlog.account, backlog.endpoint).item(),
            ))
            .condition_expression("holder = :owner AND touched = :touched")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":touched", time(backlog.touched));
        condition::held(delete.send().await, "forget a backlog").map(drop)
    }

    fn update(&self, account: AccountId, endpoint: WebhookId) -> UpdateItemFluentBuilder {
        let key = keys::backlog(account, endpoint).item();
        let update = self.table.client().update_item();
        update.table_name(self.table.name()).set_key(Some(key))
    }
}

fn from_item(item: &Item) -> Result<Backlog, StoreError> {
    let corrupt = || StoreError::corrupt("a backlog of a webhook");
    let (account, endpoint) = item.text(keys::SORT)?.split_once('#').ok_or_else(corrupt)?;
    let openings = item.find_number("openings")?.unwrap_or_default();
    Ok(Backlog {
        account: account.parse().map_err(|_| corrupt())?,
        endpoint: endpoint.parse().map_err(|_| corrupt())?,
        look_at: item.find_time("look_at")?.ok_or_else(corrupt)?,
        touched: item.find_time("touched")?.ok_or_else(corrupt)?,
        health: Health {
            failing_since: item.find_time("failing_since")?,
            open_until: item.find_time("open_until")?,
            openings: u32::try_from(openings).map_err(|_| corrupt())?,
        },
        held_until: item.find_time("held_until")?,
    })
}
