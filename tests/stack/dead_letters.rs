//! Dead letters: each account sees its own, sends them again or discards them; sent again they pass every check again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator, bury};

async fn redrive(account: &Account, chosen: &Value) -> Value {
    account.post("/v1/dead-letters/redrive", chosen).await
}

/// A message of the account, and the pointer to it.
async fn message(account: &Account, request: &Value) -> (String, Value) {
    let taken = account.post("/v1/messages", request).await;
    let id = taken["messages"][0]["id"].as_str().expect("an id");
    (id.to_owned(), json!({"batch": taken["batch"], "chunk": 0}))
}

async fn letter(account: &Account) -> Value {
    let listed = account
        .wait_for("/v1/dead-letters", |page| page["data"][0].is_object())
        .await;
    listed["data"][0].clone()
}

#[tokio::test]
async fn a_dead_pointer_is_its_accounts_to_send_again_and_sends_nothing_that_was_cancelled() {
    let (owner, stranger) = (Account::new("Dead").await, Account::new("Alive").await);
    let simulator = RunningSimulator::start();
    owner.with_gateway(&simulator).await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let request = json!({"to": "+447700900210", "text": "Hi", "send_at": later});
    let (id, pointer) = message(&owner, &request).await;
    let cancel = format!(
        "/v1/batches/{}/cancel",
        pointer["batch"].as_str().expect("an id")
    );
    owner.post(&cancel, &json!({})).await;
    bury("LANE_HIGH_QUEUE_URL", &pointer.to_string()).await;

    let letter = letter(&owner).await;
    let chosen = json!({"ids": [letter["id"]]});
    let strangers = redrive(&stranger, &chosen).await;
    let seen_by_stranger = stranger.get("/v1/dead-letters").await;
    let redriven = redrive(&owner, &chosen).await;
    let again = redrive(&owner, &chosen).await;

    assert_eq!(letter["queue"], "lane_high");
    assert_eq!(
        (&letter["batch"], &letter["chunk"]),
        (&pointer["batch"], &json!(0))
    );
    assert_eq!(letter["reason"], "unanswered");
    assert!(
        letter["since"].is_string() && letter["died"].is_string(),
        "{letter}"
    );
    assert!(!letter.to_string().contains("447700900210"), "{letter}");
    assert_eq!(strangers["data"][0]["result"], "not_found");
    assert_eq!(seen_by_stranger["data"], json!([]));
    assert_eq!(
        redriven["data"],
        json!([{"id": letter["id"], "result": "redriven"}])
    );
    assert_eq!(again["data"][0]["result"], "not_found");
    assert_eq!(owner.get("/v1/dead-letters").await["data"], json!([]));
    let entries = owner.all("/v1/audit").await;
    let told = |entry: &&Value| entry["action"] == "dead_letter.redrive";
    let entry = entries.iter().find(told).expect("an entry");
    assert_eq!(entry["target"], letter["id"]);
    owner
        .wait_for(&format!("/v1/messages/{id}"), |message| {
            message["status"] == "cancelled"
        })
        .await;
    let requests = simulator.control.summary().await.unwrap().requests;
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn a_dead_pointer_to_what_was_sent_sends_nothing_and_a_queue_is_discarded_at_once() {
    let account = Account::new("Sent before").await;
    let simulator = RunningSimulator::start();
    account.with_gateway(&simulator).await;
    let request = json!({"to": "+447700900211", "text": "Hi"});
    let (id, pointer) = message(&account, &request).await;
    let message = format!("/v1/messages/{id}");
    account
        .wait_for(&message, |message| message["status"] == "delivered")
        .await;
    for _ in 0..3 {
        bury("LANE_HIGH_QUEUE_URL", &pointer.to_string()).await;
    }
    account
        .wait_for("/v1/dead-letters", |page| {
            page["data"]
                .as_array()
                .is_some_and(|letters| letters.len() == 3)
        })
        .await;

    let first = letter(&account).await;
    redrive(&account, &json!({"ids": [first["id"]]})).await;
    let others = account
        .post("/v1/dead-letters/discard", &json!({"queue": "lane_low"}))
        .await;
    let discarded = account
        .post("/v1/dead-letters/discard", &json!({"queue": "lane_high"}))
        .await;

    assert_eq!(others["data"], json!([]));
    let results = discarded["data"].as_array().expect("letters").iter();
    let results: Vec<_> = results.map(|letter| &letter["result"]).collect();
    assert_eq!(results, ["discarded", "discarded"]);
    assert_eq!(discarded["more"], false);
    assert_eq!(account.get("/v1/dead-letters").await["data"], json!([]));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let requests = simulator.control.summary().await.unwrap().requests;
    assert_eq!(requests, 1);
    let entries = account.all("/v1/audit").await;
    let discards = entries
        .iter()
        .filter(|entry| entry["action"] == "dead_letter.discard");
    assert_eq!(discards.count(), 2);
}

#[tokio::test]
async fn a_choice_of_letters_that_is_none_is_refused() {
    let account = Account::new("Choice").await;
    for (name, chosen, status) in [
        ("nothing", json!({}), StatusCode::BAD_REQUEST),
        (
            "both",
            json!({"ids": [], "queue": "prepare"}),
            StatusCode::BAD_REQUEST,
        ),
        (
            "no ids",
            json!({"ids": []}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "no queue of that name",
            json!({"queue": "lane"}),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = account.try_post("/v1/dead-letters/discard", &chosen).await;

        assert_eq!(answer.status, status, "{name}: {}", answer.body);
    }
}
