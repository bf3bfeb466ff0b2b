//! ClickSend's recorded documents, and what our requests look like.

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, attempt, call, key, now, outgoing},
    recorded,
};

fn account() -> GatewayAccount {
    let credentials = json!({"api_key": format!("{SECRET} key")});
    fixtures::account(
        GatewayKind::Clicksend,
        &json!({"username": "acme"}),
        &credentials,
    )
}

fn of_slot(slot: u8) -> Outgoing {
    let mut attempt = attempt();
    attempt.message.slot = slot;
    let gateway = "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    Outgoing {
        claim: crate::callback::Claim::new(&key(), gateway, attempt),
        ..outgoing()
    }
}

pub(crate) fn sample() -> Sample {
    let body = "message_id=BF7AD270&status_code=201&custom_string=x";
    let call = call("", &[("content-type", wire::FORM)], body);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: account(),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("clicksend", &account());
    recorded::calls("clicksend", &account());
}

#[test]
fn every_word_of_the_status_map_is_in_its_table() {
    let map = recorded::status_map("clicksend");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (status, expected) in map["send_status"].as_object().unwrap() {
        let expected = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(class(status), expected, "{status}");
    }
    assert_eq!((word("400"), class("WEIRD")), (None, None));
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let bob = Outgoing {
        text: "Hello Bob".to_owned(),
        sender: None,
        ..of_slot(2)
    };
    let messages = [of_slot(1), bob];

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://rest.clicksend.com/v3/sms/send");
    // `acme:s3cret key`
    assert_eq!(
        request.headers()["authorization"],
        "Basic YWNtZTpzM2NyZXQga2V5"
    );
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let claims = messages.map(|message| message.claim.to_string());
    let expected = json!({"messages": [
        {"to": "+447700900123", "from": "ACME", "body": "Hello", "custom_string": claims[0], "source": "carillon"},
        {"to": "+447700900123", "body": "Hello Bob", "custom_string": claims[1], "source": "carillon"},
    ]});
    assert_eq!(body, expected);
    assert!(claims[0].len() <= 50, "what a custom string may hold");
}

#[test]
fn each_message_has_its_own_outcome() {
    let messages = [1, 2, 3].map(of_slot);
    let claim = |index: usize| messages[index].claim.to_string();
    let body = json!({"http_code": 200, "data": {"messages": [
        {"custom_string": claim(2), "status": "SOMETHING_NEW"},
        {"custom_string": claim(0), "status": "SUCCESS", "message_id": "BF7AD270"},
    ]}});

    let outcomes = account()
        .gateway
        .outcomes(&messages, &answer(200, &[], &body.to_string()));

    let provider_id = Some("BF7AD270".to_owned());
    let expected = [
        Outcome::Accepted { provider_id },
        Outcome::Doubt,
        Outcome::Refused(ErrorClass::Unknown.reason()),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn a_report_by_any_way_is_of_the_message_that_it_carries() {
    let claim = outgoing().claim;
    let form = format!("status_code=301&error_code=&custom_string={claim}&timestamp=1436871260");
    let document =
        json!({"status_code": 301, "custom_string": claim.to_string(), "timestamp": 1_436_871_260});
    for (name, call) in [
        ("a form", call("", &[], form.clone())),
        ("a query", call(&form, &[], "")),
        ("a document", call("", &[], document.to_string())),
    ] {
        let contents = account().gateway.contents(&call).unwrap();

        let report = &contents.receipts[0];
        assert_eq!(
            report.reference,
            Reference::Claimed(claim.clone()),
            "{name}"
        );
        assert_eq!(
            (report.word, report.reason),
            (ReportWord::Failed, None),
            "{name}"
        );
        assert_eq!(report.at, seconds("1436871260"), "{name}");
    }
}

#[test]
fn a_login_is_checked_where_there_is_one() {
    let credentials = json!({"api_key": "x", "callback_login": "user:pass"});
    let account = fixtures::account(
        GatewayKind::Clicksend,
        &json!({"username": "a"}),
        &credentials,
    );

    let bare = account
        .gateway
        .authenticate(&account, &call("", &[], ""), now());

    assert_eq!(bare, Err(Forged::Missing));
}

#[test]
fn what_is_missing_is_named() {
    let opened = GatewayKind::Clicksend.open(&json!({"username": "acme", "base_url": "x"}));

    let problems = opened
        .unwrap()
        .validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, ["/config/base_url", "/credentials/api_key"]);
    assert!(GatewayKind::Clicksend.open(&Value::Null).is_err());
}
