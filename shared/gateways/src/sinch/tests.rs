//! Sinch's recorded documents, its library's signatures, and what our requests look like.

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing},
    recorded,
};

const URL: &str = "https://eu.sms.api.sinch.com";

fn of(credentials: &Value) -> GatewayAccount {
    let config = json!({"service_plan_id": "plan", "base_url": URL, "signed_callbacks": true});
    fixtures::account(GatewayKind::Sinch, &config, credentials)
}

fn account() -> GatewayAccount {
    let secret = |name| format!("{SECRET} {name}");
    of(&json!({"api_token": secret("token"), "webhook_secret": secret("key")}))
}

fn to(number: &str, text: &str) -> Outgoing {
    Outgoing {
        to: wire::number(number).unwrap(),
        text: text.to_owned(),
        ..outgoing()
    }
}

fn sign(account: &GatewayAccount, body: String, at: Timestamp) -> WebhookCall {
    let (nonce, timestamp) = ("01GBQ5T2R6S3H9X8Y7Z6W5V4U3", at.as_second().to_string());
    let secret = account.credentials.get("webhook_secret").unwrap();
    let signed = [
        body.as_bytes(),
        b".",
        nonce.as_bytes(),
        b".",
        timestamp.as_bytes(),
    ];
    let signature = fixtures::base64(&signature::hmac_sha256(secret, &signed));
    let headers = [
        (SIGNATURE, &*signature),
        (NONCE, nonce),
        (TIMESTAMP, &timestamp),
        (ALGORITHM, "HmacSHA256"),
    ];
    call("", &headers, body)
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let statuses = json!([
        {"code": 0, "status": "Delivered", "count": 1, "recipients": ["447700900123"]},
        {"code": 0, "status": "Weird", "count": 1, "recipients": ["447700900124"]},
        {"code": 406, "status": "EXPIRED", "count": 1, "recipients": ["447700900125"]},
    ]);
    let body = json!({"type": "delivery_report_sms", "batch_id": "01F", "statuses": statuses});
    let call = sign(&account, body.to_string(), now());
    let words = vec![ReportWord::Delivered, ReportWord::Expired];
    Sample {
        account,
        call: Some(GenuineCall {
            call,
            at: now(),
            words,
        }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("sinch_xms", &account());
    recorded::calls("sinch_xms", &account());
}

#[test]
fn what_its_own_library_signs_is_believed() {
    recorded::signatures("sinch", |signature| {
        Some(of(
            &json!({"api_token": "x", "webhook_secret": signature.secret}),
        ))
    });
}

#[test]
fn an_old_call_is_refused() {
    let account = account();
    for (name, age, expected) in [
        ("repeated for hours", SignedDuration::from_hours(23), Ok(())),
        (
            "a day old",
            SignedDuration::from_hours(25),
            Err(Forged::Stale),
        ),
        (
            "of tomorrow",
            SignedDuration::from_hours(-24),
            Err(Forged::Stale),
        ),
    ] {
        let call = sign(&account, "{}".to_owned(), now() - age);

        let believed = account.gateway.authenticate(&account, &call, now());

        assert_eq!(believed, expected, "{name}");
    }
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("sinch_xms");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
        assert_eq!(word(&status.to_uppercase()), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        let code = code.parse().unwrap();
        let found = class(code).filter(|_| !says_nothing(code));
        assert_eq!(found, expected, "{code}");
    }
    assert_eq!((word("weird"), class(499)), (None, None));
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let messages = [to("15551231234", "Hi Ann"), to("15551256344", "Hi ${name}")];

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://eu.sms.api.sinch.com/xms/v1/plan/batches"
    );
    assert_eq!(request.headers()["authorization"], "Bearer s3cret token");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let texts = json!({"15551231234": "Hi Ann", "15551256344": "Hi ${name}"});
    let expected = json!({
        "from": "ACME",
        "to": ["15551231234", "15551256344"],
        "type": "mt_text",
        "body": "${text}",
        "parameters": {"text": texts},
        "delivery_report": "per_recipient",
        "callback_url": messages[0].callback,
        "client_reference": messages[0].claim.to_string(),
        "expire_at": "2026-08-01T12:00:00Z",
    });
    assert_eq!(body, expected);
}

#[test]
fn one_text_for_all_is_the_body() {
    let later = now() + SignedDuration::from_hours(100);
    let messages = ["15551231234", "15551256344"].map(|number| Outgoing {
        expires_at: later,
        sender: Some("+15550001111".to_owned()),
        ..to(number, "Hello")
    });
    // As a clock is: Sinch doesn't read billionths.
    let now = now() + SignedDuration::from_nanos(123_456_789);

    let body = batch(&messages, now);

    assert_eq!(body["body"], "Hello");
    assert_eq!(body["parameters"], Value::Null);
    assert_eq!(
        (&body["from"], &body["expire_at"]),
        (&json!("15550001111"), &json!("2026-08-04T11:00:00Z"))
    );
}

#[test]
fn who_is_not_in_the_batch_is_in_doubt() {
    let messages = ["15551231234", "15551256344", "15551256345"].map(|to| self::to(to, "Hello"));
    let accepted = |id: &str| Outcome::Accepted {
        provider_id: Some(id.to_owned()),
    };
    let all = ["01F/15551231234", "01F/15551256344", "01F/15551256345"].map(accepted);
    for (name, body, expected) in [
        (
            "one left out",
            r#"{"id":"01F","to":["15551256345","15551231234"]}"#,
            [all[0].clone(), Outcome::Doubt, all[2].clone()],
        ),
        ("not listed", r#"{"id":"01F"}"#, all),
        (
            "no id",
            r#"{"to":["15551231234"]}"#,
            [const { Outcome::Doubt }; 3],
        ),
    ] {
        let outcomes = account()
            .gateway
            .outcomes(&messages, &answer(201, &[], body));

        assert_eq!(outcomes, expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_batch_that_we_gave_our_reference() {
    let claim = outgoing().claim;
    let body = json!({
        "type": "recipient_delivery_report_sms",
        "batch_id": "01F",
        "recipient": "15551231234",
        "code": 11,
        "status": "Failed",
        "at": "2022-08-30T08:16:08.930Z",
        "client_reference": claim.to_string(),
    });

    let contents = account()
        .gateway
        .contents(&call("", &[], body.to_string()))
        .unwrap();

    let report = &contents.receipts[0];
    assert_eq!(report.reference, Reference::Claimed(claim));
    assert_eq!(report.to, wire::number("15551231234"));
    assert_eq!(report.reason, Some(Reason::GatewayUnmapped));
    assert_eq!(report.at, Some("2022-08-30T08:16:08.930Z".parse().unwrap()));
    assert_eq!(contents.strange, []);
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"service_plan_id": "a/b", "base_url": URL, "signed_callbacks": true});
    let opened = GatewayKind::Sinch.open(&config).unwrap();

    let problems = opened.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/config/service_plan_id",
        "/credentials/api_token",
        "/credentials/webhook_secret",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Sinch.open(&Value::Null).is_err());
}

#[test]
fn without_signatures_a_login_is_checked_where_there_is_one() {
    let config = json!({"service_plan_id": "plan", "base_url": URL});
    let credentials = json!({"api_token": "x", "callback_login": "user:pass"});
    let account = fixtures::account(GatewayKind::Sinch, &config, &credentials);

    let bare = account
        .gateway
        .authenticate(&account, &call("", &[], ""), now());

    assert_eq!(bare, Err(Forged::Missing));
    assert!(!account.gateway.capabilities().signs_calls);
}
