//! Receipts: what is posted, in which order, how it is signed, and what is remembered of it.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{Gateway, SECRET, message};
use crate::receiver::{Kept, Receiver};

/// A gateway with one rule for everyone, a receiver, and a message between them.
async fn scene(rule: Value, answers: &[StatusCode]) -> (Gateway, Receiver, Value) {
    let gateway = Gateway::with_rules(&json!({"rules": [rule]})).await;
    let receiver = Receiver::start(answers).await;
    let mut message = message("+447400000001", "msg_x.1");
    message["callback"] = json!(receiver.callback());
    (gateway, receiver, message)
}

fn is_signed(kept: &Kept) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [kept.timestamp.as_bytes(), b".", &kept.raw].concat();
    let signature: Vec<u8> = (0..kept.signature.len() / 2)
        .map(|at| u8::from_str_radix(&kept.signature[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    hmac::verify(&key, &signed, &signature).is_ok()
}

#[tokio::test]
async fn a_receipt_comes_after_its_delay_and_is_signed() {
    let (gateway, receiver, message) = scene(json!({"delay_ms": [300, 300]}), &[]).await;

    let began = Instant::now();
    let (_, answer) = gateway.send(&message).await.expect("an answer");
    let summary = gateway.settled().await;

    let kept = &receiver.kept()[0];
    assert!(kept.at - began >= Duration::from_millis(300));
    assert_eq!(kept.uri, "/hooks/generic/abc?m=msg_x.1.tag");
    assert!(is_signed(kept));
    let body = kept.body();
    assert_eq!(body["id"], answer["id"]);
    assert_eq!(body["ref"], "msg_x.1");
    assert_eq!(body["error"], "000");
    assert!(
        body["time"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    assert_eq!(
        (summary.receipts.posted, summary.receipts.acknowledged),
        (1, 1)
    );
    assert_eq!(summary.receipts.by_status["DELIVRD"], 1);
    assert_eq!(gateway.inquire("msg_x.1").await.1["state"], "DELIVRD");
}

#[tokio::test]
async fn a_rule_lists_the_receipts_in_their_order() {
    let cases: [(_, &[&str], _); 6] = [
        ("lost", &[], None),
        ("twice", &["DELIVRD", "DELIVRD"], Some("DELIVRD")),
        ("in order", &["ACCEPTD", "UNDELIV"], Some("UNDELIV")),
        ("out of order", &["DELIVRD", "ACCEPTD"], Some("DELIVRD")),
        ("unknown", &["WEIRD"], None),
        ("two ends", &["DELIVRD", "EXPIRED"], Some("DELIVRD")),
    ];

    for (name, words, status) in cases {
        let rule = json!({"receipts": words, "delay_ms": [0, 0]});
        let (gateway, receiver, message) = scene(rule, &[]).await;

        gateway.send(&message).await.expect("an answer");
        gateway.settled().await;

        assert_eq!(receiver.statuses(), words, "{name}");
        let recipients = gateway.control.recipients().await.expect("recipients");
        assert_eq!(recipients[0].status.as_deref(), status, "{name}");
    }
}

#[tokio::test]
async fn a_forged_receipt_is_not_signed_by_us_and_counts_apart() {
    let rule = json!({"receipts": ["!REJECTD", "DELIVRD"], "delay_ms": [0, 0]});
    let (gateway, receiver, message) = scene(rule, &[StatusCode::UNAUTHORIZED]).await;

    gateway.send(&message).await.expect("an answer");
    let summary = gateway.settled().await;

    let signed: Vec<bool> = receiver.kept().iter().map(is_signed).collect();
    assert_eq!(signed, [false, true]);
    assert_eq!(receiver.statuses(), ["REJECTD", "DELIVRD"]);
    let receipts = summary.receipts;
    assert_eq!(
        (
            receipts.forged,
            receipts.forged_acknowledged,
            receipts.posted
        ),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn an_early_receipt_comes_before_the_answer() {
    let rule = json!({"early": true, "delay_ms": [60_000, 60_000]});
    let (gateway, receiver, message) = scene(rule, &[]).await;

    gateway.send(&message).await.expect("an answer");
    let answered = Instant::now();

    assert!(receiver.kept()[0].at < answered);
}

#[tokio::test]
async fn a_receipt_that_is_not_acknowledged_comes_again() {
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::FOUND];
    let (gateway, receiver, message) = scene(json!({"delay_ms": [0, 0]}), &busy).await;

    gateway.send(&message).await.expect("an answer");
    let receipts = gateway.settled().await.receipts;

    assert_eq!(receiver.statuses(), ["DELIVRD"; 3]);
    assert_eq!(
        (receipts.posted, receipts.retried, receipts.acknowledged),
        (1, 2, 1)
    );
    assert_eq!(receipts.failed, 0);
}

#[tokio::test]
async fn a_reset_calls_back_the_receipts_that_are_to_come() {
    let (gateway, receiver, message) = scene(json!({"delay_ms": [400, 400]}), &[]).await;
    gateway.send(&message).await.expect("an answer");

    gateway.control.reset().await.expect("a reset");
    tokio::time::sleep(Duration::from_millis(600)).await;

    assert!(receiver.kept().is_empty());
    assert_eq!(gateway.summary().await.receipts.posted, 0);
}

#[tokio::test]
async fn thousands_are_accepted_and_receipted_once_each() {
    let (gateway, receiver, mut message) = scene(json!({"delay_ms": [0, 100]}), &[]).await;

    for hundred in 0..20 {
        let sends = (0..100).map(|one| {
            message["to"] = json!(format!("+4474{:08}", hundred * 100 + one));
            message["id"] = json!(format!("m{hundred}_{one}.1"));
            let message = message.clone();
            let gateway = &gateway;
            async move { gateway.send(&message).await }
        });
        let sent = futures::future::join_all(sends).await;
        assert!(sent.iter().all(Result::is_ok));
    }
    let summary = gateway.settled().await;

    assert_eq!(summary.accepted, 2_000);
    assert_eq!(summary.distinct_recipients, 2_000);
    assert_eq!(summary.receipts.acknowledged, 2_000);
    assert_eq!(receiver.kept().len(), 2_000);
}
