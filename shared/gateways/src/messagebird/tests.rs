//! MessageBird's recorded documents, its libraries' signatures, and what our requests look like.

use aws_lc_rs::digest;
use jiff::SignedDuration;

use super::{
    sign::{OLD_SIGNATURE, OLD_TIMESTAMP, SIGNATURE},
    *,
};
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing, vectors},
    jwt::tests::hmac_token,
    recorded,
};

fn of(config: &Value, signing_key: &str) -> GatewayAccount {
    let credentials = json!({"access_key": format!("{SECRET} access"), "signing_key": signing_key});
    fixtures::account(GatewayKind::Messagebird, config, &credentials)
}

fn account() -> GatewayAccount {
    of(&Value::Null, &format!("{SECRET} signing"))
}

fn hash(bytes: &[u8]) -> String {
    fixtures::hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let body = "id=e8077d80&recipient=447700900123&status=delivered";
    let mut call = call("", &[("content-type", wire::FORM)], body);
    let url = format!("{}{}", account.hooks_url, call.path_and_query);
    let claims = json!({
        "iss": "MessageBird",
        "nbf": now().as_second(),
        "exp": now().as_second() + 60,
        "url_hash": hash(url.as_bytes()),
        "payload_hash": hash(body.as_bytes()),
    });
    let key = account.credentials.get("signing_key").unwrap();
    let token = hmac_token(&json!({"alg": "HS256"}), &claims, key);
    call.headers.insert(SIGNATURE, token.parse().unwrap());
    let words = vec![ReportWord::Delivered];
    Sample {
        account,
        call: Some(GenuineCall {
            call,
            at: now(),
            words,
        }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("messagebird", &account());
    recorded::calls("messagebird", &account());
}

#[test]
fn what_its_own_libraries_sign_is_believed() {
    let config = json!({"old_signatures": true});
    recorded::signatures("messagebird", |signature| {
        Some(of(&config, signature.secret.as_deref()?))
    });
}

#[derive(Deserialize)]
struct ReferenceSignature {
    name: String,
    method: String,
    secret: Option<String>,
    url: String,
    payload: Option<String>,
    timestamp: Timestamp,
    token: String,
    valid: bool,
}

#[test]
fn the_reference_signatures_are_judged_as_published() {
    let all: Vec<ReferenceSignature> = vectors("messagebird-jwt-reference.json");
    assert!(!all.is_empty());
    for reference in all {
        let mut account = of(&Value::Null, reference.secret.as_deref().unwrap_or("none"));
        account.hooks_url.clear();
        let headers = [(SIGNATURE, &*reference.token)];
        let mut call = call("", &headers, reference.payload.unwrap_or_default());
        call.path_and_query = reference.url;

        let believed = account
            .gateway
            .authenticate(&account, &call, reference.timestamp);

        let name = format!("{} {}", reference.method, reference.name);
        assert_eq!(believed.is_ok(), reference.valid, "{name}: {believed:?}");
    }
}

#[test]
fn a_token_counts_for_its_minute() {
    let Sample { account, call } = sample();
    let call = call.unwrap().call;
    for (name, after, expected) in [
        ("a slow clock", -5, Ok(())),
        ("before", -6, Err(Forged::Stale)),
        ("the end, and a fast clock", 65, Ok(())),
        ("after", 66, Err(Forged::Stale)),
    ] {
        let now = now() + SignedDuration::from_secs(after);

        let believed = account.gateway.authenticate(&account, &call, now);

        assert_eq!(believed, expected, "{name}");
    }
}

#[test]
fn the_old_signature_counts_only_where_it_is_asked_for() {
    let call = call(
        "",
        &[(OLD_SIGNATURE, "AA=="), (OLD_TIMESTAMP, "1544544948")],
        "",
    );

    let usual = account();
    assert_eq!(
        usual.gateway.authenticate(&usual, &call, now()),
        Err(Forged::Missing)
    );
    let old = of(&json!({"old_signatures": true}), "x");
    assert_eq!(
        old.gateway.authenticate(&old, &call, now()),
        Err(Forged::Wrong)
    );
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("messagebird");

    for (status, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&status), expected, "{status}");
    }
    for (code, expected) in recorded::classes(&map["api_errors"]) {
        assert_eq!(class(code.parse().unwrap(), ""), expected, "{code}");
    }
    for (reason, expected) in map["status_reasons"].as_object().unwrap() {
        let expected = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(class_of_reason(reason), expected, "{reason}");
    }
    assert_eq!((word("weird"), class(1, "")), (None, None));
}

#[test]
fn messages_are_worded_as_the_documentation_has_it() {
    let account = account();
    let messages = ["31612345678", "31612345679"].map(|number| Outgoing {
        to: wire::number(number).unwrap(),
        ..outgoing()
    });

    let request = account.gateway.request(&account, &messages, now());

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://rest.messagebird.com/messages");
    assert_eq!(
        request.headers()["authorization"],
        "AccessKey s3cret access"
    );
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "originator": "ACME",
        "recipients": ["31612345678", "31612345679"],
        "body": "Hello",
        "reference": messages[0].claim.to_string(),
        "reportUrl": messages[0].callback,
        "validity": 3600,
        "datacoding": "auto",
    });
    assert_eq!(body, expected);
}

#[test]
fn each_recipient_has_its_own_outcome() {
    let messages = ["31612345678", "31612345679", "31612345670"].map(|number| Outgoing {
        to: wire::number(number).unwrap(),
        ..outgoing()
    });
    let items = json!([
        {"recipient": 31_612_345_670_u64, "status": "delivery_failed", "statusReason": "opted out"},
        {"recipient": 31_612_345_678_u64, "status": "sent"},
    ]);
    let body = json!({"id": "e8077d80", "recipients": {"items": items}}).to_string();

    let outcomes = account()
        .gateway
        .outcomes(&messages, &answer(201, &[], &body));

    let provider_id = Some("e8077d80/31612345678".to_owned());
    let expected = [
        Outcome::Accepted { provider_id },
        Outcome::Doubt,
        Outcome::Refused(Reason::OptedOut),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn a_report_is_of_the_request_that_we_gave_our_reference() {
    let claim = outgoing().claim;
    let query = format!("reference={claim}&id=e8&recipient=31612345678&status=delivery_failed");

    let contents = account().gateway.contents(&call(&query, &[], "")).unwrap();

    let report = &contents.receipts[0];
    assert_eq!(report.reference, Reference::Claimed(claim));
    assert_eq!(report.to, wire::number("31612345678"));
    assert_eq!(report.reason, None);
}

#[test]
fn what_is_missing_is_named() {
    let opened = GatewayKind::Messagebird.open(&json!({"recipients_per_request": 0}));

    let problems = opened
        .unwrap()
        .validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/config/recipients_per_request",
        "/credentials/access_key",
        "/credentials/signing_key",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::Messagebird.open(&json!({"url": "x"})).is_err());
}
