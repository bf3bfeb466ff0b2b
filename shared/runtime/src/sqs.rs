//! Batches from SQS. Each record stands alone: one that fails, panics or can't be read is handed back, and its neighbours are not.
//! One that failed for the last time is put beside its queue with the reason, since SQS would put it there without.

use std::{any::Any, collections::BTreeMap, error::Error, future::Future, panic::AssertUnwindSafe};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use carillon_core::dead_letter::Why;
use carillon_store::dead_letter_queues::{DeadLetterQueues, DeadMessage};
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

/// What a handler fails with says why, in a word for dead letters.
pub trait Fails: Error {
    fn why(&self) -> Why;
}

impl Fails for UnreadableRecord {
    fn why(&self) -> Why {
        Why::Unreadable
    }
}

/// Handles every record at once, each by itself. Those that failed for the last time go to `dead`.
pub async fn each<E, F>(
    dead: &DeadLetterQueues,
    event: SqsEvent,
    handle: impl Fn(SqsMessage) -> F,
) -> SqsBatchResponse
where
    E: Fails,
    F: Future<Output = Result<(), E>>,
{
    let handled = event.records.iter().map(|record| {
        let record = record.clone();
        let id = record.message_id.clone().unwrap_or_default();
        // The handler itself may panic before its first await.
        let work = AssertUnwindSafe(async { handle(record).await }).catch_unwind();
        async move {
            let failed = failure(&id, work.await);
            failed.map(|why| (id, why))
        }
    });
    let failed = future::join_all(handled).await;
    let failed = failed.into_iter().flatten().collect();
    settle(dead, &event.records, failed).await
}

/// Reads each record into things with a key, handles the things of a key together, many keys at once.
/// A record fails when it can't be read, or when the group of one of its things fails; for the last time, it goes to `dead`.
pub async fn groups<K, T, R, E, F>(
    dead: &DeadLetterQueues,
    event: SqsEvent,
    read: impl Fn(&SqsMessage) -> Result<Vec<(K, T)>, R>,
    handle: impl Fn(K, Vec<T>) -> F,
) -> SqsBatchResponse
where
    K: Ord,
    R: Fails,
    E: Fails,
    F: Future<Output = Result<(), E>>,
{
    let mut failed = BTreeMap::new();
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
                let why = failure(&id, unread.map(|read| read.map(drop)));
                failed.extend(why.map(|why| (id, why)));
            }
        }
    }
    let handled = groups.into_iter().map(|(key, (records, things))| {
        let work = AssertUnwindSafe(async { handle(key, things).await }).catch_unwind();
        async move {
            let first = records.first().cloned().unwrap_or_default();
            let why = failure(&first, work.await);
            why.map_or_else(Vec::new, |why| {
                records.into_iter().map(|id| (id, why)).collect()
            })
        }
    });
    let mut handled = stream::iter(handled).buffer_unordered(CONCURRENT_GROUPS);
    while let Some(records) = handled.next().await {
        failed.extend(records);
    }
    settle(dead, &event.records, failed).await
}

fn failure<E: Fails>(id: &str, result: Result<Result<(), E>, Box<dyn Any + Send>>) -> Option<Why> {
    match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::error!(
                sqs.message = id,
                error = chain(&error),
                "a record failed and goes back to its queue"
            );
            Some(error.why())
        }
        // What it says was printed by the panic hook, and may say too much.
        Err(_) => {
            tracing::error!(
                sqs.message = id,
                "a record's handler panicked and the record goes back to its queue"
            );
            Some(Why::Panicked)
        }
    }
}

/// Hands back what failed, but for those that it buries. What it can't bury is handed back too, and SQS buries it.
async fn settle(
    dead: &DeadLetterQueues,
    records: &[SqsMessage],
    failed: BTreeMap<String, Why>,
) -> SqsBatchResponse {
    let of = |record: &SqsMessage| {
        let id = record.message_id.as_deref().unwrap_or_default();
        failed.get_key_value(id)
    };
    let failures = records
        .iter()
        .filter_map(|record| of(record).map(|(id, why)| (record, id, *why)));
    let failures = stream::iter(failures)
        .map(async |(record, id, why)| (!buried(dead, record, why).await).then(|| id.clone()));
    let left: Vec<_> = failures.buffer_unordered(CONCURRENT_GROUPS).collect().await;
    answer(left.into_iter().flatten())
}

/// Whether a record has failed for the last time, and lies in the dead-letter queue now.
async fn buried(dead: &DeadLetterQueues, record: &SqsMessage, why: Why) -> bool {
    let attribute = |name: &str| record.attributes.get(name).map(String::as_str);
    let receives = attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    let receives = receives.unwrap_or(1);
    if !why.is_final() && !dead.is_last(receives) {
        return false;
    }
    let message = DeadMessage {
        body: record.body.as_deref().unwrap_or_default(),
        group: attribute("MessageGroupId"),
        why,
        receives,
        since: attribute("SentTimestamp"),
    };
    let queue = record.event_source_arn.as_deref().unwrap_or_default();
    match dead.bury(queue, &message).await {
        Ok(buried) => buried,
        Err(error) => {
            tracing::warn!(error = chain(&error), "a record could not be buried");
            false
        }
    }
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

    use carillon_testkit::stub;
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

    /// Sorted, since they end in any order.
    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        let mut failed: Vec<_> = failures
            .map(|failure| failure.item_identifier.as_str())
            .collect();
        failed.sort_unstable();
        failed
    }

    /// No queue to bury anything.
    fn nowhere() -> DeadLetterQueues {
        dead(&[], |_| (500, "{}")).0
    }

    fn dead(
        urls: &[&str],
        answer: fn(&str) -> (u16, &'static str),
    ) -> (DeadLetterQueues, stub::Calls) {
        let (aws, calls) = stub::aws(answer);
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        (DeadLetterQueues::new(aws.sqs(), urls, 5), calls)
    }

    #[tokio::test]
    async fn one_bad_record_does_not_take_its_neighbours_with_it() {
        let handled = RefCell::new(Vec::new());

        let response = each(
            &nowhere(),
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
            &nowhere(),
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

    /// As event sources hand them over, the n-th time.
    fn received(bodies: &[&str], times: u32) -> SqsEvent {
        let mut event = event(bodies);
        for record in &mut event.records {
            record.event_source_arn = Some("arn:aws:sqs:us-east-1:1:carillon-lane-low".to_owned());
            let attributes = [
                ("ApproximateReceiveCount", times.to_string()),
                ("SentTimestamp", "1790000000000".to_owned()),
                ("MessageGroupId", "acc_1".to_owned()),
            ];
            record.attributes = attributes
                .map(|(name, value)| (name.to_owned(), value))
                .into();
        }
        event
    }

    #[derive(Debug, thiserror::Error)]
    #[error("a store that fails")]
    struct Broken;

    impl Fails for Broken {
        fn why(&self) -> Why {
            Why::Store
        }
    }

    const DEAD: &str = "https://sqs/1/carillon-lane-low-dead";
    const SENT: (u16, &str) = (200, r#"{"MessageId": "1"}"#);

    /// Whether a letter was sent, with all that it should say.
    fn tells(call: &str, why: &str, receives: &str, body: &str) -> bool {
        let call: serde_json::Value = serde_json::from_str(call).unwrap();
        let word = |name: &str| call["MessageAttributes"][name]["StringValue"].clone();
        call["QueueUrl"] == DEAD
            && call["MessageBody"] == body
            && call["MessageGroupId"] == "acc_1"
            && (word("why"), word("receives")) == (json!(why), json!(receives))
            && word("since") == "1790000000000"
    }

    #[tokio::test]
    async fn a_record_that_failed_for_the_last_time_is_put_beside_its_queue_with_the_reason() {
        for (name, receives, url, failures) in [
            ("a try before the last", 4, DEAD, vec!["m0"]),
            ("the last try", 5, DEAD, vec![]),
            ("one more than the last", 6, DEAD, vec![]),
            (
                "another queue",
                5,
                "https://sqs/1/carillon-dead",
                vec!["m0"],
            ),
        ] {
            let (dead, calls) = dead(&[url], |_| SENT);

            let response = each(&dead, received(&["1"], receives), async |_| Err(Broken)).await;

            assert_eq!(failed(&response), failures, "{name}");
            let calls = calls.lock().unwrap();
            let told = |call: &String| tells(call, "store", &receives.to_string(), "1");
            assert_eq!(
                calls.iter().filter(|call| told(call)).count(),
                1 - failures.len(),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn poison_is_put_aside_at_once_and_its_neighbours_are_handled() {
        let (dead, calls) = dead(&[DEAD], |_| SENT);
        let handled = RefCell::new(Vec::new());

        let response = each(&dead, received(&["1", "poison", "3"], 1), async |record| {
            handled.borrow_mut().push(body::<u32>(&record)?);
            Ok::<_, UnreadableRecord>(())
        })
        .await;

        assert_eq!(failed(&response), Vec::<&str>::new());
        assert_eq!(*handled.borrow(), [1, 3]);
        let calls = calls.lock().unwrap();
        assert!(tells(&calls[0], "unreadable", "1", "poison"), "{calls:?}");
    }

    #[tokio::test]
    async fn what_can_not_be_put_aside_is_handed_back() {
        let (dead, calls) = dead(&[DEAD], |_| (400, r#"{"__type": "RequestThrottled"}"#));

        let response = each(&dead, received(&["1"], 5), async |_| Err(Broken)).await;

        assert_eq!(failed(&response), ["m0"]);
        assert_eq!(calls.lock().unwrap().len(), 1);
    }
}
