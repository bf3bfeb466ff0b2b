//! Vonage's recorded documents of the SMS API, its libraries' signatures, and what our requests look like.

use serde_json::json;

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, attempt, call, now, outgoing},
    recorded,
};

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::VonageSms, config, credentials)
}

fn account() -> GatewayAccount {
    let credentials = json!({
        "api_secret": format!("{SECRET} api"),
        "signature_secret": format!("{SECRET} signature"),
    });
    of(&json!({"api_key": "abcd1234"}), &credentials)
}

fn signed(account: &GatewayAccount, query: &str, body: &str) -> WebhookCall {
    let secret = account.credentials.get("signature_secret").unwrap();
    let text = sign::signed_text(&wire::form(body.as_bytes()), &[]);
    let digest = sign::digest(Method::Sha256, secret, text.as_bytes());
    let hex = fixtures::hex(&digest).to_uppercase();
    let kind = ("content-type", wire::FORM);
    call(query, &[kind], format!("{body}&sig={hex}"))
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let body = format!(
        "msisdn=447700900123&to=ACME&messageId=0A1&status=delivered&timestamp={}",
        now().as_second()
    );
    let call = signed(&account, "", &body);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account,
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("vonage_sms", &account());
    recorded::calls("vonage_sms", &account());
}

#[test]
fn what_its_own_libraries_sign_is_believed() {
    recorded::signatures("vonage_sms", |signature| {
        let config = json!({
            "api_key": "abcd1234",
            "signature_method": signature.algorithm,
            "replay_window_seconds": 0,
        });
        let credentials = json!({"api_secret": "x", "signature_secret": signature.secret});
        Some(of(&config, &credentials))
    });
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("vonage_sms");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["send_errors"]) {
        assert_eq!(send_class(code.parse().unwrap()), expected, "{code}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(report_class(code.parse().unwrap()), expected, "{code}");
    }
}

#[test]
fn a_message_is_worded_as_the_documentation_has_it() {
    let account = account();
    let message = Outgoing {
        sender: Some("+447700900001".to_owned()),
        ..outgoing()
    };

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://rest.nexmo.com/sms/json");
    assert_eq!(request.headers()["content-type"], wire::FORM);
    let secret = format!("{SECRET} api");
    let reference = attempt().to_string();
    let expected = [
        ("api_key", "abcd1234"),
        ("api_secret", &secret),
        ("from", "447700900001"),
        ("to", "447700900123"),
        ("text", "Hello"),
        ("type", "text"),
        ("ttl", "3600000"),
        ("status-report-req", "1"),
        ("callback", &message.callback),
        ("client-ref", &reference),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(wire::form(request.body()), expected);
    assert!(reference.len() <= 40);
}

#[test]
fn a_text_outside_the_gsm_alphabet_is_sent_as_unicode() {
    let account = account();
    let message = Outgoing {
        text: "Привет".to_owned(),
        expires_at: now(),
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    let fields = wire::form(request.body());
    assert_eq!(field(&fields, "type"), Some("unicode"));
    assert_eq!(field(&fields, "ttl"), Some("20000"));
}

#[test]
fn a_callback_goes_along_as_far_as_it_fits() {
    let (path, long) = ("https://h.example/x".to_owned(), "x".repeat(100));
    for (name, url, expected) in [
        ("short", format!("{path}?m=1"), Some(format!("{path}?m=1"))),
        ("a long m", format!("{path}?m={long}"), Some(path)),
        ("a long path", format!("https://h.example/{long}?m=1"), None),
    ] {
        assert_eq!(callback(&url), expected.as_deref(), "{name}");
    }
}

#[test]
fn the_parts_of_a_message_share_a_fate() {
    let part = |status: &str| json!({"status": status, "message-id": "0A1", "error-text": "wait [ 250 ] ms"});
    let after = Some(SignedDuration::from_millis(250));
    let accepted = Outcome::Accepted {
        provider_id: Some("0A1".to_owned()),
    };
    let throttled = ErrorClass::RateLimited.reason();
    for (name, parts, expected) in [
        ("all taken", json!([part("0"), part("0")]), accepted),
        (
            "some taken",
            json!([part("0"), part("1")]),
            Outcome::Refused(throttled),
        ),
        (
            "none taken",
            json!([part("1"), part("1")]),
            Outcome::Throttled { after },
        ),
        (
            "an unknown code",
            json!([part("77")]),
            Outcome::Refused(ErrorClass::Unknown.reason()),
        ),
        ("no code", json!([part("0"), part("x")]), Outcome::Doubt),
        (
            "taken without an id",
            json!([{"status": "0"}]),
            Outcome::Doubt,
        ),
        ("no parts", json!([]), Outcome::Doubt),
    ] {
        let body = json!({"messages": parts}).to_string();
        assert_eq!(outcome(&answer(200, &[], &body)), expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_whose_reference_it_carries() {
    let account = account();
    let body = json!({
        "msisdn": "447700900123",
        "messageId": "0A1",
        "status": "delivered",
        "client-ref": attempt().to_string(),
        "message-timestamp": "2020-01-01 12:00:00 +0000",
    });
    let call = call(
        "",
        &[("content-type", "application/json")],
        body.to_string(),
    );

    let contents = account.gateway.contents(&call).unwrap();

    let report = &contents.receipts[0];
    assert_eq!(report.reference, Reference::Untagged(attempt()));
    assert_eq!(report.at, Some("2020-01-01T12:00:00Z".parse().unwrap()));
}

#[test]
fn an_old_call_is_refused_and_our_own_m_is_not_signed() {
    let account = account();
    let body = format!("status=delivered&timestamp={}", now().as_second());
    let call = signed(&account, &format!("m={}", outgoing().claim), &body);
    let authenticate = |hours| {
        let now = now() + SignedDuration::from_hours(hours);
        account.gateway.authenticate(&account, &call, now)
    };

    assert_eq!(authenticate(24), Ok(()));
    assert_eq!(authenticate(26), Err(Forged::Stale));
    assert_eq!(authenticate(-26), Err(Forged::Stale));
}

#[test]
fn what_is_missing_is_named() {
    let open = |config: Value| GatewayKind::VonageSms.open(&config);
    let problems = |config: Value| {
        let problems = open(config)
            .unwrap()
            .validate(&Credentials::default(), &AllowedHosts::default());
        problems
            .into_iter()
            .map(|it| it.pointer)
            .collect::<Vec<_>>()
    };

    assert_eq!(
        problems(json!({"api_key": "k"})),
        ["/credentials/api_secret", "/credentials/signature_secret"]
    );
    assert_eq!(
        problems(json!({"api_key": "k", "signature_method": "none"})),
        ["/credentials/api_secret"]
    );
    assert!(open(json!({})).is_err());
    assert!(open(json!({"api_key": "k", "signature_method": "md4"})).is_err());
}

#[test]
fn an_account_without_signatures_says_so() {
    let config = json!({"api_key": "k", "signature_method": "none"});
    let account = of(&config, &json!({"api_secret": "x"}));

    assert!(!account.gateway.capabilities().signs_calls);
    let call = call("", &[], "status=delivered");
    assert_eq!(account.gateway.authenticate(&account, &call, now()), Ok(()));
}
