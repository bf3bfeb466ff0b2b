//! Telnyx's recorded documents, signed calls, and what our requests look like.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing},
    recorded,
};

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::Telnyx, config, credentials)
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn account() -> GatewayAccount {
    let public = fixtures::base64(key().public_key().as_ref());
    let credentials = json!({"api_key": format!("{SECRET} key"), "public_key": public});
    of(&Value::Null, &credentials)
}

fn signed(body: &str) -> WebhookCall {
    let timestamp = now().as_second().to_string();
    let signature = key().sign(format!("{timestamp}|{body}").as_bytes());
    let signature = fixtures::base64(signature.as_ref());
    call(
        "",
        &[(SIGNATURE, &signature), (TIMESTAMP, &timestamp)],
        body.to_owned(),
    )
}

fn finalized(status: &str, errors: &Value) -> String {
    let payload = json!({
        "id": "a-1",
        "to": [{"phone_number": "+447700900123", "status": status}],
        "errors": errors,
    });
    let data = json!({
        "event_type": "message.finalized",
        "occurred_at": "2024-12-09T21:32:14.148+00:00",
        "payload": payload,
    });
    json!({"data": data}).to_string()
}

pub(crate) fn sample() -> Sample {
    let call = signed(&finalized("delivered", &json!([])));
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: account(),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("telnyx", &account());
    recorded::calls("telnyx", &account());
}

#[test]
fn what_its_key_signed_is_believed() {
    recorded::signatures("telnyx", |signature| {
        let credentials = json!({"api_key": "k", "public_key": signature.public_key_base64});
        Some(of(&Value::Null, &credentials))
    });
}

#[test]
fn a_call_is_believed_for_five_minutes() {
    let account = account();
    let call = signed("{}");
    for (seconds, expected) in [
        (300, Ok(())),
        (301, Err(Forged::Stale)),
        (-300, Ok(())),
        (-301, Err(Forged::Stale)),
    ] {
        let now = now() + SignedDuration::from_secs(seconds);
        let believed = account.gateway.authenticate(&account, &call, now);
        assert_eq!(believed, expected, "{seconds}");
    }
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("telnyx");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(class(code.parse().unwrap()), expected, "{code}");
    }
}

#[test]
fn a_message_is_worded_as_the_documentation_has_it() {
    let account = account();
    let message = outgoing();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://api.telnyx.com/v2/messages");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        request.headers()["authorization"],
        format!("Bearer {SECRET} key").as_str()
    );
    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "from": "ACME",
        "to": "+447700900123",
        "text": "Hello",
        "type": "SMS",
        "webhook_url": message.callback,
        "use_profile_webhooks": false,
    });
    assert_eq!(sent, expected);
}

#[test]
fn a_profile_picks_the_sender() {
    let mut account = account();
    let config = json!({"messaging_profile_id": "profile"});
    account.gateway = GatewayKind::Telnyx.open(&config).unwrap();
    let message = Outgoing {
        sender: None,
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(sent["messaging_profile_id"], "profile");
    assert_eq!(sent["from"], Value::Null);
}

#[test]
fn an_answer_says_what_became_of_the_message() {
    let errors = |codes: &[&str]| {
        let errors: Vec<_> = codes.iter().map(|code| json!({"code": code})).collect();
        json!({"errors": errors})
    };
    let after = Some(SignedDuration::from_secs(7));
    let refused = |class: ErrorClass| Outcome::Refused(class.reason());
    let accepted = Outcome::Accepted {
        provider_id: Some("a".to_owned()),
    };
    for (name, status, body, expected) in [
        ("accepted", 200, json!({"data": {"id": "a"}}), accepted),
        ("no id", 200, json!({"data": {}}), Outcome::Doubt),
        (
            "a full queue",
            400,
            errors(&["40318"]),
            Outcome::Throttled { after },
        ),
        (
            "a known one after another",
            400,
            errors(&["99999", "40300"]),
            refused(ErrorClass::OptedOut),
        ),
        (
            "an unknown one",
            422,
            errors(&["99999"]),
            refused(ErrorClass::BadRequest),
        ),
        (
            "no credit",
            403,
            errors(&["20100"]),
            Outcome::AccountTrouble(ErrorClass::Funds.reason()),
        ),
        ("a fault", 500, errors(&["10007"]), Outcome::Doubt),
    ] {
        let answer = answer(status, &[("retry-after", "7")], &body.to_string());
        assert_eq!(outcome(&answer), expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_whose_callback_was_called() {
    let account = account();
    let claim = outgoing().claim;
    let body = finalized("sending_failed", &json!([{"code": "40014"}]));

    let call = call(&format!("m={claim}"), &[], body);
    let contents = account.gateway.contents(&call).unwrap();

    let report = &contents.receipts[0];
    assert_eq!(report.reference, Reference::Claimed(claim));
    assert_eq!(report.word, ReportWord::Expired);
    assert_eq!(report.at, Some("2024-12-09T21:32:14.148Z".parse().unwrap()));
}

#[test]
fn a_report_without_a_verdict_has_no_reason() {
    let body = finalized("delivery_unconfirmed", &json!([{"code": "40008"}]));

    let contents = account().gateway.contents(&call("", &[], body)).unwrap();

    assert_eq!(contents.receipts[0].word, ReportWord::Unknown);
    assert_eq!(contents.receipts[0].reason, None);
}

#[test]
fn what_is_missing_is_named() {
    let gateway = GatewayKind::Telnyx.open(&Value::Null).unwrap();
    let problems = |credentials: Value| {
        let credentials = serde_json::from_value(credentials).unwrap();
        let problems = gateway.validate(&credentials, &AllowedHosts::default());
        problems
            .into_iter()
            .map(|it| it.pointer)
            .collect::<Vec<_>>()
    };

    let (api_key, public_key) = ("/credentials/api_key", "/credentials/public_key");
    assert_eq!(problems(json!({})), [api_key, public_key]);
    assert_eq!(
        problems(json!({"api_key": "k", "public_key": "AAAA"})),
        [public_key]
    );
    assert!(GatewayKind::Telnyx.open(&json!({"api_key": "k"})).is_err());
}
