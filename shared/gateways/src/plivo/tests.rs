//! Plivo's recorded documents, its libraries' signatures, and what our requests look like.

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing},
    recorded, signature,
};

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::Plivo, config, credentials)
}

fn account() -> GatewayAccount {
    let credentials = json!({"auth_token": format!("{SECRET} token")});
    of(&json!({"auth_id": "MAXX"}), &credentials)
}

fn sign(account: &GatewayAccount, call: &mut WebhookCall) {
    let secret = account.credentials.get("auth_token").unwrap();
    let text = sign::signed_text(&account.hooks_url, call).unwrap();
    let signature = signature::hmac_sha256(secret, &[text.as_bytes(), b".7"]);
    let signature = fixtures::base64(&signature).parse().unwrap();
    call.headers.insert(sign::SIGNATURE, signature);
    call.headers.insert(sign::NONCE, "7".parse().unwrap());
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let body = "MessageUUID=a-1&Status=delivered&To=447700900123";
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
    recorded::answers("plivo", &account());
    recorded::calls("plivo", &account());
}

#[test]
fn what_its_own_libraries_sign_is_believed() {
    recorded::signatures("plivo", |signature| {
        let config = json!({"auth_id": "MAXX", "accept_v2_signatures": true});
        Some(of(&config, &json!({"auth_token": signature.secret})))
    });
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("plivo");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(class(code.parse().unwrap()), expected, "{code}");
    }
}

fn to(number: &str) -> Outgoing {
    Outgoing {
        to: wire::number(number).unwrap(),
        ..outgoing()
    }
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let messages = ["447700900123", "447700900124", "447700900123"].map(to);

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://api.plivo.com/v1/Account/MAXX/Message/"
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["accept"], "application/json");
    let login = fixtures::base64(format!("MAXX:{SECRET} token").as_bytes());
    assert_eq!(
        request.headers()["authorization"],
        format!("Basic {login}").as_str()
    );
    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "src": "ACME",
        "dst": "447700900123<447700900124",
        "text": "Hello",
        "type": "sms",
        "url": messages[0].callback,
        "method": "POST",
        "log": false,
        "message_expiry": 3600,
    });
    assert_eq!(sent, expected);
}

#[test]
fn settings_change_the_request() {
    let config = json!({"auth_id": "MAXX", "powerpack_uuid": "pool", "log": true});
    let account = of(&config, &json!({"auth_token": "t"}));
    let message = Outgoing {
        sender: None,
        expires_at: now() + jiff::SignedDuration::from_hours(72),
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(sent["powerpack_uuid"], "pool");
    assert_eq!(sent["src"], Value::Null);
    assert_eq!(sent["log"], true);
    assert_eq!(sent["message_expiry"], 10_799);
}

#[test]
fn each_message_has_its_own_outcome() {
    let account = account();
    let one = ["447700900123"].map(to).to_vec();
    let two = ["447700900123", "447700900124"].map(to).to_vec();
    let twins = ["447700900123", "447700900123"].map(to).to_vec();
    let accepted = |id: Option<&str>| Outcome::Accepted {
        provider_id: id.map(str::to_owned),
    };
    for (name, messages, body, expected) in [
        (
            "one",
            &one,
            json!({"message_uuid": ["a"]}),
            vec![accepted(Some("a"))],
        ),
        (
            "two: whose id is whose isn't known",
            &two,
            json!({"message_uuid": ["a", "b"]}),
            vec![accepted(None), accepted(None)],
        ),
        (
            "one of two is no number",
            &two,
            json!({"message_uuid": ["b"], "invalid_number": ["447700900123"]}),
            vec![Outcome::Refused(Reason::BadNumber), accepted(Some("b"))],
        ),
        (
            "an id too few",
            &two,
            json!({"message_uuid": ["a"]}),
            vec![Outcome::Doubt, Outcome::Doubt],
        ),
        (
            "none of them is a number",
            &one,
            json!({"message_uuid": [], "invalid_number": ["447700900123"]}),
            vec![Outcome::Refused(Reason::BadNumber)],
        ),
        (
            "the same number twice",
            &twins,
            json!({"message_uuid": ["a"]}),
            vec![accepted(Some("a")), Outcome::Refused(Reason::Duplicate)],
        ),
    ] {
        let answer = answer(202, &[], &body.to_string());
        assert_eq!(
            account.gateway.outcomes(messages, &answer),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_report_is_of_the_message_whose_callback_was_called() {
    let account = account();
    let claim = outgoing().claim;
    let body = "MessageUUID=b&ParentMessageUUID=a&Status=failed&To=447700900123&ErrorCode=420&SentTime=2025-01-02+03%3A04%3A05.000000";
    let kind = ("content-type", wire::FORM);

    let read = |query: &str| {
        let contents = account.gateway.contents(&call(query, &[kind], body));
        contents.unwrap().receipts.remove(0)
    };

    let report = read(&format!("m={claim}"));
    assert_eq!(report.reference, Reference::Claimed(claim));
    assert_eq!(report.to, wire::number("447700900123"));
    assert_eq!(report.word, ReportWord::Expired);
    assert_eq!(report.at, Some("2025-01-02T03:04:05Z".parse().unwrap()));
    let of_the_whole = Reference::ProviderId("a".to_owned());
    assert_eq!(read("").reference, of_the_whole);
}

#[test]
fn the_main_account_signs_and_an_old_signature_only_by_leave() {
    let account = of(
        &json!({"auth_id": "SAXX"}),
        &json!({"auth_token": "sub", "main_auth_token": "main"}),
    );
    let main = of(&json!({"auth_id": "MAXX"}), &json!({"auth_token": "main"}));
    let mut by_main = call("m=1", &[("content-type", wire::FORM)], "Status=sent");
    sign(&main, &mut by_main);
    let signature = by_main.headers.remove(sign::SIGNATURE).unwrap();
    by_main.headers.insert("x-plivo-signature-ma-v3", signature);
    let v2 = signature::hmac_sha256("sub", &[b"https://hooks.example.com/hooks/generic/token7"]);
    let headers = [
        ("x-plivo-signature-v2", &*fixtures::base64(&v2)),
        ("x-plivo-signature-v2-nonce", "7"),
    ];
    let old = call("m=1", &headers, "Status=sent");
    let mut both = old.clone();
    both.headers.insert(sign::SIGNATURE, "x".parse().unwrap());
    both.headers.insert(sign::NONCE, "7".parse().unwrap());
    let lenient = of(
        &json!({"auth_id": "SAXX", "accept_v2_signatures": true}),
        &json!({"auth_token": "sub"}),
    );

    let authenticate =
        |account: &GatewayAccount, call| account.gateway.authenticate(account, call, now());

    assert_eq!(authenticate(&account, &by_main), Ok(()));
    assert_eq!(authenticate(&lenient, &by_main), Err(Forged::Wrong));
    assert_eq!(authenticate(&account, &old), Err(Forged::Missing));
    assert_eq!(authenticate(&lenient, &old), Ok(()));
    assert_eq!(authenticate(&lenient, &both), Err(Forged::Wrong));
}

#[test]
fn what_no_signature_covers_is_refused() {
    let account = account();
    for (name, kind) in [("a document", "application/json"), ("a text", "text/plain")] {
        let mut call = call("m=1", &[("content-type", kind)], "");
        sign(&account, &mut call);
        assert_eq!(
            account.gateway.authenticate(&account, &call, now()),
            Ok(()),
            "{name}"
        );

        call.body = r#"{"Status":"delivered"}"#.into();

        let believed = account.gateway.authenticate(&account, &call, now());
        assert_eq!(believed, Err(Forged::Wrong), "{name}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"auth_id": "MA/X", "numbers_per_request": 1001});
    let gateway = GatewayKind::Plivo.open(&config).unwrap();

    let problems = gateway.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/config/auth_id",
        "/config/numbers_per_request",
        "/credentials/auth_token",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Plivo.open(&json!({})).is_err());
}
