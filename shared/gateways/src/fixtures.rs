//! What the tests of adapters share: a message, an account, answers and calls, and the recorded documents.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{keyed_hash::DeploymentKey, phone::Phone};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AllowedHosts, Answer, Credentials, GatewayAccount, GatewayKind, Outgoing, WebhookCall,
    callback::{Attempt, Claim, PathToken},
};

/// The secrets of samples begin with this, so that tests find them where they shouldn't be.
pub(crate) const SECRET: &str = "s3cret";
pub(crate) const NOW: &str = "2026-08-01T11:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(crate) fn key() -> DeploymentKey {
    DeploymentKey::from_secret("the key of a deployment")
}

pub(crate) fn account(kind: GatewayKind, config: &Value, credentials: &Value) -> GatewayAccount {
    let credentials: Credentials = serde_json::from_value(credentials.clone()).unwrap();
    let id = "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let token = PathToken::from_random([7; 12]);
    let owner = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let account = GatewayAccount::open(
        id,
        owner,
        kind,
        config,
        credentials,
        token,
        "https://hooks.example.com",
    );
    let account = account.unwrap();
    let allowed: AllowedHosts = "127.0.0.1".parse().unwrap();
    assert_eq!(account.gateway.validate(&account.credentials, &allowed), []);
    account
}

pub(crate) fn attempt() -> Attempt {
    "msg_00000000000000000000000001000501.1".parse().unwrap()
}

pub(crate) fn outgoing() -> Outgoing {
    let gateway = "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let claim = Claim::new(&key(), gateway, attempt());
    Outgoing {
        callback: format!("https://hooks.example.com/hooks/generic/token?m={claim}"),
        claim,
        to: Phone::from_e164("+447700900123").unwrap(),
        sender: Some("ACME".to_owned()),
        dlt: None,
        text: "Hello".to_owned(),
        parts: 2,
        expires_at: "2026-08-01T12:00:00Z".parse().unwrap(),
    }
}

/// From a sender that is registered in India.
pub(crate) fn indian() -> Outgoing {
    Outgoing {
        to: Phone::from_e164("+919876543210").unwrap(),
        dlt: Some(Dlt {
            entity: "1101".to_owned(),
            template: Some("1107".to_owned()),
        }),
        ..outgoing()
    }
}

pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: header_map(headers),
        body: Bytes::from(body.to_owned()),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}

/// In lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap();
    digits.map(digit).collect()
}

pub(crate) fn header_map(headers: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    headers.iter().map(header).collect()
}

pub(crate) fn call(
    query: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> WebhookCall {
    WebhookCall {
        method: Method::POST,
        path_and_query: format!("/hooks/generic/token?{query}"),
        headers: header_map(headers),
        body: body.into(),
    }
}

/// A document of the folder that `CARILLON_VECTORS` names, or of `tests/vectors`.
pub(crate) fn vectors<T: DeserializeOwned>(name: &str) -> T {
    match named_folder() {
        Some(folder) => document(&folder.join(name)),
        None => own_vectors(name),
    }
}

/// A document of `tests/vectors`, whatever other folder is named.
pub(crate) fn own_vectors<T: DeserializeOwned>(name: &str) -> T {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    document(&PathBuf::from(own).join(name))
}

/// Whether another folder is named than `tests/vectors`: it need not have something of everything.
pub(crate) fn vectors_are_given() -> bool {
    named_folder().is_some()
}

fn document<T: DeserializeOwned>(path: &Path) -> T {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn named_folder() -> Option<PathBuf> {
    variable("CARILLON_VECTORS").map(PathBuf::from)
}

/// How many made-up documents each parser is given. `make test-fuzz` asks for more.
pub(crate) fn fuzz_cases() -> u32 {
    variable("CARILLON_FUZZ_CASES").map_or(10_000, |cases| {
        let cases = cases.to_str().and_then(|cases| cases.parse().ok());
        cases.expect("CARILLON_FUZZ_CASES is a number")
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no `main` that could read it for them"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
