//! Which batches were marketing, and when: frequency caps look back through them.

use carillon_core::{
    batch::Batch,
    id::{AccountId, BatchId},
    rules::Class,
};
use jiff::{SignedDuration, Timestamp};

use super::Batches;
use crate::{
    StoreError,
    item::{Item, ReadItem, number, text},
    keys::{self, SORT},
};

/// Longer than any cap looks back.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 40);

/// What a marketing batch is found by; `None` for all others.
pub(crate) fn item(batch: &Batch) -> Option<Item> {
    let terms = &batch.terms;
    let counts = terms.class == Class::Marketing && !terms.test;
    let starts = terms.starts();
    counts.then(|| {
        let mut item = keys::marketed(terms.account, starts, terms.id).item();
        item.insert("ttl".to_owned(), number((starts + KEPT).as_second()));
        item
    })
}

impl Batches {
    /// What of an account begins since a time and comes before a batch, with when it does, oldest first. Of two that begin at the same
    /// instant the one with the smaller id comes first, so that one of them looks back at the other.
    pub async fn marketed(
        &self,
        account: AccountId,
        since: Timestamp,
        before: (Timestamp, BatchId),
    ) -> Result<Vec<(Timestamp, BatchId)>, StoreError> {
        let (begins, own) = before;
        let before = keys::marketed(account, begins, own);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :marketing AND sk BETWEEN :since AND :before")
            .expression_attribute_values(":marketing", text(keys::marketing(account)))
            .expression_attribute_values(":since", text(keys::closing_time(since)))
            .expression_attribute_values(":before", text(&before.sort))
            .consistent_read(true);
        let items = query.into_paginator().items().send().try_collect().await;
        let items = items.map_err(StoreError::service("list marketing"))?;
        let found: Result<Vec<_>, _> = items.iter().map(read).collect();
        let mut found = found?;
        found.retain(|(_, id)| *id != own);
        Ok(found)
    }
}

fn read(item: &Item) -> Result<(Timestamp, BatchId), StoreError> {
    let corrupt = || StoreError::corrupt("a marketing batch");
    let (at, batch) = item.text(SORT)?.split_once('#').ok_or_else(corrupt)?;
    let at = at
        .parse()
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok());
    Ok((
        at.ok_or_else(corrupt)?,
        batch.parse().map_err(|_| corrupt())?,
    ))
}
