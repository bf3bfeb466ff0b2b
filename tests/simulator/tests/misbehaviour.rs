//! Each way to misbehave on `/send`, as its caller meets it.

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::gateway::{Gateway, message};

#[tokio::test]
async fn an_answer_is_what_the_rule_says_and_acceptance_too() {
    let gateway = Gateway::with_rules(&json!({"rules": [
        {"suffix": ["1"], "answer": "refuse"},
        {"suffix": ["2"], "answer": "throttle", "retry_after": 7},
        {"suffix": ["3"], "answer": "fail"},
        {"suffix": ["4"], "answer": "fail_accepted"},
    ]}))
    .await;
    let cases = [
        ("accepted", "+440", 200, "ok", 1),
        ("refused", "+441", 400, "INVALID_NUMBER", 0),
        ("throttled", "+442", 429, "THROTTLED", 0),
        ("failed", "+443", 500, "INTERNAL", 0),
        ("failed, yet accepted", "+444", 500, "INTERNAL", 1),
    ];

    for (name, to, status, word, accepted) in cases {
        let before = gateway.summary().await.accepted;
        let (answered, body) = gateway.send(&message(to, name)).await.expect(name);

        assert_eq!(answered, status, "{name}");
        assert!(body.to_string().contains(word), "{name}: {body}");
        assert_eq!(
            gateway.summary().await.accepted - before,
            accepted,
            "{name}"
        );
    }
}

#[tokio::test]
async fn throttling_says_for_how_long_and_ends_when_told() {
    let gateway = Gateway::with_rules(&json!({"rules": [
        {"first": 2, "answer": "throttle", "retry_after": 7},
    ]}))
    .await;

    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = gateway
            .submit(&message("+441", "a.1"), "token")
            .await
            .expect("an answer");
        let retry_after = answer.headers().get("retry-after").cloned();
        answers.push((answer.status().as_u16(), retry_after));
    }

    let seven = Some("7".parse().expect("a header"));
    assert_eq!(answers, [(429, seven.clone()), (429, seven), (200, None)]);
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    let cases = [
        ("drop", ErrorKind::UnexpectedEof, 0),
        ("drop_accepted", ErrorKind::UnexpectedEof, 1),
        ("drop_unread", ErrorKind::ConnectionReset, 0),
        ("hang", ErrorKind::TimedOut, 0),
        ("hang_accepted", ErrorKind::TimedOut, 1),
    ];

    for (answer, expected, accepted) in cases {
        let gateway = Gateway::with_rules(&json!({"rules": [{"answer": answer}]})).await;

        let error = gateway
            .send(&message("+441", "a.1"))
            .await
            .expect_err(answer);

        assert_eq!(kind(&error), expected, "{answer}: {error:?}");
        let summary = gateway.summary().await;
        assert_eq!(summary.accepted, accepted, "{answer}");
        assert_eq!(summary.errors, 1 - accepted, "{answer}");
    }
}

#[tokio::test]
async fn unread_drops_hit_a_share_of_the_requests() {
    let gateway =
        Gateway::with_rules(&json!({"rules": [{"share": 0.5, "answer": "drop_unread"}]})).await;

    let mut dropped = 0;
    for number in 0..100 {
        let message = message(&format!("+44{number}"), &format!("{number}.1"));
        dropped += u64::from(gateway.send(&message).await.is_err());
    }

    let summary = gateway.summary().await;
    assert_eq!(summary.errors, dropped);
    assert_eq!(summary.accepted, 100 - dropped);
    assert!((30..70).contains(&dropped), "{dropped}");
}

#[tokio::test]
async fn latency_delays_the_answer_and_not_the_acceptance() {
    let gateway = Gateway::with_rules(&json!({"rules": [{"latency_ms": [400, 400]}]})).await;
    let message = message("+441", "a.1");

    let began = Instant::now();
    let (sent, accepted) = tokio::join!(gateway.send(&message), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        gateway.summary().await.accepted
    });

    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(sent.expect("an answer").0, 200);
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn wrong_rules_are_refused_and_change_nothing() {
    let gateway = Gateway::with_rules(&json!({"rules": [{"answer": "fail"}]})).await;

    let refused = gateway
        .control
        .set_rules(&json!({"rules": [{"answer": "explode"}]}))
        .await;

    let why = refused.expect_err("no such answer").to_string();
    assert!(why.contains("unknown variant `explode`"), "{why}");
    assert_eq!(
        gateway
            .send(&message("+441", "a.1"))
            .await
            .expect("an answer")
            .0,
        500
    );
}

/// What the connection met, under the layers of the client.
fn kind(error: &reqwest::Error) -> ErrorKind {
    if error.is_timeout() {
        return ErrorKind::TimedOut;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind();
        }
        if error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
        {
            return ErrorKind::UnexpectedEof;
        }
        cause = error.source();
    }
    ErrorKind::Other
}
