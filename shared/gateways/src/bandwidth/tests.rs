//! Bandwidth's recorded documents, and what our requests look like.

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, call, now, outgoing},
    recorded,
};

fn config() -> Value {
    json!({"account_id": "5500001", "application_id": "app", "username": "name"})
}

fn of(credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::Bandwidth, &config(), credentials)
}

fn account() -> GatewayAccount {
    of(&json!({"api_password": SECRET}))
}

fn event(kind: &str, code: &Value) -> Value {
    json!({
        "type": kind,
        "time": "2016-09-14T18:20:16Z",
        "to": "+447700900123",
        "errorCode": code,
        "message": {"id": "a", "tag": outgoing().claim.to_string()},
    })
}

fn of_events(events: &[Value]) -> WebhookCall {
    call("", &[], json!(events).to_string())
}

pub(crate) fn sample() -> Sample {
    let call = of_events(&[
        event("message-delivered", &Value::Null),
        event("message-lost", &Value::Null),
        event("message-failed", &json!(4720)),
    ]);
    let words = vec![ReportWord::Delivered, ReportWord::Failed];
    let genuine = GenuineCall {
        call,
        at: now(),
        words,
    };
    Sample {
        account: account(),
        call: Some(genuine),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("bandwidth", &account());
    recorded::calls("bandwidth", &account());
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("bandwidth");

    for (kind, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&kind), expected, "{kind}");
    }
    for (code, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(class(code.parse().unwrap()), expected, "{code}");
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
    assert_eq!(
        request.uri(),
        "https://messaging.bandwidth.com/api/v2/users/5500001/messages"
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    let login = fixtures::base64(format!("name:{SECRET}").as_bytes());
    assert_eq!(
        request.headers()["authorization"],
        format!("Basic {login}").as_str()
    );
    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "to": ["+447700900123"],
        "from": "+447700900001",
        "text": "Hello",
        "applicationId": "app",
        "tag": message.claim.to_string(),
        "expiration": "2026-08-01T12:00:00Z",
    });
    assert_eq!(sent, expected);
}

#[test]
fn a_report_is_of_the_message_whose_tag_it_carries() {
    let claim = outgoing().claim;
    let mut foreign = event("message-delivered", &Value::Null);
    foreign["message"]["tag"] = "c-42/9".into();
    let call = of_events(&[event("message-failed", &json!(4360)), foreign]);

    let contents = account().gateway.contents(&call).unwrap();

    let [expired, foreign] = &contents.receipts[..] else {
        panic!("{contents:?}");
    };
    assert_eq!(expired.reference, Reference::Claimed(claim));
    assert_eq!(expired.word, ReportWord::Expired);
    assert_eq!(expired.to, Some(outgoing().to));
    assert_eq!(expired.at, Some("2016-09-14T18:20:16Z".parse().unwrap()));
    assert_eq!(foreign.reference, Reference::ProviderId("a".to_owned()));
}

#[test]
fn a_code_that_nobody_knows_has_the_reason_of_its_family() {
    for (code, reason, strange) in [
        (4775, Some(Reason::OptedOut), 0),
        (4999, Some(Reason::GatewayUnmapped), 1),
        (5888, Some(Reason::Temporary), 1),
        // Not a failure.
        (9902, None, 0),
    ] {
        let call = of_events(&[event("message-failed", &json!(code))]);

        let contents = account().gateway.contents(&call).unwrap();

        assert_eq!(contents.receipts[0].reason, reason, "{code}");
        assert_eq!(contents.strange.len(), strange, "{code}");
    }
}

#[test]
fn a_login_is_asked_for_where_there_is_one() {
    let guarded = of(&json!({"api_password": "p", "callback_login": "user:pass"}));
    let login = [("authorization", "Basic dXNlcjpwYXNz")];
    for (account, headers, expected) in [
        (account(), &[][..], Ok(())),
        (guarded.clone(), &[], Err(Forged::Missing)),
        (guarded, &login, Ok(())),
    ] {
        let call = call("", headers, "[]");
        assert_eq!(
            account.gateway.authenticate(&account, &call, now()),
            expected
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"account_id": "a/b", "application_id": "app", "username": "name"});
    let gateway = GatewayKind::Bandwidth.open(&config).unwrap();

    let problems = gateway.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    assert_eq!(
        pointers,
        ["/config/account_id", "/credentials/api_password"]
    );
    assert!(GatewayKind::Bandwidth.open(&json!({})).is_err());
}
