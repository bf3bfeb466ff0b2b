//! What it got, number by number.

use carillon_tests::simulator::Recipient;
use serde_json::json;

use crate::gateway::{Gateway, message};

#[tokio::test]
async fn every_request_has_one_end_and_the_ends_add_up() {
    let gateway = Gateway::with_rules(&json!({"rules": [
        {"suffix": ["1"], "answer": "refuse"},
        {"suffix": ["2"], "answer": "throttle"},
        {"suffix": ["3"], "answer": "fail"},
    ]}))
    .await;

    for number in 0..10 {
        let message = message(&format!("+44740000000{number}"), &format!("m{number}.1"));
        gateway.send(&message).await.expect("an answer");
    }
    gateway
        .send(&message("+447400000009", "m9.2"))
        .await
        .expect("an answer");
    gateway
        .submit(&message("+447400000008", "m8.2"), "wrong")
        .await
        .expect("an answer");
    gateway
        .send(&json!({"to": "+447400000008"}))
        .await
        .expect("an answer");

    let summary = gateway.summary().await;
    assert_eq!(summary.requests, 13);
    assert_eq!(summary.accepted, 8);
    assert_eq!(summary.refused, 1);
    assert_eq!(summary.throttled, 1);
    assert_eq!(summary.errors, 3);
    assert_eq!(summary.distinct_recipients, 10);
    assert_eq!(summary.duplicates, 1);
}

#[tokio::test]
async fn recipients_and_arrivals_tell_each_slot() {
    let gateway = Gateway::with_rules(&json!({"rules": [
        {"suffix": ["2"], "answer": "refuse"},
    ]}))
    .await;
    let mut two_parts = message("447400000001", "a.1");
    two_parts["parts"] = json!(2);

    gateway.send(&two_parts).await.expect("an answer");
    gateway
        .send(&message("+447400000001", "a.2"))
        .await
        .expect("an answer");
    gateway
        .send(&message("+447400000002", "b.1"))
        .await
        .expect("an answer");

    let recipients = gateway.control.recipients().await.expect("recipients");
    let expected = [
        ("+447400000001", 2, vec!["a.1", "a.2"]),
        ("+447400000002", 0, vec![]),
    ];
    let expected = expected.map(|(to, accepted, ids)| Recipient {
        to: to.to_owned(),
        requests: accepted.max(1),
        accepted,
        ids: ids.into_iter().map(str::to_owned).collect(),
        status: None,
    });
    assert_eq!(recipients, expected);
    let arrivals = gateway.control.arrivals().await.expect("arrivals");
    let parts: Vec<_> = arrivals.iter().map(|arrival| arrival.parts).collect();
    assert_eq!(parts, [Some(2), None, None]);
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.ms));
}

#[tokio::test]
async fn a_gateway_that_deduplicates_gives_the_first_answer_again() {
    let gateway = Gateway::with_rules(&json!({"deduplicates": true, "rules": [
        {"suffix": ["1"], "first": 1, "answer": "drop_accepted"},
        {"suffix": ["2"], "first": 1, "answer": "refuse"},
    ]}))
    .await;
    let (accepted, refused) = (message("+441", "a.1"), message("+442", "b.1"));

    gateway.send(&accepted).await.expect_err("no answer");
    let (again, body) = gateway.send(&accepted).await.expect("an answer");
    gateway.send(&refused).await.expect("an answer");
    let (refused_again, _) = gateway.send(&refused).await.expect("an answer");

    assert_eq!((again, body), (200, json!({"status": "ok", "id": "sim-0"})));
    assert_eq!(refused_again, 400);
    let summary = gateway.summary().await;
    assert_eq!(
        (
            summary.accepted,
            summary.refused,
            summary.deduplicated,
            summary.duplicates
        ),
        (1, 1, 2, 0)
    );
}

#[tokio::test]
async fn inquiry_knows_what_was_accepted_and_only_after_it_settled() {
    let gateway = Gateway::with_rules(&json!({"visible_after_ms": 300, "rules": [
        {"suffix": ["2"], "answer": "drop"},
    ]}))
    .await;
    gateway
        .send(&message("+441", "a.1"))
        .await
        .expect("an answer");
    gateway
        .send(&message("+442", "b.1"))
        .await
        .expect_err("no answer");

    let (at_once, _) = gateway.inquire("a.1").await;
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    let (later, body) = gateway.inquire("a.1").await;
    let (never, _) = gateway.inquire("b.1").await;

    assert_eq!((at_once, later, never), (404, 200, 404));
    assert_eq!(
        body,
        json!({"status": "ok", "id": "sim-0", "state": "ACCEPTD"})
    );
}

#[tokio::test]
async fn the_same_numbers_meet_the_same_ends_in_every_run() {
    async fn ends() -> Vec<u16> {
        let gateway = Gateway::start();
        let mut ends = Vec::new();
        for number in 0..300 {
            let message = message(&format!("+447400{number:06}"), &format!("m{number}.1"));
            ends.push(gateway.send(&message).await.expect("an answer").0);
        }
        ends
    }

    let (one, other) = (ends().await, ends().await);

    assert_eq!(one, other);
    assert!(one.contains(&400) && one.contains(&200));
}

#[tokio::test]
async fn a_reset_forgets_counts_and_rules() {
    let gateway = Gateway::with_rules(&json!({"rules": [{"answer": "fail"}]})).await;
    gateway
        .send(&message("+441", "a.1"))
        .await
        .expect("an answer");

    gateway.control.reset().await.expect("a reset");

    assert_eq!(gateway.summary().await, Gateway::start().summary().await);
    let (status, _) = gateway
        .send(&message("+441", "a.1"))
        .await
        .expect("an answer");
    assert_eq!(status, 200);
}
