//! Vonage's recorded documents of the Messages API, its libraries' tokens, and what our requests look like.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use jiff::SignedDuration;

use super::*;
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing},
    jwt::tests::hmac_token,
    recorded,
};

fn of(config: &Value, credentials: &Value) -> GatewayAccount {
    fixtures::account(GatewayKind::VonageMessages, config, credentials)
}

fn account() -> GatewayAccount {
    let credentials = json!({
        "api_secret": format!("{SECRET} api"),
        "signature_secret": format!("{SECRET} signature"),
    });
    of(&json!({"api_key": "abcd1234"}), &credentials)
}

fn signed(account: &GatewayAccount, query: &str, body: &str) -> WebhookCall {
    let hash = digest(&SHA256, body.as_bytes());
    let hash = fixtures::hex(hash.as_ref());
    let claims = json!({"iat": now().as_second(), "iss": "Vonage", "payload_hash": hash});
    let secret = account.credentials.get("signature_secret").unwrap();
    let token = hmac_token(&json!({"alg": "HS256"}), &claims, secret);
    let token = format!("Bearer {token}");
    call(query, &[("authorization", &token)], body.to_owned())
}

pub(crate) fn sample() -> Sample {
    let account = account();
    let body = r#"{"message_uuid":"a-1","to":"447700900123","status":"delivered"}"#;
    let mut call = signed(&account, "", body);
    let token = call.headers.get_mut("authorization").unwrap();
    token.set_sensitive(true);
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account,
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("vonage_messages", &account());
    recorded::calls("vonage_messages", &account());
}

#[test]
fn what_its_own_libraries_sign_is_believed() {
    recorded::signatures("vonage_messages", |signature| {
        let credentials = json!({"api_secret": "x", "signature_secret": signature.secret});
        Some(of(&json!({"api_key": "abcd1234"}), &credentials))
    });
}

#[test]
fn every_word_and_every_code_is_in_its_table() {
    let map = recorded::status_map("vonage_messages");

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
    assert_eq!(request.uri(), "https://api.nexmo.com/v1/messages");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["accept"], "application/json");
    let login = fixtures::base64(format!("abcd1234:{SECRET} api").as_bytes());
    assert_eq!(
        request.headers()["authorization"],
        format!("Basic {login}").as_str()
    );
    let sent: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "message_type": "text",
        "channel": "sms",
        "to": "447700900123",
        "from": "ACME",
        "text": "Hello",
        "client_ref": message.claim.to_string(),
        "ttl": 3600,
        "webhook_url": message.callback,
        "webhook_version": "v1",
        "sms": {"encoding_type": "auto"},
    });
    assert_eq!(sent, expected);
}

#[test]
fn an_application_calls_with_a_token() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der = key.as_der().unwrap();
    let lines = fixtures::base64(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    let credentials = json!({"private_key": pem, "signature_secret": "x"});
    let account = of(&json!({"application_id": "app"}), &credentials);

    let request = account.gateway.request(&account, &[outgoing()], now());

    let header = &request.headers()["authorization"];
    assert!(header.is_sensitive());
    let token = header.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = format!("{claims}{}", "=".repeat((4 - claims.len() % 4) % 4));
    let claims = claims.replace('-', "+").replace('_', "/");
    let claims: Value = serde_json::from_slice(&signature::base64(&claims).unwrap()).unwrap();
    assert_eq!(claims["application_id"], "app");
    assert_eq!(claims["iat"], now().as_second());
    assert_eq!(claims["exp"], now().as_second() + 900);
    assert!(claims["jti"].as_str().unwrap().starts_with("msg_"));
}

#[test]
fn an_answer_says_what_became_of_the_message() {
    let problem = |code: &str| json!({"type": format!("https://developer.vonage.com/api-errors/messages#{code}")});
    let after = Some(SignedDuration::from_secs(7));
    for (name, status, body, expected) in [
        (
            "accepted",
            202,
            json!({"message_uuid": "a"}),
            Outcome::Accepted {
                provider_id: Some("a".to_owned()),
            },
        ),
        ("no id", 202, json!({}), Outcome::Doubt),
        (
            "throttled",
            429,
            problem("1000"),
            Outcome::Throttled { after },
        ),
        (
            "a number that can't be",
            422,
            problem("1170"),
            Outcome::Refused(ErrorClass::InvalidNumber.reason()),
        ),
        (
            "no credit",
            402,
            problem("low-balance"),
            Outcome::AccountTrouble(ErrorClass::Funds.reason()),
        ),
        ("a fault", 500, problem("1030"), Outcome::Doubt),
        (
            "a code nobody knows",
            422,
            problem("9999"),
            Outcome::Refused(ErrorClass::BadRequest.reason()),
        ),
    ] {
        let answer = answer(status, &[("retry-after", "7")], &body.to_string());
        assert_eq!(outcome(&answer), expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_whose_claim_it_carries() {
    let account = account();
    let claim = outgoing().claim;
    let body = json!({
        "message_uuid": "a-1",
        "to": "447700900123",
        "status": "rejected",
        "error": {"title": "1360"},
        "client_ref": claim.to_string(),
        "timestamp": "2025-02-03T12:14:25Z",
    });

    let contents = account.gateway.contents(&call("", &[], body.to_string()));

    let report = &contents.unwrap().receipts[0];
    assert_eq!(report.reference, Reference::Claimed(claim));
    assert_eq!(report.word, ReportWord::Expired);
    assert_eq!(report.at, Some("2025-02-03T12:14:25Z".parse().unwrap()));
}

#[test]
fn an_old_call_is_refused() {
    let account = account();
    let call = signed(&account, "", "{}");
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
    let problems = |config: Value, credentials: Value| {
        let gateway = GatewayKind::VonageMessages.open(&config).unwrap();
        let credentials = serde_json::from_value(credentials).unwrap();
        let problems = gateway.validate(&credentials, &AllowedHosts::default());
        problems
            .into_iter()
            .map(|it| it.pointer)
            .collect::<Vec<_>>()
    };
    let signature = "/credentials/signature_secret";

    for (config, credentials, expected) in [
        (json!({}), json!({}), ["/config/api_key", signature]),
        (
            json!({"api_key": "k"}),
            json!({}),
            ["/credentials/api_secret", signature],
        ),
        (
            json!({"application_id": "a"}),
            json!({}),
            ["/credentials/private_key", signature],
        ),
        (
            json!({"application_id": "a"}),
            json!({"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA"}),
            ["/credentials/private_key", signature],
        ),
    ] {
        assert_eq!(problems(config, credentials), expected);
    }
}
