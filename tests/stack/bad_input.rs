//! Bad input at the API: a problem that names the field or the row, and nothing half done.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, send};

async fn post(
    account: &Account,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, Value) {
    let request = account
        .request(Method::POST, "/v1/messages")
        .header("content-type", content_type);
    let answer = send(request.header("idempotency-key", "bad-input").body(body)).await;
    let kind = answer
        .headers
        .get("content-type")
        .map(|value| value.to_str().unwrap_or_default().to_owned());
    assert_eq!(
        kind.as_deref(),
        Some("application/problem+json"),
        "{}",
        answer.body
    );
    (answer.status, answer.body)
}

#[tokio::test]
async fn every_problem_names_its_field() {
    let account = Account::new("Bad fields").await;
    for (name, body, status, code, pointer) in [
        (
            "an unknown field",
            json!({"to": "+447700900123", "text": "Hi", "texty": 1}),
            400,
            "unknown_field",
            "/texty",
        ),
        (
            "a wrong type",
            json!({"to": "+447700900123", "text": 7}),
            400,
            "invalid_request",
            "/text",
        ),
        (
            "a missing field",
            json!({"text": "Hi"}),
            400,
            "invalid_request",
            "",
        ),
        (
            "a bad number",
            json!({"to": "12", "text": "Hi"}),
            422,
            "invalid_phone",
            "/to",
        ),
        (
            "a bad number in a list",
            json!({"to": ["+447700900123", "12"], "text": "Hi"}),
            422,
            "invalid_phone",
            "/to/1",
        ),
        (
            "a placeholder without a value",
            json!({"to": [{"to": "+447700900123"}], "text": "Hi {{name}}"}),
            422,
            "unknown_placeholder",
            "/to/0",
        ),
        (
            "an empty audience",
            json!({"to": [], "text": "Hi"}),
            422,
            "empty_audience",
            "/to",
        ),
        (
            "an empty text",
            json!({"to": "+447700900123", "text": " "}),
            422,
            "invalid_text",
            "/text",
        ),
    ] {
        let (given, problem) = post(&account, "application/json", body.to_string()).await;

        assert_eq!(
            (given.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{name}: {problem}"
        );
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let found = errors.iter().any(|error| {
            error["pointer"]
                .as_str()
                .is_some_and(|at| at.starts_with(pointer))
        });
        assert!(found, "{name}: {problem}");
        assert!(
            !problem.to_string().contains("447700900123"),
            "{name}: a problem repeats a number"
        );
    }
}

#[tokio::test]
async fn what_is_no_request_at_all_is_refused() {
    let account = Account::new("No request").await;
    let large = format!(
        r#"{{"to": "+447700900123", "text": "{}"}}"#,
        "x".repeat(5_300_000)
    );
    for (name, content_type, body, status) in [
        (
            "broken JSON",
            "application/json",
            "{\"to\": ".to_owned(),
            400,
        ),
        ("no JSON", "text/plain", "hello".to_owned(), 415),
        ("too large", "application/json", large, 413),
    ] {
        let (given, problem) = post(&account, content_type, body).await;

        assert_eq!(given.as_u16(), status, "{name}: {problem}");
        assert!(problem["request_id"].is_string(), "{name}: {problem}");
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem_too() {
    let account = Account::new("No path").await;

    let nowhere = send(account.request(Method::GET, "/v1/nothing")).await;
    let not_so = send(account.request(Method::PUT, "/v1/messages")).await;

    assert_eq!(
        (nowhere.status, &nowhere.body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    assert_eq!(
        (not_so.status, &not_so.body["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed"))
    );
}

#[tokio::test]
async fn a_refused_request_leaves_nothing_behind() {
    let account = Account::new("Nothing half done").await;
    let to: Vec<Value> = (0..5)
        .map(|row| json!(format!("+44770090{row:04}")))
        .chain([json!("12")])
        .collect();

    let refused = account
        .try_post_as_test("/v1/messages", &json!({"to": to, "text": "Hi"}))
        .await;

    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(account.get("/v1/batches").await["data"], json!([]));
}
