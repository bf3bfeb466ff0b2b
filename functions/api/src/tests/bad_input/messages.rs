//! `/v1/messages`.

use serde_json::json;

use super::told;
use crate::tests::send;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_message_that_can_not_be_sent_is_refused_with_its_field() {
    let phone = "+447700900123";
    let long = "x".repeat(2_000);
    for (name, body, status, expected) in [
        (
            "no recipients field",
            json!({"text": "Hi"}),
            400,
            ("invalid_request", "", "missing_field"),
        ),
        (
            "an unknown field",
            json!({"to": phone, "text": "Hi", "size": 1}),
            400,
            ("unknown_field", "/size", "unknown_field"),
        ),
        (
            "an unknown field of a recipient",
            json!({"to": [{"to": phone, "name": "Bo"}], "text": "Hi"}),
            400,
            ("unknown_field", "/to/0/name", "unknown_field"),
        ),
        (
            "a number as a number",
            json!({"to": 447_700_900_123_u64, "text": "Hi"}),
            400,
            ("invalid_request", "/to", "wrong_type"),
        ),
        (
            "a value as a number",
            json!({"to": [{"to": phone, "vars": {"n": 1}}], "text": "Hi"}),
            400,
            ("invalid_request", "/to/0/vars/n", "wrong_type"),
        ),
        (
            "an unknown lane",
            json!({"to": phone, "text": "Hi", "lane": "fast"}),
            400,
            ("invalid_request", "/lane", "wrong_value"),
        ),
        (
            "a time without a zone",
            json!({"to": phone, "text": "Hi", "send_at": "2999-01-01T00:00:00"}),
            400,
            ("invalid_request", "/send_at", "wrong_value"),
        ),
        (
            "a number that is none",
            json!({"to": "hello", "text": "Hi"}),
            422,
            ("invalid_phone", "/to", "invalid_phone"),
        ),
        (
            "a number too short",
            json!({"to": "+4477", "text": "Hi"}),
            422,
            ("invalid_phone", "/to", "invalid_phone"),
        ),
        (
            "a number without a country",
            json!({"to": "07700900123", "text": "Hi"}),
            422,
            ("invalid_phone", "/to", "no_country_code"),
        ),
        (
            "a damaged number",
            json!({"to": "4.47701E+11", "text": "Hi"}),
            422,
            ("invalid_phone", "/to", "damaged_number"),
        ),
        (
            "a bad number among good ones",
            json!({"to": [phone, {"to": "12"}], "text": "Hi"}),
            422,
            ("invalid_phone", "/to/1/to", "no_country_code"),
        ),
        (
            "nobody",
            json!({"to": [], "text": "Hi"}),
            422,
            ("empty_audience", "/to", "empty_audience"),
        ),
        (
            "somebody twice",
            json!({"to": [phone, phone], "text": "Hi"}),
            422,
            ("invalid_content", "/to/1", "duplicate_recipient"),
        ),
        (
            "no text",
            json!({"to": phone, "text": " "}),
            422,
            ("invalid_text", "/text", "invalid_text"),
        ),
        (
            "a text that is too long",
            json!({"to": phone, "text": long}),
            422,
            ("invalid_text", "/text", "invalid_text"),
        ),
        (
            "a placeholder left open",
            json!({"to": phone, "text": "Hi {{name"}),
            422,
            ("invalid_text", "/text", "invalid_text"),
        ),
        (
            "a placeholder without a value",
            json!({"to": phone, "text": "Hi {{name}}"}),
            422,
            ("unknown_placeholder", "/to", "unknown_placeholder"),
        ),
        (
            "a placeholder without a value in a row",
            json!({"to": [{"to": phone, "vars": {"nam": "Bo"}}], "text": "Hi {{name}}"}),
            422,
            ("unknown_placeholder", "/to/0/vars", "unknown_placeholder"),
        ),
        (
            "a sender that is none",
            json!({"to": phone, "text": "Hi", "sender": "Much too long"}),
            422,
            ("invalid_content", "/sender", "invalid_content"),
        ),
        (
            "a validity that is none",
            json!({"to": phone, "text": "Hi", "valid_for": 1}),
            422,
            ("invalid_content", "/valid_for", "invalid_content"),
        ),
        (
            "a country that is none",
            json!({"to": phone, "text": "Hi", "default_country": "UK"}),
            422,
            ("invalid_content", "/default_country", "invalid_content"),
        ),
    ] {
        let answer = send("POST", "/v1/messages", body.to_string()).await;

        assert_eq!(
            (answer.status.as_u16(), told(&answer.body)),
            (status, expected),
            "{name}: {}",
            answer.body
        );
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{name}"
        );
        assert!(
            !answer.body.to_string().contains("7700900123"),
            "{name}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_missing_value_is_named() {
    let body = json!({"to": [{"to": "+447700900123"}], "text": "Hi {{first_name}}"});

    let answer = send("POST", "/v1/messages", body.to_string()).await;

    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("`first_name`"), "{detail}");
}
