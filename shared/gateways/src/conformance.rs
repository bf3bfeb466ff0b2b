//! What every adapter must do, whatever its gateway: run over the samples below, one for each kind.

use std::fmt::Write;

use carillon_core::{
    outcome::{Inquiry, Outcome},
    report::ReportWord,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Credentials, GatewayAccount, GatewayKind, Outgoing, WebhookCall,
    fixtures::{SECRET, account, answer, call, now, outgoing},
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

fn samples() -> Vec<Sample> {
    let samples = vec![
        crate::generic::tests::sample(),
        simulated(),
        crate::twilio::tests::sample(),
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
        let mut unsigned = call.clone();
        unsigned.headers.clear();
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

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[{}\\[\\]\":,a-z0-9 ]{0,60}".prop_map(String::into_bytes),
        "(status|id|ref|error|message|messages|code|%|=|&|[a-z]){0,40}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn garbage_is_never_taken_for_an_acceptance(status in 100u16..600, body in body()) {
        for Sample { account, .. } in samples() {
            let messages = messages(&account);
            let mut answer = answer(status, &[], "");
            answer.body = body.clone().into();

            let outcomes = account.gateway.outcomes(&messages, &answer);

            prop_assert_eq!(outcomes.len(), messages.len());
            for outcome in outcomes {
                prop_assert!(!matches!(outcome, Outcome::Accepted { .. }), "{}", account.kind);
            }
            prop_assert_eq!(account.gateway.inquired(&answer), Inquiry::Unclear, "{}", account.kind);
        }
    }

    #[test]
    fn a_call_of_random_bytes_is_read_or_refused(body in body(), query in "\\PC{0,60}", kind in "(application/json|application/x-www-form-urlencoded|x)") {
        for Sample { account, .. } in samples() {
            let call = call(&query, &[("content-type", &kind)], body.clone());

            if let Ok(contents) = account.gateway.contents(&call) {
                prop_assert!(contents.receipts.is_empty(), "{}: {contents:?}", account.kind);
            }
            account.gateway.reply(&call);
            if !body.is_empty() && account.gateway.capabilities().signs_calls {
                prop_assert!(account.gateway.authenticate(&account, &call, now()).is_err());
            }
        }
    }
}
