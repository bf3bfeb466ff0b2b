//! Requests that happen once, against the local stack.

use carillon_store::idempotency::{Attempt, Begun, Idempotency, KEPT, KeptAnswer, RequestIdentity};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn store() -> Idempotency {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    Idempotency::new(dynamodb, table)
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).expect("a time")
}

fn request() -> RequestIdentity {
    RequestIdentity {
        account: build::id(),
        key_hash: "a key".to_owned(),
        fingerprint: "a body".to_owned(),
    }
}

fn answer() -> KeptAnswer {
    KeptAnswer {
        status: 202,
        location: Some("/v1/messages/1".to_owned()),
        etag: None,
        body: r#"{"batch":1}"#.to_owned(),
    }
}

async fn begin(
    store: &Idempotency,
    request: &RequestIdentity,
    ids: &Value,
    at: Timestamp,
) -> Begun {
    let begun = store.begin(request, &attempt(at), ids, at).await;
    begun.expect("the stack answers")
}

/// A new one, that is over a minute later.
fn attempt(at: Timestamp) -> Attempt {
    Attempt {
        token: uuid::Uuid::now_v7().simple().to_string(),
        until: at + MINUTE,
    }
}

fn with(ids: &Value) -> Begun {
    Begun::Do {
        reserved: ids.clone(),
    }
}

#[tokio::test]
async fn an_answer_is_given_again_until_its_time_is_over() {
    let (store, request) = (store().await, request());

    let first = begin(&store, &request, &json!(1), now()).await;
    store.finish(&request, &answer()).await.unwrap();
    let again = begin(&store, &request, &json!(2), now() + KEPT - SECOND).await;
    let much_later = begin(&store, &request, &json!(3), now() + KEPT).await;

    assert_eq!(first, with(&json!(1)));
    assert_eq!(again, Begun::Replay(answer()));
    assert_eq!(much_later, with(&json!(3)));
}

#[tokio::test]
async fn one_attempt_at_a_time_and_the_next_gets_the_same_ids() {
    let (store, request) = (store().await, request());

    let first = begin(&store, &request, &json!(1), now()).await;
    let meanwhile = begin(&store, &request, &json!(2), now() + MINUTE - SECOND).await;
    let after_its_death = begin(&store, &request, &json!(3), now() + MINUTE).await;
    let meanwhile_again = begin(&store, &request, &json!(4), now() + MINUTE).await;

    assert_eq!(first, with(&json!(1)));
    assert_eq!(meanwhile, Begun::InFlight);
    assert_eq!(after_its_death, with(&json!(1)));
    assert_eq!(meanwhile_again, Begun::InFlight);
}

#[tokio::test]
async fn of_two_that_take_over_at_once_one_does_it() {
    let (store, request) = (store().await, request());
    begin(&store, &request, &json!(1), now()).await;
    let later = now() + MINUTE;

    let ids = json!(2);
    let (left, right) = tokio::join!(
        begin(&store, &request, &ids, later),
        begin(&store, &request, &ids, later + SECOND),
    );

    let done = [&left, &right].map(|begun| *begun == with(&json!(1)));
    assert_eq!(
        done.iter().filter(|done| **done).count(),
        1,
        "{left:?} {right:?}"
    );
}

#[tokio::test]
async fn another_body_under_the_same_key_is_told_apart() {
    let (store, request) = (store().await, request());
    let other = RequestIdentity {
        fingerprint: "another body".to_owned(),
        ..request.clone()
    };
    begin(&store, &request, &json!(1), now()).await;

    let while_in_flight = begin(&store, &other, &json!(2), now()).await;
    store.finish(&request, &answer()).await.unwrap();
    let when_done = begin(&store, &other, &json!(2), now()).await;

    assert_eq!((while_in_flight, when_done), (Begun::Reused, Begun::Reused));
}

#[tokio::test]
async fn an_attempt_that_gives_up_leaves_its_ids_and_one_that_is_refused_leaves_nothing() {
    let (store, request) = (store().await, request());
    let (first, second) = (attempt(now()), attempt(now()));

    let begun = store.begin(&request, &first, &json!(1), now()).await;
    store.give_up(&request, &first).await.unwrap();
    let after_giving_up = store.begin(&request, &second, &json!(2), now()).await;
    store.forget(&request, &second).await.unwrap();
    let after_a_refusal = begin(&store, &request, &json!(3), now()).await;

    assert_eq!(begun.unwrap(), with(&json!(1)));
    assert_eq!(after_giving_up.unwrap(), with(&json!(1)));
    assert_eq!(after_a_refusal, with(&json!(3)));
}

#[tokio::test]
async fn an_attempt_that_was_taken_over_frees_nothing() {
    let (store, request) = (store().await, request());
    let late = attempt(now());
    store
        .begin(&request, &late, &json!(1), now())
        .await
        .unwrap();
    let after_its_end = now() + MINUTE;
    begin(&store, &request, &json!(2), after_its_end).await;

    store.forget(&request, &late).await.unwrap();
    let after_forgetting = begin(&store, &request, &json!(3), after_its_end).await;
    store.give_up(&request, &late).await.unwrap();
    let after_giving_up = begin(&store, &request, &json!(4), after_its_end).await;

    assert_eq!(
        (after_forgetting, after_giving_up),
        (Begun::InFlight, Begun::InFlight)
    );
}

#[tokio::test]
async fn a_call_that_the_sdk_repeats_finds_its_own_attempt() {
    let (store, request) = (store().await, request());
    let (first, second) = (attempt(now()), attempt(now() + MINUTE));
    let begin = async |attempt, at| store.begin(&request, attempt, &json!(1), at).await.unwrap();

    let reserved = begin(&first, now()).await;
    let reserved_again = begin(&first, now()).await;
    let taken_over = begin(&second, now() + MINUTE).await;
    let taken_over_again = begin(&second, now() + MINUTE).await;
    let the_first = begin(&first, now() + MINUTE).await;

    for begun in [reserved, reserved_again, taken_over, taken_over_again] {
        assert_eq!(begun, with(&json!(1)));
    }
    assert_eq!(the_first, Begun::InFlight);
}

#[tokio::test]
async fn a_refused_attempt_does_not_free_a_key_that_has_an_answer() {
    let (store, request) = (store().await, request());
    let attempt = attempt(now());
    store
        .begin(&request, &attempt, &json!(1), now())
        .await
        .unwrap();
    store.finish(&request, &answer()).await.unwrap();

    store.forget(&request, &attempt).await.unwrap();

    let again = begin(&store, &request, &json!(2), now()).await;
    assert_eq!(again, Begun::Replay(answer()));
}
