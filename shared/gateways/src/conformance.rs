//! What every adapter must do, whatever its gateway: run over the samples below, one for each kind.

use std::fmt::Write;

use carillon_core::{
    outcome::{Inquiry, Outcome},
    report::ReportWord,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::{
    Credentials, GatewayAccount, GatewayKind, Outgoing, WebhookCall,
    fixtures::{self, SECRET, account, answer, call, now, outgoing},
    recorded,
};

/// A gateway account of a kind, and a call that its gateway would make.
pub(crate) struct Sample {
    pub account: GatewayAccount,
    pub call: Option<GenuineCall>,
}

pub(crate) struct GenuineCall {
    pub call: WebhookCall,
    /// When it was made.
    pub at: Timestamp,
    /// Of these reports, in this order. Where a call carries several, a word that no gateway has stands among them, and is
    /// left out.
    pub words: Vec<ReportWord>,
}

pub(crate) fn samples() -> Vec<Sample> {
    let samples = vec![
        crate::africastalking::tests::sample(),
        crate::aws_sms::tests::sample(),
        crate::bandwidth::tests::sample(),
        crate::clicksend::tests::sample(),
        crate::generic::tests::sample(),
        crate::infobip::tests::sample(),
        crate::jasmin::tests::sample(),
        crate::kannel::tests::sample(),
        crate::messagebird::tests::sample(),
        crate::plivo::tests::sample(),
        simulated(),
        crate::sinch::tests::sample(),
        crate::telnyx::tests::sample(),
        crate::twilio::tests::sample(),
        crate::vonage_messages::tests::sample(),
        crate::vonage_sms::tests::sample(),
    ];
    let kinds: Vec<_> = samples.iter().map(|sample| sample.account.kind).collect();
    assert_eq!(kinds, GatewayKind::ALL, "each kind has a sample");
    samples
}

fn simulated() -> Sample {
    let account = account(GatewayKind::Simulated, &Value::Null, &json!({}));
    Sample {
        account,
        call: None,
    }
}

/// As many as the adapter takes in one request, five at most.
fn messages(account: &GatewayAccount) -> Vec<Outgoing> {
    let most = account.gateway.capabilities().messages_per_request;
    vec![outgoing(); usize::from(most).min(5)]
}

#[test]
fn no_secret_and_no_text_is_shown() {
    for Sample { account, call } in samples() {
        let messages = messages(&account);
        let request = account.gateway.request(&account, &messages, now());
        let inquiry = account.gateway.inquire(&account, &messages[0], now());

        let mut shown = format!("{account:?} {:?} {messages:?}", account.credentials);
        for request in [Some(request), inquiry].into_iter().flatten() {
            // The body is sent, not shown; the headers that hold secrets hide themselves.
            write!(shown, "{} {:?}", request.uri(), request.headers()).unwrap();
        }
        if let Some(genuine) = call {
            let contents = account.gateway.contents(&genuine.call).unwrap();
            write!(shown, "{:?} {contents:?}", genuine.call).unwrap();
        }

        for hidden in [SECRET, "Hello", "447700900123", account.token.as_str()] {
            assert!(
                !shown.contains(hidden),
                "{}: {hidden} in {shown}",
                account.kind
            );
        }
    }
}

#[test]
fn ids_of_india_are_told_where_the_gateway_wants_them_and_nowhere_else() {
    for Sample { account, .. } in samples() {
        let tells = account.gateway.capabilities().tells_dlt;
        let body = |message: Outgoing| {
            let request = account.gateway.request(&account, &[message], now());
            format!(
                "{}{}",
                request.uri(),
                String::from_utf8_lossy(request.body())
            )
        };
        let has_both = |body: &str| body.contains("1101") && body.contains("1107");

        let from_india = has_both(&body(fixtures::indian()));
        let from_elsewhere = has_both(&body(outgoing()));

        assert_eq!(
            (from_india, from_elsewhere),
            (tells, false),
            "{}",
            account.kind
        );
    }
}

#[test]
fn too_many_requests_is_throttled_for_as_long_as_it_says() {
    for Sample { account, .. } in samples() {
        let messages = messages(&account);
        for (name, headers, after) in [
            (
                "with a wait",
                &[("retry-after", "7")][..],
                Some(SignedDuration::from_secs(7)),
            ),
            ("without", &[][..], None),
        ] {
            let outcomes = account
                .gateway
                .outcomes(&messages, &answer(429, headers, ""));

            let expected = vec![Outcome::Throttled { after }; messages.len()];
            assert_eq!(outcomes, expected, "{} {name}", account.kind);
        }
    }
}

#[test]
fn a_fault_after_the_body_is_doubt() {
    for Sample { account, .. } in samples() {
        let messages = messages(&account);
        for status in [408, 500, 502, 503, 504, 599] {
            for body in ["", "{}", "<html>Bad gateway</html>", "null"] {
                let outcomes = account
                    .gateway
                    .outcomes(&messages, &answer(status, &[], body));

                let expected = vec![Outcome::Doubt; messages.len()];
                assert_eq!(outcomes, expected, "{} {status} {body}", account.kind);
            }
        }
    }
}

#[test]
fn a_failed_check_of_the_account_is_trouble_with_the_account() {
    for Sample { account, .. } in samples() {
        for status in [401, 402, 403] {
            let outcomes = account
                .gateway
                .outcomes(&[outgoing()], &answer(status, &[], ""));

            assert!(
                matches!(outcomes[..], [Outcome::AccountTrouble(_)]),
                "{} {status}",
                account.kind
            );
        }
    }
}

#[test]
fn a_forged_call_is_refused() {
    for Sample { account, call } in samples() {
        let Some(GenuineCall { call, at, .. }) = call else {
            continue;
        };
        if !account.gateway.capabilities().signs_calls {
            continue;
        }
        let believed =
            |call: &WebhookCall, now| account.gateway.authenticate(&account, call, now).is_ok();
        assert!(believed(&call, at), "{}: the genuine one", account.kind);

        let mut longer = call.clone();
        longer.body = [&call.body[..], b" "].concat().into();
        let unsigned = unsigned(&call);
        assert!(!believed(&longer, at), "{}: another body", account.kind);
        assert!(!believed(&unsigned, at), "{}: no signature", account.kind);
        for index in 0..call.body.len() {
            let mut changed = call.clone();
            let mut body = call.body.to_vec();
            body[index] ^= 1;
            changed.body = body.into();
            assert!(!believed(&changed, at), "{}: byte {index}", account.kind);
        }
        let mut robbed = account.clone();
        robbed.credentials = Credentials::default();
        let without = account.gateway.authenticate(&robbed, &call, at);
        assert!(without.is_err(), "{}: nothing to check with", account.kind);
    }
}

/// Without its headers, where signatures stand, and without the one parameter that is a signature.
fn unsigned(call: &WebhookCall) -> WebhookCall {
    let without = |text: &str| {
        let kept = text.split('&').filter(|field| !field.starts_with("sig="));
        kept.collect::<Vec<_>>().join("&")
    };
    let body = std::str::from_utf8(&call.body).unwrap();
    let (path, query) = call.path_and_query.split_once('?').unwrap();
    WebhookCall {
        path_and_query: format!("{path}?{}", without(query)),
        headers: http::HeaderMap::new(),
        body: without(body).into(),
        ..call.clone()
    }
}

#[test]
fn one_strange_receipt_does_not_hide_its_neighbours() {
    for Sample { account, call } in samples() {
        let Some(genuine) = call else { continue };

        let contents = account.gateway.contents(&genuine.call).unwrap();

        let words: Vec<_> = contents.receipts.iter().map(|report| report.word).collect();
        assert_eq!(words, genuine.words, "{}", account.kind);
        let several = usize::from(genuine.words.len() > 1);
        assert_eq!(contents.strange.len(), several, "{}", account.kind);
    }
}

#[test]
fn the_reply_is_always_a_yes() {
    for Sample { account, call } in samples() {
        let call = call.map_or_else(
            || crate::fixtures::call("", &[], ""),
            |genuine| genuine.call,
        );

        assert!(
            account.gateway.reply(&call).status().is_success(),
            "{}",
            account.kind
        );
    }
}

/// What reads strangers' bytes is tried with as many cases as `CARILLON_FUZZ_CASES` says, for every kind.
fn fuzz<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    test: impl Fn(&[Sample], T) -> Result<(), TestCaseError>,
) {
    let samples = samples();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(fixtures::fuzz_cases())
    };
    let result = TestRunner::new(config).run(&strategy, |input| test(&samples, input));
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[{}\\[\\]\":,a-z0-9 ]{0,60}".prop_map(String::into_bytes),
        "(status|id|ref|error|message|messages|code|%|=|&|[a-z]){0,40}"
            .prop_map(String::into_bytes),
    ]
}

#[test]
fn garbage_is_never_taken_for_an_acceptance() {
    fuzz((100u16..600, body()), |samples, (status, body)| {
        for Sample { account, .. } in samples {
            let messages = messages(account);
            let mut answer = answer(status, &[], "");
            answer.body = body.clone().into();

            let outcomes = account.gateway.outcomes(&messages, &answer);

            prop_assert_eq!(outcomes.len(), messages.len());
            for outcome in outcomes {
                prop_assert!(
                    !matches!(outcome, Outcome::Accepted { .. }),
                    "{}",
                    account.kind
                );
            }
            let inquiry = account.gateway.inquired(&answer);
            prop_assert_eq!(inquiry, Inquiry::Unclear, "{}", account.kind);
        }
        Ok(())
    });
}

#[test]
fn a_call_of_random_bytes_is_read_or_refused() {
    let kinds = "(application/json|application/x-www-form-urlencoded|x)";
    fuzz(
        (body(), "\\PC{0,60}", kinds),
        |samples, (body, query, kind)| {
            let call = call(&query, &[("content-type", &kind)], body.clone());
            for Sample { account, .. } in samples {
                if let Ok(contents) = account.gateway.contents(&call) {
                    let kind = account.kind;
                    prop_assert!(contents.receipts.is_empty(), "{kind}: {contents:?}");
                }
                account.gateway.reply(&call);
                if !body.is_empty() && account.gateway.capabilities().signs_calls {
                    let believed = account.gateway.authenticate(account, &call, now());
                    prop_assert!(believed.is_err(), "{}", account.kind);
                }
            }
            Ok(())
        },
    );
}

/// Where a recorded document is changed, and to what.
fn change() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index, Vec<u8>)> {
    let new = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        "(null|-1|1e999|\"\"|\\[\\]|\\{\\}|true|%|&|=|\\+|\u{1F600})".prop_map(String::into_bytes),
    ];
    (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        new,
    )
}

/// Up to nine bytes of it are replaced.
fn changed(
    document: &[u8],
    at: prop::sample::Index,
    len: prop::sample::Index,
    new: &[u8],
) -> Vec<u8> {
    let at = at.index(document.len() + 1);
    let end = (at + len.index(10)).min(document.len());
    [&document[..at], new, &document[end..]].concat()
}

#[test]
fn recorded_documents_with_a_few_bytes_changed_never_panic() {
    let documents = recorded::bodies();
    let input = (
        any::<prop::sample::Index>(),
        prop::collection::vec(change(), 1..4),
        prop::sample::select(vec![200u16, 201, 202, 400, 422, 500]),
    );
    fuzz(input, |samples, (document, changes, status)| {
        let mut body = document.get(&documents).clone();
        for (at, len, new) in changes {
            body = changed(&body, at, len, &new);
        }
        let mut answer = answer(status, &[], "");
        answer.body = body.clone().into();
        let query = String::from_utf8_lossy(&body);
        let calls = [
            call("m=1", &[("content-type", crate::wire::FORM)], body.clone()),
            call(&query, &[], ""),
        ];
        for Sample { account, .. } in samples {
            let messages = messages(account);
            prop_assert_eq!(
                account.gateway.outcomes(&messages, &answer).len(),
                messages.len()
            );
            account.gateway.inquired(&answer);
            for call in &calls {
                account.gateway.contents(call).ok();
                account.gateway.reply(call);
                account.gateway.authenticate(account, call, now()).ok();
            }
        }
        Ok(())
    });
}
