//! What failed of a campaign, once more: whoever may still get it, and nobody else.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

/// Begins a campaign to these numbers, and waits until nothing of it is on its way.
async fn sent(account: &Account, numbers: &[String]) -> String {
    let campaign = json!({
        "name": "Spring",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": numbers.iter().map(|to| json!({"to": to, "vars": {"name": "Ann"}})).collect::<Vec<_>>()},
        "content": {"text": "Hi {{name}}, spring is here."},
        "sender": "ACME",
    });
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let id = campaign["id"].as_str().expect("an id").to_owned();
    let started = format!("/v1/campaigns/{id}/start");
    account.post(&started, &json!({})).await;
    settled(account, &id).await;
    id
}

async fn settled(account: &Account, id: &str) -> Value {
    let campaign = format!("/v1/campaigns/{id}");
    let finished = |campaign: &Value| campaign["status"] == "finished";
    account.wait_for(&campaign, finished).await;
    let settled = |report: &Value| report["in_flight"] == 0;
    account
        .wait_for(&format!("{campaign}/report"), settled)
        .await
}

#[tokio::test]
async fn what_may_still_arrive_is_sent_once_more_by_a_campaign_of_its_own() {
    let (account, simulator) = (Account::new("Retry").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    // Out of reach once; refused by the network; a number that doesn't exist.
    let rules = json!({"rules": [
        {"suffix": ["1"], "first": 1, "receipts": ["UNDELIV"]},
        {"suffix": ["2"], "receipts": ["REJECTD"]},
        {"suffix": ["3"], "answer": "refuse"},
    ]});
    simulator.control.set_rules(&rules).await.expect("rules");
    let numbers: Vec<_> = (0..50).map(|row| format!("+4477009301{row:02}")).collect();
    let first = sent(&account, &numbers).await;
    let retry = format!("/v1/campaigns/{first}/retry-failed");

    let made = account.try_post(&retry, &json!({})).await;
    let again = account.try_post(&retry, &json!({})).await;
    let otherwise = account
        .try_post(&retry, &json!({"statuses": ["failed"]}))
        .await;

    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.body);
    let id = made.body["id"].as_str().expect("an id");
    let expected = json!({
        "type": "failed_of",
        "campaign": first,
        "batch": account.get(&format!("/v1/campaigns/{first}")).await["batch"],
        "statuses": ["failed", "undelivered", "expired"],
        "messages": 5,
    });
    assert_eq!(made.body["audience"], expected);
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.body);
    for field in ["id", "batch", "audience"] {
        assert_eq!(again.body[field], made.body[field], "{field}");
    }
    assert_eq!(
        (otherwise.status, &otherwise.body["code"]),
        (StatusCode::CONFLICT, &json!("invalid_state"))
    );
    let report = settled(&account, id).await;
    assert_eq!(
        (&report["uploaded"], &report["counts"]["delivered"]),
        (&json!(5), &json!(5)),
        "{report}"
    );
    let seen = simulator.control.recipients().await.expect("recipients");
    for recipient in seen {
        let expected = if recipient.to.ends_with('1') { 2 } else { 1 };
        assert_eq!(recipient.requests, expected, "{}", recipient.to);
    }
    let nothing = format!("/v1/campaigns/{id}/retry-failed");
    let nothing = account.try_post(&nothing, &json!({})).await;
    assert_eq!(nothing.status, StatusCode::CONFLICT, "{}", nothing.body);
}

#[tokio::test]
async fn only_what_is_over_is_retried_and_only_ends_that_there_are() {
    let account = Account::new("Too early").await;
    let campaign = json!({
        "name": "Early",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": ["+447700900123"]},
        "content": {"text": "Hi"},
    });
    let draft = account.post("/v1/campaigns", &campaign).await;
    let retry = format!(
        "/v1/campaigns/{}/retry-failed",
        draft["id"].as_str().expect("an id")
    );

    for (body, status, code) in [
        (json!({}), StatusCode::CONFLICT, "invalid_state"),
        (
            json!({"statuses": ["unknown"]}),
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
        (
            json!({"status": "failed"}),
            StatusCode::BAD_REQUEST,
            "unknown_field",
        ),
    ] {
        let refused = account.try_post(&retry, &body).await;

        assert_eq!(
            (refused.status, &refused.body["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
}
