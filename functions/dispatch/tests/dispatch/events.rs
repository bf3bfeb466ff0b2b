//! The recorded events of `events/`: a minute's tick and a wake ask for the same.

use carillon_core::batch::Lane;
use carillon_testkit::build;
use dispatch::handle;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::setup::{Setup, chunks};

const MINUTE: &str = include_str!("../../../../events/dispatch-schedule.json");
const WAKE: &str = include_str!("../../../../events/dispatch-sqs.json");

/// Long enough for one look.
async fn handled(setup: &Setup, event: &str) -> Value {
    let event = serde_json::from_str(event).unwrap();
    let deadline = Timestamp::now() + SignedDuration::from_millis(8_900);
    let owner = format!("{:?}", build::token());
    handle(&setup.state, &event, &owner, deadline)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_minute_and_a_wake_release_what_is_ready() {
    for (name, event) in [("a minute", MINUTE), ("a wake", WAKE)] {
        let setup = Setup::new().await;
        setup.ready(2).await;

        let answer = handled(&setup, event).await;

        assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        assert_eq!(chunks(&setup.lost(Lane::Low).await), [0, 1], "{name}");
    }
}

#[tokio::test]
async fn while_one_dispatches_another_does_not() {
    let setup = Setup::new().await;
    setup.ready(2).await;
    let now = Timestamp::now();
    let until = now + SignedDuration::from_mins(1);
    assert!(setup.state.lock.take("another", now, until).await.unwrap());

    handled(&setup, MINUTE).await;

    assert_eq!(setup.lost(Lane::Low).await, []);
}

#[tokio::test]
async fn the_next_minute_takes_over_from_one_that_died() {
    let setup = Setup::new().await;
    setup.ready(2).await;
    let now = Timestamp::now();
    let until = now + SignedDuration::from_millis(500);
    assert!(setup.state.lock.take("dead", now, until).await.unwrap());

    handled(&setup, MINUTE).await;

    assert_eq!(chunks(&setup.lost(Lane::Low).await), [0, 1]);
}
