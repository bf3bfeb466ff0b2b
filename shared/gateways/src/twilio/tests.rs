//! Twilio's recorded documents, its libraries' signatures, and what our requests look like.

use serde_json::json;

use super::*;
use crate::{
    GatewayKind,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, attempt, call, now, outgoing},
    recorded,
};

const SID: &str = "AC0123456789abcdef0123456789abcdef";

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::Twilio, config, credentials)
}

fn account() -> GatewayAccount {
    let credentials = json!({"auth_token": format!("{SECRET} token")});
    of(&json!({"account_sid": SID}), &credentials)
}

fn sign(account: &GatewayAccount, call: &mut WebhookCall) {
    let secret = account.credentials.get("auth_token").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let url = format!("{}{}", account.hooks_url, call.path_and_query);
    let signature = hmac::sign(&key, (url + &parameters(call).unwrap()).as_bytes());
    let signature = fixtures::base64(signature.as_ref());
    call.headers.insert(SIGNATURE, signature.parse().unwrap());
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let body = "MessageSid=SM1&MessageStatus=delivered&To=%2B447700900123";
    let mut call = call("", &[("content-type", wire::FORM)], body);
    sign(&account, &mut call);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account,
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("twilio", &account());
    recorded::calls("twilio", &account());
}

#[test]
fn what_its_own_libraries_sign_is_believed() {
    recorded::signatures("twilio", |signature| {
        let secret = signature.secret.clone().unwrap();
        let names = ["auth_token", "signing_key"];
        let secrets = names.map(|name| (name.to_owned(), json!(secret)));
        let credentials = Value::Object(secrets.into_iter().collect());
        Some(of(&json!({"account_sid": SID}), &credentials))
    });
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("twilio");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(class(code.parse().unwrap()), expected, "{code}");
    }
    assert_eq!(class(99_999), None);
}

#[test]
fn a_message_is_worded_as_the_documentation_has_it() {
    let account = account();
    let message = outgoing();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(
        request.uri().to_string(),
        format!("https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json")
    );
    let fields = wire::form(request.body());
    let expected = [
        ("To", "+447700900123"),
        ("Body", "Hello"),
        ("From", "ACME"),
        ("StatusCallback", &message.callback),
        ("ValidityPeriod", "3600"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields, expected);
}

#[test]
fn settings_change_the_request() {
    let config = json!({
        "account_sid": SID,
        "api_key_sid": "SK1",
        "messaging_service_sid": "MG1",
        "smart_encoded": true,
        "base_url": "https://api.dublin.ie1.twilio.com",
    });
    let credentials = json!({"auth_token": "a", "api_key_secret": "b"});
    let account = of(&config, &credentials);
    let message = Outgoing {
        sender: None,
        expires_at: now() + jiff::SignedDuration::from_hours(72),
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    let fields = wire::form(request.body());
    let sent = |name| field(&fields, name);
    assert_eq!(request.uri().host(), Some("api.dublin.ie1.twilio.com"));
    assert_eq!(
        (sent("From"), sent("MessagingServiceSid")),
        (None, Some("MG1"))
    );
    assert_eq!(
        (sent("SmartEncoded"), sent("ValidityPeriod")),
        (Some("true"), Some("36000"))
    );
    // `SK1:b`
    assert_eq!(request.headers()["authorization"], "Basic U0sxOmI=");
}

#[test]
fn what_is_missing_is_named() {
    let opened = GatewayKind::Twilio.open(&json!({"account_sid": "AC1", "api_key_sid": "SK1"}));
    let credentials = serde_json::from_value(json!({"token": "x"})).unwrap();

    let problems = opened
        .unwrap()
        .validate(&credentials, &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/credentials/auth_token",
        "/credentials/api_key_secret",
        "/credentials/token",
        "/config/account_sid",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Twilio.open(&Value::Null).is_err());
}

#[test]
fn a_report_is_of_the_message_whose_callback_was_called() {
    let account = account();
    let claim = outgoing().claim;
    let body = "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30036&RawDlrDoneDate=2609110931";
    let call = call(&format!("m={claim}"), &[("content-type", wire::FORM)], body);

    let contents = account.gateway.contents(&call).unwrap();

    let report = &contents.receipts[0];
    assert_eq!(report.reference, crate::Reference::Claimed(claim.clone()));
    assert_eq!(claim.unverified(), attempt());
    assert_eq!(report.word, ReportWord::Expired);
    assert_eq!(report.at, Some("2026-09-11T09:31:00Z".parse().unwrap()));
}

#[test]
fn either_auth_token_signs_and_with_the_port_or_without() {
    let credentials = json!({"auth_token": "new", "second_auth_token": "old"});
    let account = of(&json!({"account_sid": SID}), &credentials);
    let old = of(&json!({"account_sid": SID}), &json!({"auth_token": "old"}));
    let mut with_port = old.clone();
    with_port.hooks_url = "https://hooks.example.com:443".to_owned();

    for signer in [&old, &with_port] {
        let mut call = call("", &[("content-type", wire::FORM)], "MessageSid=SM1");
        sign(signer, &mut call);

        assert_eq!(account.gateway.authenticate(&account, &call, now()), Ok(()));
    }
}
