//! What an account says about its gateway's HTTP API. `infra/local/simulator-gateway.json` is a full example.
//!
//! The classes of `errors` and `error_map` are those of `ErrorClass`, or one of our own reasons (`carrier.filtered`).

use std::collections::{BTreeMap, HashMap};

use carillon_core::report::ReportWord;
use serde::Deserialize;
use serde_json::Value;

use super::{path::JsonPath, source::Sources, template::Template};
use crate::class::Verdict;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub send: Send,
    #[serde(default)]
    pub capabilities: Abilities,
    /// Delivery reports.
    pub dlr: Option<Dlr>,
    /// Messages from handsets.
    pub mo: Option<Mo>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    #[serde(default)]
    pub method: Method,
    pub url: Template,
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    pub content_type: Option<String>,
    pub body: Option<Template>,
    /// At most what the client allows anyway, ten seconds.
    pub timeout_ms: Option<u64>,
    pub success: Success,
    /// The first rule that fits decides; without one, the HTTP status does.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    Get,
    #[default]
    Post,
    Put,
}

/// What an answer must be for the message to count as accepted: all that is given must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Success {
    /// Any 2xx when empty.
    #[serde(default)]
    pub status: Vec<u16>,
    #[serde(default)]
    pub body_jsonpath_equals: BTreeMap<JsonPath, Value>,
    pub body_contains: Option<String>,
    /// Where the gateway's id stands.
    pub message_id: Option<JsonPath>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorRule {
    pub when: When,
    pub class: Verdict,
    pub retry_after: Option<Sources>,
}

/// Conditions on an answer: all that are given must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub status: Option<u16>,
    /// Both ends belong to it.
    pub status_range: Option<[u16; 2]>,
    #[serde(default)]
    pub json: BTreeMap<JsonPath, Value>,
    pub body_contains: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Abilities {
    /// It answers a repeated id of ours without sending again, for this long.
    pub deduplicates_for_seconds: Option<u32>,
    /// It can be asked by our id.
    pub inquiry: Option<Inquire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inquire {
    #[serde(default = "get")]
    pub method: Method,
    pub url: Template,
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    pub found: When,
    pub not_found: When,
    /// Where the gateway's id stands in an answer that says "found".
    pub message_id: Option<JsonPath>,
    /// "Not found" counts this long after the message left.
    pub settles_after_seconds: u32,
}

const fn get() -> Method {
    Method::Get
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dlr {
    /// Our `m`, our id, or the gateway's.
    pub id: Sources,
    pub status: Sources,
    /// Words that it doesn't have are looked up among the usual ones.
    #[serde(default)]
    pub status_map: HashMap<String, ReportWord>,
    pub error: Option<Sources>,
    #[serde(default)]
    pub error_map: HashMap<String, Verdict>,
    /// The recipient.
    pub to: Option<Sources>,
    /// RFC 3339, or seconds since 1970.
    pub time: Option<Sources>,
    /// The array of a call with several reports; `json:$.…` then begins at an item.
    pub batch: Option<Sources>,
    #[serde(default)]
    pub auth: Auth,
    #[serde(default)]
    pub respond: Respond,
}

impl Dlr {
    /// Whether each call proves what it says, not only who makes it.
    pub(super) fn is_signed(&self) -> bool {
        matches!(
            self.auth,
            Auth::HmacSha256Hex(_) | Auth::HmacSha256Base64(_)
        )
    }
}

/// How a call proves where it is from, beside the token in its path.
#[derive(Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Auth {
    #[default]
    None,
    /// `Authorization: Basic`; the secret is `user:password`.
    Basic {
        secret_ref: String,
    },
    /// A header that holds the secret.
    Header {
        header: String,
        secret_ref: String,
    },
    HmacSha256Hex(Hmac),
    HmacSha256Base64(Hmac),
}

/// Over the raw body, or over `<timestamp>.<raw body>` where a header holds the seconds since 1970.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hmac {
    pub header: String,
    /// What stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    pub secret_ref: String,
    pub timestamp_header: Option<String>,
    #[serde(default = "five_minutes")]
    pub tolerance_seconds: u32,
}

const fn five_minutes() -> u32 {
    300
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Respond {
    pub status: u16,
    #[serde(default)]
    pub body: String,
}

impl Default for Respond {
    fn default() -> Self {
        let body = "OK".to_owned();
        Self { status: 200, body }
    }
}

/// Called at the same URL as for reports, and signed the same way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mo {
    pub from: Sources,
    pub to: Sources,
    pub text: Sources,
    pub id: Option<Sources>,
    pub time: Option<Sources>,
}
