//! What a handset answers is obeyed: by the next message at the latest.

use std::time::Duration;

use serde_json::{Value, json};

use crate::account::Account;

/// Answers STOP to every message.
const STOPS: &str = "+15005550017";

async fn sent(account: &Account, to: &str) -> Value {
    let message = json!({"to": to, "text": "Hello"});
    let taken = account.try_post_as_test("/v1/messages", &message).await;
    let id = taken.body["messages"][0]["id"].as_str().expect("an id");
    let ended = |message: &Value| {
        ["delivered", "suppressed"].contains(&message["status"].as_str().unwrap_or_default())
    };
    account.wait_for(&format!("/v1/messages/{id}"), ended).await
}

#[tokio::test]
async fn who_answers_stop_gets_no_more() {
    let account = Account::new("Opt-outs").await;
    let neighbour = Account::new("Another").await;

    let first = sent(&account, STOPS).await;
    let mut last = Value::Null;
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        last = sent(&account, STOPS).await;
        if last["status"] == "suppressed" {
            break;
        }
    }

    assert_eq!(first["status"], "delivered");
    assert_eq!(
        (&last["status"], &last["reason"]["code"]),
        (&json!("suppressed"), &json!("policy.opted_out"))
    );
    let unasked = sent(&neighbour, STOPS).await;
    assert_eq!(unasked["status"], "delivered", "another account's opt-out");
}
