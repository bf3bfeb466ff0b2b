//! What a Jasmin 0.12 answered and called on loopback, and what our requests look like.

use serde_json::json;

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing, vectors},
    recorded,
};

fn account() -> GatewayAccount {
    let config = json!({"base_url": "http://127.0.0.1:1401", "username": "foo"});
    let credentials = json!({"password": format!("{SECRET} password")});
    fixtures::account(GatewayKind::Jasmin, &config, &credentials)
}

pub(crate) fn sample() -> Sample {
    let body = "id=16fd2706&level=2&message_status=DELIVRD";
    let call = call("", &[("content-type", wire::FORM)], body);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: account(),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("jasmin", &account());
    recorded::calls("jasmin", &account());
}

#[test]
fn every_recorded_answer_has_its_outcome() {
    let document: Value = vectors("payloads/jasmin.json");
    for exchange in document["recorded_send"].as_array().unwrap() {
        let name = exchange["name"].as_str().unwrap();
        let body = exchange["body"].as_str().unwrap();
        let status = u16::try_from(exchange["status"].as_u64().unwrap()).unwrap();

        let found = outcome(&answer(status, &[], body));

        let expected = match status {
            200 => {
                assert!(
                    matches!(
                        found,
                        Outcome::Accepted {
                            provider_id: Some(_)
                        }
                    ),
                    "{name}"
                );
                continue;
            }
            403 if name.contains("throughput") => Outcome::Throttled { after: None },
            403 if name.contains("balance") => Outcome::AccountTrouble(ErrorClass::Funds.reason()),
            403 => Outcome::AccountTrouble(ErrorClass::AuthConfig.reason()),
            412 => Outcome::Refused(ErrorClass::Region.reason()),
            _ => Outcome::Refused(ErrorClass::BadRequest.reason()),
        };
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(outcome(&answer(200, &[], "Success \"\"")), Outcome::Doubt);
}

#[test]
fn every_recorded_call_is_a_report() {
    let document: Value = vectors("payloads/jasmin.json");
    for recorded in document["recorded_dlr"].as_array().unwrap() {
        let line = recorded["call"].as_str().unwrap();
        let (_, query) = line.split_once('?').unwrap();
        let body = recorded["body"].as_str().unwrap().to_owned();

        let contents = account().gateway.contents(&call(query, &[], body)).unwrap();

        let report = &contents.receipts[0];
        let id = report.provider_id.clone().unwrap();
        assert_eq!(report.reference, Reference::ProviderId(id), "{line}");
        assert_eq!(contents.strange, [], "{line}");
    }
}

#[test]
fn every_word_of_the_status_map_is_in_its_table() {
    for (status, expected) in recorded::words(&recorded::status_map("jasmin")["map"]) {
        let status = status.replace("*(other)", "RSYSERR");
        assert_eq!(word(&status), expected, "{status}");
    }
    assert_eq!(word("delivered"), None);
}

#[test]
fn a_message_is_worded_as_the_documentation_has_it() {
    let account = account();
    let message = outgoing();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "http://127.0.0.1:1401/send");
    let fields = wire::form(request.body());
    let expected = [
        ("username", "foo"),
        ("password", "s3cret password"),
        ("to", "447700900123"),
        ("from", "ACME"),
        ("coding", "0"),
        ("content", "Hello"),
        ("validity-period", "60"),
        ("dlr", "yes"),
        ("dlr-url", &message.callback),
        ("dlr-level", "3"),
        ("dlr-method", "POST"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields, expected);
}

#[test]
fn a_text_that_jasmin_would_garble_goes_as_utf_16() {
    let a = |times| "a".repeat(times);
    for (name, text, coding) in [
        ("short", a(1), "0"),
        ("one part with an escape", format!("{}€", a(158)), "0"),
        ("two parts", a(161), "0"),
        (
            "an escape before the end of a part",
            format!("{}€{}", a(151), a(20)),
            "0",
        ),
        (
            "an escape at the end of a part",
            format!("{}€{}", a(152), a(20)),
            "8",
        ),
        (
            "an escape in the third part",
            format!("{}€{}", a(305), a(20)),
            "8",
        ),
        ("outside the alphabet", "Привет 😀".to_owned(), "8"),
    ] {
        let message = Outgoing { text, ..outgoing() };

        let request = account().gateway.request(&account(), &[message], now());

        let fields = wire::form(request.body());
        assert_eq!(field(&fields, "coding"), Some(coding), "{name}");
        let content = field(&fields, "hex-content").is_some();
        assert_eq!(content, coding == "8", "{name}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"base_url": "http://sms.example.net", "username": "foo"});
    let opened = GatewayKind::Jasmin.open(&config);

    let problems = opened
        .unwrap()
        .validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, ["/config/base_url", "/credentials/password"]);
    assert!(
        GatewayKind::Jasmin
            .open(&json!({"username": "foo"}))
            .is_err()
    );
}
