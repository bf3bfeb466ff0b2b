//! Opt-outs: one item that says so by number, one in the account's log in the order of time, written together.

use aws_sdk_dynamodb::{
    Client,
    types::{Put, TransactWriteItem},
};
use carillon_core::id::AccountId;
use jiff::Timestamp;

use crate::{
    StoreError,
    item::{Item, ReadItem, text, time},
    keys::{self, PARTITION, SORT},
};

#[derive(Debug, Clone)]
pub struct Suppressions {
    client: Client,
    table: String,
}

/// One line of the opt-out log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    pub at: Timestamp,
    pub number_hash: String,
}

impl Suppressions {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// The account must not text the number from now on. Saying so twice adds a line to the log, and changes nothing.
    pub async fn add(
        &self,
        account: AccountId,
        number_hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut by_number = keys::suppression(account, number_hash).item();
        by_number.insert("at".to_owned(), time(now));
        let logged = Item::from([
            (PARTITION.to_owned(), text(keys::opt_out_log(account))),
            (SORT.to_owned(), text(log_sort(now, number_hash))),
        ]);
        let put = |item| {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .build()
                .expect("table and item are set");
            TransactWriteItem::builder().put(put).build()
        };
        let write = self
            .client
            .transact_write_items()
            .transact_items(put(by_number))
            .transact_items(put(logged));
        write
            .send()
            .await
            .map(drop)
            .map_err(StoreError::service("write an opt-out"))
    }

    /// Whether the account must not text the number, strongly consistent.
    pub async fn holds(&self, account: AccountId, number_hash: &str) -> Result<bool, StoreError> {
        let key = keys::suppression(account, number_hash).item();
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true);
        Ok(read
            .send()
            .await
            .map_err(StoreError::service("look for an opt-out"))?
            .item
            .is_some())
    }

    /// The opt-outs of an account since a time, in its order, strongly consistent. All of them when `since` is `None`.
    pub async fn since(
        &self,
        account: AccountId,
        since: Option<Timestamp>,
    ) -> Result<Vec<OptOut>, StoreError> {
        let from = since.map_or_else(
            || "0".to_owned(),
            |time| format!("{:015}", time.as_millisecond()),
        );
        let items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :log AND sk >= :from")
            .expression_attribute_values(":log", text(keys::opt_out_log(account)))
            .expression_attribute_values(":from", text(from))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(StoreError::service("read the opt-out log"))?;
        items.iter().map(from_item).collect()
    }
}

fn log_sort(at: Timestamp, number_hash: &str) -> String {
    format!("{:015}#{number_hash}", at.as_millisecond())
}

fn from_item(item: &Item) -> Result<OptOut, StoreError> {
    let corrupt = || StoreError::corrupt("a line of the opt-out log");
    let (milliseconds, number_hash) = item.text(SORT)?.split_once('#').ok_or_else(corrupt)?;
    let at = milliseconds
        .parse()
        .ok()
        .and_then(|value| Timestamp::from_millisecond(value).ok())
        .ok_or_else(corrupt)?;
    Ok(OptOut {
        at,
        number_hash: number_hash.to_owned(),
    })
}
