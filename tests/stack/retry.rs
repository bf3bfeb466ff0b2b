//! What a gateway does not take: where it goes instead, when it is tried again, when it is too late.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

/// Sends to a number, and waits for the status; the answer is the message.
async fn ends(account: &Account, message: &Value, status: &str) -> Value {
    let taken = account.post("/v1/messages", message).await;
    let id = taken["messages"][0]["id"].as_str().expect("an id");
    account
        .wait_for(&format!("/v1/messages/{id}"), |message| {
            message["status"] == status
        })
        .await
}

#[tokio::test]
async fn a_refused_connection_fails_over_without_doubt() {
    let (account, simulator) = (Account::new("Failover").await, RunningSimulator::start());
    let unused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let unused = format!("http://{}", unused.expect("an address"));
    account.with_gateway_at(&unused, |_| {}).await;
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .expect("rules");

    let message = json!({"to": "+447700900311", "text": "Hello", "policy": "at_most_once"});
    let ended = ends(&account, &message, "delivered").await;

    let batch = ended["batch"].as_str().expect("a batch");
    let report = account.get(&format!("/v1/batches/{batch}/report")).await;
    assert_eq!(
        (&report["doubted"], &report["resent"]),
        (&json!(0), &json!(0))
    );
    let summary = simulator.control.summary().await.expect("a summary");
    assert_eq!((summary.requests, summary.accepted), (1, 1));
}

#[tokio::test]
async fn a_throttled_message_waits_as_told_and_spends_no_try() {
    let (account, simulator) = (Account::new("Throttled").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    // More often than there are tries.
    let rules = json!({"rules": [{"first": 4, "answer": "throttle", "retry_after": 3}]});
    simulator.control.set_rules(&rules).await.expect("rules");

    ends(
        &account,
        &json!({"to": "+447700900312", "text": "Hello"}),
        "delivered",
    )
    .await;

    let arrivals = simulator.control.arrivals().await.expect("arrivals");
    let gaps: Vec<i64> = arrivals
        .windows(2)
        .map(|pair| pair[1].ms - pair[0].ms)
        .collect();
    assert_eq!(gaps.len(), 4);
    assert!(gaps.iter().all(|gap| *gap >= 3_000), "{gaps:?}");
    let seen = simulator.control.recipients().await.expect("recipients");
    assert!(seen[0].ids[0].ends_with(".1"), "{:?}", seen[0].ids);
}

#[tokio::test]
async fn a_message_that_waits_past_its_validity_expires_and_never_leaves() {
    let (account, simulator) = (Account::new("Too late").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    let rules = json!({"rules": [{"first": 1, "answer": "throttle", "retry_after": 3_600}]});
    simulator.control.set_rules(&rules).await.expect("rules");

    let message = json!({"to": "+447700900313", "text": "Hello", "valid_for": 60});
    let ended = ends(&account, &message, "expired").await;

    assert_eq!(ended["reason"]["code"], "expiry.before_submit");
    let summary = simulator.control.summary().await.expect("a summary");
    assert_eq!((summary.requests, summary.accepted), (1, 0));
}
