//! Bad input of every kind: a problem that names the field or the row, before anything is done.

use axum::body::Body;
use carillon_core::api_key::{Mode, Scope};
use http::Request;
use serde_json::{Value, json};

use super::{answer, api, key, send};
use crate::app;

/// Code, and pointer and code of the first error.
fn told(body: &Value) -> (&str, &str, &str) {
    let error = &body["errors"][0];
    let text = |value: &'static str| error[value].as_str().unwrap_or_default();
    (
        body["code"].as_str().unwrap_or_default(),
        text("pointer"),
        text("code"),
    )
}

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
            "a time that is over",
            json!({"to": phone, "text": "Hi", "send_at": "2020-01-01T00:00:00Z"}),
            422,
            ("invalid_content", "/send_at", "invalid_content"),
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

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let large = format!(
        r#"{{"to":"+447700900123","text":"{}"}}"#,
        "x".repeat(6 << 20)
    );
    for (name, method, path, body, status, code) in [
        (
            "not JSON",
            "POST",
            "/v1/messages",
            "{\"to\":",
            400,
            "invalid_json",
        ),
        (
            "too large",
            "POST",
            "/v1/messages",
            large.as_str(),
            413,
            "payload_too_large",
        ),
        ("no such path", "GET", "/v1/nothing", "", 404, "not_found"),
        ("outside the version", "GET", "/", "", 404, "not_found"),
        (
            "no such method",
            "PUT",
            "/v1/messages",
            "{}",
            405,
            "method_not_allowed",
        ),
        (
            "an id of something else",
            "GET",
            "/v1/campaigns/bat_01h455vb4pex5vsknk084sn02q",
            "",
            404,
            "not_found",
        ),
        (
            "no id at all",
            "GET",
            "/v1/messages/msg_x",
            "",
            404,
            "not_found",
        ),
        (
            "an unknown parameter",
            "GET",
            "/v1/campaigns?page=2",
            "",
            400,
            "invalid_request",
        ),
        (
            "a limit that is too large",
            "GET",
            "/v1/campaigns?limit=501",
            "",
            400,
            "invalid_request",
        ),
        (
            "a cursor of our own making",
            "GET",
            "/v1/campaigns?cursor=Y21wXzE",
            "",
            400,
            "invalid_cursor",
        ),
        (
            "a change without If-Match",
            "PATCH",
            "/v1/campaigns/cmp_01h455vb4pex5vsknk084sn02q",
            "{}",
            428,
            "precondition_required",
        ),
    ] {
        let answer = send(method, path, body).await;

        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (status, &json!(code)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_type_of_the_body_must_be_json() {
    let api = api();
    let key = key(&api, Mode::Test, &Scope::ALL);
    let request = |content_type: &str| {
        Request::post("/v1/messages")
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", content_type)
            .body(Body::from(r#"{"to":"12","text":"Hi"}"#))
            .unwrap()
    };
    let router = app::router(api);

    let form = answer(router.clone(), request("application/x-www-form-urlencoded")).await;
    let json = answer(router, request("Application/JSON; charset=utf-8")).await;

    assert_eq!(
        (form.status.as_u16(), &form.body["code"]),
        (415, &json!("unsupported_media_type"))
    );
    assert_eq!(json.body["code"], "invalid_phone");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_campaign_that_can_not_be_sent_is_refused_with_its_field() {
    let inline = |recipients: Value| json!({"type": "inline", "recipients": recipients});
    let ann = || inline(json!([{"to": "+447700900123", "vars": {"name": "Ann"}}]));
    let campaign = |audience: Value, text: &str| json!({"name": "Spring", "audience": audience, "content": {"text": text}});
    let many: Vec<_> = (0..10_001)
        .map(|row| json!(format!("+4477009{row:05}")))
        .collect();
    for (name, body, status, expected) in [
        (
            "an unknown type",
            campaign(json!({"type": "everybody"}), "Hi"),
            400,
            ("invalid_request", "/audience/type", "wrong_value"),
        ),
        (
            "a field of another type",
            campaign(
                json!({"type": "inline", "recipients": ["+447700900123"], "upload": "upl_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            400,
            ("unknown_field", "/audience/upload", "unknown_field"),
        ),
        (
            "no recipients field",
            campaign(json!({"type": "inline"}), "Hi"),
            400,
            ("invalid_request", "/audience", "missing_field"),
        ),
        (
            "an id of something else",
            campaign(
                json!({"type": "upload", "upload": "bat_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            400,
            ("invalid_request", "/audience/upload", "wrong_value"),
        ),
        (
            "nobody",
            campaign(inline(json!([])), "Hi"),
            422,
            ("empty_audience", "/audience/recipients", "empty_audience"),
        ),
        (
            "too many",
            campaign(inline(json!(many)), "Hi"),
            422,
            ("invalid_content", "/audience/recipients", "invalid_content"),
        ),
        (
            "a bad number",
            campaign(inline(json!(["+447700900123", "+44"])), "Hi"),
            422,
            ("invalid_phone", "/audience/recipients/1", "invalid_phone"),
        ),
        (
            "a placeholder without a value",
            campaign(ann(), "Hi {{nam}}"),
            422,
            (
                "unknown_placeholder",
                "/audience/recipients/0/vars",
                "unknown_placeholder",
            ),
        ),
        (
            "no text",
            campaign(ann(), ""),
            422,
            ("invalid_text", "/content/text", "invalid_text"),
        ),
        (
            "no name",
            json!({"name": " ", "audience": ann(), "content": {"text": "Hi"}}),
            422,
            ("invalid_content", "/name", "invalid_content"),
        ),
        (
            "an unknown policy",
            json!({"name": "a", "audience": ann(), "content": {"text": "Hi"}, "policies": {"doubt": "always"}}),
            400,
            ("invalid_request", "/policies/doubt", "wrong_value"),
        ),
        (
            "a time that is over",
            json!({"name": "a", "audience": ann(), "content": {"text": "Hi"}, "schedule": {"at": "2020-01-01T00:00:00Z"}}),
            422,
            ("invalid_content", "/schedule/at", "invalid_content"),
        ),
        (
            "a list",
            campaign(
                json!({"type": "list", "list": "lst_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            422,
            (
                "audience_not_available",
                "/audience/type",
                "audience_not_available",
            ),
        ),
        (
            "the failed of a batch",
            campaign(
                json!({"type": "failed_of", "batch": "bat_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            422,
            (
                "audience_not_available",
                "/audience/type",
                "audience_not_available",
            ),
        ),
    ] {
        let answer = send("POST", "/v1/campaigns", body.to_string()).await;

        assert_eq!(
            (answer.status.as_u16(), told(&answer.body)),
            (status, expected),
            "{name}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_gateway_that_can_not_be_called_is_refused_with_its_field() {
    for (name, body, status, pointer) in [
        (
            "an unknown kind",
            json!({"kind": "pigeon", "name": "a"}),
            422,
            "/kind",
        ),
        (
            "no configuration",
            json!({"kind": "generic", "name": "a", "config": {}}),
            422,
            "/config",
        ),
        (
            "a rate that is none",
            json!({"kind": "simulated", "name": "a", "parts_per_second": 0}),
            422,
            "/parts_per_second",
        ),
        (
            "credentials that are no texts",
            json!({"kind": "simulated", "name": "a", "credentials": {"token": 1}}),
            400,
            "/credentials/token",
        ),
    ] {
        let answer = send("POST", "/v1/gateways", body.to_string()).await;

        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        let (_, found, _) = told(&answer.body);
        assert!(found.starts_with(pointer), "{name}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_idempotency_key_is_asked_for_where_a_mistake_is_dear() {
    let api = api();
    let key = key(&api, Mode::Test, &Scope::ALL);
    let post = |path: &str, body: &Value, idempotency: Option<&str>| {
        let mut request = Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        if let Some(idempotency) = idempotency {
            request = request.header("idempotency-key", idempotency);
        }
        request.body(Body::from(body.to_string())).unwrap()
    };
    let router = app::router(api.clone());
    let list = json!({"to": ["+447700900123"], "text": "Hi"});
    let start = "/v1/campaigns/cmp_01h455vb4pex5vsknk084sn02q/start";
    let long = "x".repeat(256);
    for (name, request, code) in [
        (
            "a list of recipients without",
            post("/v1/messages", &list, None),
            "idempotency_key_required",
        ),
        (
            "a start without",
            post(start, &json!({}), None),
            "idempotency_key_required",
        ),
        (
            "an empty one",
            post("/v1/messages", &list, Some("")),
            "invalid_idempotency_key",
        ),
        (
            "one with spaces",
            post("/v1/messages", &list, Some("a b")),
            "invalid_idempotency_key",
        ),
        (
            "a long one",
            post("/v1/messages", &list, Some(&long)),
            "invalid_idempotency_key",
        ),
    ] {
        let answer = answer(router.clone(), request).await;

        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (400, &json!(code)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_problem_says_all_that_it_should() {
    let answer = send("POST", "/v1/messages", r#"{"to":"12","text":"Hi"}"#).await;

    let expected = json!({
        "type": "urn:carillon:problem:invalid_phone",
        "title": "A phone number cannot be used",
        "status": 422,
        "detail": "/to: the phone number has no country code; write it as `+`, country code and number, or set a default country",
        "instance": "/v1/messages",
        "code": "invalid_phone",
        "request_id": "",
        "errors": [{
            "pointer": "/to",
            "code": "no_country_code",
            "detail": "the phone number has no country code; write it as `+`, country code and number, or set a default country",
        }],
        "retryable": false,
        "doc_url": "https://sms.example.net/v1/problems/invalid_phone",
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn a_failure_of_ours_tells_nothing_of_its_cause() {
    let answer = send("GET", "/v1/campaigns", "").await;

    assert_eq!(
        (answer.status.as_u16(), &answer.body["code"]),
        (500, &json!("internal"))
    );
    let text = answer.body.to_string();
    assert!(
        !text.contains("dynamodb") && !text.contains("127.0.0.1"),
        "{text}"
    );
}
