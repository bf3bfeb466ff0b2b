//! Infobip's recorded documents, and what our requests look like.

use carillon_core::{phone::Phone, report::ReportWord};

use super::*;
use crate::{
    GatewayKind,
    callback::{Attempt, Claim},
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, key, now, outgoing},
    recorded,
};

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::Infobip, config, credentials)
}

fn account() -> GatewayAccount {
    let config = json!({"base_url": "https://xxxxx.api.infobip.com"});
    of(&config, &json!({"api_key": SECRET}))
}

fn reported(group: u32, id: u32, error: &Value) -> Value {
    json!({
        "messageId": outgoing().claim.to_string(),
        "to": "447700900123",
        "doneAt": "2019-11-09T16:00:00.000+0100",
        "status": {"groupId": group, "id": id, "name": "A_STATUS"},
        "error": error,
    })
}

fn results(items: &[Value]) -> WebhookCall {
    let body = json!({"results": items}).to_string();
    call("", &[("content-type", "application/json")], body)
}

pub(crate) fn sample() -> Sample {
    let items = [
        reported(3, 5, &Value::Null),
        reported(9, 999, &Value::Null),
        reported(4, 15, &Value::Null),
    ];
    let call = results(&items);
    let words = vec![ReportWord::Delivered, ReportWord::Expired];
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
    recorded::answers("infobip", &account());
    recorded::calls("infobip", &account());
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("infobip");

    for (id, expected) in recorded::classes(&map["statuses"]) {
        assert_eq!(codes::of_status(id.parse().unwrap()), expected, "{id}");
    }
    for (id, expected) in recorded::classes(&map["errors"]) {
        assert_eq!(codes::of_error(id.parse().unwrap()), expected, "{id}");
    }
    for status in map["statuses"].as_array().unwrap() {
        let word = codes::word(wire::code(&status["groupId"]), wire::code(&status["id"]));
        assert_eq!(json!(word), status["canonical"], "{status}");
    }
    for (group, expected) in map["map_group"].as_object().unwrap() {
        let word = codes::word(group.parse().ok(), None);
        let expected = expected.as_str().unwrap().split(' ').next();
        assert_eq!(json!(word).as_str(), expected, "{group}");
    }
}

/// Two messages, to two numbers.
fn two() -> [Outgoing; 2] {
    let attempt: Attempt = "msg_00000000000000000000000001000502.1".parse().unwrap();
    let claim = Claim::new(&key(), account().id, attempt);
    let second = Outgoing {
        claim,
        to: Phone::from_e164("+447700900124").unwrap(),
        text: "Hi".to_owned(),
        sender: None,
        ..outgoing()
    };
    [outgoing(), second]
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let messages = two();

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://xxxxx.api.infobip.com/sms/3/messages"
    );
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(
        request.headers()["authorization"],
        format!("App {SECRET}").as_str()
    );
    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    let claims = messages.each_ref().map(|it| it.claim.to_string());
    let rest = |claim: &str| {
        let validity = json!({"validityPeriod": {"amount": 3600, "timeUnit": "SECONDS"}});
        let webhooks = json!({
            "delivery": {"url": "https://hooks.example.com/hooks/generic/token"},
            "contentType": "application/json",
            "callbackData": claim,
        });
        (validity, webhooks)
    };
    let (options, webhooks) = rest(&claims[0]);
    let first = json!({
        "sender": "ACME",
        "destinations": [{"to": "447700900123", "messageId": claims[0]}],
        "content": {"text": "Hello"},
        "options": options,
        "webhooks": webhooks,
    });
    let (options, webhooks) = rest(&claims[1]);
    let second = json!({
        "destinations": [{"to": "447700900124", "messageId": claims[1]}],
        "content": {"text": "Hi"},
        "options": options,
        "webhooks": webhooks,
    });
    assert_eq!(sent, json!({"messages": [first, second]}));
}

#[test]
fn each_message_has_its_own_outcome() {
    let account = account();
    let messages = two();
    let ids = messages.each_ref().map(|it| it.claim.to_string());
    let entry = |id: &str, group: u32, status: u32| json!({"messageId": id, "status": {"groupId": group, "id": status}});
    let accepted = |id: &str| Outcome::Accepted {
        provider_id: Some(id.to_owned()),
    };
    for (name, entries, expected) in [
        (
            "in another order",
            vec![entry(&ids[1], 5, 52), entry(&ids[0], 1, 26)],
            [accepted(&ids[0]), Outcome::Refused(Reason::BadNumber)],
        ),
        (
            "one isn't mentioned",
            vec![entry(&ids[1], 1, 26)],
            [Outcome::Doubt, accepted(&ids[1])],
        ),
        (
            "sent before",
            vec![entry(&ids[0], 5, 23), entry(&ids[1], 1, 26)],
            [accepted(&ids[0]), accepted(&ids[1])],
        ),
        (
            "too many to this number, no credit",
            vec![entry(&ids[0], 5, 20), entry(&ids[1], 5, 12)],
            [
                Outcome::Refused(Reason::Flood),
                Outcome::AccountTrouble(Reason::NoCredit),
            ],
        ),
        (
            "no route, a system error",
            vec![entry(&ids[0], 5, 19), entry(&ids[1], 5, 21)],
            [
                Outcome::Refused(Reason::NoRoute),
                Outcome::Deferred(Reason::Temporary),
            ],
        ),
        (
            "a new code, a new group",
            vec![entry(&ids[0], 5, 999), entry(&ids[1], 9, 1)],
            [Outcome::Refused(Reason::GatewayUnmapped), Outcome::Doubt],
        ),
    ] {
        let answer = answer(200, &[], &json!({"messages": entries}).to_string());
        assert_eq!(
            account.gateway.outcomes(&messages, &answer),
            expected,
            "{name}"
        );
    }
}

#[test]
fn without_our_ids_an_entry_is_found_by_its_number() {
    let account = account();
    let [first, second] = two();
    let messages = [first.clone(), second, first];
    let entry = |id: &str, to: &str| json!({"messageId": id, "destination": to, "status": {"groupId": 1, "id": 26}});
    let entries = [
        entry("a", "447700900123"),
        entry("b", "447700900124"),
        entry("c", "447700900123"),
    ];

    let body = json!({"messages": entries}).to_string();
    let outcomes = account
        .gateway
        .outcomes(&messages, &answer(200, &[], &body));

    let expected = ["a", "b", "c"].map(|id| Outcome::Accepted {
        provider_id: Some(id.to_owned()),
    });
    assert_eq!(outcomes, expected);
}

#[test]
fn a_fault_of_one_message_does_not_fail_the_others() {
    let account = account();
    let body = json!({
        "errorCode": "E400",
        "violations": [{"property": "messages[1].content.text", "violation": "must not be blank"}],
    });

    let outcomes = account
        .gateway
        .outcomes(&two(), &answer(400, &[], &body.to_string()));

    let expected = [
        Outcome::Deferred(Reason::Temporary),
        Outcome::Refused(Reason::BadRequest),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn a_reason_is_of_the_error_else_of_the_status() {
    let error = |id: u32, permanent: bool| json!({"id": id, "permanent": permanent});
    for (name, item, reason, strange) in [
        (
            "the error",
            reported(2, 9, &error(27, false)),
            Some(Reason::Absent),
            0,
        ),
        (
            "the status",
            reported(5, 12, &error(0, false)),
            Some(Reason::NoCredit),
            0,
        ),
        (
            "a new error",
            reported(2, 9, &error(7777, true)),
            Some(Reason::GatewayUnmapped),
            1,
        ),
        (
            "one that passes",
            reported(2, 9, &error(7777, false)),
            Some(Reason::Temporary),
            1,
        ),
        ("no failure", reported(3, 5, &error(27, false)), None, 0),
    ] {
        let contents = account().gateway.contents(&results(&[item])).unwrap();

        assert_eq!(contents.receipts[0].reason, reason, "{name}");
        assert_eq!(contents.strange.len(), strange, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_whose_id_it_carries() {
    let claim = outgoing().claim;
    let mut by_data = reported(3, 5, &Value::Null);
    by_data["messageId"] = "another".into();
    by_data["callbackData"] = claim.to_string().into();
    let mut foreign = reported(3, 5, &Value::Null);
    foreign["messageId"] = "another".into();

    let call = results(&[reported(3, 5, &Value::Null), by_data, foreign]);
    let contents = account().gateway.contents(&call).unwrap();

    let references: Vec<_> = contents.receipts.iter().map(|it| &it.reference).collect();
    let (claimed, foreign) = (
        Reference::Claimed(claim),
        Reference::ProviderId("another".to_owned()),
    );
    assert_eq!(references, [&claimed, &claimed, &foreign]);
    let at = contents.receipts[0].at;
    assert_eq!(at, Some("2019-11-09T15:00:00Z".parse().unwrap()));
}

#[test]
fn a_login_is_asked_for_where_there_is_one() {
    let config = json!({"base_url": "https://xxxxx.api.infobip.com"});
    let guarded = of(
        &config,
        &json!({"api_key": "k", "callback_login": "user:pass"}),
    );
    let bare = results(&[]);

    let authenticate =
        |account: &GatewayAccount| account.gateway.authenticate(account, &bare, now());

    assert_eq!(authenticate(&account()), Ok(()));
    assert_eq!(authenticate(&guarded), Err(Forged::Missing));
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({
        "base_url": "http://infobip.com",
        "messages_per_request": 0,
        "deduplicates_for_minutes": 3000,
    });
    let gateway = GatewayKind::Infobip.open(&config).unwrap();

    let problems = gateway.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/config/base_url",
        "/config/messages_per_request",
        "/config/deduplicates_for_minutes",
        "/credentials/api_key",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Infobip.open(&json!({})).is_err());
}
