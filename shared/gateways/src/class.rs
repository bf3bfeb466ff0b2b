//! The words in which gateways' error codes are sorted, what each is for us, and what it makes of a call.

use carillon_core::{outcome::Outcome, reason::Reason, reason::Retry};
use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::fallback;

/// What a gateway's error code is about, in words that are the same for all gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    InvalidNumber,
    OptedOut,
    /// The recipient or the network blocks this sender or this number.
    Blocked,
    SpamContent,
    /// Sender, number or campaign registration.
    SenderConfig,
    /// Credentials, account, permission.
    AuthConfig,
    Funds,
    RateLimited,
    /// A fault of network or platform.
    Temporary,
    /// Handset off, absent or full.
    Unreachable,
    Expired,
    BadRequest,
    /// It has accepted this id before.
    Duplicate,
    /// Destination not enabled or not supported.
    Region,
    /// No usable reason.
    Unknown,
}

impl ErrorClass {
    pub const fn reason(self) -> Reason {
        match self {
            Self::InvalidNumber => Reason::BadNumber,
            Self::OptedOut => Reason::OptedOut,
            Self::Blocked => Reason::Blocklisted,
            Self::SpamContent => Reason::Filtered,
            Self::SenderConfig => Reason::BadSender,
            Self::AuthConfig => Reason::Auth,
            Self::Funds => Reason::NoCredit,
            Self::RateLimited => Reason::Throttled,
            Self::Temporary => Reason::Temporary,
            Self::Unreachable => Reason::Absent,
            Self::Expired => Reason::InNetwork,
            Self::BadRequest => Reason::BadRequest,
            Self::Duplicate => Reason::Duplicate,
            Self::Region => Reason::GeoBlocked,
            Self::Unknown => Reason::GatewayUnmapped,
        }
    }
}

/// What a gateway's code was mapped to: a class, or one of our own reasons where the class is too coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Verdict {
    Class(ErrorClass),
    Reason(Reason),
}

impl Verdict {
    pub const fn reason(self) -> Reason {
        match self {
            Self::Class(class) => class.reason(),
            Self::Reason(reason) => reason,
        }
    }

    /// What it makes of a call that was answered with this status. `after` is the wait that the gateway asked for.
    ///
    /// A 5xx that only says that something went wrong leaves open whether the message was taken before.
    pub fn outcome(self, status: StatusCode, after: Option<SignedDuration>) -> Outcome {
        if self == Self::Class(ErrorClass::Duplicate) {
            // Our id is one try of one message: the call before this one had succeeded.
            return Outcome::Accepted { provider_id: None };
        }
        match self.reason() {
            Reason::Temporary | Reason::GatewayUnmapped if fallback::leaves_doubt(status) => {
                Outcome::Doubt
            }
            Reason::Ambiguous | Reason::BadResponse => Outcome::Doubt,
            Reason::Throttled => Outcome::Throttled { after },
            Reason::Unavailable => Outcome::Unavailable,
            reason @ (Reason::Auth | Reason::NoCredit | Reason::Suspended) => {
                Outcome::AccountTrouble(reason)
            }
            reason => match reason.facts().retry {
                Retry::Later => Outcome::Deferred(reason),
                Retry::Never | Retry::Elsewhere | Retry::AfterRepair => Outcome::Refused(reason),
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a class such as `invalid_number` nor a reason such as `carrier.filtered`"
)]
pub struct UnknownClass(String);

impl TryFrom<String> for Verdict {
    type Error = UnknownClass;

    fn try_from(word: String) -> Result<Self, UnknownClass> {
        if let Ok(reason) = word.parse() {
            return Ok(Self::Reason(reason));
        }
        let class = serde_json::from_value(word.as_str().into());
        class.map(Self::Class).map_err(|_| UnknownClass(word))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::fixtures::vectors;

    #[derive(Deserialize)]
    struct StatusMap {
        error_classes: BTreeMap<String, String>,
        canonical_statuses: BTreeMap<String, String>,
        providers: BTreeMap<String, Value>,
    }

    /// Every value of a member called `class`, however deep.
    fn classes(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(class)) = members.get("class") {
                    found.push(class.clone());
                }
                members.values().for_each(|member| classes(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| classes(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_class_and_every_word_of_the_status_map_is_known() {
        let map: StatusMap = vectors("status-map.json");
        let mut words: Vec<String> = map.error_classes.into_keys().collect();
        map.providers
            .values()
            .for_each(|provider| classes(provider, &mut words));

        assert!(words.len() > 300);
        for word in words {
            assert!(
                matches!(Verdict::try_from(word.clone()), Ok(Verdict::Class(_))),
                "{word}"
            );
        }
        for word in map.canonical_statuses.into_keys() {
            let read: Result<carillon_core::report::ReportWord, _> =
                serde_json::from_value(word.clone().into());
            assert!(read.is_ok(), "{word}");
        }
    }

    #[test]
    fn a_verdict_becomes_an_outcome() {
        let after = Some(SignedDuration::from_secs(7));
        let accepted = Outcome::Accepted { provider_id: None };
        for (word, status, expected) in [
            ("invalid_number", 400, Outcome::Refused(Reason::BadNumber)),
            ("invalid_number", 500, Outcome::Refused(Reason::BadNumber)),
            ("opted_out", 400, Outcome::Refused(Reason::OptedOut)),
            ("sender_config", 400, Outcome::Refused(Reason::BadSender)),
            ("auth_config", 200, Outcome::AccountTrouble(Reason::Auth)),
            ("funds", 400, Outcome::AccountTrouble(Reason::NoCredit)),
            ("rate_limited", 503, Outcome::Throttled { after }),
            ("temporary", 200, Outcome::Deferred(Reason::Temporary)),
            ("temporary", 502, Outcome::Doubt),
            ("gateway.temporary", 502, Outcome::Doubt),
            ("gateway.unavailable", 503, Outcome::Unavailable),
            ("gateway.no_route", 400, Outcome::Refused(Reason::NoRoute)),
            ("unreachable", 200, Outcome::Deferred(Reason::Absent)),
            ("unknown", 400, Outcome::Refused(Reason::GatewayUnmapped)),
            ("unknown", 500, Outcome::Doubt),
            ("duplicate", 409, accepted),
            ("policy.duplicate", 409, Outcome::Refused(Reason::Duplicate)),
        ] {
            let verdict = Verdict::try_from(word.to_owned()).expect(word);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(verdict.outcome(status, after), expected, "{word} {status}");
        }
    }
}
