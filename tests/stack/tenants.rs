//! What one account has, no other can see, and whatever is done is written down.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, json_body, send};

/// What every path with an id in it is called with, where it takes a body.
fn body(path: &str) -> Value {
    match path {
        "/v1/campaigns/{id}/test" => json!({"to": ["+447700900123"]}),
        "/v1/campaigns/{id}/schedule" => {
            json!({"at": jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)})
        }
        "/v1/campaigns/{id}/occurrences/skip" => json!({"on": "2026-12-24"}),
        "/v1/contacts/{id}/merge" => json!({"from": "cnt_01h455vb4pex5vsknk084sn02q"}),
        "/v1/lists/{id}" => json!({"name": "Mine"}),
        "/v1/gateways/{id}/test" => json!({"to": "+447700900123"}),
        "/v1/webhooks/{id}/retry" => {
            json!({"deliveries": ["1790000000000.evt_01h455vb4pex5vsknk084sn02q"]})
        }
        "/v1/webhooks/{id}/replays" => {
            json!({"since": jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)})
        }
        _ => json!({}),
    }
}

/// The ids of what an account may have, by the word in their paths.
async fn one_of_each(owner: &Account) -> Vec<(&'static str, String)> {
    let text = |value: &Value, field: &str| value[field].as_str().expect("an id").to_owned();
    let campaign = json!({
        "name": "Mine",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": ["+447700900123"]},
        "content": {"text": "Hi"},
    });
    let sent = owner
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900123", "text": "Hi"}),
        )
        .await;
    let ids = [
        (
            "campaigns",
            text(&owner.post("/v1/campaigns", &campaign).await, "id"),
        ),
        ("batches", text(&sent.body, "batch")),
        ("messages", text(&sent.body["messages"][0], "id")),
        (
            "uploads",
            text(&owner.post("/v1/uploads", &json!({})).await, "id"),
        ),
        (
            "gateways",
            text(
                &owner
                    .post(
                        "/v1/gateways",
                        &json!({"kind": "simulated", "name": "Mine"}),
                    )
                    .await,
                "id",
            ),
        ),
        (
            "senders",
            text(
                &owner.post("/v1/senders", &json!({"sender": "Mine"})).await,
                "id",
            ),
        ),
        (
            "keys",
            text(
                &owner.post("/v1/keys", &json!({"name": "Mine"})).await,
                "id",
            ),
        ),
    ];
    let contact = json!({"number": "+447700900123"});
    let segment = json!({"name": "Mine", "filter": "tag is set"});
    let template = json!({"name": "Mine", "text": "Hi"});
    let ids = ids.into_iter().chain([
        (
            "contacts",
            text(&owner.post("/v1/contacts", &contact).await, "id"),
        ),
        (
            "lists",
            text(
                &owner.post("/v1/lists", &json!({"name": "Mine"})).await,
                "id",
            ),
        ),
        (
            "segments",
            text(&owner.post("/v1/segments", &segment).await, "id"),
        ),
        (
            "templates",
            text(&owner.post("/v1/templates", &template).await, "id"),
        ),
    ]);
    let ids: Vec<_> = ids.collect();
    let (_, gateway) = &ids[4];
    let consent = json!({
        "number": "+447700900123", "scope": "marketing", "method": "web_form",
        "source": "https://shop.example", "text": "Send me offers",
    });
    owner.post("/v1/consents", &consent).await;
    let route = json!({"name": "Mine", "gateways": [{"gateway": gateway}]});
    let route = text(&owner.post("/v1/routes", &route).await, "id");
    let webhook = json!({"url": "https://example.com/", "events": ["*"]});
    let webhook = text(&owner.post("/v1/webhooks", &webhook).await, "id");
    let last = [("routes", route), ("webhooks", webhook)];
    ids.into_iter().chain(last).collect()
}

#[tokio::test]
async fn no_route_answers_for_the_thing_of_another_account() {
    let (owner, stranger) = (Account::new("Owner").await, Account::new("Stranger").await);
    let ids = one_of_each(&owner).await;
    let document = owner.get("/v1/openapi.json").await;
    let mut asked = 0;

    for (path, operations) in document["paths"].as_object().expect("paths") {
        if !path.contains("{id}") {
            continue;
        }
        let kind = path.split('/').nth(2).expect("a kind");
        let (_, id) = ids
            .iter()
            .find(|(known, _)| *known == kind)
            .expect("one of each kind");
        for method in operations.as_object().expect("operations").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let request = stranger
                .request(method.clone(), &path.replace("{id}", id))
                .header("idempotency-key", crate::account::unique())
                .header("if-match", "*");
            let request = match method {
                Method::POST | Method::PATCH => json_body(request, &body(path)),
                _ => request,
            };

            let answer = send(request).await;

            let found = (answer.status, &answer.body["code"]);
            assert_eq!(
                found,
                (StatusCode::NOT_FOUND, &json!("not_found")),
                "{method} {path}"
            );
            asked += 1;
        }
    }
    assert!(asked > 20, "only {asked} routes were asked");
    for list in [
        "campaigns",
        "batches",
        "gateways",
        "senders",
        "routes",
        "contacts",
        "lists",
        "segments",
        "templates",
        "inbound",
    ] {
        assert_eq!(
            stranger.get(&format!("/v1/{list}")).await["data"],
            json!([]),
            "{list}"
        );
    }
    let number = json!({"number": "+447700900123"});
    let search = "/v1/consents/search";
    let own = owner.post(search, &number).await;
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1), "{own}");
    assert_eq!(
        stranger.post(search, &number).await["data"],
        json!([]),
        "consents"
    );
}

#[tokio::test]
async fn what_was_done_is_written_down_newest_first() {
    let account = Account::new("Written down").await;
    let gateway = account
        .post(
            "/v1/gateways",
            &json!({"kind": "simulated", "name": "Mine"}),
        )
        .await;
    let key = account.post("/v1/keys", &json!({"name": "Mine"})).await;

    let entries = account.all("/v1/audit").await;

    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry["action"].as_str().expect("text"), &entry["target"]))
        .collect();
    assert_eq!(told[0], ("key.create", &key["id"]));
    assert_eq!(told[1], ("gateway.create", &gateway["id"]));
    assert_eq!(
        (told[2].0, &entries[2]["actor"]),
        ("account.create", &json!("operator"))
    );
}

#[tokio::test]
async fn a_gateway_never_shows_its_credentials() {
    let account = Account::new("Secrets").await;
    let secret = "a-secret-that-nobody-reads-again";
    let gateway = json!({
        "kind": "simulated",
        "name": "Mine",
        "credentials": {"token": secret},
        "parts_per_second": 30,
    });

    let made = account.post("/v1/gateways", &gateway).await;
    let id = made["id"].as_str().expect("an id");
    let shown = account.get(&format!("/v1/gateways/{id}")).await;
    let listed = account.get("/v1/gateways").await;

    for answer in [&made, &shown, &listed] {
        assert!(!answer.to_string().contains(secret), "{answer}");
    }
    assert_eq!(shown["parts_per_second"], 30);
    assert!(
        shown["hooks_url"]
            .as_str()
            .is_some_and(|url| url.contains("/hooks/simulated/"))
    );
}

#[tokio::test]
async fn a_test_key_knows_nothing_of_what_a_live_key_made() {
    let account = Account::new("Live and test").await;
    let campaign = json!({
        "name": "Live",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": ["+447700900123"]},
        "content": {"text": "Hi"},
    });
    account
        .post(
            "/v1/gateways",
            &json!({"kind": "simulated", "name": "Live"}),
        )
        .await;
    let made = account.post("/v1/campaigns", &campaign).await;
    let id = made["id"].as_str().expect("an id");

    let started = account
        .try_post_as_test(&format!("/v1/campaigns/{id}/start"), &json!({}))
        .await;
    let gateway = account
        .try_post_as_test(
            "/v1/gateways",
            &json!({"kind": "simulated", "name": "Mine"}),
        )
        .await;
    let key = account
        .try_post_as_test("/v1/keys", &json!({"name": "Mine", "mode": "live"}))
        .await;

    assert_eq!(started.status, StatusCode::NOT_FOUND, "{}", started.body);
    assert_eq!(gateway.status, StatusCode::FORBIDDEN, "{}", gateway.body);
    assert_eq!(key.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", key.body);
    assert_eq!(
        account.get(&format!("/v1/campaigns/{id}")).await["status"],
        "draft"
    );
}
