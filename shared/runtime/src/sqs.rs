//! Batches from SQS. Each record stands alone: one that fails, panics or can't be read is handed back, and its neighbours are not.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    error::Error,
    future::Future,
    panic::AssertUnwindSafe,
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, StreamExt, future, stream};
use serde::de::DeserializeOwned;

use crate::logs::chain;

/// Groups worked on at once.
const CONCURRENT_GROUPS: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum UnreadableRecord {
    #[error("the record has no body")]
    NoBody,
    /// Without the parser's words, which quote what they found.
    #[error("the record's body is not what this queue carries (line {line}, column {column})")]
    NotOurs { line: usize, column: usize },
}

/// The body of a record as JSON.
pub fn body<T: DeserializeOwned>(record: &SqsMessage) -> Result<T, UnreadableRecord> {
    let body = record.body.as_deref().ok_or(UnreadableRecord::NoBody)?;
    serde_json::from_str(body).map_err(|error| UnreadableRecord::NotOurs {
        line: error.line(),
        column: error.column(),
    })
}

/// Handles every record at once, each by itself.
pub async fn each<E, F>(event: SqsEvent, handle: impl Fn(SqsMessage) -> F) -> SqsBatchResponse
where
    E: Error,
    F: Future<Output = Result<(), E>>,
{
    let handled = event.records.into_iter().map(|record| {
        let id = record.message_id.clone().unwrap_or_default();
        // The handler itself may panic before its first await.
        let work = AssertUnwindSafe(async { handle(record).await }).catch_unwind();
        async move { (!succeeded(&id, work.await)).then_some(id) }
    });
    let failed = future::join_all(handled).await;
    answer(failed.into_iter().flatten())
}

/// Reads each record into things with a key, handles the things of a key together, many keys at once.
/// A record fails when it can't be read, or when the group of one of its things fails.
pub async fn groups<K, T, R, E, F>(
    event: SqsEvent,
    read: impl Fn(&SqsMessage) -> Result<Vec<(K, T)>, R>,
    handle: impl Fn(K, Vec<T>) -> F,
) -> SqsBatchResponse
where
    K: Ord,
    R: Error,
    E: Error,
    F: Future<Output = Result<(), E>>,
{
    let mut failed = BTreeSet::new();
    let mut groups: BTreeMap<K, (Vec<String>, Vec<T>)> = BTreeMap::new();
    for record in &event.records {
        let id = record.message_id.clone().unwrap_or_default();
        match std::panic::catch_unwind(AssertUnwindSafe(|| read(record))) {
            Ok(Ok(things)) => {
                for (key, thing) in things {
                    let (records, things) = groups.entry(key).or_default();
                    records.push(id.clone());
                    things.push(thing);
                }
            }
            unread => {
                succeeded(&id, unread.map(|read| read.map(drop)));
                failed.insert(id);
            }
        }
    }
    let handled = groups.into_iter().map(|(key, (records, things))| {
        let work = AssertUnwindSafe(async { handle(key, things).await }).catch_unwind();
        async move {
            let first = records.first().cloned().unwrap_or_default();
            if succeeded(&first, work.await) {
                Vec::new()
            } else {
                records
            }
        }
    });
    let mut handled = stream::iter(handled).buffer_unordered(CONCURRENT_GROUPS);
    while let Some(records) = handled.next().await {
        failed.extend(records);
    }
    answer(failed)
}

fn succeeded<E: Error>(id: &str, result: Result<Result<(), E>, Box<dyn Any + Send>>) -> bool {
    match result {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::error!(
            sqs.message = id,
            error = chain(&error),
            "a record failed and goes back to its queue"
        ),
        // What it says was printed by the panic hook, and may say too much.
        Err(_) => tracing::error!(
            sqs.message = id,
            "a record's handler panicked and the record goes back to its queue"
        ),
    }
    false
}

fn answer(failed: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for id in failed {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::json;

    use super::*;

    fn event(bodies: &[&str]) -> SqsEvent {
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| json!({"messageId": format!("m{index}"), "body": body}))
            .collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        failures
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }

    #[tokio::test]
    async fn one_bad_record_does_not_take_its_neighbours_with_it() {
        let handled = RefCell::new(Vec::new());

        let response = each(
            event(&["1", "not a number", "3", "panic", "5"]),
            async |record| {
                assert_ne!(record.body.as_deref(), Some("panic"));
                handled.borrow_mut().push(body::<u32>(&record)?);
                Ok::<_, UnreadableRecord>(())
            },
        )
        .await;

        assert_eq!(failed(&response), ["m1", "m3"]);
        assert_eq!(*handled.borrow(), [1, 3, 5]);
    }

    #[tokio::test]
    async fn a_group_that_fails_hands_back_all_of_its_records() {
        let handled = RefCell::new(Vec::new());
        let read = |record: &SqsMessage| {
            body::<Vec<u32>>(record)
                .map(|numbers| numbers.into_iter().map(|n| (n % 3, n)).collect())
        };

        let response = groups(
            event(&["[1, 2]", "[4]", "oops", "[6]", "[3, 5]"]),
            read,
            async |key, numbers| {
                assert_ne!(key, 0, "multiples of three panic");
                handled.borrow_mut().push((key, numbers));
                Ok::<_, UnreadableRecord>(())
            },
        )
        .await;

        assert_eq!(failed(&response), ["m2", "m3", "m4"]);
        assert_eq!(*handled.borrow(), [(1, vec![1, 4]), (2, vec![2, 5])]);
    }
}
