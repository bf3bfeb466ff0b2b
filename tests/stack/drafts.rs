//! A campaign before it begins: changed under its `ETag`, looked at, tried out, deleted.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, json_body, send};

fn draft() -> Value {
    json!({
        "name": "Spring",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": [{"to": "+447700900123", "vars": {"name": "Ann"}}, "+447700900124"]},
        "content": {"text": "Hi {{name|you}} €"},
    })
}

async fn patch(account: &Account, path: &str, tag: &str, change: &Value) -> Answer {
    let request = account.request(Method::PATCH, path).header("if-match", tag);
    send(json_body(request, change)).await
}

fn tag(answer: &Answer) -> String {
    let tag = answer.headers.get("etag").expect("an ETag");
    tag.to_str().expect("text").to_owned()
}

#[tokio::test]
async fn of_two_changes_to_the_same_draft_one_is_refused() {
    let account = Account::new("Two changes").await;
    let made = account.try_post("/v1/campaigns", &draft()).await;
    let path = format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"));
    let read = tag(&made);

    let first = patch(
        &account,
        &path,
        &read,
        &json!({"name": "Summer", "sender": "ACME"}),
    )
    .await;
    let second = patch(&account, &path, &read, &json!({"name": "Autumn"})).await;
    let third = patch(&account, &path, &tag(&first), &json!({"sender": null})).await;

    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(
        (second.status, &second.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("etag_mismatch"))
    );
    assert_eq!(third.body["name"], "Summer");
    assert_eq!(
        (&first.body["sender"], &third.body["sender"]),
        (&json!("ACME"), &Value::Null)
    );
}

#[tokio::test]
async fn a_change_that_the_audience_has_no_values_for_is_refused_and_changes_nothing() {
    let account = Account::new("Bad change").await;
    let made = account.try_post("/v1/campaigns", &draft()).await;
    let path = format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"));

    let refused = patch(
        &account,
        &path,
        &tag(&made),
        &json!({"content": {"text": "Hi {{nam}}"}}),
    )
    .await;

    assert_eq!(
        (refused.status, &refused.body["code"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("unknown_placeholder")
        )
    );
    assert_eq!(
        account.get(&path).await["content"]["text"],
        "Hi {{name|you}} €"
    );
}

#[tokio::test]
async fn a_draft_shows_its_first_texts_and_sends_them_to_its_owner() {
    let account = Account::new("Preview").await;
    let made = account.try_post_as_test("/v1/campaigns", &draft()).await;
    let path = format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"));

    let preview = account.post(&format!("{path}/preview"), &json!({})).await;
    let tried = account
        .try_post_as_test(&format!("{path}/test"), &json!({"to": ["+447700900125"]}))
        .await;

    assert_eq!(
        preview["data"],
        json!([
            {"to": "+447700900123", "text": "Hi Ann €", "parts": 1, "encoding": "GSM-7", "units": 9},
            {"to": "+447700900124", "text": "Hi you €", "parts": 1, "encoding": "GSM-7", "units": 9},
        ])
    );
    assert_eq!(tried.status, StatusCode::ACCEPTED, "{}", tried.body);
    let id = tried.body["messages"][0]["id"].as_str().expect("an id");
    account
        .wait_for(&format!("/v1/messages/{id}"), |message| {
            message["status"] == "delivered"
        })
        .await;
    assert_eq!(account.get(&path).await["status"], "draft");
}

#[tokio::test]
async fn a_draft_can_be_deleted_and_a_started_campaign_can_not() {
    let account = Account::new("Deleted").await;
    let path = async || {
        let made = account.try_post_as_test("/v1/campaigns", &draft()).await;
        format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"))
    };
    let (kept, gone) = (path().await, path().await);
    account
        .try_post_as_test(&format!("{kept}/start"), &json!({}))
        .await;

    let refused = send(account.request(Method::DELETE, &kept)).await;
    let deleted = send(account.request(Method::DELETE, &gone)).await;

    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::CONFLICT, &json!("invalid_state"))
    );
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(
        send(account.request(Method::GET, &gone)).await.status,
        StatusCode::NOT_FOUND
    );
}
