//! A gateway as its owner sees it: changed under its `ETag`, switched off and on, slowed down, gone and back.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, RunningSimulator, json_body, send};

async fn patch(account: &Account, id: &str, tag: &str, change: &Value) -> Answer {
    let path = format!("/v1/gateways/{id}");
    let request = account.request(Method::PATCH, &path);
    send(json_body(request.header("if-match", tag), change)).await
}

/// A change whatever others changed; it must succeed.
async fn change(account: &Account, id: &str, change: &Value) -> Value {
    let answer = patch(account, id, "*", change).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

/// One message of its own to each of the numbers.
async fn send_each(account: &Account, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        let body = json!({"to": format!("+4477009{number:05}"), "text": "Hi", "sender": "ACME"});
        let sent = account.post("/v1/messages", &body).await;
        ids.push(
            sent["messages"][0]["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
    }
    ids
}

async fn all_are_sent(account: &Account, ids: &[String]) {
    for id in ids {
        account
            .wait_for(&format!("/v1/messages/{id}"), |message| {
                ["sent", "delivered"].contains(&message["status"].as_str().unwrap_or_default())
            })
            .await;
    }
}

#[tokio::test]
async fn of_two_changes_to_the_same_gateway_one_is_refused() {
    let account = Account::new("Two changes of a gateway").await;
    let gateway =
        json!({"kind": "simulated", "name": "Mine", "parts_per_second": 40, "cost_per_part": 900});
    let made = account.try_post("/v1/gateways", &gateway).await;
    let id = made.body["id"].as_str().expect("an id");
    let tag = made.headers["etag"].to_str().expect("text");
    let first = json!({"name": "Ours", "parts_per_second": 80, "sender_parts_per_second": 10, "cost_per_part": null});

    let first = patch(&account, id, tag, &first).await;
    let second = patch(&account, id, tag, &json!({"parts_per_second": 1})).await;
    let shown = account.get(&format!("/v1/gateways/{id}")).await;
    let without = change(&account, id, &json!({"parts_per_second": null})).await;

    assert_eq!(
        made.body["health"],
        json!({"state": "closed", "pace": 39.0})
    );
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(
        (second.status, &second.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("etag_mismatch"))
    );
    assert_eq!(shown, first.body);
    assert_eq!(
        (
            &shown["name"],
            &shown["parts_per_second"],
            &shown["sender_parts_per_second"]
        ),
        (&json!("Ours"), &json!(80), &json!(10))
    );
    assert_eq!(
        (&shown["cost_per_part"], &shown["enabled"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(shown["health"], json!({"state": "closed", "pace": 78.0}));
    assert_eq!(without["health"], json!({"state": "closed"}));
}

#[tokio::test]
async fn a_change_that_can_not_be_is_refused_with_its_field_and_changes_nothing() {
    let (account, stranger) = (
        Account::new("Bad change").await,
        Account::new("Stranger").await,
    );
    let gateway = json!({"kind": "simulated", "name": "Mine", "parts_per_second": 40});
    let made = account.post("/v1/gateways", &gateway).await;
    let id = made["id"].as_str().expect("an id");
    let change = json!({"name": "Theirs"});

    let by_a_stranger = patch(&stranger, id, "*", &change).await;
    for (name, change, pointer) in [
        ("no name", json!({"name": " "}), "/name"),
        (
            "no rate",
            json!({"parts_per_second": 0}),
            "/parts_per_second",
        ),
        (
            "too fast",
            json!({"sender_parts_per_second": 100_001}),
            "/sender_parts_per_second",
        ),
        (
            "half a configuration",
            json!({"config": {}}),
            "/credentials",
        ),
    ] {
        let answer = patch(&account, id, "*", &change).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {}",
            answer.body
        );
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{name}");
    }

    assert_eq!(by_a_stranger.status, StatusCode::NOT_FOUND);
    assert_eq!(account.get(&format!("/v1/gateways/{id}")).await, made);
}

#[tokio::test]
async fn nothing_leaves_by_a_gateway_that_is_switched_off_until_it_is_on_again() {
    let (account, simulator) = (Account::new("Off and on").await, RunningSimulator::start());
    let gateway = account.with_gateway(&simulator).await;
    change(&account, &gateway, &json!({"parts_per_second": 4})).await;
    let control = &simulator.control;
    control.set_rules(&json!({"rules": []})).await.unwrap();
    let recipients: Vec<_> = (40_000..40_060).map(|n| format!("+4477009{n}")).collect();
    let campaign = json!({
        "name": "Slow",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": recipients},
        "content": {"text": "Hi"},
        "sender": "ACME",
    });
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().expect("an id"));
    account.post(&format!("{path}/start"), &json!({})).await;
    while control.summary().await.unwrap().accepted == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }

    change(&account, &gateway, &json!({"enabled": false})).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let off = control.summary().await.unwrap().accepted;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let still_off = control.summary().await.unwrap().accepted;
    let on = json!({"enabled": true, "parts_per_second": null});
    change(&account, &gateway, &on).await;
    account
        .wait_for(&path, |campaign| campaign["status"] == "finished")
        .await;

    let summary = control.summary().await.unwrap();
    assert!(off < 60, "it was over before it was switched off");
    assert_eq!(off, still_off);
    assert_eq!((summary.accepted, summary.duplicates), (60, 0));
}

#[tokio::test]
async fn a_gateway_that_is_gone_is_left_alone_and_comes_back_slowly() {
    let (account, simulator) = (Account::new("Gone").await, RunningSimulator::start());
    let gateway = account.with_gateway(&simulator).await;
    change(&account, &gateway, &json!({"parts_per_second": 40})).await;
    let path = format!("/v1/gateways/{gateway}");
    let url = simulator.url.clone();
    drop(simulator);

    let ids = send_each(&account, 41_000..41_012).await;
    let open = account
        .wait_for(&path, |gateway| gateway["health"]["state"] == "open")
        .await;
    let simulator = RunningSimulator::start_again(&url);
    simulator
        .control
        .set_rules(&json!({"rules": []}))
        .await
        .unwrap();
    let back = account
        .wait_for(&path, |gateway| gateway["health"]["state"] == "recovering")
        .await;
    all_are_sent(&account, &ids).await;

    let summary = simulator.control.summary().await.unwrap();
    assert_eq!(open["health"]["reason"], "gateway.unavailable");
    assert!(open["health"]["until"].is_string(), "{open}");
    assert!(back["health"]["pace"].as_f64().unwrap() < 39.0, "{back}");
    assert_eq!((summary.accepted, summary.duplicates), (12, 0));
}

#[tokio::test]
async fn a_gateway_that_asks_us_to_slow_down_gets_every_message_more_slowly() {
    let (account, simulator) = (Account::new("Too fast").await, RunningSimulator::start());
    let gateway = account.with_gateway(&simulator).await;
    change(&account, &gateway, &json!({"parts_per_second": 40})).await;
    let rules = json!({"rules": [{"first": 1, "answer": "throttle", "retry_after": 1}]});
    simulator.control.set_rules(&rules).await.unwrap();

    let ids = send_each(&account, 42_000..42_005).await;
    let slowed = account
        .wait_for(&format!("/v1/gateways/{gateway}"), |gateway| {
            gateway["health"]["state"] == "recovering"
        })
        .await;
    all_are_sent(&account, &ids).await;

    let summary = simulator.control.summary().await.unwrap();
    assert!(
        slowed["health"]["pace"].as_f64().unwrap() < 39.0,
        "{slowed}"
    );
    assert_eq!(
        (summary.throttled, summary.accepted, summary.duplicates),
        (5, 5, 0)
    );
}
