use carillon_core::{reason::Reason, report::ReportWord};
use jiff::SignedDuration;
use serde_json::json;

use super::{hex, of, signed, simulator};
use crate::{
    Forged, Inbound, Reference, Strange, Unreadable,
    fixtures::{NOW, SECRET, attempt, call, now, outgoing},
    signature,
};

#[test]
fn each_receipt_of_the_simulator_is_understood() {
    let account = of(&simulator());
    let claim = outgoing().claim;
    for (name, status, error, word, reason) in [
        ("accepted", "ACCEPTD", "000", ReportWord::Accepted, None),
        ("delivered", "DELIVRD", "000", ReportWord::Delivered, None),
        (
            "undelivered",
            "UNDELIV",
            "011",
            ReportWord::Undelivered,
            Some(Reason::Absent),
        ),
        (
            "expired",
            "EXPIRED",
            "021",
            ReportWord::Expired,
            Some(Reason::InNetwork),
        ),
        (
            "rejected",
            "REJECTD",
            "031",
            ReportWord::Rejected,
            Some(Reason::CarrierRejected),
        ),
        ("no reason", "UNDELIV", "000", ReportWord::Undelivered, None),
        (
            "an unknown reason",
            "UNDELIV",
            "077",
            ReportWord::Undelivered,
            Some(Reason::GatewayUnmapped),
        ),
        (
            "in lower case",
            "delivrd",
            "000",
            ReportWord::Delivered,
            None,
        ),
    ] {
        let body = json!({"id": "sim-1", "ref": attempt().to_string(), "status": status, "error": error, "time": NOW});
        let call = signed(&format!("m={claim}"), &body.to_string());

        let contents = account.gateway.contents(&call).unwrap();

        assert_eq!(
            account.gateway.authenticate(&account, &call, now()),
            Ok(()),
            "{name}"
        );
        let [report] = &contents.receipts[..] else {
            panic!("{name}: {contents:?}")
        };
        assert_eq!(
            report.reference,
            Reference::Claimed(claim.clone()),
            "{name}"
        );
        assert_eq!((report.word, report.reason), (word, reason), "{name}");
        assert_eq!(report.provider_id.as_deref(), Some("sim-1"), "{name}");
        assert_eq!(report.at, Some(now()), "{name}");
        let unmapped = reason == Some(Reason::GatewayUnmapped);
        assert_eq!(contents.strange.len(), usize::from(unmapped), "{name}");
    }
}

#[test]
fn a_report_says_which_message_it_means() {
    let account = of(&simulator());
    let claim = outgoing().claim;
    let untagged = Reference::Untagged(attempt());
    for (name, query, body, expected) in [
        (
            "by our callback",
            format!("m={claim}"),
            json!({"ref": "x"}),
            Ok(Reference::Claimed(claim.clone())),
        ),
        (
            "by our id",
            String::new(),
            json!({"ref": attempt().to_string()}),
            Ok(untagged),
        ),
        (
            "by our id and its tag",
            String::new(),
            json!({"ref": claim.to_string()}),
            Ok(Reference::Claimed(claim)),
        ),
        (
            "by its own id",
            String::new(),
            json!({"id": "sim-1"}),
            Ok(Reference::ProviderId("sim-1".to_owned())),
        ),
        (
            "by a garbled callback",
            "m=x".to_owned(),
            json!({"id": "sim-1"}),
            Err(Strange::NoReference),
        ),
        (
            "by a callback without its tag",
            format!("m={}", attempt()),
            json!({"id": "sim-1"}),
            Err(Strange::NoReference),
        ),
        (
            "by nothing",
            String::new(),
            json!({}),
            Err(Strange::NoReference),
        ),
    ] {
        let mut body = body;
        body["status"] = "DELIVRD".into();

        let contents = account
            .gateway
            .contents(&call(&query, &[], body.to_string()))
            .unwrap();

        let found = match &contents.receipts[..] {
            [report] => Ok(report.reference.clone()),
            _ => Err(contents.strange[0].clone()),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_nobody_knows_changes_nothing() {
    let account = of(&simulator());
    for (name, body, expected) in [
        (
            "a status",
            r#"{"ref":"x","status":"WEIRD"}"#,
            Strange::UnknownStatus("WEIRD".to_owned()),
        ),
        ("no status", r#"{"ref":"x"}"#, Strange::NothingKnown),
        ("another document", "[1,2,3]", Strange::NothingKnown),
        ("nothing", "", Strange::NothingKnown),
        ("a form", "status=DELIVRD", Strange::NothingKnown),
    ] {
        let contents = account
            .gateway
            .contents(&call("", &[], body.to_owned()))
            .unwrap();

        assert!(contents.receipts.is_empty(), "{name}");
        assert_eq!(contents.strange, [expected], "{name}");
    }
    let broken = account
        .gateway
        .contents(&call("", &[], r#"{"status":"#.to_owned()));
    assert_eq!(broken, Err(Unreadable::Body));
    let huge = account
        .gateway
        .contents(&call("", &[], vec![b'x'; 300_000]));
    assert_eq!(huge, Err(Unreadable::TooLarge));
}

#[test]
fn an_old_call_is_refused() {
    let account = of(&simulator());
    let call = signed("", "{}");
    for (name, seconds, expected) in [
        ("now", 0, Ok(())),
        ("as late as may be", 300, Ok(())),
        ("later", 301, Err(Forged::Stale)),
        ("from the future", -301, Err(Forged::Stale)),
    ] {
        let now = now() + SignedDuration::from_secs(seconds);

        assert_eq!(
            account.gateway.authenticate(&account, &call, now),
            expected,
            "{name}"
        );
    }
}

#[test]
fn each_way_to_sign_is_checked() {
    let secret = format!("{SECRET} signing");
    let over_body = signature::hmac_sha256(&secret, &[b"{}"]);
    let in_base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, over_body);
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &secret);
    for (name, auth, header, genuine) in [
        ("none", json!({"kind": "none"}), "x-none", None),
        (
            "basic",
            json!({"kind": "basic", "secret_ref": "signing"}),
            "authorization",
            Some(format!("Basic {basic}")),
        ),
        (
            "header",
            json!({"kind": "header", "header": "X-Key", "secret_ref": "signing"}),
            "x-key",
            Some(secret.clone()),
        ),
        (
            "hex",
            json!({"kind": "hmac_sha256_hex", "header": "X-Hub", "prefix": "sha256=", "secret_ref": "signing"}),
            "x-hub",
            Some(format!("sha256={}", hex(&over_body))),
        ),
        (
            "base64",
            json!({"kind": "hmac_sha256_base64", "header": "X-Sig", "secret_ref": "signing"}),
            "x-sig",
            Some(in_base64),
        ),
    ] {
        let mut config = simulator();
        config["dlr"]["auth"] = auth;
        let account = of(&config);
        let check = |value: Option<&str>| {
            let headers: Vec<_> = value.map(|value| (header, value)).into_iter().collect();
            account
                .gateway
                .authenticate(&account, &call("", &headers, "{}"), now())
        };

        let Some(genuine) = genuine else {
            assert_eq!(check(None), Ok(()), "{name}");
            continue;
        };
        assert_eq!(check(Some(&genuine)), Ok(()), "{name}");
        assert_eq!(check(None), Err(Forged::Missing), "{name}");
        assert_eq!(check(Some("x")), Err(Forged::Wrong), "{name}");
        assert_eq!(
            check(Some(&genuine[..genuine.len() - 4])),
            Err(Forged::Wrong),
            "{name}"
        );
    }
}

#[test]
fn a_message_from_a_handset_is_no_receipt() {
    let mut config = simulator();
    config["mo"] =
        json!({"from": "form:from", "to": "form:to", "text": "form:text", "id": "form:id"});
    let account = of(&config);
    let stop = Inbound {
        from: outgoing().to,
        to: "12345".to_owned(),
        text: "STOP".to_owned(),
        provider_id: Some("mo-1".to_owned()),
        at: None,
    };
    for (name, body, expected) in [
        (
            "with a plus",
            "from=%2B447700900123&to=12345&text=STOP&id=mo-1",
            Some(stop.clone()),
        ),
        (
            "without",
            "from=447700900123&to=12345&text=STOP&id=mo-1",
            Some(stop),
        ),
        ("from a word", "from=ACME&to=12345&text=STOP&id=mo-1", None),
    ] {
        let contents = account
            .gateway
            .contents(&call("", &[], body.to_owned()))
            .unwrap();

        assert_eq!(
            contents.inbound,
            expected.clone().into_iter().collect::<Vec<_>>(),
            "{name}"
        );
        let strange = if expected.is_some() {
            vec![]
        } else {
            vec![Strange::NotANumber]
        };
        assert_eq!(contents.strange, strange, "{name}");
    }
}
