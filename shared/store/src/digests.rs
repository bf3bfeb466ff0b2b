//! Digests in the core table: an item for each hour in which an account made batches without a campaign. It is there before the first of
//! them, without a digest, so an hour without an item has none of them. While it is to be counted, it is in an index by when.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder};
use carillon_core::{
    digest::{Digest, Hour},
    id::{AccountId, BatchId},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError, condition,
    item::{Item, ReadItem, binary, text, time},
    keys::{self, INDEX, INDEX_SORT, SORT},
    queues::DigestRequest,
};

const DIGEST: &str = "digest";
/// A count that isn't done, which batch it goes on with, and since when.
const PART: &str = "part";
const PART_NEXT: &str = "part_next";
const PART_AT: &str = "part_at";
/// What has been counted for longer is counted anew.
const PART_KEPT: SignedDuration = SignedDuration::from_hours(1);
/// An environment that expected an hour says so again after this, since its first words may have been answered by a count.
const EXPECTED_FOR: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub struct Digests {
    client: Client,
    table: String,
    expected: Expected,
}

/// What this environment has said.
type Expected = Arc<Mutex<HashMap<AccountId, (Hour, Instant)>>>;

/// An hour that is to be counted. Whoever counts it knows by `look` that nobody else did so, or found more to count, meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub account: AccountId,
    pub hour: Hour,
    look: String,
}

/// A count that a worker had no time to finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub digest: Digest,
    pub next: BatchId,
    pub since: Timestamp,
}

/// Somebody counted it, or found more to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl Digests {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            expected: Expected::default(),
        }
    }

    /// A batch without a campaign is about to be made, or was made long ago and is about to be written: its hour will be counted. What an
    /// environment remembers holds for the hour's own batches; whatever comes later, when it may have been counted, says so itself.
    pub async fn expect(
        &self,
        account: AccountId,
        made: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let hour = Hour::of(made);
        if self.expected(account) == Some(hour) && now < hour.ends() {
            return Ok(());
        }
        let look = keys::digest_expected(hour, account, now);
        let update = self
            .update(account, hour)
            .update_expression("SET gpk = :due, gsk = :look REMOVE part, part_next, part_at")
            .expression_attribute_values(":due", text(keys::DIGESTS_DUE))
            .expression_attribute_values(":look", text(look));
        let expected = update.send().await;
        expected.map_err(StoreError::service("expect sends of an hour"))?;
        let mut said = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(account, (hour, Instant::now()));
        Ok(())
    }

    fn expected(&self, account: AccountId) -> Option<Hour> {
        let said = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let (hour, at) = said.get(&account)?;
        (at.elapsed() < EXPECTED_FOR).then_some(*hour)
    }

    /// The hours of all accounts that are to be counted by now.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<Due>, StoreError> {
        // Behind every hour of that very millisecond.
        let last = format!("{}#~", keys::closing_time(now));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("gpk = :due AND gsk <= :last")
            .expression_attribute_values(":due", text(keys::DIGESTS_DUE))
            .expression_attribute_values(":last", text(last))
            .projection_expression("gsk")
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("look for hours to count"))?;
        answer.items().iter().map(due).collect()
    }

    /// Before it is asked for: so that it is asked for again then, if nobody counts it. Whether it still was to be counted.
    pub async fn ask_again(&self, due: &Due, later: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .update_due(due)
            .update_expression("SET gsk = :later")
            .expression_attribute_values(
                ":later",
                text(keys::digest_due(later, due.account, due.hour)),
            );
        let asked = condition::held(update.send().await, "ask for an hour to be counted")?;
        Ok(asked.is_some())
    }

    /// What is to be counted, and how much of it was; `None` where nothing is.
    pub async fn begin(
        &self,
        request: DigestRequest,
        now: Timestamp,
    ) -> Result<Option<(Due, Option<Part>)>, StoreError> {
        let key = keys::digest(request.account, request.digest);
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(key.item())).consistent_read(true);
        let answer = get.send().await;
        let answer = answer.map_err(StoreError::service("read an hour's digest"))?;
        let Some(item) = answer.item.filter(|item| item.find(INDEX_SORT).is_some()) else {
            return Ok(None);
        };
        let part = part(&item)?.filter(|part| part.since + PART_KEPT > now);
        Ok(Some((due(&item)?, part)))
    }

    /// It is gone on with at once.
    pub async fn keep_part(
        &self,
        due: &Due,
        part: &Part,
        now: Timestamp,
    ) -> Result<Result<(), Lost>, StoreError> {
        let Part {
            digest,
            next,
            since,
        } = part;
        let Some(packed) = digest.pack() else {
            return self.give_up(due).await;
        };
        let look = keys::digest_due(now, due.account, due.hour);
        let update = self
            .update_due(due)
            .update_expression("SET gsk = :again, part = :part, part_next = :next, part_at = :at")
            .expression_attribute_values(":again", text(look))
            .expression_attribute_values(":part", binary(packed))
            .expression_attribute_values(":next", text(next))
            .expression_attribute_values(":at", time(*since));
        held(update, "keep a part of a digest").await
    }

    /// In the place of the one before. `again`: when the hour is counted once more.
    pub async fn keep(
        &self,
        due: &Due,
        digest: &Digest,
        again: Option<Timestamp>,
    ) -> Result<Result<(), Lost>, StoreError> {
        let Some(packed) = digest.pack() else {
            return self.give_up(due).await;
        };
        let update = self
            .update_due(due)
            .expression_attribute_values(":digest", binary(packed));
        let update = match again {
            Some(again) => update
                .update_expression(
                    "SET digest = :digest, gsk = :again REMOVE part, part_next, part_at",
                )
                .expression_attribute_values(
                    ":again",
                    text(keys::digest_due(again, due.account, due.hour)),
                ),
            None => update.update_expression(
                "SET digest = :digest REMOVE gpk, gsk, part, part_next, part_at",
            ),
        };
        held(update, "keep a digest").await
    }

    /// Its batches are listed and counted when a report is asked for, as if it had never been tried.
    async fn give_up(&self, due: &Due) -> Result<Result<(), Lost>, StoreError> {
        tracing::warn!(account = %due.account, hour = due.hour.count(), "the digest of an hour is too large to be kept");
        let nothing = "REMOVE gpk, gsk, digest, part, part_next, part_at";
        let update = self.update_due(due).update_expression(nothing);
        held(update, "give up a digest").await
    }

    /// Tells of the hours of an account that have API sends, oldest first, at most `limit`; `None` of one that wasn't counted yet. How many
    /// they are. One digest is unpacked at a time: together they may be larger than the memory.
    pub async fn between(
        &self,
        account: AccountId,
        hours: RangeInclusive<Hour>,
        limit: usize,
        mut each: impl FnMut(Hour, Option<Digest>),
    ) -> Result<usize, StoreError> {
        let (first, last) = hours.into_inner();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :digests AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":digests", text(keys::digests_of(account)))
            .expression_attribute_values(":first", text(keys::digest_hour(first)))
            .expression_attribute_values(":last", text(keys::digest_hour(last)))
            .projection_expression("sk, digest");
        let mut pages = query.into_paginator().send();
        let mut told = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::service("read digests"))?;
            for item in page.items() {
                each(hour(item.text(SORT)?)?, digest(item)?);
                told += 1;
                if told >= limit {
                    return Ok(told);
                }
            }
        }
        Ok(told)
    }

    fn update(&self, account: AccountId, hour: Hour) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.set_key(Some(keys::digest(account, hour).item()))
    }

    /// As long as it is to be counted for the same reason.
    fn update_due(&self, due: &Due) -> UpdateItemFluentBuilder {
        self.update(due.account, due.hour)
            .condition_expression("gsk = :look")
            .expression_attribute_values(":look", text(&due.look))
    }
}

async fn held(
    update: UpdateItemFluentBuilder,
    operation: &'static str,
) -> Result<Result<(), Lost>, StoreError> {
    let written = condition::held(update.send().await, operation)?;
    Ok(written.map(drop).ok_or(Lost))
}

fn digest(item: &Item) -> Result<Option<Digest>, StoreError> {
    unpacked(item, DIGEST)
}

fn part(item: &Item) -> Result<Option<Part>, StoreError> {
    let (Some(digest), Some(since)) = (unpacked(item, PART)?, item.find_time(PART_AT)?) else {
        return Ok(None);
    };
    let next = item.text(PART_NEXT)?.parse();
    let next = next.map_err(|_| StoreError::corrupt("where a digest goes on"))?;
    Ok(Some(Part {
        digest,
        next,
        since,
    }))
}

fn unpacked(item: &Item, name: &str) -> Result<Option<Digest>, StoreError> {
    let read = item.find_binary(name).map(Digest::unpack).transpose();
    read.map_err(|error| StoreError::corrupt(error.to_string()))
}

fn due(item: &Item) -> Result<Due, StoreError> {
    let look = item.text(INDEX_SORT)?;
    let (account, hour) =
        keys::digest_due_of(look).ok_or_else(|| StoreError::corrupt("an hour to count"))?;
    Ok(Due {
        account,
        hour,
        look: look.to_owned(),
    })
}

fn hour(sort: &str) -> Result<Hour, StoreError> {
    let count = sort.parse().map(Hour::from_count);
    count.map_err(|_| StoreError::corrupt("the hour of a digest"))
}
