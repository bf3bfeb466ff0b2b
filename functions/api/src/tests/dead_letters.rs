//! Letters that are sent again or discarded, against the local stack.

use carillon_core::{
    api_key::Mode,
    chunk::Pointer,
    dead_letter::{DeadLetter, DeadQueue, Subject, Why},
    id::{AccountId, DeadLetterId},
};
use carillon_store::dead_letters::Kept;
use carillon_testkit::{build, mortal, stack};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    api_of,
    once::{Caller, World, in_time},
};
use crate::time;

const REDRIVE: &str = "/v1/dead-letters/redrive";
const DISCARD: &str = "/v1/dead-letters/discard";

/// A pointer that died on a lane.
async fn dead(world: &World, account: AccountId, test: bool) -> (DeadLetterId, Pointer) {
    let pointer = build::pointer();
    let now = time::now();
    let letter = DeadLetter {
        id: build::id(),
        account,
        test,
        queue: DeadQueue::LaneNormal,
        subject: Subject {
            batch: Some(pointer.batch),
            chunk: Some(pointer.chunk),
            ..Subject::default()
        },
        why: Why::Store,
        receives: 5,
        since: now - SignedDuration::from_hours(1),
        died: now,
    };
    let id = letter.id;
    let body = json!(pointer).to_string();
    let kept = world.api().dead_letters.keep(&Kept { letter, body }).await;
    kept.unwrap();
    (id, pointer)
}

async fn ask(world: &World, caller: &Caller, path: &str, body: &Value) -> Value {
    let answer = caller.send(&world.api(), path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn on_the_lane(world: &World, pointer: Pointer) -> bool {
    let bodies = stack::received(&world.aws.sqs(), &world.lane).await;
    bodies.contains(&json!(pointer).to_string())
}

async fn listed(world: &World, caller: &Caller, id: DeadLetterId) -> bool {
    let found = world.api().dead_letters.find(caller.account, id).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn a_redrive_that_dies_after_any_of_its_calls_loses_nothing() {
    let world = World::new().await;
    let caller = world.caller(Mode::Live).await;
    for calls in 0..20 {
        let (id, pointer) = dead(&world, caller.account, false).await;
        let mortal = api_of(&mortal::after(&world.aws, calls), world.settings.clone());
        let (request, body) = (caller.post(REDRIVE), json!({"ids": [id]}));
        let first = caller.ask(&mortal, request, &body, in_time()).await;

        let (listed, sent) = (
            listed(&world, &caller, id).await,
            on_the_lane(&world, pointer).await,
        );

        assert!(listed || sent, "after {calls} calls it is nowhere");
        if first.status == 200 {
            assert!(!listed && sent, "after {calls} calls");
            // The count, the letter, the entry, the queue, the letter again.
            assert_eq!(calls, 5);
            return;
        }
        assert_eq!(first.status, 503, "{}", first.body);
        assert!(listed, "after {calls} calls nobody can try again");
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_letter_is_discarded_once_and_only_by_its_account() {
    let world = World::new().await;
    let (owner, stranger) = (
        world.caller(Mode::Live).await,
        world.caller(Mode::Live).await,
    );
    let (id, pointer) = dead(&world, owner.account, false).await;
    let chosen = json!({"ids": [id, id]});

    let strangers = ask(&world, &stranger, DISCARD, &chosen).await;
    let redriven = ask(&world, &stranger, REDRIVE, &chosen).await;
    let first = ask(&world, &owner, DISCARD, &chosen).await;
    let again = ask(&world, &owner, DISCARD, &chosen).await;

    let result = |result: &str| json!([{"id": id, "result": result}]);
    assert_eq!(strangers["data"], result("not_found"));
    assert_eq!(redriven["data"], result("not_found"));
    assert_eq!(first["data"], result("discarded"));
    assert_eq!(again["data"], result("not_found"));
    assert!(!on_the_lane(&world, pointer).await);
    let entries = world.api().audit.list(owner.account, None, 10).await;
    let acts: Vec<_> = entries
        .unwrap()
        .into_iter()
        .filter(|entry| entry.action.starts_with("dead_letter"))
        .map(|entry| (entry.action, entry.target))
        .collect();
    assert_eq!(acts, [("dead_letter.discard".to_owned(), id.to_string())]);
}

#[tokio::test]
async fn a_test_key_touches_only_what_test_keys_made() {
    let world = World::new().await;
    let caller = world.caller(Mode::Test).await;
    let (live, _) = dead(&world, caller.account, false).await;
    let (test, pointer) = dead(&world, caller.account, true).await;

    let by_id = ask(&world, &caller, REDRIVE, &json!({"ids": [live]})).await;
    let by_queue = ask(&world, &caller, REDRIVE, &json!({"queue": "lane_normal"})).await;

    assert_eq!(by_id["data"], json!([{"id": live, "result": "not_found"}]));
    assert_eq!(
        by_queue["data"],
        json!([{"id": test, "result": "redriven"}])
    );
    assert!(on_the_lane(&world, pointer).await);
    assert!(listed(&world, &caller, live).await);
}

#[tokio::test]
async fn a_queue_is_emptied_a_hundred_at_a_time() {
    let world = World::new().await;
    let caller = world.caller(Mode::Live).await;
    for _ in 0..103 {
        dead(&world, caller.account, false).await;
    }
    let chosen = json!({"queue": "lane_normal"});

    let other = ask(&world, &caller, DISCARD, &json!({"queue": "lane_low"})).await;
    let first = ask(&world, &caller, DISCARD, &chosen).await;
    let second = ask(&world, &caller, DISCARD, &chosen).await;

    let count = |done: &Value| done["data"].as_array().unwrap().len();
    assert_eq!((count(&other), &other["more"]), (0, &json!(false)));
    assert_eq!((count(&first), &first["more"]), (100, &json!(true)));
    assert_eq!((count(&second), &second["more"]), (3, &json!(false)));
}
