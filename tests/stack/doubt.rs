//! Calls that nobody answered: what becomes of them, and what the report says of it.

use carillon_tests::simulator::Recipient;
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

/// What a gateway can do about doubt, as its configuration says.
fn able_to(capabilities: Value) -> impl FnOnce(&mut Value) {
    move |config| config["capabilities"] = capabilities
}

/// Sends to these numbers; the answer is the batch.
async fn send(account: &Account, numbers: &[&str], policy: &str) -> String {
    let message =
        json!({"to": numbers, "text": "Your code is 4711", "policy": policy, "lane": "high"});
    let taken = account.post("/v1/messages", &message).await;
    taken["batch"].as_str().expect("a batch").to_owned()
}

/// The report, once it counts this many messages of this status.
async fn report_with(account: &Account, batch: &str, status: &str, messages: u64) -> Value {
    let path = format!("/v1/batches/{batch}/report");
    account
        .wait_for(&path, |report| report["counts"][status] == messages)
        .await
}

fn doubt_of(report: &Value) -> [Option<u64>; 3] {
    ["doubted", "resent", "accepted"].map(|word| report[word].as_u64())
}

/// What the simulator saw of its only number.
async fn seen(simulator: &RunningSimulator) -> Recipient {
    let seen = simulator.control.recipients().await.expect("recipients");
    seen.into_iter().next().expect("one number")
}

#[tokio::test]
async fn at_most_once_stays_unknown_until_a_late_report_settles_it() {
    let (account, simulator) = (
        Account::new("At most once").await,
        RunningSimulator::start(),
    );
    account
        .with_gateway_at(&simulator.url, able_to(json!({})))
        .await;
    let rules = json!({"rules": [{"answer": "drop_accepted", "delay_ms": [8_000, 8_000]}]});
    simulator.control.set_rules(&rules).await.expect("rules");

    let batch = send(&account, &["+447700900301"], "at_most_once").await;
    let unknown = report_with(&account, &batch, "unknown", 1).await;
    let settled = report_with(&account, &batch, "delivered", 1).await;

    assert_eq!(doubt_of(&unknown), [Some(1), Some(0), Some(1)]);
    assert_eq!(doubt_of(&settled), [Some(1), Some(0), Some(1)]);
    let seen = seen(&simulator).await;
    assert_eq!((seen.requests, seen.accepted), (1, 1));
}

#[tokio::test]
async fn at_least_once_is_sent_once_more_and_counted() {
    let (account, simulator) = (
        Account::new("At least once").await,
        RunningSimulator::start(),
    );
    account
        .with_gateway_at(&simulator.url, able_to(json!({})))
        .await;
    let rules = json!({"rules": [{"first": 1, "answer": "drop_accepted", "receipts": []}]});
    simulator.control.set_rules(&rules).await.expect("rules");

    let batch = send(&account, &["+447700900302"], "at_least_once").await;
    let report = report_with(&account, &batch, "delivered", 1).await;

    assert_eq!(doubt_of(&report), [Some(1), Some(1), Some(1)]);
    let seen = seen(&simulator).await;
    assert_eq!((seen.requests, seen.accepted), (2, 2));
    assert_eq!(seen.ids[0], seen.ids[1], "the same message by its id");
}

#[tokio::test]
async fn a_gateway_that_can_be_asked_leaves_no_doubt() {
    let (account, simulator) = (Account::new("Asked").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    // The first got there, although it doesn't show at once; the second never did.
    let rules = json!({"visible_after_ms": 1_000, "rules": [
        {"first": 1, "suffix": ["3"], "answer": "drop_accepted"},
        {"first": 1, "suffix": ["4"], "answer": "drop"},
    ]});
    simulator.control.set_rules(&rules).await.expect("rules");

    let numbers = ["+447700900303", "+447700900304", "+447700900305"];
    let batch = send(&account, &numbers, "at_most_once").await;
    let report = report_with(&account, &batch, "delivered", 3).await;

    assert_eq!(
        doubt_of(&report),
        [Some(1), Some(0), Some(3)],
        "and the second is as if it had never left"
    );
    let seen = simulator.control.recipients().await.expect("recipients");
    let seen: Vec<_> = seen
        .iter()
        .map(|seen| (seen.requests, seen.accepted))
        .collect();
    assert_eq!(seen, [(1, 1), (2, 1), (1, 1)]);
}

#[tokio::test]
async fn a_gateway_that_deduplicates_gets_the_same_id_again() {
    let (account, simulator) = (
        Account::new("Deduplicates").await,
        RunningSimulator::start(),
    );
    let deduplicates = json!({"deduplicates_for_seconds": 3_600});
    account
        .with_gateway_at(&simulator.url, able_to(deduplicates))
        .await;
    let rules = json!({"deduplicates": true, "rules": [{"first": 1, "answer": "drop_accepted"}]});
    simulator.control.set_rules(&rules).await.expect("rules");

    let batch = send(&account, &["+447700900306"], "at_most_once").await;
    let report = report_with(&account, &batch, "delivered", 1).await;

    assert_eq!(doubt_of(&report), [Some(1), Some(0), Some(1)]);
    let summary = simulator.control.summary().await.expect("a summary");
    assert_eq!(
        (summary.requests, summary.accepted, summary.deduplicated),
        (2, 1, 1)
    );
}
