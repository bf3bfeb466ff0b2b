//! What a Kannel 1.4.5 answered and called on loopback, and what our requests look like.

use serde_json::json;

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, now, outgoing, vectors},
    recorded,
};

fn config() -> Value {
    json!({"base_url": "http://127.0.0.1:13013", "username": "tester"})
}

fn of(config: &Value) -> GatewayAccount {
    let credentials = json!({"password": format!("{SECRET} password")});
    fixtures::account(GatewayKind::Kannel, config, &credentials)
}

/// A call with these fields in its query, beside our `m`.
fn call(query: &str) -> WebhookCall {
    let claim = outgoing().claim;
    fixtures::call(&format!("m={claim}&{query}"), &[], "")
}

pub(crate) fn sample() -> Sample {
    let call = call("type=1&reply=stat%3ADELIVRD+err%3A000&from=447700900123");
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: of(&config()),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn every_recorded_answer_has_its_outcome() {
    let document: Value = vectors("payloads/kannel.json");
    for exchange in document["send"].as_array().unwrap() {
        let (name, response) = (&exchange["name"], &exchange["response"]);
        let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
        let body = response["body"].as_str().unwrap();
        // The connection was refused: there is no answer.
        if status == 0 {
            continue;
        }

        let found = outcome(&outgoing(), &answer(status, &[], body));

        let expected = match status {
            202 => Outcome::Accepted { provider_id: None },
            403 if body.starts_with("Not routable") => Outcome::Refused(Reason::GeoBlocked),
            403 => Outcome::AccountTrouble(Reason::Auth),
            503 | 500 => Outcome::Doubt,
            _ => Outcome::Refused(Reason::BadRequest),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_message_in_one_part_that_it_could_not_take_is_not_in_doubt() {
    let of = |parts, body| {
        let message = Outgoing {
            parts,
            ..outgoing()
        };
        outcome(&message, &answer(503, &[], body))
    };

    let text = "Temporal failure, try again later.";
    assert_eq!(of(1, text), Outcome::Deferred(Reason::Temporary));
    assert_eq!(of(2, text), Outcome::Doubt);
    assert_eq!(of(1, "Sending failed."), Outcome::Doubt);
}

#[test]
fn every_recorded_report_is_read() {
    let account = of(&config());
    let document: Value = vectors("payloads/kannel.json");
    for expected in document["dlr_expect"].as_array().unwrap() {
        let query = expected["query"].as_str().unwrap();

        let contents = account.gateway.contents(&call(query)).unwrap();

        let [report] = &contents.receipts[..] else {
            panic!("{query}: {contents:?}");
        };
        let word: ReportWord = serde_json::from_value(expected["status"].clone()).unwrap();
        let class: Option<ErrorClass> =
            serde_json::from_value(expected["error_class"].clone()).unwrap();
        assert_eq!(report.word, word, "{query}");
        assert_eq!(report.reason, class.map(ErrorClass::reason), "{query}");
    }
    for call in document["dlr"].as_array().unwrap() {
        let line = call["recorded"].as_str().unwrap();
        // One came by a URL whose escapes stood in its path, one with the fields of another URL.
        let Some(query) = line.strip_prefix("GET /dlr?") else {
            continue;
        };
        let (_, fields) = query.split_once('&').unwrap();

        let contents = account.gateway.contents(&self::call(fields)).unwrap();

        let report = &contents.receipts[0];
        let claim = Reference::Claimed(outgoing().claim);
        assert_eq!(
            (&report.reference, &contents.strange[..]),
            (&claim, &[][..]),
            "{line}"
        );
        assert_eq!(report.to.is_some(), line.contains("&from="), "{line}");
        assert_eq!(report.at.is_some(), line.contains("&ts="), "{line}");
    }
}

#[test]
fn every_kind_of_report_is_in_its_table() {
    for (kind, expected) in recorded::words(&recorded::status_map("kannel")["map"]) {
        assert_eq!(word(&kind, ""), expected, "{kind}");
    }
    assert_eq!(word("64", ""), None);
}

#[test]
fn every_recorded_inbound_message_is_read() {
    let account = of(&config());
    let document: Value = vectors("payloads/kannel.json");
    let calls = document["mo"].as_array().unwrap().iter();
    let recorded: Vec<_> = calls
        .map(|call| call["recorded"].as_str().unwrap())
        .collect();
    assert!(!recorded.is_empty() || fixtures::vectors_are_given());
    for line in recorded {
        let query = line.strip_prefix("GET /mo?").unwrap();

        let contents = account
            .gateway
            .contents(&fixtures::call(query, &[], ""))
            .unwrap();

        let fields = wire::form(query.as_bytes());
        let message = &contents.inbound[0];
        assert_eq!(
            Some(message.from),
            field(&fields, "q").and_then(wire::number),
            "{line}"
        );
        assert_eq!(Some(&*message.to), field(&fields, "Q"), "{line}");
        if field(&fields, "charset") == Some("UTF-8") {
            assert_eq!(Some(&*message.text), field(&fields, "b"), "{line}");
        }
        assert!(message.at.is_some(), "{line}");
    }
    let utf16 = "from=%2B15557770001&to=1008&text=%04%1F%D8%3D%DE%00&charset=UTF-16BE&coding=2";
    let contents = account.gateway.contents(&fixtures::call(utf16, &[], ""));
    assert_eq!(contents.unwrap().inbound[0].text, "П😀");
}

#[test]
fn a_message_is_worded_as_the_documentation_has_it() {
    let account = of(&config());
    let message = outgoing();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "http://127.0.0.1:13013/cgi-bin/sendsms");
    assert_eq!(&request.body()[..], b"Hello");
    let url = format!("{}&type=%d&reply=%A&fid=%F&from=%p&ts=%T", message.callback);
    for (name, expected) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-kannel-username", "tester"),
        ("x-kannel-password", "s3cret password"),
        ("x-kannel-to", "447700900123"),
        ("x-kannel-from", "ACME"),
        ("x-kannel-coding", "0"),
        ("x-kannel-validity", "60"),
        ("x-kannel-dlr-mask", "31"),
        ("x-kannel-dlr-url", &url),
    ] {
        assert_eq!(request.headers()[name], expected, "{name}");
    }
    assert!(!request.headers().contains_key("x-kannel-smsc"));
}

#[test]
fn settings_change_the_request() {
    let config = json!({
        "base_url": "https://sms.example.net",
        "path": "/send",
        "username": "tester",
        "smsc": "carrier",
        "plus": true,
    });
    let account = of(&config);
    let message = Outgoing {
        sender: None,
        text: "Привет".to_owned(),
        expires_at: now(),
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    assert_eq!(request.uri(), "https://sms.example.net/send");
    assert_eq!(&request.body()[..], "Привет".as_bytes());
    for (name, expected) in [
        ("x-kannel-to", "+447700900123"),
        ("x-kannel-coding", "2"),
        ("x-kannel-validity", "1"),
        ("x-kannel-smsc", "carrier"),
    ] {
        assert_eq!(request.headers()[name], expected, "{name}");
    }
    assert!(!request.headers().contains_key("x-kannel-from"));
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"base_url": "ftp://kannel", "path": "send", "username": "tester"});
    let opened = GatewayKind::Kannel.open(&config);

    let problems = opened
        .unwrap()
        .validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = ["/config/base_url", "/config/path", "/credentials/password"];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Kannel.open(&Value::Null).is_err());
}
