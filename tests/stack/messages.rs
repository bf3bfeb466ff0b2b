//! Messages sent by the API: taken, found again, and what the numbers of the simulated gateway come to.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator, json_body, send, unique};

#[tokio::test]
async fn a_message_of_a_test_key_is_delivered_without_a_gateway() {
    let account = Account::new("Test key").await;

    let taken = account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900123", "text": "Your code is 4711"}),
        )
        .await;
    let id = taken.body["messages"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let message = account
        .wait_for(&format!("/v1/messages/{id}"), |message| {
            message["status"] == "delivered"
        })
        .await;

    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert_eq!(
        (&message["to"], &message["parts"], &message["test"]),
        (&json!("+447700900123"), &json!(1), &json!(true))
    );
}

#[tokio::test]
async fn each_test_number_ends_as_it_promises() {
    let account = Account::new("Test numbers").await;
    let numbers = [
        ("+15005550001", "failed"),
        ("+15005550004", "failed"),
        ("+15005550010", "delivered"),
        ("+15005550011", "undelivered"),
        ("+15005550012", "expired"),
        ("+15005550013", "sent"),
        ("+15005550014", "delivered"),
        ("+15005550015", "delivered"),
        ("+15005550016", "unknown"),
        ("+15005550019", "delivered"),
    ];
    let to: Vec<&str> = numbers.iter().map(|(number, _)| *number).collect();

    let taken = account
        .try_post_as_test("/v1/messages", &json!({"to": to, "text": "Hello"}))
        .await;

    for (message, (number, status)) in taken.body["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .zip(numbers)
    {
        let path = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
        let ended = account
            .wait_for(&path, |message| message["status"] == status)
            .await;
        assert_eq!(ended["to"], number);
    }
}

#[tokio::test]
async fn a_live_message_goes_out_once_however_often_it_is_asked_for() {
    let (account, simulator) = (Account::new("Once").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .unwrap();
    let key = unique();
    let ask = async |text: &str| {
        let request = account
            .request(Method::POST, "/v1/messages")
            .header("idempotency-key", &key);
        send(json_body(
            request,
            &json!({"to": "+447700900200", "text": text}),
        ))
        .await
    };

    let (first, again, other) = (
        ask("Hello").await,
        ask("Hello").await,
        ask("Something else").await,
    );
    let id = first.body["messages"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    account
        .wait_for(&format!("/v1/messages/{id}"), |message| {
            message["status"] == "delivered"
        })
        .await;

    assert_eq!(
        (first.status, again.status),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(first.body, again.body);
    assert_eq!(
        again
            .headers
            .get("idempotent-replayed")
            .map(reqwest::header::HeaderValue::as_bytes),
        Some(&b"true"[..])
    );
    assert_eq!(
        (other.status, &other.body["code"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("idempotency_key_reused")
        )
    );
    assert_eq!(simulator.control.summary().await.unwrap().requests, 1);
}

#[tokio::test]
async fn a_thousand_recipients_fit_into_one_request() {
    let (account, simulator) = (Account::new("A thousand").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .unwrap();
    let to: Vec<Value> =
        (0..1_000).map(|row| json!({"to": format!("+4477009{:05}", 60_000 + row), "vars": {"n": row.to_string()}})).collect();

    let taken = account
        .post("/v1/messages", &json!({"to": to, "text": "Number {{n}}"}))
        .await;
    let batch = taken["batch"].as_str().expect("a batch").to_owned();
    let report = account
        .wait_for(&format!("/v1/batches/{batch}/report"), |report| {
            report["counts"]["delivered"] == 1_000
        })
        .await;

    let summary = simulator.control.summary().await.unwrap();
    assert_eq!(
        (summary.distinct_recipients, summary.duplicates),
        (1_000, 0)
    );
    assert_eq!(report["accepted"], 1_000);
}

#[tokio::test]
async fn what_was_sent_to_a_number_is_found_by_that_number() {
    let account = Account::new("Search").await;
    let taken = account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900321", "text": "Hello"}),
        )
        .await;

    let found = account
        .post(
            "/v1/messages/search",
            &json!({"to": "+447700900321", "since": "2020-01-01T00:00:00Z"}),
        )
        .await;

    assert_eq!(found["data"][0]["id"], taken.body["messages"][0]["id"]);
}

#[tokio::test]
async fn what_a_campaign_sent_to_a_number_is_found_where_campaigns_are_asked_for() {
    let account = Account::new("Search of campaigns").await;
    let campaign = account
        .try_post_as_test(
            "/v1/campaigns",
            &json!({"name": "Spring", "class": "transactional", "content": {"text": "Hi {{name}}"},
            "audience": {"type": "inline", "recipients": [
                {"to": "+447700900323", "vars": {"name": "Ada"}},
                {"to": "+447700900324", "vars": {"name": "Marie"}},
            ]}}),
        )
        .await;
    let id = campaign.body["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/campaigns/{id}");
    account
        .try_post_as_test(&format!("{path}/start"), &json!({}))
        .await;
    let finished = |campaign: &Value| campaign["status"] == "finished";
    account.wait_for(&path, finished).await;

    let search = |campaigns: u8| json!({"to": "+447700900324", "campaigns": campaigns});
    let without = account.post("/v1/messages/search", &search(0)).await;
    let with = account.post("/v1/messages/search", &search(5)).await;

    assert_eq!(without["data"], json!([]));
    let found = with["data"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "{with}");
    assert_eq!(
        (&found[0]["text"], &found[0]["campaign"], &found[0]["to"]),
        (&json!("Hi Marie"), &json!(id), &json!("+447700900324"))
    );
}

#[tokio::test]
async fn another_accounts_message_is_not_there() {
    let (account, other) = (Account::new("One").await, Account::new("Other").await);
    let taken = account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900322", "text": "Hello"}),
        )
        .await;
    let id = taken.body["messages"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    let answer = send(other.request(Method::GET, &format!("/v1/messages/{id}"))).await;

    assert_eq!(
        (answer.status, &answer.body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
}
