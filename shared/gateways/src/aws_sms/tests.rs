//! The service's recorded documents, what SNS and botocore sign, and what our requests look like.

use super::{
    events::{class_of_event, word},
    *,
};
use crate::{
    GatewayKind, Reference,
    conformance::{GenuineCall, Sample},
    fixtures::{self, SECRET, answer, call, now, outgoing, vectors},
    recorded::{self, Signature},
};

fn of(config: &Value, login: Option<&str>) -> GatewayAccount {
    let mut credentials = json!({"secret_access_key": format!("{SECRET} key")});
    if let Some(login) = login {
        credentials["callback_login"] = login.into();
    }
    let mut whole = json!({"region": "us-east-1", "access_key_id": "AKIDEXAMPLE"});
    for (name, value) in config.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    fixtures::account(GatewayKind::AwsSms, &whole, &credentials)
}

fn account() -> GatewayAccount {
    of(&Value::Null, None)
}

pub(crate) fn sample() -> Sample {
    let detail = json!({"eventType": "TEXT_DELIVERED", "isFinal": true, "messageId": "862a8790"});
    let event = json!({"source": "aws.sms-voice", "detail": detail});
    let call = call("", &[], event.to_string());
    let (at, words) = (now(), vec![ReportWord::Delivered]);
    Sample {
        account: account(),
        call: Some(GenuineCall { call, at, words }),
    }
}

#[test]
fn the_recorded_documents_are_understood() {
    recorded::answers("aws_eum_sms", &account());
    recorded::calls("aws_eum_sms", &account());
}

/// Of the topic that a recorded message of SNS is from, with the certificate that is recorded with it.
fn of_message(signature: &Signature) -> Option<GatewayAccount> {
    let certificate = signature.cert_pem.as_deref()?;
    let body: Value = serde_json::from_str(signature.body.as_deref()?).unwrap();
    let config = json!({
        "reports_by": "sns",
        "topic_arns": ["arn:aws:sns:us-east-1:123456789012:sms-inbound", body["TopicArn"]],
        "sns_certificates": [certificate],
    });
    Some(of(&config, None))
}

#[test]
fn what_sns_signs_is_believed() {
    recorded::signatures("aws_eum_sms", of_message);
}

/// A message of SNS as recorded, and the account that believes it.
fn notification() -> (GatewayAccount, WebhookCall, Timestamp) {
    let recorded = recorded::genuine("aws_eum_sms", |name| name.starts_with("Notification"));
    let account = of_message(&recorded).unwrap();
    (
        account,
        call("", &[], recorded.body.clone().unwrap()),
        recorded.at(),
    )
}

#[test]
fn every_signed_byte_of_a_message_of_sns_counts() {
    let (account, call, at) = notification();
    let believed = |call: &WebhookCall, at| account.gateway.authenticate(&account, call, at);
    assert_eq!(believed(&call, at), Ok(()));

    let document: Value = serde_json::from_slice(&call.body).unwrap();
    for name in [
        "Message",
        "MessageId",
        "Timestamp",
        "TopicArn",
        "Type",
        "Signature",
    ] {
        let value = document[name].as_str().unwrap();
        for (index, character) in value.char_indices() {
            let other = if character == 'x' { "y" } else { "x" };
            let mut changed = document.clone();
            let end = index + character.len_utf8();
            changed[name] = format!("{}{other}{}", &value[..index], &value[end..]).into();
            let mut call = call.clone();
            call.body = changed.to_string().into();

            assert!(believed(&call, at).is_err(), "{name} {index}");
        }
    }
    let late = at + jiff::SignedDuration::from_hours(25);
    assert_eq!(believed(&call, late), Err(Forged::Stale));
    let bare = fixtures::call("", &[], "{}");
    assert_eq!(believed(&bare, at), Err(Forged::Missing));
}

#[test]
fn a_topic_of_somebody_else_is_not_believed() {
    let (_, call, at) = notification();
    let certificate = recorded::genuine("aws_eum_sms", |name| name.starts_with("Notification"));
    let certificates = json!([certificate.cert_pem]);
    for (name, topics, certificates, expected) in [
        (
            "another's topic",
            json!(["arn:aws:sns:us-east-1:1:x"]),
            certificates.clone(),
            Forged::Wrong,
        ),
        ("no topics", json!([]), certificates, Forged::Wrong),
        ("no certificate", json!([]), json!([]), Forged::NoSecret),
    ] {
        let config = json!({"topic_arns": topics, "sns_certificates": certificates});
        let account = of(&config, None);

        let believed = account.gateway.authenticate(&account, &call, at);

        assert_eq!(believed, Err(expected), "{name}");
    }
}

#[test]
fn a_subscription_asks_to_be_confirmed() {
    let recorded = recorded::genuine("aws_eum_sms", |name| name.starts_with("Subscription"));
    let body = recorded.body.unwrap();
    let document: Value = serde_json::from_str(&body).unwrap();

    let contents = account().gateway.contents(&call("", &[], body)).unwrap();

    let url = document["SubscribeURL"].as_str().unwrap().to_owned();
    assert_eq!(contents.strange, [Strange::Unconfirmed(url)]);
}

#[test]
fn by_event_bridge_a_login_is_checked_where_there_is_one() {
    let Sample { account, call } = sample();
    let call = call.unwrap().call;
    assert_eq!(account.gateway.authenticate(&account, &call, now()), Ok(()));

    let account = of(&Value::Null, Some("user:pass"));
    let mut known = call.clone();
    let login = "Basic dXNlcjpwYXNz".parse().unwrap();
    known.headers.insert("authorization", login);

    assert_eq!(
        account.gateway.authenticate(&account, &known, now()),
        Ok(())
    );
    let bare = account.gateway.authenticate(&account, &call, now());
    assert_eq!(bare, Err(Forged::Missing));
}

#[test]
fn a_request_is_signed_as_botocore_signs_it() {
    let all: Value = vectors("signatures.json");
    let all = all["vectors"].as_array().unwrap().iter();
    let own = all.filter(|it| it["scheme"] == "AWS SigV4 (outgoing request)");
    let mut checked = 0;
    for vector in own {
        let text = |name: &str| vector[name].as_str().unwrap();
        let header = |name: &str| vector["headers"][name].as_str().unwrap();
        let mut request = wire::post(text("url"), CONTENT_TYPE, text("body").to_owned());
        let target = header("X-Amz-Target").parse().unwrap();
        request.headers_mut().insert("x-amz-target", target);
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", header("X-Amz-Date"));
        let at = jiff::tz::Offset::UTC.to_timestamp(at.unwrap()).unwrap();
        let keys = Keys::new(text("access_key"), text("secret"), None, None, "test");

        let request = signed(request, keys, text("region"), at);

        let found = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(
            found == header("Authorization"),
            vector["valid"] == true,
            "{found}"
        );
        checked += 1;
    }
    assert!(checked > 0 || fixtures::vectors_are_given());
}

#[test]
fn every_event_and_every_exception_is_in_its_table() {
    let map = recorded::status_map("aws_eum_sms");

    for (event, expected) in recorded::words(&map["map"]) {
        assert_eq!(word(&event), expected, "{event}");
        let expected = serde_json::from_value(map["class_by_event"][&event].clone()).unwrap();
        assert_eq!(class_of_event(&event), expected, "{event}");
    }
    for (exception, expected) in map["exceptions"].as_object().unwrap() {
        let expected = serde_json::from_value(expected.clone()).unwrap();
        let (kind, reason) = exception.split_once('/').unwrap_or((exception, ""));
        assert_eq!(class(kind, reason), expected, "{exception}");
    }
    assert_eq!(
        (word("TEXT_WEIRD"), class("WeirdException", "")),
        (None, None)
    );
}

#[test]
fn an_exception_is_found_whatever_stands_around_it() {
    for (name, body, expected) in [
        (
            "a namespace and a link",
            r#"{"__type":"com.amazonaws#ThrottlingException:http://x/"}"#,
            Outcome::Throttled { after: None },
        ),
        (
            "the number is wrong",
            r#"{"__type":"ValidationException","Fields":[{"Name":"DestinationPhoneNumber"}]}"#,
            Outcome::Refused(ErrorClass::InvalidNumber.reason()),
        ),
        (
            "something else is wrong",
            r#"{"__type":"ValidationException","Fields":[{"Name":"MaxPrice"}]}"#,
            Outcome::Refused(ErrorClass::BadRequest.reason()),
        ),
        (
            "a wrong key",
            r#"{"__type":"UnrecognizedClientException"}"#,
            Outcome::AccountTrouble(ErrorClass::AuthConfig.reason()),
        ),
    ] {
        assert_eq!(outcome(&answer(400, &[], body)), expected, "{name}");
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
    assert_eq!(request.uri(), "https://sms-voice.us-east-1.amazonaws.com/");
    for (name, expected) in [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "PinpointSMSVoiceV2.SendTextMessage"),
        ("x-amz-date", "20260801T110000Z"),
    ] {
        assert_eq!(request.headers()[name], expected, "{name}");
    }
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260801/us-east-1/sms-voice/aws4_request";
    assert!(authorization.starts_with(begin), "{authorization}");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "DestinationPhoneNumber": "+447700900123",
        "OriginationIdentity": "ACME",
        "MessageBody": "Hello",
        "MessageType": "TRANSACTIONAL",
        "TimeToLive": 3600,
        "Context": {"m": message.claim.to_string()},
    });
    assert_eq!(body, expected);
}

#[test]
fn settings_change_the_request() {
    let config = json!({
        "base_url": "https://vpce-1.sms-voice.eu-west-1.vpce.amazonaws.com",
        "origination_identity": "pool-1",
        "message_type": "promotional",
        "configuration_set_name": "bulk",
        "max_price": "0.10",
        "destination_country_parameters": {"IN_ENTITY_ID": "1"},
    });
    let account = of(&config, None);
    let message = Outgoing {
        sender: None,
        expires_at: now(),
        ..outgoing()
    };

    let request = account.gateway.request(&account, &[message], now());

    let host = "vpce-1.sms-voice.eu-west-1.vpce.amazonaws.com";
    assert_eq!(request.uri().host(), Some(host));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    for (name, expected) in [
        ("OriginationIdentity", json!("pool-1")),
        ("MessageType", json!("PROMOTIONAL")),
        ("ConfigurationSetName", json!("bulk")),
        ("MaxPrice", json!("0.10")),
        ("TimeToLive", json!(5)),
        ("DestinationCountryParameters", json!({"IN_ENTITY_ID": "1"})),
    ] {
        assert_eq!(body[name], expected, "{name}");
    }
}

#[test]
fn a_report_is_of_the_message_in_its_context_or_of_the_services_own() {
    let claim = outgoing().claim;
    let event = |context: Value| json!({"eventType": "TEXT_SUCCESSFUL", "isFinal": true, "messageId": "862a", "context": context});
    for (name, config, event, reference, word) in [
        (
            "our claim",
            json!({}),
            event(json!({"m": claim.to_string()})),
            Reference::Claimed(claim.clone()),
            ReportWord::Sent,
        ),
        (
            "no context, and the last that is heard",
            json!({"successful_is_delivered": true}),
            event(Value::Null),
            Reference::ProviderId("862a".to_owned()),
            ReportWord::Delivered,
        ),
    ] {
        let account = of(&config, None);

        let contents = account
            .gateway
            .contents(&call("", &[], event.to_string()))
            .unwrap();

        let report = &contents.receipts[0];
        assert_eq!(
            (&report.reference, report.word),
            (&reference, word),
            "{name}"
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let config = json!({
        "region": "us east",
        "access_key_id": "AKIDEXAMPLE",
        "base_url": "https://sms.example.net",
        "reports_by": "sns",
        "sns_certificates": ["no certificate"],
    });
    let opened = GatewayKind::AwsSms.open(&config).unwrap();

    let problems = opened.validate(&Credentials::default(), &AllowedHosts::default());

    let pointers: Vec<_> = problems.iter().map(|it| &*it.pointer).collect();
    let expected = [
        "/config/region",
        "/credentials/secret_access_key",
        "/config/sns_certificates/0",
        "/config/topic_arns",
    ];
    assert_eq!(pointers, expected);
    assert!(GatewayKind::AwsSms.open(&Value::Null).is_err());
}
