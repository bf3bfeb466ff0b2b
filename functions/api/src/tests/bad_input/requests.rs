//! What is wrong wherever it is sent.

use axum::body::Body;
use carillon_core::api_key::{Mode, Scope};
use http::Request;
use serde_json::{Value, json};

use crate::{
    app,
    tests::{answer, api, key, send},
};

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
        (
            "a change of a gateway without If-Match",
            "PATCH",
            "/v1/gateways/gwa_01h455vb4pex5vsknk084sn02q",
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
async fn a_time_that_is_over_is_refused_with_its_field() {
    let api = api();
    let key = key(&api, Mode::Test, &Scope::ALL);
    let over = "2020-01-01T00:00:00Z";
    let message = json!({"to": "+447700900123", "text": "Hi", "send_at": over});
    let campaign = json!({
        "name": "a",
        "audience": {"type": "inline", "recipients": ["+447700900123"]},
        "content": {"text": "Hi"},
        "schedule": {"at": over},
    });
    for (path, body, pointer) in [
        ("/v1/messages", message, "/send_at"),
        ("/v1/campaigns", campaign, "/schedule/at"),
    ] {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();

        let answer = answer(app::router(api.clone()), request).await;

        assert_eq!(answer.status.as_u16(), 422, "{path}: {}", answer.body);
        let told = ("invalid_content", pointer, "invalid_content");
        assert_eq!(super::told(&answer.body), told, "{path}");
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
async fn what_can_not_be_done_for_now_tells_when_to_come_again_and_not_why() {
    let answer = send("GET", "/v1/campaigns", "").await;

    assert_eq!(
        (answer.status.as_u16(), &answer.body["code"]),
        (503, &json!("unavailable"))
    );
    assert!(answer.headers.contains_key("retry-after"));
    let text = answer.body.to_string();
    assert!(
        !text.contains("dynamodb") && !text.contains("127.0.0.1"),
        "{text}"
    );
}
