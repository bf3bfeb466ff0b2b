//! Opt-outs: one item that says by number whether an account may text it, one line in the account's log in the order of time,
//! written together. A word that was said later wins, in whatever order they come.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    Client,
    types::{Put, TransactWriteItem, Update},
};
use carillon_core::id::AccountId;
use jiff::Timestamp;

use crate::{
    StoreError,
    core_table::CoreTable,
    item::{Item, ReadItem, text, time},
    keys::{self, PARTITION, SORT},
};

#[derive(Debug, Clone)]
pub struct Suppressions {
    /// The contacts table.
    table: CoreTable,
}

/// Whether a number may be texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    OptedOut,
    /// It was opted out, and its owner wants messages again.
    OptedIn,
}

/// One line of the opt-out log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// When it was written.
    pub at: Timestamp,
    pub number_hash: String,
    pub consent: Consent,
}

impl Suppressions {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// From now on the account must not text the number, or may again, unless something else was said after `said`. Writing it
    /// again adds a line to the log and changes nothing. Returns whether it is so.
    pub async fn record(
        &self,
        account: AccountId,
        number_hash: &str,
        consent: Consent,
        said: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by_number = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(keys::suppression(account, number_hash).item()))
            .update_expression("SET said = :said, consent = :consent")
            .condition_expression("attribute_not_exists(said) OR said <= :said")
            .expression_attribute_values(":said", time(said))
            .expression_attribute_values(":consent", text(consent.word()))
            .build()
            .expect("table, key and expression are set");
        let logged = Item::from([
            (PARTITION.to_owned(), text(keys::opt_out_log(account))),
            (SORT.to_owned(), text(log_sort(now, number_hash))),
            ("consent".to_owned(), text(consent.word())),
        ]);
        let logged = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(logged))
            .build()
            .expect("table and item are set");
        let writes = vec![
            TransactWriteItem::builder().update(by_number).build(),
            TransactWriteItem::builder().put(logged).build(),
        ];
        let written = self.table.commit(writes, "write an opt-out").await?;
        Ok(written.is_ok())
    }

    /// Whether the account must not text the number, strongly consistent.
    pub async fn holds(&self, account: AccountId, number_hash: &str) -> Result<bool, StoreError> {
        let key = keys::suppression(account, number_hash);
        let item = self.table.get(&key, "look for an opt-out").await?;
        let Some(item) = item else { return Ok(false) };
        Ok(Consent::from_word(item.text("consent")?)? == Consent::OptedOut)
    }

    /// The lines of an account's log since a time, in its order, strongly consistent. All of them when `since` is `None`.
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
            .table
            .client()
            .query()
            .table_name(self.table.name())
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

impl Consent {
    const fn word(self) -> &'static str {
        match self {
            Self::OptedOut => "out",
            Self::OptedIn => "in",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        match word {
            "out" => Ok(Self::OptedOut),
            "in" => Ok(Self::OptedIn),
            _ => Err(StoreError::corrupt("a consent")),
        }
    }
}

/// Who is opted out, by the lines of a log in their order.
#[derive(Debug, Clone, Default)]
pub struct OptedOut(HashSet<String>);

impl OptedOut {
    pub fn apply(&mut self, lines: impl IntoIterator<Item = OptOut>) {
        for line in lines {
            match line.consent {
                Consent::OptedOut => self.0.insert(line.number_hash),
                Consent::OptedIn => self.0.remove(&line.number_hash),
            };
        }
    }

    pub fn contains(&self, number_hash: &str) -> bool {
        self.0.contains(number_hash)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<OptOut> for OptedOut {
    fn from_iter<I: IntoIterator<Item = OptOut>>(lines: I) -> Self {
        let mut opted_out = Self::default();
        opted_out.apply(lines);
        opted_out
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
        consent: Consent::from_word(item.text("consent")?)?,
    })
}
