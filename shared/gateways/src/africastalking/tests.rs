//! Africa's Talking's recorded documents, and what our requests look like.

use serde_json::json;

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing},
    recorded,
};

fn account() -> GatewayAccount {
    let credentials = json!({"api_key": format!("{SECRET} key")});
    fixtures::account(
        GatewayKind::Africastalking,
        &json!({"username": "acme"}),
        &credentials,
    )
}

pub(crate) fn sample() -> Sample {
    let body = "id=ATPid_1&status=Success&phoneNumber=%2B447700900123";
    let call = call("", &[("content-type", wire::FORM)], body);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: account(),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("africastalking", &account());
    recorded::calls("africastalking", &account());
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("africastalking");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    let codes = &map["recipient_status_codes"];
    for (code, expected) in recorded::classes(codes) {
        assert_eq!(class(code.parse().unwrap()), expected, "{code}");
    }
    for code in codes.as_array().unwrap() {
        let name = code["text"].as_str().unwrap();
        let expected: Option<ErrorClass> = serde_json::from_value(code["class"].clone()).unwrap();
        assert_eq!(class_of_name(name), expected, "{name}");
    }
    for (reason, expected) in map["failure_reasons"].as_object().unwrap() {
        let expected = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(class_of_failure(reason), expected, "{reason}");
    }
    assert_eq!((word("Weird"), class(499)), (None, None));
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let messages = ["254711000001", "254711000002"].map(|number| Outgoing {
        to: wire::number(number).unwrap(),
        ..outgoing()
    });

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://api.africastalking.com/version1/messaging"
    );
    assert_eq!(request.headers()["apiKey"], "s3cret key");
    assert_eq!(request.headers()["accept"], "application/json");
    let body = str::from_utf8(request.body()).unwrap();
    let expected = "username=acme&to=%2B254711000001%2C%2B254711000002&message=Hello&from=ACME&bulkSMSMode=1&enqueue=1";
    assert_eq!(body, expected);
}

#[test]
fn each_recipient_has_its_own_outcome() {
    let messages = ["254711000001", "254711000002", "254711000003"].map(|number| Outgoing {
        to: wire::number(number).unwrap(),
        ..outgoing()
    });
    let accepted = |id: Option<&str>| Outcome::Accepted {
        provider_id: id.map(str::to_owned),
    };
    for (name, recipients, message, expected) in [
        (
            "in any order, one left out",
            json!([
                {"statusCode": 999, "number": "+254711000003", "status": "UserInBlacklist", "messageId": "None"},
                {"statusCode": 102, "number": "+254711000001", "status": "Queued", "messageId": "ATXid_1"},
            ]),
            "Sent to 1/3",
            [
                accepted(Some("ATXid_1")),
                Outcome::Doubt,
                Outcome::Refused(ErrorClass::OptedOut.reason()),
            ],
        ),
        (
            "a sender that is not ours",
            json!([]),
            "InvalidSenderId",
            [const { Outcome::Refused(ErrorClass::SenderConfig.reason()) }; 3],
        ),
        (
            "no id",
            json!([
                {"statusCode": 101, "number": "+254711000001", "messageId": "None"},
                {"statusCode": 101, "number": "+254711000002"},
                {"statusCode": 101, "number": "+254711000003", "messageId": ""},
            ]),
            "Sent to 3/3",
            [const { Outcome::Accepted { provider_id: None } }; 3],
        ),
        (
            "nobody",
            json!([]),
            "Sent to 0/3",
            [const { Outcome::Doubt }; 3],
        ),
    ] {
        let body = json!({"SMSMessageData": {"Message": message, "Recipients": recipients}});

        let outcomes = account()
            .gateway
            .outcomes(&messages, &answer(201, &[], &body.to_string()));

        assert_eq!(outcomes, expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_with_the_gateways_id() {
    let body = "id=ATPid_1&status=Failed&failureReason=SomethingNew";

    let contents = account().gateway.contents(&call("", &[], body)).unwrap();

    let report = &contents.receipts[0];
    assert_eq!(
        report.reference,
        Reference::ProviderId("ATPid_1".to_owned())
    );
    assert_eq!(report.reason, Some(ErrorClass::Unknown.reason()));
    assert_eq!(contents.strange, [Strange::error("SomethingNew")]);
    assert!(!account().gateway.capabilities().echoes_our_id);
}

#[test]
fn a_login_is_checked_where_there_is_one() {
    let credentials = json!({"api_key": "x", "callback_login": "user:pass"});
    let config = json!({"username": "acme"});
    let account = fixtures::account(GatewayKind::Africastalking, &config, &credentials);

    let bare = account
        .gateway
        .authenticate(&account, &call("", &[], ""), now());

    assert_eq!(bare, Err(Forged::Missing));
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({"username": "acme", "recipients_per_request": 0});
    let opened = GatewayKind::Africastalking.open(&config).unwrap();

    let problems = opened.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    assert_eq!(
        pointers,
        ["/config/recipients_per_request", "/credentials/api_key"]
    );
    assert!(GatewayKind::Africastalking.open(&Value::Null).is_err());
}
