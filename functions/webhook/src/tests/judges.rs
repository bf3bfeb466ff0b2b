//! Vendors' own libraries as judges: what they sign is accepted, and refused with any one byte changed.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use carillon_core::{queued_report::QueuedReports, report::ReportWord};
use carillon_gateways::callback::{Attempt, Claim};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{MESSAGE, Setup, key, recorded};
use crate::handle;

const HOST: &str = "https://hooks.example.com";
/// The seed of an Ed25519 key, and its public half.
const SEED: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const PUBLIC: &str = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

/// A call that a vendor's library signed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    #[serde(default = "post")]
    method: String,
    query: Option<String>,
    headers: BTreeMap<String, String>,
    body: String,
}

fn post() -> String {
    "POST".to_owned()
}

/// Calls of one gateway, and what of them its signatures cover.
struct Case {
    kind: &'static str,
    config: Value,
    credentials: Value,
    secret: &'static str,
    signature: Option<&'static str>,
    covers_query: bool,
}

impl Case {
    fn all() -> [Self; 6] {
        let secret = "a secret of a judge, of 32 octets";
        [
            Self {
                kind: "twilio",
                config: json!({"account_sid": "AC0123456789abcdef0123456789abcdef"}),
                credentials: json!({"auth_token": secret}),
                secret,
                signature: Some("x-twilio-signature"),
                covers_query: true,
            },
            Self {
                kind: "plivo",
                config: json!({"auth_id": "MAXX"}),
                credentials: json!({"auth_token": secret}),
                secret,
                signature: Some("x-plivo-signature-v3"),
                covers_query: true,
            },
            Self {
                kind: "vonage_sms",
                config: json!({"api_key": "abcd1234"}),
                credentials: json!({"api_secret": "another", "signature_secret": secret}),
                secret,
                signature: None,
                covers_query: false,
            },
            Self {
                kind: "vonage_messages",
                config: json!({"api_key": "abcd1234"}),
                credentials: json!({"api_secret": "another", "signature_secret": secret}),
                secret,
                signature: Some("authorization"),
                covers_query: false,
            },
            Self {
                kind: "messagebird",
                config: json!({}),
                credentials: json!({"access_key": "another", "signing_key": secret}),
                secret,
                signature: Some("messagebird-signature-jwt"),
                covers_query: true,
            },
            Self {
                kind: "telnyx",
                config: json!({}),
                credentials: json!({"api_key": "another", "public_key": PUBLIC}),
                secret: SEED,
                signature: Some("telnyx-signature-ed25519"),
                covers_query: false,
            },
        ]
    }

    /// The call with one byte changed, for every byte that is signed, and the signature's first.
    fn changed(&self, signed: &Signed) -> Vec<(String, Signed)> {
        let mut calls = Vec::new();
        for at in 0..signed.body.len() {
            let body = flipped(&signed.body, at);
            let call = Signed {
                body,
                ..signed.clone()
            };
            calls.push((format!("byte {at} of the body"), call));
        }
        let query = signed.query.as_deref().filter(|_| self.covers_query);
        for at in 0..query.map_or(0, str::len) {
            let query = query.map(|query| flipped(query, at));
            let call = Signed {
                query,
                ..signed.clone()
            };
            calls.push((format!("byte {at} of the query"), call));
        }
        if let Some(name) = self.signature {
            let mut call = signed.clone();
            let value = call.headers.get_mut(name).expect("its signature");
            // Behind what may be before a token.
            let at = value.rfind(' ').map_or(0, |space| space + 1);
            *value = flipped(value, at);
            calls.push((format!("the signature `{name}`"), call));
        }
        calls
    }
}

fn flipped(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1;
    String::from_utf8(bytes).expect("ASCII")
}

fn signed_by_judges(asked: &Value) -> BTreeMap<String, Signed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".local/judges/bin/python");
    assert!(
        python.exists(),
        "the vendors' libraries are not in .local/judges: this test needs them. Run `make peers`, which installs them"
    );
    let mut judges = Command::new(python)
        .arg("-Wignore")
        .arg(root.join("tests/judges/sign.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = judges.stdin.take().expect("piped above");
    input
        .write_all(asked.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = judges.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "a judge did not accept its own signature, see above"
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

impl Setup {
    fn query(&self) -> String {
        let attempt: Attempt = MESSAGE.parse().unwrap();
        format!("m={}", Claim::new(&key(), self.gateway.id, attempt))
    }

    fn path(&self) -> String {
        format!("/hooks/{}/{}", self.gateway.kind, self.gateway.token)
    }

    fn event(&self, signed: &Signed) -> ApiGatewayV2httpRequest {
        let mut event = recorded();
        event.raw_path = Some(self.path());
        event.raw_query_string.clone_from(&signed.query);
        event.request_context.http.method = signed.method.parse().unwrap();
        event.headers = http::HeaderMap::new();
        for (name, value) in &signed.headers {
            let name: http::HeaderName = name.parse().unwrap();
            event.headers.insert(name, value.parse().unwrap());
        }
        event.body = Some(signed.body.clone());
        event.is_base64_encoded = false;
        event
    }
}

#[tokio::test]
async fn what_a_vendors_own_library_signs_is_taken_and_any_changed_byte_is_refused() {
    let mut asked = json!({});
    let mut setups = Vec::new();
    for case in Case::all() {
        let setup = Setup::of(case.kind, &case.config, &case.credentials).await;
        let url = format!("{HOST}{}?{}", setup.path(), setup.query());
        asked[case.kind] = json!({"url": url, "secret": case.secret});
        setups.push((case, setup));
    }
    let mut calls = signed_by_judges(&asked);
    let now = Timestamp::now();

    for (case, setup) in setups {
        let kind = case.kind;
        let mut signed = calls.remove(kind).expect("it was asked for");
        signed.query.get_or_insert_with(|| setup.query());
        let changed = case.changed(&signed);
        assert!(
            changed.len() > 50,
            "{kind}: only {} bytes are signed",
            changed.len()
        );
        for (what, call) in changed {
            let answer = handle(&setup.state, setup.event(&call), now).await;
            assert_eq!(answer.status_code, 401, "{kind}: {what}");
        }
        assert_eq!(setup.queued().await, [""; 0], "{kind}");

        let answer = handle(&setup.state, setup.event(&signed), now).await;

        assert_eq!(answer.status_code, 200, "{kind}");
        let queued = setup.queued().await;
        let queued: QueuedReports = serde_json::from_str(&queued[0]).expect("reports");
        let words: Vec<_> = queued.reports.iter().map(|report| report.word).collect();
        assert_eq!(words, [ReportWord::Delivered], "{kind}");
    }
}
