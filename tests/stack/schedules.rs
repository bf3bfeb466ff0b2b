//! A campaign that waits for its time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::account::Account;

async fn draft(account: &Account) -> String {
    let body = json!({
        "name": "Later",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": ["+447700900123", "+447700900124"]},
        "content": {"text": "It is time"},
    });
    let made = account.try_post_as_test("/v1/campaigns", &body).await;
    format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"))
}

async fn schedule(account: &Account, path: &str, at: Timestamp) -> Value {
    let answer = account
        .try_post_as_test(&format!("{path}/schedule"), &json!({"at": at}))
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    answer.body
}

fn soon(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_scheduled_campaign_begins_at_its_time_and_not_before() {
    let account = Account::new("At its time").await;
    let path = draft(&account).await;
    let at = soon(15);

    let scheduled = schedule(&account, &path, at).await;
    account
        .wait_for(&format!("{path}/report"), |report| {
            report["counts"]["scheduled"] == 2
        })
        .await;
    let ready_early = Timestamp::now() < at;
    account
        .wait_for(&path, |campaign| campaign["status"] == "finished")
        .await;

    assert_eq!(scheduled["status"], "scheduled");
    assert!(ready_early, "it was prepared after its time");
    assert!(Timestamp::now() >= at, "it was sent before its time");
}

#[tokio::test]
async fn a_schedule_can_be_moved_and_nothing_of_the_old_one_is_sent() {
    let account = Account::new("Moved").await;
    let path = draft(&account).await;

    let first = schedule(&account, &path, soon(5)).await;
    let moved = schedule(&account, &path, soon(3_600 * 24)).await;
    let old = format!("/v1/batches/{}", first["batch"].as_str().expect("a batch"));
    tokio::time::sleep(Duration::from_secs(10)).await;

    assert_ne!(first["batch"], moved["batch"]);
    assert_eq!(account.get(&old).await["status"], "cancelled");
    assert_eq!(account.get(&format!("{old}/report")).await["submitted"], 0);
    assert_eq!(account.get(&path).await["status"], "scheduled");
}

#[tokio::test]
async fn a_scheduled_campaign_can_be_cancelled_and_started_no_more() {
    let account = Account::new("Not at all").await;
    let path = draft(&account).await;
    schedule(&account, &path, soon(3_600 * 24)).await;

    let cancelled = account.post(&format!("{path}/cancel"), &json!({})).await;
    let started = account
        .try_post_as_test(&format!("{path}/start"), &json!({}))
        .await;

    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(
        (started.status, &started.body["code"]),
        (StatusCode::CONFLICT, &json!("invalid_state"))
    );
}
