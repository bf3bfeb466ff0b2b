//! The events that the function is given, as `events/` has them.

use serde_json::{Value, json};

use super::api;
use crate::{app, handle, once::Deadline};

const HTTP: &str = include_str!("../../../../events/api-http.json");

async fn handled(event: Value) -> Result<Value, lambda_runtime::Error> {
    let api = api();
    let router = app::router(api.clone());
    handle(&api, &router, event, Deadline::from_milliseconds(0)).await
}

#[tokio::test]
async fn an_http_event_is_answered_as_one() {
    let event = serde_json::from_str(HTTP).unwrap();

    let answer = handled(event).await.unwrap();

    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(
        answer["headers"]["content-type"],
        "application/problem+json"
    );
    assert_eq!(answer["headers"]["x-request-id"], "JKJaXmPLvHcESHA=");
    assert_eq!(body["request_id"], "JKJaXmPLvHcESHA=");
    assert_eq!(body["instance"], "/v1/messages");
}

#[tokio::test]
async fn a_body_in_base64_is_read() {
    let mut event: Value = serde_json::from_str(HTTP).unwrap();
    event["body"] = json!("not base64!");
    event["isBase64Encoded"] = json!(true);

    let refused = handled(event).await;

    assert!(refused.is_err());
}

#[tokio::test]
async fn the_minute_asks_for_the_occurrences_that_are_due() {
    let event = include_str!("../../../../events/api-occurrences.json");

    let refused = handled(serde_json::from_str(event).unwrap()).await;

    // The table isn't there: it got as far as that.
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("list what recurs"), "{error}");
}

#[tokio::test]
async fn an_event_that_is_no_request_is_refused() {
    for event in [
        json!({}),
        json!({"create_account": {}}),
        json!({"create_account": {"name": ""}}),
        json!({"create_account": {"name": "a", "key": "b"}}),
        json!({"delete_account": {"name": "a"}}),
        json!({"set_quotas": {"account": "acc_01h455vb4pex5vsknk084sn02q", "quotas": {"key": 1}}}),
    ] {
        assert!(handled(event.clone()).await.is_err(), "{event}");
    }
}
