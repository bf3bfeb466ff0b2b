//! What countries ask, as anybody may read it.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{answer, api};
use crate::app;

async fn get(path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = answer(app::router(api()), request).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn every_record_says_where_it_is_from_and_when_somebody_looked() {
    let (status, rules) = get("/v1/rules").await;

    assert_eq!(status, StatusCode::OK);
    let data = rules["data"].as_array().unwrap();
    assert!(data.len() > 10, "{}", data.len());
    for rule in data {
        for field in [
            "countries",
            "hours",
            "sender",
            "registration",
            "source",
            "confidence",
        ] {
            assert!(!rule[field].is_null(), "{field}: {rule}");
        }
        assert!(rule["verified_at"].is_string(), "{rule}");
    }
    assert_eq!(rules["default"]["countries"], json!([]));
}

#[tokio::test]
async fn a_country_has_its_rule_or_the_default_with_a_warning() {
    let (_, french) = get("/v1/rules/FR").await;
    let (_, american) = get("/v1/rules/US").await;
    let (_, unknown) = get("/v1/rules/TV").await;
    let (none, problem) = get("/v1/rules/XX").await;

    assert_eq!(
        (
            &french["country"],
            &french["holidays"],
            &french["time_zones"]
        ),
        (&json!("FR"), &json!("FR"), &json!(["Europe/Paris"]))
    );
    assert!(french["opt_out"]["text"].as_str().unwrap().contains("STOP"));
    assert_eq!(american["sender"]["names"]["use"], "refused");
    let states = american["states"].as_array().unwrap();
    let florida = states.iter().find(|it| it["state"] == "FL").unwrap();
    assert_eq!(florida["frequency"], json!({"messages": 3, "hours": 24}));
    assert!(french.get("states").is_none() && french.get("warning").is_none());
    assert!(
        unknown["warning"].as_str().unwrap().contains("No rule"),
        "{unknown}"
    );
    assert_eq!(
        (none, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
}
