//! What pages for people ask of the API, against the local stack: a key's last use, an account's name, a text with its links, and who can't
//! be reached.

use axum::body::Body;
use carillon_core::{api_key::Mode, id::ApiKeyId};
use carillon_runtime::random;
use carillon_testkit::stack;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{
    Answer, answer,
    once::{Caller, World, in_time},
    opt_ins::named,
};
use crate::{app, bootstrap, services::Api, time};

/// Asks an API that has not seen the key before.
async fn keys(world: &World, caller: &Caller) -> Value {
    let key = caller.key.secret.expose();
    let request = Request::get("/v1/keys")
        .header("authorization", format!("Bearer {key}"))
        .body(Body::empty())
        .unwrap();
    answer(app::router(world.api()), request).await.body
}

fn last_used(keys: &Value, id: ApiKeyId) -> &Value {
    let keys = keys["data"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == json!(id));
    &key.unwrap()["last_used"]
}

#[tokio::test]
async fn a_key_says_about_when_it_was_used_last() {
    let world = World::new().await;
    let api = world.api();
    let caller = named(&api, "ACME").await;
    let stored = &caller.key.stored;
    let audit = bootstrap::entry(caller.account, "test", "test".to_owned(), time::now());
    api.api_keys.create(stored, &audit).await.unwrap();
    let before = time::now();

    let first = keys(&world, &caller).await;
    let again = keys(&world, &caller).await;

    let used = last_used(&again, stored.key.id);
    let at: jiff::Timestamp = used.as_str().unwrap().parse().unwrap();
    assert!(at.duration_since(before).as_secs() < 60, "{used}");
    let noted = last_used(&first, stored.key.id);
    assert!(
        noted.is_null() || noted == used,
        "noted once: {noted}, {used}"
    );
}

async fn patch(api: &Api, caller: &Caller, version: &str, body: &Value) -> Answer {
    let key = caller.key.secret.expose();
    let request = Request::patch("/v1/account")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("if-match", version);
    caller.ask(api, request, body, in_time()).await
}

#[tokio::test]
async fn an_account_is_named_anew_with_all_else_or_not_at_all() {
    let world = World::new().await;
    let api = world.api();
    let caller = named(&api, "ACME").await;
    let change = json!({"name": " Café ", "time_zone": "Europe/Paris"});

    let stale = patch(&api, &caller, "\"7\"", &change).await;
    let empty = patch(&api, &caller, "*", &json!({"name": " "})).await;
    let kept = patch(&api, &caller, "*", &json!({"velocity": false})).await;
    let named = patch(&api, &caller, "*", &change).await;

    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(empty.body["errors"][0]["pointer"], "/name");
    assert_eq!(kept.body["name"], "ACME");
    assert_eq!(named.body["name"], "Café");
    assert_eq!(named.body["time_zone"], "Europe/Paris");
    let account = api.accounts.find(caller.account).await.unwrap().unwrap();
    assert_eq!(account.name, "Café");
}

#[tokio::test]
async fn a_text_is_shown_with_the_links_that_it_will_have() {
    let world = World::new().await;
    let api = world.api();
    let caller = named(&api, "ACME").await;
    let text = "See https://shop.example.com/a/long/way/to/spring?from=sms";
    let shown = async |more: Value| {
        let mut body = json!({"text": text, "as": {"class": "transactional"}});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let request = caller.post_under(&random::token(), "/v1/templates/preview");
        caller.ask(&api, request, &body, in_time()).await.body
    };

    let plain = shown(json!({})).await;
    let tracked = shown(json!({"links": {"track": true}})).await;
    let untracked = shown(json!({"links": {"track": false}})).await;
    let bad = shown(json!({"text": "https://{{host}}/", "links": {"track": true}})).await;

    assert_eq!(
        (&plain["text"], &untracked["text"]),
        (&json!(text), &json!(text))
    );
    let said = tracked["text"].as_str().unwrap();
    let code = said
        .strip_prefix("See https://links.example.net/l/")
        .unwrap();
    assert!(!code.is_empty() && !code.contains('/'), "{said}");
    assert_eq!(tracked["units"], json!(said.len()));
    assert_eq!(bad["errors"][0]["pointer"], "/text", "{bad}");
}

#[tokio::test]
async fn an_estimate_names_the_countries_that_no_route_is_for() {
    let mut world = World::new().await;
    world.settings.contacts_table =
        stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
    let (api, caller) = (world.api(), world.caller(Mode::Live).await);
    let post = async |path: &str, body: &Value| {
        let request = caller.post_under(&random::token(), path);
        let made = caller.ask(&api, request, body, in_time()).await;
        assert!(made.status.is_success(), "{path}: {}", made.body);
        made.body
    };
    let gateway = post(
        "/v1/gateways",
        &json!({"kind": "simulated", "name": "Mine"}),
    )
    .await;
    let exits = json!([{"gateway": gateway["id"]}]);
    let route = json!({"name": "Britain", "countries": ["GB"], "gateways": exits});
    let route = post("/v1/routes", &route).await;
    let campaign = json!({
        "name": "Abroad", "class": "transactional", "content": {"text": "Hi"},
        "audience": {"type": "inline", "recipients": ["+447700900123", "+33612345678", "+33612345679"]},
    });
    let campaign = post("/v1/campaigns", &campaign).await;
    let path = format!(
        "/v1/campaigns/{}/estimate",
        campaign["id"].as_str().unwrap()
    );

    let some = post(&path, &json!({})).await;
    let route = format!("/v1/routes/{}", route["id"].as_str().unwrap());
    let request = Request::patch(route)
        .header(
            "authorization",
            format!("Bearer {}", caller.key.secret.expose()),
        )
        .header("content-type", "application/json")
        .header("if-match", "*");
    let narrowed = caller
        .ask(&api, request, &json!({"lanes": ["high"]}), in_time())
        .await;
    let none = post(&path, &json!({})).await;

    assert_eq!(
        some["skipped_by_country"],
        json!({"gateway.no_route": {"FR": 2}})
    );
    assert_eq!(some["recipients"], 1);
    assert!(some["problem_code"].is_null(), "{some}");
    assert_eq!(narrowed.status, StatusCode::OK, "{}", narrowed.body);
    assert_eq!(none["problem_code"], "no_route", "{none}");
}
