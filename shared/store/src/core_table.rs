//! What the entities of the core table have in common: an item with the entity as JSON in `doc`, written in one transaction
//! with the audit entry that tells of it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem},
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    StoreError, batch_get,
    error::THROTTLED,
    item::{Item, text},
    keys::{Key, PARTITION, SORT},
    ledger::Consistency,
};

/// The entity itself.
pub(crate) const DOC: &str = "doc";
/// How often a transaction is tried again that another one got in the way of.
const TRIES: u32 = 5;
/// Reads on their way at once.
const CONCURRENT: usize = 16;

#[derive(Debug, Clone)]
pub(crate) struct CoreTable {
    client: Client,
    table: String,
}

/// A condition of the transaction did not hold; nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConditionLost;

/// `condition` may name `:expected`.
pub(crate) struct Condition {
    pub expression: &'static str,
    pub expected: Option<AttributeValue>,
}

impl Condition {
    pub(crate) const NEW: Self = Self {
        expression: "attribute_not_exists(pk)",
        expected: None,
    };
    /// Whatever is there.
    pub(crate) const ANY: Self = Self {
        expression: "",
        expected: None,
    };

    fn expression(&self) -> Option<String> {
        (!self.expression.is_empty()).then(|| self.expression.to_owned())
    }

    pub(crate) fn version(expected: u32) -> Self {
        Self {
            expression: "version = :expected",
            expected: Some(crate::item::number(expected)),
        }
    }
}

/// Where a page of a partition begins and which way it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub partition: &'a str,
    /// Sort keys that begin with this.
    pub prefix: &'a str,
    /// The sort key of the last item of the page before.
    pub after: Option<&'a str>,
    pub order: Order,
    pub limit: i32,
}

/// Sort keys end in ids, whose order is that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

impl CoreTable {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.table
    }

    pub(crate) fn put(&self, item: Item, condition: Condition) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_values(values(condition.expected))
            .build()
            .expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    pub(crate) fn delete(&self, key: &Key, condition: Condition) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_values(values(condition.expected))
            .build()
            .expect("table and key are set");
        TransactWriteItem::builder().delete(delete).build()
    }

    /// That something holds of an item which the transaction leaves as it is.
    pub(crate) fn check(&self, key: &Key, condition: Condition) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_values(values(condition.expected))
            .build()
            .expect("table, key and condition are set");
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// All of them or none.
    pub(crate) async fn commit(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<Result<(), ConditionLost>, StoreError> {
        let mut attempt = 0;
        loop {
            let call = self.client.transact_write_items();
            let written = call.set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = written else {
                return Ok(Ok(()));
            };
            match error.as_service_error().map(cancelled_by) {
                Some(Cause::Condition) => return Ok(Err(ConditionLost)),
                Some(Cause::Conflict) if attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                    attempt += 1;
                }
                Some(Cause::Conflict | Cause::Throttled) => {
                    let source = error.into();
                    return Err(StoreError::Busy { operation, source });
                }
                _ => return Err(StoreError::service(operation)(error)),
            }
        }
    }

    /// Without a condition: removing it twice changes nothing.
    pub(crate) async fn remove(
        &self,
        key: &Key,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.item()));
        let deleted = delete.send().await;
        deleted.map(drop).map_err(StoreError::service(operation))
    }

    /// Removes the items of a partition whose sort keys come before `end`; how many there were.
    pub(crate) async fn remove_before(
        &self,
        partition: &str,
        end: &str,
        operation: &'static str,
    ) -> Result<u32, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND sk < :end")
            .expression_attribute_values(":partition", text(partition))
            .expression_attribute_values(":end", text(end))
            .projection_expression("pk, sk")
            .consistent_read(true);
        let mut pages = query.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::service(operation))?;
            let keys = page.items.unwrap_or_default();
            count += u32::try_from(keys.len()).unwrap_or(u32::MAX);
            let deletions = keys.into_iter().map(|key| async {
                let delete = self.client.delete_item().table_name(&self.table);
                let deleted = delete.set_key(Some(key)).send().await;
                deleted.map(drop).map_err(StoreError::service(operation))
            });
            stream::iter(deletions)
                .buffer_unordered(CONCURRENT)
                .try_collect::<()>()
                .await?;
        }
        Ok(count)
    }

    /// As it is now, strongly consistent.
    pub(crate) async fn get(
        &self,
        key: &Key,
        operation: &'static str,
    ) -> Result<Option<Item>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .consistent_read(true);
        let answer = read.send().await.map_err(StoreError::service(operation))?;
        Ok(answer.item)
    }

    /// Those of these items that there are, strongly consistent, in no order. No key may be there twice.
    pub(crate) async fn get_all(
        &self,
        keys: Vec<Key>,
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let strong = Consistency::Strong;
        batch_get::get_all(&self.client, &self.table, &keys, strong, operation).await
    }

    pub(crate) async fn page(
        &self,
        page: Page<'_>,
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let start = page.after.map(|sort| {
            Item::from([
                (PARTITION.to_owned(), text(page.partition)),
                (SORT.to_owned(), text(sort)),
            ])
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(":partition", text(page.partition))
            .expression_attribute_values(":prefix", text(page.prefix))
            .scan_index_forward(page.order == Order::OldestFirst)
            .set_exclusive_start_key(start)
            .consistent_read(true)
            .limit(page.limit);
        let answer = query.send().await.map_err(StoreError::service(operation))?;
        Ok(answer.items.unwrap_or_default())
    }
}

enum Cause {
    Condition,
    Conflict,
    Throttled,
    Other,
}

fn cancelled_by(error: &TransactWriteItemsError) -> Cause {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return Cause::Other;
    };
    let any = |code: &str| {
        let mut reasons = cancelled.cancellation_reasons().iter();
        reasons.any(|reason| reason.code() == Some(code))
    };
    let throttled = || THROTTLED.iter().any(|code| any(code));
    if any("ConditionalCheckFailed") {
        Cause::Condition
    } else if any("TransactionConflict") {
        Cause::Conflict
    } else if throttled() {
        Cause::Throttled
    } else {
        Cause::Other
    }
}

fn values(
    expected: Option<AttributeValue>,
) -> Option<std::collections::HashMap<String, AttributeValue>> {
    expected.map(|value| [(":expected".to_owned(), value)].into())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{CancellationReason, error::TransactionCanceledException};

    use super::*;

    #[test]
    fn why_a_transaction_was_cancelled_says_what_to_do() {
        for (name, codes, expected) in [
            (
                "its own condition",
                ["None", "ConditionalCheckFailed"],
                "condition",
            ),
            ("another one", ["TransactionConflict", "None"], "conflict"),
            ("load", ["None", "ThrottlingError"], "throttled"),
            (
                "load, as tables say it",
                ["ProvisionedThroughputExceeded", "None"],
                "throttled",
            ),
            (
                "a condition, under load",
                ["ThrottlingError", "ConditionalCheckFailed"],
                "condition",
            ),
            ("something else", ["ValidationError", "None"], "other"),
        ] {
            let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
            let cancelled = TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons.to_vec()))
                .build();

            let cause = cancelled_by(&TransactWriteItemsError::TransactionCanceledException(
                cancelled,
            ));

            let found = match cause {
                Cause::Condition => "condition",
                Cause::Conflict => "conflict",
                Cause::Throttled => "throttled",
                Cause::Other => "other",
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}
