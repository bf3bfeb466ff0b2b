//! Alerts by e-mail: one SNS topic for the members of all accounts. Of which accounts somebody is told is the filter of their
//! subscription, and SNS asks whoever owns the address before it sends anything there.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client as Table;
use aws_sdk_sns::{
    Client,
    operation::{
        set_subscription_attributes::SetSubscriptionAttributesError, subscribe::SubscribeError,
        unsubscribe::UnsubscribeError,
    },
    types::MessageAttributeValue,
};
use carillon_core::{alert::Alert, id::AccountId, keyed_hash::DeploymentKey, member::Email};
use serde_json::json;

use crate::{
    StoreError,
    core_table::CoreTable,
    item::{ReadItem, text},
    keys::{self, Key},
    members,
};

/// The attribute of a message that filters look at.
const ACCOUNT: &str = "account";
const FILTER: &str = "FilterPolicy";
/// An account that nobody has: whoever may not unsubscribe yet is told of nothing.
const NOBODY: &str = "none";

/// Where alerts are published.
#[derive(Debug, Clone)]
pub struct AlertTopic {
    client: Client,
    arn: String,
}

impl AlertTopic {
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        let arn = arn.into();
        Self { client, arn }
    }

    /// To the members of this account who want to be told. Done twice it is told twice.
    pub async fn publish(&self, account: AccountId, alert: &Alert) -> Result<(), StoreError> {
        let of = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(account.to_string())
            .build()
            .expect("its type is set");
        let publish = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(&alert.subject)
            .message(&alert.text)
            .message_attributes(ACCOUNT, of);
        let published = publish.send().await;
        published
            .map(drop)
            .map_err(StoreError::service("publish an alert"))
    }
}

/// Who is told of which accounts. An item for each person keeps the name of their subscription, since SNS finds none by an address.
#[derive(Debug, Clone)]
pub struct AlertSubscriptions {
    client: Client,
    topic: String,
    table: CoreTable,
    key: DeploymentKey,
}

impl AlertSubscriptions {
    pub fn new(
        client: Client,
        topic: impl Into<String>,
        table: Table,
        name: impl Into<String>,
        key: DeploymentKey,
    ) -> Self {
        Self {
            client,
            topic: topic.into(),
            table: CoreTable::new(table, name),
            key,
        }
    }

    /// From now on this address is told of these accounts and of no others. Whoever was never asked by SNS, or hasn't answered, is
    /// asked (again). SNS may take a quarter of an hour to follow.
    pub async fn follow(
        &self,
        email: &Email,
        accounts: &BTreeSet<AccountId>,
    ) -> Result<(), StoreError> {
        let key = keys::alerts(&members::hash(&self.key, email));
        let known = self.table.get(&key, "read who is told").await?;
        let known = known.map(|item| item.text("subscription").map(str::to_owned));
        let known = known.transpose()?;
        if accounts.is_empty() {
            return match known {
                Some(subscription) => self.end(&key, &subscription).await,
                None => Ok(()),
            };
        }
        let filter = filter(accounts.iter().map(ToString::to_string));
        let subscription = self.subscribe(email, &filter).await?;
        self.set_filter(&subscription, &filter).await?;
        if known.as_ref() == Some(&subscription) {
            return Ok(());
        }
        self.remember(&key, &subscription).await
    }

    /// Never without a filter: without one, it would be told of everybody's accounts. One that is there with another filter is found
    /// by asking for none, and keeps its own.
    async fn subscribe(&self, email: &Email, filter: &str) -> Result<String, StoreError> {
        let subscribe = self
            .client
            .subscribe()
            .topic_arn(&self.topic)
            .protocol("email")
            .endpoint(email.as_str())
            .return_subscription_arn(true);
        let mut subscribed = subscribe.clone().attributes(FILTER, filter).send().await;
        let is_there = |error: &SubscribeError| error.is_invalid_parameter_exception();
        if let Err(error) = &subscribed
            && error.as_service_error().is_some_and(is_there)
        {
            subscribed = subscribe.send().await;
        }
        let subscribed = subscribed.map_err(StoreError::service("subscribe to alerts"))?;
        let arn = subscribed.subscription_arn;
        arn.ok_or_else(|| StoreError::corrupt("the answer to a subscription"))
    }

    async fn set_filter(&self, subscription: &str, filter: &str) -> Result<(), StoreError> {
        let set = self
            .client
            .set_subscription_attributes()
            .subscription_arn(subscription)
            .attribute_name(FILTER)
            .attribute_value(filter);
        let set = set.send().await;
        set.map(drop).map_err(StoreError::service("filter alerts"))
    }

    /// Somebody whom SNS has asked and who hasn't answered can't be unsubscribed: the question ends by itself, and a late answer leads
    /// to nothing.
    async fn end(&self, key: &Key, subscription: &str) -> Result<(), StoreError> {
        let operation = "tell somebody of nothing";
        let nothing = self
            .client
            .set_subscription_attributes()
            .subscription_arn(subscription)
            .attribute_name(FILTER)
            .attribute_value(filter([NOBODY.to_owned()]));
        if let Err(error) = nothing.send().await {
            let gone = error.as_service_error();
            if !gone.is_some_and(SetSubscriptionAttributesError::is_not_found_exception) {
                return Err(StoreError::service(operation)(error));
            }
            return self.forget(key).await;
        }
        let unsubscribe = self.client.unsubscribe().subscription_arn(subscription);
        match unsubscribe.send().await {
            Ok(_) => self.forget(key).await,
            Err(error) => {
                let pending = error.as_service_error();
                if pending.is_some_and(UnsubscribeError::is_invalid_parameter_exception) {
                    return Ok(());
                }
                Err(StoreError::service(operation)(error))
            }
        }
    }

    async fn remember(&self, key: &Key, subscription: &str) -> Result<(), StoreError> {
        let mut item = key.item();
        item.insert("subscription".to_owned(), text(subscription));
        let put = self.table.client().put_item();
        let put = put.table_name(self.table.name()).set_item(Some(item));
        let written = put.send().await;
        written
            .map(drop)
            .map_err(StoreError::service("remember a subscription"))
    }

    async fn forget(&self, key: &Key) -> Result<(), StoreError> {
        let delete = self.table.client().delete_item();
        let delete = delete
            .table_name(self.table.name())
            .set_key(Some(key.item()));
        let deleted = delete.send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("forget a subscription"))
    }
}

fn filter(accounts: impl IntoIterator<Item = String>) -> String {
    let accounts: Vec<String> = accounts.into_iter().collect();
    json!({ ACCOUNT: accounts }).to_string()
}
