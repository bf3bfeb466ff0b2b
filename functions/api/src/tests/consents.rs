//! Consent records through the routes, against the local stack.

use carillon_core::api_key::Mode;
use carillon_testkit::stack;
use serde_json::{Value, json};

use super::{
    Answer,
    once::{Caller, World},
    send,
};
use crate::services::{Api, Settings};

const RECORD: &str = "/v1/consents";
const SEARCH: &str = "/v1/consents/search";

struct Consents {
    api: Api,
    caller: Caller,
    stranger: Caller,
}

impl Consents {
    async fn new() -> Self {
        let mut world = World::new().await;
        let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
        world.settings = Settings {
            contacts_table,
            ..world.settings
        };
        Self {
            api: world.api(),
            caller: world.caller(Mode::Live).await,
            stranger: world.caller(Mode::Live).await,
        }
    }

    /// Under a key of its own.
    async fn record(&self, key: &str, body: &Value) -> Answer {
        let request = self.caller.post_under(key, RECORD);
        let deadline = super::once::in_time();
        self.caller.ask(&self.api, request, body, deadline).await
    }

    async fn search(&self, body: &Value) -> Answer {
        self.caller.send(&self.api, SEARCH, body).await
    }
}

fn consent() -> Value {
    json!({
        "number": "+447700900123",
        "scope": "marketing",
        "method": "web_form",
        "given": "2026-01-31T12:00:00Z",
        "expires": "2036-01-31T12:00:00Z",
        "source": "https://shop.example/checkout",
        "text": "Send me offers by text. Reply STOP to end.",
        "language": "en-GB",
        "evidence": "s3://evidence/1.png",
        "identity": "Ada Lovelace",
        "ip": "2001:db8::1",
        "user_agent": "Mozilla/5.0",
    })
}

fn texts(answer: &Answer) -> Vec<&str> {
    let data = answer.body["data"].as_array().unwrap();
    data.iter()
        .map(|record| record["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_was_recorded_is_found_by_its_number_and_by_its_account_only() {
    let consents = Consents::new().await;

    let made = consents.record("a", &consent()).await;
    let again = consents.record("a", &consent()).await;
    let found = consents.search(&json!({"number": "+447700900123"})).await;

    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    assert_eq!(again.body, made.body);
    assert_eq!(found.body["data"], json!([made.body]));
    let mut told = consent();
    told.as_object_mut().unwrap().remove("number");
    for (field, value) in told.as_object().unwrap() {
        assert_eq!(&made.body[field], value, "{field}");
    }
    assert_eq!(
        (&made.body["place"], &made.body["intact"]),
        (&json!(1), &json!(true))
    );
    assert!(!made.body.to_string().contains("447700900123"));
    let body = json!({"number": "+447700900123"});
    let none = consents.stranger.send(&consents.api, SEARCH, &body).await;
    assert_eq!(none.body["data"], json!([]));
}

#[tokio::test]
async fn records_are_paged_newest_first_and_a_cursor_is_for_its_number() {
    let consents = Consents::new().await;
    for text in ["one", "two", "three"] {
        let mut body = consent();
        body["text"] = text.into();
        assert_eq!(consents.record(text, &body).await.status.as_u16(), 201);
    }

    let body = json!({"number": "+447700900123", "limit": 2});
    let first = consents.search(&body).await;
    let mut body = json!({"number": "+447700900123", "cursor": first.body["next_cursor"]});
    let second = consents.search(&body).await;
    body["number"] = "+447700900124".into();
    let other = consents.search(&body).await;

    assert_eq!(texts(&first), ["three", "two"]);
    assert_eq!(texts(&second), ["one"]);
    assert_eq!(second.body["next_cursor"], Value::Null);
    assert_eq!(other.body["code"], "invalid_cursor");
}

#[tokio::test]
async fn what_is_left_out_is_not_made_up() {
    let consents = Consents::new().await;
    let body = json!({
        "number": "+447700900123", "scope": "all", "method": "paper",
        "source": "The shop in Leeds", "text": "You may text me",
    });

    let made = consents.record("a", &body).await;

    assert_eq!(made.body["given"], made.body["recorded"]);
    for field in [
        "expires", "language", "evidence", "identity", "ip", "inbound",
    ] {
        assert_eq!(made.body[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused() {
    let consents = Consents::new().await;
    for (name, field, value, pointer) in [
        ("agreed tomorrow", "given", "2999-01-01T00:00:00Z", "/given"),
        ("over before", "expires", "2020-01-01T00:00:00Z", "/expires"),
    ] {
        let mut body = consent();
        body[field] = value.into();

        let refused = consents.record("a", &body).await;

        assert_eq!(refused.status.as_u16(), 422, "{name}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{name}");
    }
    let none = consents.search(&json!({"number": "+447700900123"})).await;
    assert_eq!(texts(&none), [""; 0]);
}

#[tokio::test]
async fn what_is_wrong_with_a_record_is_told_by_its_field() {
    for (name, field, value, pointer) in [
        ("no number", "number", json!("123"), "/number"),
        ("no source", "source", json!("  "), "/source"),
        ("a long text", "text", json!("x".repeat(5_001)), "/text"),
        ("no language", "language", json!("Klingon!"), "/language"),
        ("no address", "ip", json!("here"), "/ip"),
        ("empty evidence", "evidence", json!(""), "/evidence"),
    ] {
        let mut body = consent();
        body[field] = value;

        let refused = send("POST", RECORD, body.to_string()).await;

        assert_eq!(refused.status.as_u16(), 422, "{name}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{name}");
    }
    let mut undated = consent();
    undated["method"] = "import".into();
    undated.as_object_mut().unwrap().remove("given");

    let refused = send("POST", RECORD, undated.to_string()).await;

    assert_eq!(refused.body["errors"][0]["pointer"], "/given");
}
