//! A campaign from an uploaded file to its last delivery report, compared with what the gateway saw, slot by slot.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

fn csv(rows: std::ops::Range<u32>) -> String {
    let rows = rows.map(|row| format!("+4477009{row:05},Ann {row},ref-{row}\n"));
    std::iter::once("phone,name,reference\n".to_owned())
        .chain(rows)
        .collect()
}

async fn start(account: &Account, audience: Value) -> String {
    let campaign = account
        .post(
            "/v1/campaigns",
            &json!({"name": "Spring", "class": "transactional", "audience": audience, "content": {"text": "Hi {{name}}, spring is here."}, "sender": "ACME"}),
        )
        .await;
    let id = campaign["id"].as_str().expect("an id").to_owned();
    account
        .post(&format!("/v1/campaigns/{id}/start"), &json!({}))
        .await;
    id
}

async fn finished(account: &Account, id: &str) {
    account
        .wait_for(&format!("/v1/campaigns/{id}"), |campaign| {
            campaign["status"] == "finished"
        })
        .await;
}

/// The report once nothing is in flight any more.
async fn settled(account: &Account, id: &str) -> Value {
    account
        .wait_for(&format!("/v1/campaigns/{id}/report"), |report| {
            report["in_flight"] == 0
        })
        .await
}

/// A sum over statuses, or the messages of one status.
fn count(report: &Value, word: &str) -> u64 {
    let found = report[word].as_u64();
    found
        .or_else(|| report["counts"][word].as_u64())
        .unwrap_or_else(|| panic!("no `{word}` in {report}"))
}

/// The shortest that the API takes.
const VALID_FOR_SECONDS: u64 = 60;

const ENDS: [&str; 8] = [
    "in_flight",
    "delivered",
    "undelivered",
    "failed",
    "expired",
    "suppressed",
    "cancelled",
    "unknown",
];

#[tokio::test]
async fn what_the_report_says_is_what_the_gateway_saw_slot_by_slot() {
    let (account, simulator) = (
        Account::new("Slot by slot").await,
        RunningSimulator::start(),
    );
    account.with_gateway(&simulator).await;
    let upload = account.upload(csv(10_000..11_500).as_bytes()).await;

    let id = start(&account, json!({"type": "upload", "upload": upload})).await;
    finished(&account, &id).await;
    let report = settled(&account, &id).await;
    let messages = account.all(&format!("/v1/campaigns/{id}/messages")).await;

    let seen: BTreeMap<String, _> = simulator
        .control
        .recipients()
        .await
        .unwrap()
        .into_iter()
        .map(|recipient| (recipient.to.clone(), recipient))
        .collect();
    assert_eq!((messages.len(), seen.len()), (1_500, 1_500));
    for message in &messages {
        let seen = &seen[message["to"].as_str().unwrap()];
        let expected = match (seen.accepted, seen.status.as_deref()) {
            (0, _) => "failed",
            (1, Some("DELIVRD")) => "delivered",
            (1, Some("UNDELIV")) => "undelivered",
            (1, Some("EXPIRED")) => "expired",
            other => panic!("{message} was seen as {other:?}"),
        };
        assert_eq!(message["status"], expected, "{message}");
        assert_eq!(seen.requests, 1, "{message}");
    }
    let statuses = messages
        .iter()
        .map(|message| message["status"].as_str().unwrap());
    let mut counted = BTreeMap::new();
    statuses.for_each(|status| *counted.entry(status).or_insert(0) += 1);
    for end in ENDS {
        assert_eq!(
            count(&report, end),
            counted.get(end).copied().unwrap_or(0),
            "{end}"
        );
    }
    assert_eq!(count(&report, "accepted"), 1_500);
}

#[tokio::test]
async fn bad_rows_and_duplicates_are_counted_and_everybody_else_is_sent_to_once() {
    let (account, simulator) = (Account::new("Bad rows").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .unwrap();
    let good = csv(20_000..20_050);
    let file = format!(
        "{good}+447700920001,Again,x\nnot a number,Nobody,x\n4.47701E+11,Damaged,x\n+447700920060,,x\n"
    );

    let upload = account.upload(file.as_bytes()).await;
    let id = start(&account, json!({"type": "upload", "upload": upload})).await;
    finished(&account, &id).await;
    let report = settled(&account, &id).await;

    let summary = simulator.control.summary().await.unwrap();
    assert_eq!(count(&report, "accepted"), 50);
    assert_eq!(
        (report["rejected"].as_u64(), report["duplicates"].as_u64()),
        (Some(3), Some(1)),
        "{report}"
    );
    assert_eq!((summary.distinct_recipients, summary.duplicates), (50, 0));
    assert_eq!(count(&report, "delivered"), 50);
}

#[tokio::test]
async fn an_inline_audience_needs_no_upload() {
    let (account, simulator) = (Account::new("Inline").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .unwrap();
    let recipients: Vec<Value> = (0..130)
        .map(|row| json!({"to": format!("+4477009{:05}", 30_000 + row), "vars": {"name": "Bo"}}))
        .collect();

    let id = start(
        &account,
        json!({"type": "inline", "recipients": recipients}),
    )
    .await;
    finished(&account, &id).await;
    let report = settled(&account, &id).await;

    assert_eq!(
        (count(&report, "accepted"), count(&report, "delivered")),
        (130, 130)
    );
}

#[tokio::test]
async fn a_cancelled_campaign_ends_with_every_message_accounted_for() {
    let (account, simulator) = (Account::new("Cancelled").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    // Slow enough that the cancel comes in the middle.
    simulator
        .control
        .set_rules(&json!({"rules": [{"latency_ms": [400, 600]}]}))
        .await
        .unwrap();
    let upload = account.upload(csv(40_000..46_000).as_bytes()).await;
    let id = start(&account, json!({"type": "upload", "upload": upload})).await;
    let path = format!("/v1/campaigns/{id}/report");
    account
        .wait_for(&path, |report| report["submitted"].as_u64() > Some(200))
        .await;

    account
        .post(&format!("/v1/campaigns/{id}/cancel"), &json!({}))
        .await;
    let report = settled(&account, &id).await;
    let summary = simulator.control.summary().await.unwrap();

    let sum: u64 = ENDS.iter().map(|end| count(&report, end)).sum();
    assert_eq!(
        (count(&report, "accepted"), sum),
        (6_000, 6_000),
        "{report}"
    );
    assert!(count(&report, "cancelled") > 0, "{report}");
    assert_eq!(summary.accepted, count(&report, "submitted"), "{report}");
    assert_eq!(summary.duplicates, 0);
}

#[tokio::test]
async fn a_paused_campaign_rests_until_it_is_resumed() {
    let (account, simulator) = (Account::new("Paused").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": [{"latency_ms": [200, 300]}]}))
        .await
        .unwrap();
    let upload = account.upload(csv(50_000..53_000).as_bytes()).await;
    let id = start(&account, json!({"type": "upload", "upload": upload})).await;
    let path = format!("/v1/campaigns/{id}/report");
    account
        .wait_for(&path, |report| report["submitted"].as_u64() > Some(100))
        .await;

    account
        .post(&format!("/v1/campaigns/{id}/pause"), &json!({}))
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let when_paused = simulator.control.summary().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let later = simulator.control.summary().await.unwrap();
    account
        .post(&format!("/v1/campaigns/{id}/resume"), &json!({}))
        .await;
    finished(&account, &id).await;
    let report = settled(&account, &id).await;
    let summary = simulator.control.summary().await.unwrap();

    assert_eq!(
        when_paused.requests, later.requests,
        "something went out while it was paused"
    );
    assert!(later.requests < 3_000, "it was over before it was paused");
    assert_eq!(
        (summary.distinct_recipients, summary.duplicates),
        (3_000, 0)
    );
    assert_eq!(count(&report, "accepted"), count(&report, "delivered"));
}

#[tokio::test]
async fn what_expires_while_it_is_paused_is_not_sent_when_it_is_resumed() {
    let (account, simulator) = (Account::new("Expired").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": [{"latency_ms": [200, 300]}]}))
        .await
        .unwrap();
    let upload = account.upload(csv(60_000..63_000).as_bytes()).await;
    let body = json!({
        "name": "Short", "class": "transactional", "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"},
        "sender": "ACME", "policies": {"valid_for": VALID_FOR_SECONDS},
    });
    let campaign = account.post("/v1/campaigns", &body).await;
    let id = campaign["id"].as_str().expect("an id").to_owned();
    account
        .post(&format!("/v1/campaigns/{id}/start"), &json!({}))
        .await;
    let expires = tokio::time::Instant::now() + std::time::Duration::from_secs(VALID_FOR_SECONDS);
    let path = format!("/v1/campaigns/{id}/report");
    account
        .wait_for(&path, |report| report["submitted"].as_u64() > Some(100))
        .await;

    account
        .post(&format!("/v1/campaigns/{id}/pause"), &json!({}))
        .await;
    tokio::time::sleep_until(expires).await;
    let when_expired = simulator.control.summary().await.unwrap();
    account
        .post(&format!("/v1/campaigns/{id}/resume"), &json!({}))
        .await;
    finished(&account, &id).await;
    let report = settled(&account, &id).await;
    let summary = simulator.control.summary().await.unwrap();

    assert!(when_expired.requests < 3_000, "it was over before");
    assert_eq!(summary.requests, when_expired.requests);
    assert_eq!(count(&report, "expired"), 3_000 - summary.requests);
    assert_eq!(count(&report, "accepted"), 3_000);
}
