use std::time::Duration;

use carillon_core::{
    outcome::{Inquiry, Outcome},
    reason::Reason,
};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{of, simulator};
use crate::{
    CallTimeout, GatewayKind, Reference,
    fixtures::{account, answer, call, now, outgoing, vectors},
};

#[test]
fn the_request_is_what_the_simulator_takes() {
    let account = of(&simulator());
    let message = outgoing();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());

    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "http://127.0.0.1:9900/send");
    assert_eq!(request.headers()["authorization"], "Bearer s3cret token");
    assert_eq!(request.headers()["content-type"], "application/json");
    let timeout = request.extensions().get::<CallTimeout>();
    assert_eq!(timeout, Some(&CallTimeout(Duration::from_secs(10))));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "to": "+447700900123", "from": "ACME", "text": "Hello", "parts": 2,
        "id": "msg_00000000000000000000000001000501.1", "callback": message.callback,
    });
    assert_eq!(body, expected);
}

#[test]
fn each_answer_of_the_simulator_has_its_outcome() {
    let account = of(&simulator());
    let accepted = Outcome::Accepted {
        provider_id: Some("sim-1".to_owned()),
    };
    for (name, status, body, expected) in [
        ("accepted", 200, r#"{"status":"ok","id":"sim-1"}"#, accepted),
        (
            "without its id",
            200,
            r#"{"status":"ok"}"#,
            Outcome::Accepted { provider_id: None },
        ),
        (
            "a bad number",
            400,
            r#"{"status":"error","code":"INVALID_NUMBER"}"#,
            Outcome::Refused(Reason::BadNumber),
        ),
        (
            "a bad request",
            400,
            r#"{"status":"error","code":"BAD_REQUEST"}"#,
            Outcome::Refused(Reason::BadRequest),
        ),
        (
            "a bad token",
            401,
            r#"{"status":"error"}"#,
            Outcome::AccountTrouble(Reason::Auth),
        ),
        (
            "a fault",
            500,
            r#"{"status":"error","code":"INTERNAL"}"#,
            Outcome::Doubt,
        ),
        (
            "a fault that says it is fine",
            500,
            r#"{"status":"ok","id":"sim-1"}"#,
            Outcome::Doubt,
        ),
        (
            "an unknown word",
            200,
            r#"{"status":"maybe"}"#,
            Outcome::Doubt,
        ),
        (
            "cut off",
            200,
            r#"{"status":"ok","id":"sim"#,
            Outcome::Doubt,
        ),
        ("a page", 200, "<html>ok</html>", Outcome::Doubt),
    ] {
        let outcomes = account
            .gateway
            .outcomes(&[outgoing()], &answer(status, &[], body));

        assert_eq!(outcomes, [expected], "{name}");
    }
}

#[test]
fn the_simulator_can_be_asked_by_our_id() {
    let account = of(&simulator());

    let request = account
        .gateway
        .inquire(&account, &outgoing(), now())
        .unwrap();

    assert_eq!(
        request.uri(),
        "http://127.0.0.1:9900/message?id=msg_00000000000000000000000001000501.1"
    );
    for (name, status, body, expected) in [
        (
            "there",
            200,
            r#"{"status":"ok","id":"sim-1","state":"DELIVRD"}"#,
            Inquiry::Known {
                provider_id: Some("sim-1".to_owned()),
            },
        ),
        (
            "not there",
            404,
            r#"{"status":"error","code":"UNKNOWN_MESSAGE"}"#,
            Inquiry::NotFound,
        ),
        (
            "no such page",
            404,
            r#"{"status":"error","code":"NOT_FOUND"}"#,
            Inquiry::Unclear,
        ),
        ("a fault", 500, "", Inquiry::Unclear),
    ] {
        assert_eq!(
            account.gateway.inquired(&answer(status, &[], body)),
            expected,
            "{name}"
        );
    }
    let capabilities = account.gateway.capabilities();
    assert_eq!(
        capabilities.settles_after,
        Some(SignedDuration::from_secs(2))
    );
    assert!(capabilities.echoes_our_id);
}

#[test]
fn a_form_gateway_is_described_as_well() {
    let config = json!({
        "send": {
            "method": "GET",
            "url": "https://sms.example.net/send?to={{to_no_plus|url}}&from={{from|url}}&text={{text|url}}&m={{m|url}}",
            "headers": {"Authorization": "Basic {{secret.token|base64}}"},
            "success": {"body_contains": "0: Accepted"},
            "errors": [{"when": {"status": 403, "body_contains": "Not routable"}, "class": "gateway.no_route"}],
        },
        "dlr": {"id": "query:m", "status": "query:s", "status_map": {"1": "delivered", "2": "undelivered"}},
    });
    let account = of(&config);
    let mut message = outgoing();
    message.text = "50% & more".to_owned();

    let request = account
        .gateway
        .request(&account, std::slice::from_ref(&message), now());
    let report = account
        .gateway
        .contents(&call(&format!("m={}&s=1", message.claim), &[], ""))
        .unwrap();

    let query = format!(
        "to=447700900123&from=ACME&text=50%25%20%26%20more&m={}",
        message.claim
    );
    assert_eq!(request.uri().query(), Some(query.as_str()));
    assert_eq!(
        report.receipts[0].reference,
        Reference::Claimed(message.claim.clone())
    );
    for (name, status, body, expected) in [
        (
            "accepted",
            202,
            "0: Accepted for delivery",
            Outcome::Accepted { provider_id: None },
        ),
        (
            "no route",
            403,
            "Not routable. Do not try again.",
            Outcome::Refused(Reason::NoRoute),
        ),
        (
            "no entry",
            403,
            "Authorization failed",
            Outcome::AccountTrouble(Reason::Auth),
        ),
    ] {
        let outcomes = account
            .gateway
            .outcomes(&[message.clone()], &answer(status, &[], body));
        assert_eq!(outcomes, [expected], "{name}");
    }
}

#[test]
fn a_request_without_messages_goes_nowhere() {
    let account = of(&simulator());

    let request = account.gateway.request(&account, &[], now());

    assert_eq!(request.uri().host(), Some("unwritable.invalid"));
}

#[test]
fn the_recorded_configuration_renders_and_reads_as_recorded() {
    let recorded: Value = vectors("payloads/generic.json");
    let account = account(
        GatewayKind::Generic,
        &recorded["config"],
        &json!({"token": "t", "…": "s"}),
    );
    for case in recorded["send"].as_array().unwrap() {
        let (input, expected) = (&case["input"], case["expect_body"].as_str().unwrap());
        let mut message = outgoing();
        message.to = carillon_core::phone::Phone::from_e164(input["to"].as_str().unwrap()).unwrap();
        message.sender = input["from"].as_str().map(str::to_owned);
        message.text = input["text"].as_str().unwrap().to_owned();
        let recorded: Value = serde_json::from_str(expected).unwrap();
        message.callback = recorded["dlr"].as_str().unwrap().to_owned();

        let request = account
            .gateway
            .request(&account, std::slice::from_ref(&message), now());

        // Its id is not one of ours; everything else is there byte by byte.
        let id = |id: &str| format!("\"ref\":\"{id}\"");
        let expected = expected.replace(
            &id(input["id"].as_str().unwrap()),
            &id(&message.reference()),
        );
        assert_eq!(request.body(), expected.as_bytes(), "{}", case["name"]);
    }
    let accepted = answer(201, &[], r#"{"status":"ok","data":{"id":"x-1"}}"#);
    let outcomes = account.gateway.outcomes(&[outgoing()], &accepted);
    assert_eq!(
        outcomes,
        [Outcome::Accepted {
            provider_id: Some("x-1".to_owned())
        }]
    );
}
