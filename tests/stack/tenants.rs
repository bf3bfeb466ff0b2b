//! What one account has, no other can see, and whatever is done is written down.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, json_body, send};

/// A body that a path takes: what its schema requires, as the document describes it.
fn body(document: &Value, path: &str, operation: &Value) -> Value {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut body = required(document, schema);
    if path == "/v1/campaigns/{id}/schedule" {
        // One of two, which a schema can't say.
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        body["at"] = json!(later);
    }
    body
}

fn required(document: &Value, schema: &Value) -> Value {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(&reference[1..])
            .expect("what the document refers to"),
        None => schema,
    };
    let names = schema["required"].as_array().cloned().unwrap_or_default();
    let value = |name: &Value| {
        let name = name.as_str().expect("a name").to_owned();
        let value = value(&name, &schema["properties"][&name]);
        (name, value)
    };
    names.iter().map(value).collect()
}

fn value(name: &str, schema: &Value) -> Value {
    match (name, schema["type"].as_str()) {
        (_, Some("array")) => json!([value(name, &schema["items"])]),
        (_, Some("boolean")) => json!(true),
        ("to" | "number", _) => json!("+447700900123"),
        ("from", _) => json!("cnt_01h455vb4pex5vsknk084sn02q"),
        ("name", _) => json!("Mine"),
        ("role", _) => json!("viewer"),
        ("on", _) => json!("2026-12-24"),
        ("since", _) => json!(jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)),
        ("deliveries", _) => json!("1790000000000.evt_01h455vb4pex5vsknk084sn02q"),
        _ => match schema.get("example") {
            Some(example) => example.clone(),
            None => panic!("give `{name}` an example in its schema: this test calls every route"),
        },
    }
}

/// The ids of what an account may have, by the word in their paths.
#[expect(clippy::too_many_lines, reason = "one of each")]
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
        ("uploads", owner.upload(b"phone\n+447700900123\n").await),
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
    // A number of its own: nothing is sent to it afterwards.
    let erasure = json!({"number": "+447700900199"});
    let ids = ids.into_iter().chain([
        (
            "erasures",
            text(&owner.post("/v1/privacy/erasures", &erasure).await, "id"),
        ),
        (
            "reports",
            text(&owner.post("/v1/privacy/reports", &erasure).await, "id"),
        ),
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
    let (_, upload) = &ids[3];
    let import = json!({"upload": upload});
    let import = text(&owner.post("/v1/imports", &import).await, "id");
    let export = json!({"dataset": "contacts"});
    let export = text(&owner.post("/v1/exports", &export).await, "id");
    let schedule = json!({"dataset": "contacts", "every": "day", "time": "06:00"});
    let schedule = text(&owner.post("/v1/export-schedules", &schedule).await, "id");
    let member = json!({"email": "ada@example.com", "role": "viewer"});
    let member = text(&owner.post("/v1/members", &member).await, "id");
    let last = [
        ("routes", route),
        ("webhooks", webhook),
        ("imports", import),
        ("exports", export),
        ("export-schedules", schedule),
        ("members", member),
    ];
    ids.into_iter().chain(last).collect()
}

#[tokio::test]
async fn no_route_answers_for_the_thing_of_another_account() {
    let (owner, stranger) = (Account::new("Owner").await, Account::new("Stranger").await);
    let ids = one_of_each(&owner).await;
    let document = owner.get("/v1/openapi.json").await;
    let mut asked = 0;

    for (path, operations) in document["paths"].as_object().expect("paths") {
        // The words of refusals and the rules of countries are everybody's.
        let everybodys = ["/v1/problems/{code}", "/v1/rules/{country}"];
        if !path.contains('{') || everybodys.contains(&path.as_str()) {
            continue;
        }
        let words: Vec<&str> = path.split('/').collect();
        let place = words.iter().position(|word| *word == "{id}");
        let kind = place.map(|place| words[place - 1]);
        let known = ids.iter().find(|(known, _)| Some(*known) == kind);
        let Some((_, id)) = known.filter(|_| path.matches('{').count() == 1) else {
            panic!("make one of what `{path}` names, in `one_of_each`");
        };
        for (method, operation) in operations.as_object().expect("operations") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let request = stranger
                .request(method.clone(), &path.replace("{id}", id))
                .header("idempotency-key", crate::account::unique())
                .header("if-match", "*");
            let request = match method {
                Method::POST | Method::PATCH | Method::PUT => {
                    json_body(request, &body(&document, path, operation))
                }
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

/// A request that names a thing of another kind in its body, with `ID` in its place.
const NAMED: [(&str, &str, &str); 8] = [
    (
        "uploads",
        "/v1/campaigns",
        r#"{"name": "Mine", "class": "transactional", "audience": {"type": "upload", "upload": "ID"}, "content": {"text": "Hi"}}"#,
    ),
    (
        "lists",
        "/v1/campaigns",
        r#"{"name": "Mine", "class": "transactional", "audience": {"type": "contacts", "lists": ["ID"]}, "content": {"text": "Hi"}}"#,
    ),
    (
        "segments",
        "/v1/campaigns",
        r#"{"name": "Mine", "class": "transactional", "audience": {"type": "contacts", "segments": ["ID"]}, "content": {"text": "Hi"}}"#,
    ),
    (
        "templates",
        "/v1/campaigns",
        r#"{"name": "Mine", "class": "transactional", "audience": {"type": "inline", "recipients": ["+447700900123"]}, "content": {"template": {"id": "ID"}}}"#,
    ),
    (
        "templates",
        "/v1/messages",
        r#"{"to": "+447700900123", "template": {"id": "ID"}}"#,
    ),
    (
        "lists",
        "/v1/contacts",
        r#"{"number": "+447700900123", "lists": ["ID"]}"#,
    ),
    (
        "gateways",
        "/v1/routes",
        r#"{"name": "Mine", "gateways": [{"gateway": "ID"}]}"#,
    ),
    (
        "gateways",
        "/v1/senders",
        r#"{"sender": "Another", "gateways": ["ID"]}"#,
    ),
];

#[tokio::test]
async fn naming_the_thing_of_another_account_is_naming_nothing() {
    let (owner, stranger) = (Account::new("Owner").await, Account::new("Stranger").await);
    let ids = one_of_each(&owner).await;
    for (kind, path, body) in NAMED {
        let (_, real) = ids.iter().find(|(known, _)| *known == kind).expect(kind);
        let prefix = real.split('_').next().expect("a prefix");
        let nobodys = format!("{prefix}_01h455vb4pex5vsknk084sn02q");
        let with = |id: &str| serde_json::from_str(&body.replace("ID", id)).expect("JSON");

        let own = owner.try_post(path, &with(real)).await;
        let named = stranger.try_post(path, &with(real)).await;
        let invented = stranger.try_post(path, &with(&nobodys)).await;

        let told = |body: &Value, id: &str| {
            let mut body = body.clone();
            body["request_id"] = Value::Null;
            body.to_string().replace(id, "ID")
        };
        assert!(own.status.is_success(), "{path} with {kind}: {}", own.body);
        assert!(
            named.status.is_client_error(),
            "{path} with {kind}: {}",
            named.body
        );
        assert_eq!(named.status, invented.status, "{path} with {kind}");
        assert_eq!(
            told(&named.body, real),
            told(&invented.body, &nobodys),
            "{path} with {kind}"
        );
    }
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
