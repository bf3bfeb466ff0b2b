//! One receipt as the gateway words and signs it.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// In the order of their weight: of several that were told, the heaviest is the message's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Status {
    /// No gateway has this word; nobody can know what it means.
    #[serde(rename = "WEIRD")]
    Weird,
    #[serde(rename = "ACCEPTD")]
    Accepted,
    #[serde(rename = "REJECTD")]
    Rejected,
    #[serde(rename = "EXPIRED")]
    Expired,
    #[serde(rename = "UNDELIV")]
    Undelivered,
    #[serde(rename = "DELIVRD")]
    Delivered,
}

/// In a rule: the status word, with `!` before it when the signature shall be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Receipt {
    pub status: Status,
    pub forged: bool,
}

impl Receipt {
    pub const DELIVERED: Self = Self {
        status: Status::Delivered,
        forged: false,
    };
}

impl TryFrom<String> for Receipt {
    type Error = serde_json::Error;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let bare = word.strip_prefix('!');
        let status = bare.unwrap_or(&word).to_owned();
        Ok(Self {
            status: serde_json::from_value(status.into())?,
            forged: bare.is_some(),
        })
    }
}

impl Status {
    fn error(self) -> &'static str {
        match self {
            Self::Accepted | Self::Delivered => "000",
            Self::Undelivered => "011",
            Self::Expired => "021",
            Self::Rejected => "031",
            Self::Weird => "999",
        }
    }

    /// Whether nothing more is to come for a message of this status.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Weird | Self::Accepted)
    }
}

/// The JSON that is posted. `id` is the gateway's, `reference` the caller's.
pub fn body(id: &str, reference: &str, status: Status, at: Timestamp) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a str,
        #[serde(rename = "ref")]
        reference: &'a str,
        status: Status,
        error: &'a str,
        time: String,
    }
    serde_json::to_vec(&Body {
        id,
        reference,
        status,
        error: status.error(),
        time: format!("{at:.3}"),
    })
    .expect("strings always become JSON")
}

/// The hex HMAC-SHA256 of `<unix seconds>.<raw body>`.
pub fn signature(key: &hmac::Key, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    hex(context.sign().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(b"0123456789abcdef"[usize::from(half)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_the_one_the_module_promises() {
        let at = "2026-08-01T12:00:00.5Z".parse().expect("a time");

        let body = body("sim-1", "msg_x.1", Status::Delivered, at);

        let expected = r#"{"id":"sim-1","ref":"msg_x.1","status":"DELIVRD","error":"000","time":"2026-08-01T12:00:00.500Z"}"#;
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");

        let signature = signature(&key, 1_700_000_000, b"{}");

        // printf '1700000000.{}' | openssl dgst -sha256 -hmac s3cret
        assert_eq!(
            signature,
            "97926816e98fbb41ccb1673225ff29a2f35369099990e1b1561651e7bd097ebf"
        );
    }

    #[test]
    fn a_mark_before_the_word_forges_it() {
        let cases = [
            ("plain", "DELIVRD", Some((Status::Delivered, false))),
            ("forged", "!REJECTD", Some((Status::Rejected, true))),
            ("unheard of", "LOST", None),
        ];

        for (name, word, expected) in cases {
            let receipt = Receipt::try_from(word.to_owned()).ok();
            assert_eq!(receipt.map(|it| (it.status, it.forged)), expected, "{name}");
        }
    }
}
