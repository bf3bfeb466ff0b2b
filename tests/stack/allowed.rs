//! What an account lets leave: countries, switches, money, hours. Each acts on what is asked for and on what is running.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, RunningSimulator, invoke_api, json_body, send};

/// A running campaign stands still this long after a switch was thrown.
const WITHIN: Duration = Duration::from_secs(8);

async fn change(account: &Account, change: &Value) -> Answer {
    let request = account.request(Method::PATCH, "/v1/account");
    send(json_body(request.header("if-match", "*"), change)).await
}

async fn allow(account: &Account, what: &Value) -> Value {
    let changed = change(account, what).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    changed.body
}

fn to(numbers: &[&str]) -> Value {
    json!({"to": numbers, "text": "Hi"})
}

#[tokio::test]
async fn a_new_account_sends_nowhere_until_it_names_countries() {
    let account = Account::new("Countries").await;
    let simulator = RunningSimulator::start();
    account.with_gateway(&simulator).await;
    let british = to(&["+447700900123"]);
    let mixed = to(&["+447700900123", "+33612345678", "+870301234567"]);
    let made = invoke_api(
        &reqwest::Client::new(),
        &json!({"create_account": {"name": "Says nothing"}}),
    )
    .await;
    assert!(made["key"].is_string(), "{made}");
    allow(&account, &json!({"countries": []})).await;

    let nowhere = account.try_post("/v1/messages", &british).await;
    let changed = allow(&account, &json!({"countries": ["GB", "bd"]})).await;
    let refused = account.try_post("/v1/messages", &mixed).await;
    let taken = account.try_post("/v1/messages", &british).await;
    let by_test_key = account.try_post_as_test("/v1/messages", &mixed).await;

    for (answer, pointers) in [(&nowhere, vec!["/to"]), (&refused, vec!["/to/1", "/to/2"])] {
        let errors = answer.body["errors"].as_array().expect("errors");
        let found: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!("country_not_allowed")
            )
        );
        assert_eq!(found, pointers);
    }
    assert_eq!(changed["countries"], json!(["BD", "GB"]));
    assert_eq!(
        (
            &changed["warnings"][0]["country"],
            &changed["warnings"][0]["code"]
        ),
        (&json!("BD"), &json!("high_risk"))
    );
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.body);
    assert_eq!(by_test_key.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_switch_stops_a_running_campaign_within_seconds() {
    let (account, simulator) = (Account::new("Switch").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    let slow = json!({"rules": [{"latency_ms": [400, 600]}]});
    simulator.control.set_rules(&slow).await.expect("rules");
    let rows: Vec<_> = (0..6_000).map(|n| format!("+4477009{n:05}")).collect();
    let rows = rows.join("\n");
    let upload = account.upload(format!("phone\n{rows}").as_bytes()).await;
    let campaign = json!({
        "name": "To be stopped",
        "class": "transactional",
        "audience": {"type": "upload", "upload": upload},
        "content": {"text": "Hi"},
        "sender": "ACME",
    });
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().expect("an id"));
    account.post(&format!("{path}/start"), &json!({})).await;
    let report = format!("{path}/report");
    account
        .wait_for(&report, |report| report["submitted"].as_u64() > Some(200))
        .await;

    let stop = json!({"switches": {"senders": ["acme"]}});
    allow(&account, &stop).await;
    tokio::time::sleep(WITHIN).await;
    let then = simulator.control.summary().await.expect("a summary");
    let report = account
        .wait_for(&report, |report| report["in_flight"] == 0)
        .await;
    let end = simulator.control.summary().await.expect("a summary");
    let message = json!({"to": "+447700900123", "text": "Hi", "sender": "ACME"});
    let refused = account.try_post("/v1/messages", &message).await;
    allow(&account, &json!({"switches": {}})).await;
    let taken = account.try_post("/v1/messages", &message).await;

    assert_eq!(then.accepted, end.accepted, "nothing after the switch");
    assert!(then.accepted < 6_000);
    let suppressed = report["counts"]["suppressed"].as_u64().expect("some");
    assert_eq!(suppressed + end.accepted, 6_000, "{report}");
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::CONFLICT, &json!("sending_stopped"))
    );
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.body);
}

#[tokio::test]
async fn what_there_is_no_money_for_is_held_until_the_cap_ends() {
    let (account, simulator) = (Account::new("Money").await, RunningSimulator::start());
    let all_are_delivered = json!({"rules": []});
    simulator
        .control
        .set_rules(&all_are_delivered)
        .await
        .expect("rules");
    let gateway = account.with_gateway(&simulator).await;
    let price = json!({"cost_per_part": 5_000});
    let request = account.request(Method::PATCH, &format!("/v1/gateways/{gateway}"));
    let priced = send(json_body(request.header("if-match", "*"), &price)).await;
    assert_eq!(priced.status, StatusCode::OK, "{}", priced.body);
    allow(&account, &json!({"spending": {"day": 12_000}})).await;
    let numbers = [
        "+447700900001",
        "+447700900002",
        "+447700900003",
        "+447700900004",
    ];

    let sent = account.post("/v1/messages", &to(&numbers)).await;
    let batch = sent["batch"].as_str().expect("a batch");
    let path = format!("/v1/batches/{batch}");
    let counts = |report: &Value, word: &str| report["counts"][word].as_u64().unwrap_or(0);
    account
        .wait_for(&format!("{path}/report"), |report| {
            counts(report, "delivered") == 2 && counts(report, "held") == 2
        })
        .await;
    let messages = account.all(&format!("{path}/messages")).await;
    let now = account.get("/v1/account").await;

    let held: Vec<&Value> = messages
        .iter()
        .filter(|it| it["status"] == "held")
        .collect();
    for message in held {
        assert_eq!(message["reason"]["code"], "policy.budget", "{message}");
        let until: Timestamp = message["held_until"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("RFC 3339");
        assert_eq!(until, tomorrow(), "{message}");
    }
    assert_eq!(now["spending"]["day"], 12_000);
    assert_eq!(now["spending"]["reserved"]["day"], 10_000);
    assert_eq!(now["warnings"][0]["code"], "spending", "{now}");
    assert_eq!(
        simulator
            .control
            .summary()
            .await
            .expect("a summary")
            .accepted,
        2
    );
}

fn tomorrow() -> Timestamp {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let day = now.tomorrow().and_then(|day| day.start_of_day());
    day.expect("there is one").timestamp()
}

#[tokio::test]
async fn marketing_waits_for_the_accounts_own_hours() {
    let (account, simulator) = (Account::new("Hours").await, RunningSimulator::start());
    account.with_gateway(&simulator).await;
    let in_three_days = Timestamp::now() + SignedDuration::from_hours(72);
    let day = in_three_days
        .to_zoned(TimeZone::UTC)
        .strftime("%a")
        .to_string();
    allow(
        &account,
        &json!({"hours": {day.to_lowercase(): "10:00-11:00"}}),
    )
    .await;
    let marketing =
        |words: &str| json!({"to": "+447700900123", "text": words, "class": "marketing"});

    let sent = account.post("/v1/messages", &marketing("Hi")).await;
    let code = account.post("/v1/messages", &to(&["+447700900124"])).await;
    let message = |sent: &Value| {
        format!(
            "/v1/messages/{}",
            sent["messages"][0]["id"].as_str().expect("an id")
        )
    };
    let held = account
        .wait_for(&message(&sent), |it| it["status"] == "held")
        .await;
    account
        .wait_for(&message(&code), |it| it["status"] == "delivered")
        .await;
    let closed = change(&account, &json!({"hours": {}})).await;

    assert_eq!(held["reason"]["code"], "policy.quiet_hours", "{held}");
    let until: Timestamp = held["held_until"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("RFC 3339");
    assert!(until > Timestamp::now() + SignedDuration::from_hours(24));
    assert_eq!(
        (closed.status, &closed.body["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/hours"))
    );
    assert_eq!(
        simulator
            .control
            .summary()
            .await
            .expect("a summary")
            .accepted,
        1
    );
}

#[tokio::test]
async fn marketing_goes_to_those_only_who_agreed_where_the_account_asks_for_it() {
    let account = Account::new("Consent").await;
    let simulator = RunningSimulator::start();
    account.with_gateway(&simulator).await;
    let (agreed, other) = ("+447700900501", "+447700900502");
    let changed = allow(
        &account,
        &json!({"marketing_needs_consent": "skip", "frequency": [{"messages": 1, "hours": 24}]}),
    )
    .await;
    let consent = json!({
        "number": agreed, "scope": "marketing", "method": "web_form",
        "source": "https://shop.example", "text": "Send me offers",
    });
    account.post("/v1/consents", &consent).await;
    let marketing = json!({"to": [agreed, other], "text": "Spring is here", "class": "marketing"});
    let campaign = json!({
        "name": "Spring",
        "audience": {"type": "inline", "recipients": [agreed, other]},
        "content": {"text": "Spring is here"},
    });

    let first = account.post("/v1/messages", &marketing).await;
    let second = account.post("/v1/messages", &marketing).await;
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let campaign = format!("/v1/campaigns/{}", campaign["id"].as_str().expect("an id"));
    let estimate = format!("{campaign}/estimate");
    let estimate = account.post(&estimate, &json!({})).await;
    account.post(&format!("{campaign}/start"), &json!({})).await;
    let prepared = |report: &Value| report["accepted"] == 1;
    let report = account
        .wait_for(&format!("{campaign}/report"), prepared)
        .await;

    assert_eq!(changed["marketing_needs_consent"], "skip");
    let reasons = |sent: &Value| {
        let messages = sent["messages"].as_array().expect("messages").iter();
        let reasons = messages.map(|it| it["reason"]["code"].as_str().unwrap_or("").to_owned());
        reasons.collect::<Vec<_>>()
    };
    assert_eq!(reasons(&first), ["", "policy.no_consent"]);
    assert_eq!(reasons(&second), ["policy.flood", "policy.no_consent"]);
    assert_eq!(estimate["skipped"]["policy.no_consent"], 1, "{estimate}");
    assert_eq!(
        (&report["uploaded"], &report["no_consent"]),
        (&json!(2), &json!(1))
    );
    let suppressed = second["messages"][0]["id"].as_str().expect("an id");
    let suppressed = account.get(&format!("/v1/messages/{suppressed}")).await;
    assert_eq!(
        (&suppressed["status"], &suppressed["reason"]["code"]),
        (&json!("suppressed"), &json!("policy.flood"))
    );
    // The worker finishes a chunk in which everything is decided.
    let batch = second["batch"].as_str().expect("a batch");
    let report = account.get(&format!("/v1/batches/{batch}/report")).await;
    assert_eq!(report["counts"]["suppressed"], 2, "{report}");
}
