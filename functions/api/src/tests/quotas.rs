//! Quotas of keys and accounts, against the local stack.

use axum::body::Body;
use carillon_core::{
    api_key::{Mode, Scope},
    id::AccountId,
    quota::{Quotas, Window},
};
use carillon_store::{api_keys::ApiKey, quotas::RequestCounts};
use carillon_testkit::{build, stack};
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Answer, answer, api_of, settings};
use crate::{
    app,
    bootstrap::{self, NewKey},
    services::{Api, Settings},
    time,
};

const QUOTAS: Quotas = Quotas {
    key: 3,
    account: 5,
    recipients: 10,
};

async fn api() -> Api {
    let aws = stack::aws().await;
    let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
    let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
    let quotas = QUOTAS;
    api_of(
        &aws,
        Settings {
            quotas,
            ..settings(&ledger, &core)
        },
    )
}

fn key(api: &Api, account: AccountId) -> NewKey {
    let scopes = Scope::ALL.to_vec();
    let new = bootstrap::draw(api, account, "test", Mode::Test, scopes, time::now());
    let stored = &new.stored;
    api.authenticator
        .remember(stored.hash.clone(), stored.key.clone(), time::now());
    new
}

async fn ask(api: &Api, key: &NewKey, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", key.secret.expose()))
        .header("content-type", "application/json")
        .header("idempotency-key", body.to_string().len().to_string());
    let request = request.body(Body::from(body.to_string())).unwrap();
    answer(app::router(api.clone()), request).await
}

async fn look(api: &Api, key: &NewKey) -> u16 {
    ask(api, key, "GET", "/v1/batches", Value::Null)
        .await
        .status
        .as_u16()
}

/// Until the account has a window with at least half of its time left, so that a test doesn't run into the next.
async fn early_in_a_window(account: AccountId) {
    while Window::of(account, time::now()).ends < time::now() + SignedDuration::from_secs(5) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_to_wait_and_other_keys_are_not() {
    let api = api().await;
    let (account, stranger) = (build::id(), build::id());
    let (flood, other, third) = (key(&api, account), key(&api, account), key(&api, stranger));
    early_in_a_window(account).await;

    let first = ask(&api, &flood, "GET", "/v1/batches", Value::Null).await;
    let then = [look(&api, &flood).await, look(&api, &flood).await];
    let refused = ask(&api, &flood, "GET", "/v1/batches", Value::Null).await;
    let others = [look(&api, &other).await, look(&api, &third).await];

    assert_eq!(
        (first.status.as_u16(), then, others),
        (200, [200, 200], [200, 200])
    );
    assert_eq!(
        first.headers["ratelimit-policy"],
        r#""key";q=3;w=10, "account";q=5;w=10, "recipients";q=10;w=10;qu="recipients""#
    );
    let left = first.headers["ratelimit"].to_str().unwrap();
    assert!(left.starts_with(r#""key";r=2;t="#), "{left}");
    assert_eq!(refused.status.as_u16(), 429);
    assert_eq!(refused.body["code"], "rate_limited");
    assert_eq!(
        refused.body["type"],
        "https://iana.org/assignments/http-problem-types#quota-exceeded"
    );
    assert_eq!(refused.body["violated-policies"], json!(["key"]));
    let wait: u32 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    let left = refused.headers["ratelimit"].to_str().unwrap();
    assert!(left.starts_with(r#""key";r=0;t="#), "{left}");
}

#[tokio::test]
async fn the_keys_of_an_account_share_its_quota() {
    let api = api().await;
    let account = build::id();
    let keys = [key(&api, account), key(&api, account), key(&api, account)];
    early_in_a_window(account).await;

    let mut told = Vec::new();
    for key in keys.iter().chain(&keys) {
        told.push(look(&api, key).await);
    }
    let refused = ask(&api, &keys[0], "GET", "/v1/keys", Value::Null).await;

    assert_eq!(told, [200, 200, 200, 200, 200, 429]);
    assert_eq!(refused.body["violated-policies"], json!(["account"]));
}

#[tokio::test]
async fn a_flood_is_refused_without_being_counted() {
    let aws = stack::aws().await;
    let api = api().await;
    let account = build::id();
    let flood = key(&api, account);
    early_in_a_window(account).await;
    for _ in 0..20 {
        look(&api, &flood).await;
    }

    let counts = RequestCounts::new(aws.dynamodb(), &api.settings.core_table);
    let ApiKey { id, .. } = flood.stored.key;
    let window = Window::of(account, time::now());
    let used = counts.request(account, id, window).await.unwrap();

    // Three that were let through, the one that went against it, and this one.
    assert_eq!(used.key, 5);
}

#[tokio::test]
async fn recipients_are_counted_where_they_are_sent_to() {
    let api = api().await;
    let account = build::id();
    let (key, other) = (key(&api, account), key(&api, account));
    let later = time::now() + SignedDuration::from_hours(1);
    let list = |from: u32, count: u32| {
        let to: Vec<_> = (from..from + count)
            .map(|number| format!("+4477009{number:05}"))
            .collect();
        json!({"to": to, "text": "Hi", "send_at": later})
    };
    early_in_a_window(account).await;

    let most = ask(&api, &key, "POST", "/v1/messages", list(0, 9)).await;
    let too_many = ask(&api, &key, "POST", "/v1/messages", list(0, 2)).await;
    let repeated = ask(&api, &key, "POST", "/v1/messages", list(0, 9)).await;
    let single = ask(&api, &other, "POST", "/v1/messages", list(0, 1)).await;

    assert_eq!(most.status.as_u16(), 202, "{}", most.body);
    assert_eq!(too_many.status.as_u16(), 429, "{}", too_many.body);
    assert_eq!(too_many.body["violated-policies"], json!(["recipients"]));
    assert!(too_many.headers.contains_key("retry-after"));
    // What was done before is answered as before, and costs nothing.
    assert_eq!(repeated.body, most.body);
    assert_eq!(single.status.as_u16(), 202, "{}", single.body);
}
