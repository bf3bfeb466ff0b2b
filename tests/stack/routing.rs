//! Routes and senders: which gateway a number goes by, under which sender, and what an account is told of it.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, RunningSimulator, json_body, send};

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

async fn quiet(simulator: &RunningSimulator) {
    let rules = json!({"rules": [{"receipts": []}]});
    simulator.control.set_rules(&rules).await.expect("rules");
}

/// Sender by number, as a gateway saw them.
async fn seen(simulator: &RunningSimulator) -> BTreeMap<String, String> {
    let arrivals = simulator.control.arrivals().await.expect("arrivals");
    arrivals
        .into_iter()
        .map(|arrival| (arrival.to, arrival.from))
        .collect()
}

/// Sent at once to all of the numbers, until nothing of it is under way.
async fn send_to(account: &Account, to: &[String], sender: Option<&str>) -> Vec<Value> {
    let mut body = json!({"to": to, "text": "Hi", "lane": "high"});
    if let Some(sender) = sender {
        body["sender"] = sender.into();
    }
    let sent = account.post("/v1/messages", &body).await;
    let path = format!("/v1/batches/{}", sent["batch"].as_str().expect("a batch"));
    account
        .wait_for(&format!("{path}/report"), |report| {
            let counts = &report["counts"];
            ["queued", "sending", "held"]
                .iter()
                .all(|word| counts[word].as_u64().unwrap_or(0) == 0)
        })
        .await;
    account.all(&format!("{path}/messages")).await
}

async fn change(account: &Account, path: &str, change: &Value) -> Answer {
    let request = account.request(Method::PATCH, path).header("if-match", "*");
    send(json_body(request, change)).await
}

#[tokio::test]
async fn numbers_go_by_the_routes_of_their_destinations() {
    let account = Account::new("Routes").await;
    let (first, second) = (RunningSimulator::start(), RunningSimulator::start());
    for simulator in [&first, &second] {
        quiet(simulator).await;
    }
    let british = account.with_gateway(&first).await;
    let german = account.with_gateway(&second).await;
    for route in [
        json!({"name": "Britain", "countries": ["GB"], "gateways": [{"gateway": british}]}),
        json!({"name": "Germany", "countries": ["de"], "gateways": [{"gateway": german}]}),
        json!({"name": "One prefix", "prefixes": ["+44770090012"], "gateways": [{"gateway": german}]}),
        json!({"name": "Campaigns", "lanes": ["low"], "gateways": [{"gateway": british}]}),
    ] {
        account.post("/v1/routes", &route).await;
    }
    let to = [
        "+447700900111",
        "+447700900121",
        "+4915112345678",
        "+33612345678",
    ];

    let messages = send_to(&account, &to.map(ToOwned::to_owned), Some("ACME")).await;

    let numbers = |seen: BTreeMap<String, String>| seen.into_keys().collect::<Vec<_>>();
    assert_eq!(numbers(seen(&first).await), ["+447700900111"]);
    assert_eq!(
        numbers(seen(&second).await),
        ["+447700900121", "+4915112345678"]
    );
    let french = &messages[3];
    assert_eq!(
        (&french["status"], &french["reason"]["code"]),
        (&json!("failed"), &json!("gateway.no_route"))
    );
    let nobody = json!({"to": "+33612345678", "text": "Hi"});
    let refused = account.try_post("/v1/messages", &nobody).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::CONFLICT, &json!("no_route"))
    );
}

#[tokio::test]
async fn a_campaign_is_shared_by_weight_and_a_number_keeps_its_sender() {
    let account = Account::new("Weights and a pool").await;
    let (first, second) = (RunningSimulator::start(), RunningSimulator::start());
    let mut exits = Vec::new();
    let mut pool = Vec::new();
    for sender in ["+447700900001", "+447700900002", "+447700900003"] {
        let made = account
            .post("/v1/senders", &json!({"sender": sender}))
            .await;
        pool.push(id(&made));
    }
    for (simulator, weight) in [(&first, 3), (&second, 1)] {
        quiet(simulator).await;
        let gateway = account.with_gateway(simulator).await;
        exits.push(json!({"gateway": gateway, "weight": weight, "pool": pool}));
    }
    let route = json!({"name": "Shares", "choice": "weighted", "gateways": exits});
    account.post("/v1/routes", &route).await;
    let to: Vec<String> = (50_000..50_400).map(|n| format!("+4477009{n}")).collect();

    send_to(&account, &to, None).await;
    let once = (seen(&first).await, seen(&second).await);
    send_to(&account, &to[..100], None).await;
    let twice = (seen(&first).await, seen(&second).await);

    assert_eq!(once.0.len() + once.1.len(), 400);
    assert!(
        (260..340).contains(&once.0.len()),
        "{} of 400 by the first",
        once.0.len()
    );
    assert_eq!(once, twice, "the same gateway and the same sender");
    let requests = first.control.summary().await.unwrap().requests
        + second.control.summary().await.unwrap().requests;
    assert_eq!(requests, 500);
    let mut by_sender: BTreeMap<&String, u32> = BTreeMap::new();
    for sender in once.0.values().chain(once.1.values()) {
        *by_sender.entry(sender).or_default() += 1;
    }
    assert_eq!(by_sender.len(), 3);
    assert!(
        by_sender.values().all(|numbers| *numbers > 90),
        "{by_sender:?}"
    );
}

#[tokio::test]
async fn a_sender_is_used_where_it_may_be_and_registered() {
    let (account, simulator) = (Account::new("Senders").await, RunningSimulator::start());
    quiet(&simulator).await;
    account.with_gateway(&simulator).await;
    let number = "+12025550123";
    let made = account
        .post("/v1/senders", &json!({"sender": number}))
        .await;
    let to = ["+12025550199".to_owned(), "+447700900131".to_owned()];

    let before = send_to(&account, &to, Some(number)).await;
    let registration = json!({"ten_dlc": {"brand": "B1", "campaign": "C1", "state": "verified"}});
    let path = format!("/v1/senders/{}", id(&made));
    let changed = change(&account, &path, &json!({"registration": registration})).await;
    let after = send_to(&account, &to, Some(number)).await;
    let by_name = send_to(&account, &to, Some("ACME")).await;
    let off = change(&account, &path, &json!({"enabled": false})).await;
    let refused = json!({"to": to[1], "text": "Hi", "sender": number});
    let refused = account.try_post("/v1/messages", &refused).await;

    assert_eq!(made["kind"], "long_code");
    assert_eq!(changed.body["registration"], registration);
    let ends = |messages: &[Value]| -> Vec<(String, Value)> {
        let end = |message: &Value| {
            let status = message["status"].as_str().expect("a status").to_owned();
            (status, message["reason"]["code"].clone())
        };
        messages.iter().map(end).collect()
    };
    let (sent, bad) = (
        ("sent".to_owned(), Value::Null),
        ("failed".to_owned(), json!("validation.bad_sender")),
    );
    assert_eq!(
        ends(&before),
        [bad.clone(), sent.clone()],
        "not registered in the US"
    );
    assert_eq!(ends(&after), [sent.clone(), sent.clone()]);
    assert_eq!(ends(&by_name), [bad, sent], "no names in the US");
    assert_eq!(off.status, StatusCode::OK);
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/sender"))
    );
}

#[tokio::test]
async fn an_account_is_told_which_way_a_number_takes_and_why() {
    let account = Account::new("Explained").await;
    let mut gateways = Vec::new();
    for name in ["Cheap", "Dear"] {
        let gateway = json!({"kind": "simulated", "name": name, "cost_per_part": 50_000});
        gateways.push(id(&account.post("/v1/gateways", &gateway).await));
    }
    let explain = async |body: Value| account.post("/v1/routes/explain", &body).await;
    let without_routes = explain(json!({"to": "+447700900123"})).await;
    let exits =
        json!([{"gateway": gateways[1]}, {"gateway": gateways[0], "cost_per_part": 30_000}]);
    let cheapest =
        json!({"name": "Cheapest", "countries": ["GB"], "choice": "least_cost", "gateways": exits});
    let cheapest = id(&account.post("/v1/routes", &cheapest).await);
    let bulk = json!({"name": "Bulk", "lanes": ["low"], "gateways": [{"gateway": gateways[1]}]});
    account.post("/v1/routes", &bulk).await;

    let british = explain(json!({"to": "+447700900123"})).await;
    let british_bulk = explain(json!({"to": "+447700900123", "lane": "low"})).await;
    let french = explain(json!({"to": "+33612345678"})).await;
    let american = explain(json!({"to": "+12025550199", "lane": "low", "sender": "ACME"})).await;

    let ways = |explained: &Value| -> Vec<Value> {
        let ways = explained["ways"].as_array().expect("ways").iter();
        ways.map(|way| way["gateway_name"].clone()).collect()
    };
    assert_eq!(ways(&without_routes), ["Cheap", "Dear"]);
    assert_eq!(british["takes"]["gateway"], gateways[0].as_str());
    assert_eq!(ways(&british), ["Cheap", "Dear"]);
    assert_eq!(
        (
            &british["ways"][0]["route"],
            &british["ways"][0]["cost_per_part"]
        ),
        (&json!(cheapest), &json!(30_000))
    );
    assert_eq!(british["country"], "GB");
    assert_eq!(british["routes"][1]["why"], "it is for other lanes");
    let tried_before = &british_bulk["ways"][2];
    assert_eq!(tried_before["skipped"], "it is tried before");
    assert!(
        french["takes"].is_null() && french["problem"].is_string(),
        "{french}"
    );
    assert_eq!(french["routes"][0]["why"], "it is for other destinations");
    assert_eq!(
        american["ways"][0]["skipped"],
        "names can't be senders in this country"
    );
    assert!(american["problem"].is_string());
}

#[tokio::test]
async fn a_route_or_sender_that_can_not_be_is_refused_with_its_field() {
    let account = Account::new("Bad routes").await;
    let gateway = json!({"kind": "simulated", "name": "Mine"});
    let gateway = id(&account.post("/v1/gateways", &gateway).await);
    account
        .post("/v1/senders", &json!({"sender": "Mine"}))
        .await;
    let exit = json!({"gateway": gateway});
    let unknown_gateway = "gwa_01h455vb4pex5vsknk084sn02q";
    let unknown_sender = "snd_01h455vb4pex5vsknk084sn02q";
    let route = |field: &str, value: Value| {
        let mut route = json!({"name": "A route", "gateways": [exit]});
        route[field] = value;
        ("/v1/routes", route)
    };
    let sender = |field: &str, value: Value| {
        let mut sender = json!({"sender": "Other"});
        sender[field] = value;
        ("/v1/senders", sender)
    };
    for (name, (path, body), pointer) in [
        ("no gateway", route("gateways", json!([])), "/gateways"),
        (
            "a gateway of nobody",
            route("gateways", json!([{"gateway": unknown_gateway}])),
            "/gateways/0/gateway",
        ),
        (
            "the same gateway twice",
            route("gateways", json!([exit, exit])),
            "/gateways/1/gateway",
        ),
        (
            "a weight",
            route("gateways", json!([{"gateway": gateway, "weight": 10_001}])),
            "/gateways/0/weight",
        ),
        (
            "a sender of nobody",
            route(
                "gateways",
                json!([{"gateway": gateway, "pool": [unknown_sender]}]),
            ),
            "/gateways/0/pool/0",
        ),
        (
            "a country",
            route("countries", json!(["GB", "UK"])),
            "/countries/1",
        ),
        (
            "a prefix",
            route("prefixes", json!(["+44", "0044"])),
            "/prefixes/1",
        ),
        (
            "a sender that can't be",
            route("senders", json!(["Zoë"])),
            "/senders/0",
        ),
        ("no name", route("name", json!("")), "/name"),
        (
            "no sender",
            sender("sender", json!("Much too long a name")),
            "/sender",
        ),
        (
            "a sender that is there",
            sender("sender", json!("Mine")),
            "/sender",
        ),
        (
            "a short code of nowhere",
            sender("sender", json!("12345")),
            "/countries",
        ),
        (
            "a gateway that is not theirs",
            sender("gateways", json!([unknown_gateway])),
            "/gateways/0",
        ),
        (
            "a registration",
            sender("registration", json!({"dlt": {"entity": ""}})),
            "/registration/dlt/entity",
        ),
    ] {
        let answer = account.try_post(path, &body).await;

        let found = (answer.status, &answer.body["errors"][0]["pointer"]);
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer));
        assert_eq!(found, expected, "{name}: {}", answer.body);
    }
    let left = account.get("/v1/routes").await;
    assert_eq!(left["data"], json!([]));
}

#[tokio::test]
async fn of_two_changes_to_the_same_route_one_is_refused() {
    let account = Account::new("Two changes of a route").await;
    let gateway = json!({"kind": "simulated", "name": "Mine"});
    let gateway = id(&account.post("/v1/gateways", &gateway).await);
    let route = json!({"name": "A route", "gateways": [{"gateway": gateway}]});
    let made = account.try_post("/v1/routes", &route).await;
    let path = format!("/v1/routes/{}", id(&made.body));
    let tag = made.headers["etag"].to_str().expect("text");
    let edit = async |body: Value| {
        let request = account
            .request(Method::PATCH, &path)
            .header("if-match", tag);
        send(json_body(request, &body)).await
    };

    let first = edit(json!({"name": "Ours", "prefixes": ["+44"], "enabled": false})).await;
    let second = edit(json!({"name": "Theirs"})).await;
    let shown = account.get(&path).await;
    let deleted = send(account.request(Method::DELETE, &path)).await;
    let gone = send(account.request(Method::GET, &path)).await;

    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(
        (second.status, &second.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("etag_mismatch"))
    );
    assert_eq!(shown, first.body);
    assert_eq!(
        (&shown["name"], &shown["enabled"]),
        (&json!("Ours"), &json!(false))
    );
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}
