//! Opt-outs: one item that says by number whether an account may text it, one line in the account's log in the order of time,
//! written together. What a word changes is decided in `core`.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    Client,
    types::{Put, TransactWriteItem},
};
pub use carillon_core::suppression::Consent;
use carillon_core::{
    id::AccountId,
    suppression::{Change, Suppression, Word},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    StoreError,
    core_table::{Condition, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, text},
    keys::{self, PARTITION, SORT},
};

/// How often a write is tried again that another one got in the way of.
const TRIES: u32 = 8;
/// Lines of the log that are read at once, and looked up at once.
const LINES: i32 = 200;
const CONCURRENT: usize = 25;

#[derive(Debug, Clone)]
pub struct Suppressions {
    /// The contacts table.
    table: CoreTable,
}

/// One line of the opt-out log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// When it was written.
    pub at: Timestamp,
    pub number_hash: String,
    pub consent: Consent,
}

/// A place in every log, behind which stands what was said before a time.
pub fn place_before(time: Timestamp) -> String {
    keys::place_before(time)
}

impl Suppressions {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes what a word changes, and tells what stands then. Writing it again changes nothing.
    pub async fn take(
        &self,
        account: AccountId,
        number_hash: &str,
        word: &Word,
        now: Timestamp,
    ) -> Result<Suppression, StoreError> {
        for _ in 0..TRIES {
            let current = self.find(account, number_hash).await?;
            let (next, turned) = match word.change(current.as_ref(), now) {
                Change::Turn(next) => (next, true),
                Change::Again(next) => (next, false),
                Change::None => return Ok(current.expect("only what stands outweighs a word")),
            };
            let mut writes = vec![self.by_number(account, number_hash, &next, current.as_ref())];
            if turned {
                writes.push(self.line(account, number_hash, &next));
            }
            if self.table.commit(writes, "write an opt-out").await?.is_ok() {
                return Ok(next);
            }
        }
        Err(contended("write an opt-out"))
    }

    /// Forgets the number itself: what is left is its keyed hash.
    pub async fn forget_number(
        &self,
        account: AccountId,
        number_hash: &str,
    ) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(current) = self.find(account, number_hash).await? else {
                return Ok(());
            };
            let next = Suppression {
                number: None,
                inbound: None,
                reason: None,
                ..current.clone()
            };
            let writes = vec![self.by_number(account, number_hash, &next, Some(&current))];
            if self.table.commit(writes, "forget a number").await?.is_ok() {
                return Ok(());
            }
        }
        Err(contended("forget a number"))
    }

    /// Only over what was read.
    fn by_number(
        &self,
        account: AccountId,
        number_hash: &str,
        next: &Suppression,
        current: Option<&Suppression>,
    ) -> TransactWriteItem {
        let mut item = keys::suppression(account, number_hash).item();
        item.insert(DOC.to_owned(), json(next));
        let condition = current.map_or(Condition::NEW, |current| Condition {
            expression: "doc = :expected",
            expected: Some(json(current)),
        });
        self.table.put(item, condition)
    }

    fn line(
        &self,
        account: AccountId,
        number_hash: &str,
        turned: &Suppression,
    ) -> TransactWriteItem {
        let item = Item::from([
            (PARTITION.to_owned(), text(keys::opt_out_log(account))),
            (SORT.to_owned(), text(log_sort(turned.since, number_hash))),
            ("consent".to_owned(), text(word_of(turned.consent))),
        ]);
        let put = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(item));
        let put = put.build().expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    /// What stands, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        number_hash: &str,
    ) -> Result<Option<Suppression>, StoreError> {
        let key = keys::suppression(account, number_hash);
        let item = self.table.get(&key, "look for an opt-out").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Who is opted out now, those of the last opt-outs first. Each is there once, at the place of the line that `place` ends with.
    pub async fn page(
        &self,
        account: AccountId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let partition = keys::opt_out_log(account);
        let mut after = after.map(str::to_owned);
        let mut listed = Vec::new();
        while listed.len() < limit {
            let page = Page {
                partition: &partition,
                // Milliseconds of this millennium, with zeros before them.
                prefix: "0",
                after: after.as_deref(),
                order: Order::NewestFirst,
                limit: LINES,
            };
            let lines = self.table.page(page, "list opt-outs").await?;
            let Some(last) = lines.last() else { break };
            after = Some(last.text(SORT)?.to_owned());
            let lines: Vec<OptOut> = lines.iter().map(from_item).collect::<Result<_, _>>()?;
            let looks = lines.into_iter().map(|line| self.standing(account, line));
            let found: Vec<Option<Listed>> = stream::iter(looks)
                .buffered(CONCURRENT)
                .try_collect()
                .await?;
            listed.extend(found.into_iter().flatten());
        }
        listed.truncate(limit);
        Ok(listed)
    }

    /// What a line of the log began, if it still stands.
    async fn standing(
        &self,
        account: AccountId,
        line: OptOut,
    ) -> Result<Option<Listed>, StoreError> {
        if line.consent == Consent::OptedIn {
            return Ok(None);
        }
        let suppression = self.find(account, &line.number_hash).await?;
        let began = |stands: &Suppression| {
            stands.holds() && stands.since.as_millisecond() == line.at.as_millisecond()
        };
        Ok(suppression.filter(began).map(|suppression| Listed {
            place: log_sort(line.at, &line.number_hash),
            number_hash: line.number_hash,
            suppression,
        }))
    }

    /// Whether the account must not text the number, strongly consistent.
    pub async fn holds(&self, account: AccountId, number_hash: &str) -> Result<bool, StoreError> {
        let stands = self.find(account, number_hash).await?;
        Ok(stands.is_some_and(|stands| stands.holds()))
    }

    /// Which of these numbers the account must not text. No hash may be there twice.
    pub async fn among(
        &self,
        account: AccountId,
        number_hashes: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let keys = number_hashes.iter();
        let keys = keys.map(|hash| keys::suppression(account, hash)).collect();
        let items = self.table.get_all(keys, "look for opt-outs").await?;
        let mut out = Vec::new();
        for item in items {
            if item.json::<Suppression>(DOC)?.holds() {
                let hash = item.text(PARTITION)?.rsplit('#').next();
                out.push(hash.unwrap_or_default().to_owned());
            }
        }
        Ok(out)
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

/// Somebody who is opted out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// In the log.
    pub place: String,
    pub number_hash: String,
    pub suppression: Suppression,
}

fn contended(operation: &'static str) -> StoreError {
    let source = "others wrote it each time".into();
    StoreError::Busy { operation, source }
}

const fn word_of(consent: Consent) -> &'static str {
    match consent {
        Consent::OptedOut => "out",
        Consent::OptedIn => "in",
    }
}

fn from_word(word: &str) -> Result<Consent, StoreError> {
    match word {
        "out" => Ok(Consent::OptedOut),
        "in" => Ok(Consent::OptedIn),
        _ => Err(StoreError::corrupt("a consent")),
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
        consent: from_word(item.text("consent")?)?,
    })
}
