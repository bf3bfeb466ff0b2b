//! API keys: made, shown once, revoked.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::account::{Account, send};

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_is_shown_once() {
    let account = Account::new("Keys").await;
    let made = account
        .post(
            "/v1/keys",
            &json!({"name": "Reporting", "mode": "live", "scopes": ["campaigns:read"]}),
        )
        .await;
    let (id, key) = (
        made["id"].as_str().expect("an id"),
        made["key"].as_str().expect("a key"),
    );
    let list = async || {
        let request = reqwest::Client::new().get(
            account
                .request(Method::GET, "/v1/campaigns")
                .build()
                .unwrap()
                .url()
                .clone(),
        );
        send(request.bearer_auth(key)).await.status
    };

    assert_eq!(list().await, StatusCode::OK);
    let listed = account.get("/v1/keys").await;
    assert!(!listed.to_string().contains(key), "a list shows a key");
    let revoked = send(account.request(Method::DELETE, &format!("/v1/keys/{id}"))).await;
    assert!(revoked.status.is_success(), "{revoked:?}");
    let began = Instant::now();
    while list().await != StatusCode::UNAUTHORIZED {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "a revoked key still works after a minute"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn revoking_a_key_that_is_not_there_revokes_no_other() {
    let account = Account::new("No such key").await;

    let path = "/v1/keys/key_00000000000000000000000000";
    let answer = send(account.request(Method::DELETE, path)).await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    let listed = account.get("/v1/keys").await;
    let revoked = |key: &serde_json::Value| !key["revoked"].is_null();
    assert!(
        !listed["data"].as_array().expect("keys").iter().any(revoked),
        "{listed}"
    );
}

#[tokio::test]
async fn without_a_good_key_nothing_is_answered() {
    let account = Account::new("No key").await;
    let url = account
        .request(Method::GET, "/v1/campaigns")
        .build()
        .unwrap()
        .url()
        .clone();
    for (name, key) in [
        ("none", None),
        ("not one of ours", Some("secret".to_owned())),
        ("a broken checksum", Some(swapped(&account.key))),
        (
            "the other mode",
            Some(account.key.replace("car_live_", "car_test_")),
        ),
    ] {
        let request = reqwest::Client::new().get(url.clone());
        let request = match &key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };

        let answer = send(request).await;

        assert_eq!(
            (answer.status, &answer.body["code"]),
            (StatusCode::UNAUTHORIZED, &json!("unauthenticated")),
            "{name}"
        );
    }
}

/// With another last character.
fn swapped(key: &str) -> String {
    let (body, last) = key.split_at(key.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    format!("{body}{other}")
}
