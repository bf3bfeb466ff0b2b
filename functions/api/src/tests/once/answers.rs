//! What a request is answered with that comes again, comes too early, or comes with something else.

use std::time::Duration;

use carillon_core::api_key::Mode;
use carillon_testkit::mortal;
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Answer, Caller, World, in_time};
use crate::{tests::api_of, time};

const PATH: &str = "/v1/messages";

fn replayed(answer: &Answer) -> bool {
    let header = answer.headers.get("idempotent-replayed");
    header.is_some_and(|value| value == "true")
}

fn told(answer: &Answer) -> (u16, &str) {
    let code = answer.body["code"].as_str().unwrap_or_default();
    (answer.status.as_u16(), code)
}

async fn batches(world: &World, caller: &Caller) -> usize {
    let batches = world.api().batches.list(caller.account, None, 100).await;
    batches.unwrap().len()
}

fn one() -> Value {
    json!({"to": ["+447700900001"], "text": "Hi"})
}

#[tokio::test]
async fn an_answer_is_given_again_as_it_was() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Test).await);

    let first = caller.send(&api, PATH, &one()).await;
    let mut repeats = Vec::new();
    for key in ["a-key", "a-key", "\"a-key\"", " a-key ", "a-key"] {
        let request = caller.post_under(key, PATH);
        repeats.push(caller.ask(&api, request, &one(), in_time()).await);
    }

    assert_eq!((first.status.as_u16(), replayed(&first)), (202, false));
    for again in &repeats {
        assert_eq!((again.status.as_u16(), replayed(again)), (202, true));
        assert_eq!(again.body, first.body);
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    assert_eq!(batches(&world, &caller).await, 1);
}

#[tokio::test]
async fn of_fifty_at_once_one_is_done() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Test).await);
    let body = one();

    let answers = join_all((0..50).map(|_| caller.send(&api, PATH, &body))).await;

    let done = answers
        .iter()
        .filter(|it| it.status == 202 && !replayed(it));
    assert_eq!(done.count(), 1);
    for answer in &answers {
        match told(answer) {
            (202, _) => {}
            (409, "idempotency_in_progress") => assert_eq!(answer.headers["retry-after"], "1"),
            other => panic!("{other:?}: {}", answer.body),
        }
    }
    assert_eq!(batches(&world, &caller).await, 1);
}

#[tokio::test]
async fn while_an_attempt_may_still_be_at_it_the_next_one_waits() {
    let world = World::new().await;
    let caller = world.caller(Mode::Test).await;
    // The count, the reservation.
    let mortal = api_of(&mortal::after(&world.aws, 2), world.settings.clone());
    let request = caller.post(PATH);
    let first = caller.ask(&mortal, request, &one(), in_time()).await;

    let next = caller.send(&world.api(), PATH, &one()).await;

    assert_eq!(told(&first), (503, "unavailable"));
    assert_eq!(told(&next), (409, "idempotency_in_progress"));
    assert_eq!(next.headers["retry-after"], "1");
    assert_eq!(next.body["retryable"], true);
    assert_eq!(batches(&world, &caller).await, 0);
}

#[tokio::test]
async fn another_body_under_the_same_key_makes_nothing() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Test).await);
    caller.send(&api, PATH, &one()).await;

    for other in [
        json!({"to": ["+447700900001"], "text": "Ho"}),
        json!({"to": ["+447700900002"], "text": "Hi"}),
        json!({"to": "+447700900001", "text": "Hi"}),
    ] {
        let answer = caller.send(&api, PATH, &other).await;

        assert_eq!(told(&answer), (422, "idempotency_key_reused"), "{other}");
    }
    assert_eq!(batches(&world, &caller).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_account_one_mode_and_one_path() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Test).await);
    let stranger = world.caller(Mode::Test).await;
    let mut live = world.caller(Mode::Live).await;
    live.account = caller.account;
    live.key.stored.key.account = caller.account;
    caller.send(&api, PATH, &one()).await;

    let of_another_account = stranger.send(&api, PATH, &one()).await;
    let of_another_mode = live.send(&api, PATH, &one()).await;
    let on_another_path = caller.send(&api, "/v1/uploads", &json!({})).await;

    assert_eq!(
        (
            of_another_account.status.as_u16(),
            replayed(&of_another_account)
        ),
        (202, false)
    );
    assert_eq!(told(&of_another_mode), (409, "no_gateway"));
    assert_eq!(
        (on_another_path.status.as_u16(), replayed(&on_another_path)),
        (201, false)
    );
}

#[tokio::test]
async fn a_refusal_leaves_the_key_free() {
    let world = World::new().await;
    let api = world.api();
    let yesterday = time::now() - SignedDuration::from_hours(24);
    for (name, mode, body, refusal) in [
        (
            "a bad number",
            Mode::Test,
            json!({"to": ["12"], "text": "Hi"}),
            (422, "invalid_phone"),
        ),
        (
            "a time that is over",
            Mode::Test,
            json!({"to": ["+447700900001"], "text": "Hi", "send_at": yesterday}),
            (422, "invalid_content"),
        ),
        ("no gateway", Mode::Live, one(), (409, "no_gateway")),
    ] {
        let caller = world.caller(mode).await;

        let refused = caller.send(&api, PATH, &body).await;
        let again = caller.send(&api, PATH, &body).await;
        let other = caller
            .send(&api, PATH, &json!({"to": [], "text": "Hi"}))
            .await;

        assert_eq!((told(&refused), told(&again)), (refusal, refusal), "{name}");
        assert_eq!(told(&other), (422, "empty_audience"), "{name}");
        if mode == Mode::Test {
            let mended = caller.send(&api, PATH, &one()).await;
            assert_eq!(mended.status, 202, "{name}: {}", mended.body);
        }
    }
}

#[tokio::test]
async fn a_repeat_is_answered_as_before_though_the_time_has_come_since() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Test).await);
    let soon = time::now() + SignedDuration::from_millis(1_500);
    let message = json!({"to": ["+447700900001"], "text": "Hi", "send_at": soon});
    let draft = json!({
        "name": "Spring",
        "audience": {"type": "inline", "recipients": ["+447700900001"]},
        "content": {"text": "Hi"},
        "schedule": {"at": soon},
    });
    let first = [
        caller.send(&api, PATH, &message).await,
        caller.send(&api, "/v1/campaigns", &draft).await,
    ];
    tokio::time::sleep(Duration::from_secs(2)).await;

    let again = [
        caller.send(&api, PATH, &message).await,
        caller.send(&api, "/v1/campaigns", &draft).await,
    ];

    for (first, again) in first.iter().zip(&again) {
        assert!(first.status.is_success(), "{}", first.body);
        assert!(replayed(again), "{}", again.body);
        assert_eq!(first.body, again.body);
        assert_eq!(first.headers.get("etag"), again.headers.get("etag"));
        assert_eq!(first.headers.get("location"), again.headers.get("location"));
    }
}
