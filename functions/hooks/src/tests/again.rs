//! What was delivered doesn't come again because of a look at what waits.

use carillon_core::webhook::Health;
use carillon_store::queues::LookSoon;

use super::*;
use crate::backlog::Settled;

/// More calls than events and a look take.
const ENOUGH: u32 = 60;

#[tokio::test]
async fn a_look_that_fails_brings_no_event_again() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    setup.endpoint(&receiver.url()).await;
    let body = |events| {
        let queued = QueuedEvents {
            account: setup.account,
            events,
        };
        serde_json::to_string(&queued).unwrap()
    };
    let look = LookSoon {
        look_soon: build::id(),
    };
    let look = serde_json::to_string(&look).unwrap();
    let mut failed_looks = 0;

    for calls in 0..ENOUGH {
        let events = setup.events(2);
        let records = json!([
            {"messageId": "events", "body": body(events.clone())},
            {"messageId": "look", "body": look},
        ]);
        let event: Value = json!({"Records": records});
        let looks = nudge::is_asked_for(&serde_json::from_value(event.clone()).unwrap());
        assert!(looks, "the second record asks for a look");
        let deadline = Timestamp::now() + SignedDuration::from_secs(90);

        let answer = handle(&setup.mortal(calls), event, "test", deadline).await;

        let answer = answer.unwrap_or_else(|error| panic!("after {calls} calls: {error}"));
        let back = answer["batchItemFailures"].as_array().unwrap().len();
        let taken = receiver.taken();
        if back == 0 {
            failed_looks += 1;
            assert!(
                ids(&events).iter().all(|id| taken.contains(id)),
                "after {calls} calls"
            );
        }
    }

    assert!(failed_looks > 3, "{failed_looks}");
}

#[tokio::test]
async fn what_was_settled_a_moment_ago_is_left_out_until_it_waits_anew() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup.endpoint(&receiver.url()).await;
    setup.deliver(setup.events(3)).await;
    setup.make_due(made.id).await;
    let now = Timestamp::now();
    let deliveries = &setup.state.deliveries;
    let said = deliveries.due(made.id, now, 25).await.unwrap();
    let mut settled = Settled::default();

    let ready = setup
        .state
        .endpoints
        .find(setup.account, made.id, Health::default(), now);
    let mut ready = ready.await.unwrap().unwrap();
    let stop = now + SignedDuration::from_secs(30);
    let tried = backlog::tried(
        &setup.state,
        &mut ready,
        said[..2].to_vec(),
        &mut settled,
        stop,
    );
    tried.await.unwrap();
    let left = settled.leave_out(said.clone());
    let anew = settled.leave_out(setup.log(made.id).await);

    assert_eq!(said.len(), 3);
    assert_eq!(left, said[2..], "the index lags behind");
    assert_eq!(anew.len(), 3, "with one attempt more each is another one");
}
