//! What a gateway calls us with, and what is in it.

use std::fmt;

use bytes::Bytes;
use carillon_core::{chunk::receipt::Proof, phone::Phone, reason::Reason, report::ReportWord};
use http::{HeaderMap, Method};
use jiff::Timestamp;

use crate::callback::{Attempt, Claim};

/// A call as it came in: nothing decoded, nothing put in order.
#[derive(Clone)]
pub struct WebhookCall {
    pub method: Method,
    /// As on the wire, still escaped.
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl WebhookCall {
    /// What stands after the first `?`, still escaped.
    pub fn query(&self) -> &str {
        self.path_and_query
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Its path holds a token, its query and body hold numbers.
impl fmt::Debug for WebhookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookCall");
        shown.field("method", &self.method);
        shown.field("body_bytes", &self.body.len());
        shown.finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebhookContents {
    pub receipts: Vec<Report>,
    pub inbound: Vec<Inbound>,
    /// What was left out, and why: a metric each.
    pub strange: Vec<Strange>,
}

impl WebhookContents {
    /// A report with what was strange about it all the same, or why it is left out.
    pub fn add_report(&mut self, read: Result<(Report, Option<Strange>), Strange>) {
        match read {
            Ok((report, strange)) => {
                self.receipts.push(report);
                self.strange.extend(strange);
            }
            Err(strange) => self.strange.push(strange),
        }
    }

    pub fn add_inbound(&mut self, read: Result<Inbound, Strange>) {
        match read {
            Ok(inbound) => self.inbound.push(inbound),
            Err(strange) => self.strange.push(strange),
        }
    }
}

/// One delivery report.
#[derive(Clone, PartialEq)]
pub struct Report {
    pub reference: Reference,
    /// The recipient, where the report names one: it tells the slot when the reference means a whole chunk.
    pub to: Option<Phone>,
    pub word: ReportWord,
    pub reason: Option<Reason>,
    pub proof: Proof,
    /// The gateway's own id of the message.
    pub provider_id: Option<String>,
    /// When it happened, by the gateway's clock.
    pub at: Option<Timestamp>,
}

/// Without the gateway's id: where a gateway has none of a recipient, it is the request's with the number.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Report");
        shown.field("reference", &self.reference);
        shown.field("to", &self.to).field("word", &self.word);
        shown.field("reason", &self.reason).field("at", &self.at);
        shown.finish_non_exhaustive()
    }
}

/// How a report says which message it means.
#[derive(Clone, PartialEq, Eq)]
pub enum Reference {
    /// By our `m`. Believe it after [`Claim::verify`] with the gateway account that was called.
    Claimed(Claim),
    /// By our id at the gateway, without a tag. Believe it only if the message went by the gateway account that was called:
    /// a tenant could name a message of another.
    Untagged(Attempt),
    /// By the gateway's own id: see the provider map, under the gateway account that was called.
    ProviderId(String),
}

/// Without the gateway's id, which may end in a number.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(claim) => f.debug_tuple("Claimed").field(claim).finish(),
            Self::Untagged(attempt) => f.debug_tuple("Untagged").field(attempt).finish(),
            Self::ProviderId(_) => f.write_str("ProviderId(..)"),
        }
    }
}

/// A message from a handset.
#[derive(Clone, PartialEq)]
pub struct Inbound {
    pub from: Phone,
    /// Our number or short code, as the gateway writes it.
    pub to: String,
    pub text: String,
    pub provider_id: Option<String>,
    pub at: Option<Timestamp>,
}

/// Without the text.
impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Inbound");
        shown.field("from", &self.from).field("to", &self.to);
        shown.finish_non_exhaustive()
    }
}

/// Something in a call that we can't use. Never a number or a text; a code is cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strange {
    /// Neither a report nor a message.
    NothingKnown,
    /// A report of a status that we don't know. It changes nothing.
    UnknownStatus(String),
    /// A report with an error code that we don't know. The report counts, its reason is `gateway.unmapped`.
    UnknownError(String),
    /// A report that doesn't say of which message.
    NoReference,
    /// A message from something that isn't a phone number.
    NotANumber,
    /// No report, but a question whether any shall come: somebody has to open this URL of the gateway, once.
    Unconfirmed(String),
}

impl Strange {
    pub fn status(code: &str) -> Self {
        Self::UnknownStatus(shown(code))
    }

    pub fn error(code: &str) -> Self {
        Self::UnknownError(shown(code))
    }
}

/// A code for a log: no control characters, no digits that could be a phone number, not long.
fn shown(code: &str) -> String {
    let longest = code.split(|character: char| !character.is_ascii_digit());
    if longest.map(str::len).max() >= Some(7) {
        return "(digits)".to_owned();
    }
    code.chars()
        .filter(|character| !character.is_control())
        .take(40)
        .collect()
}

/// Not a call of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the call has no signature")]
    Missing,
    #[error("the signature is wrong")]
    Wrong,
    #[error("the call is too old, or from the future")]
    Stale,
    /// Nothing can be believed until somebody puts it in.
    #[error("the gateway account has no secret to check the signature with")]
    NoSecret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is neither JSON nor a form")]
    Body,
    #[error("the body is over 256 KiB")]
    TooLarge,
}

/// Bytes of a call's body that are looked at.
pub const LARGEST_CALL: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_code_is_shown_without_what_must_not_be_logged() {
        for (name, code, expected) in [
            ("a word", "WEIRD", "WEIRD"),
            ("a number", "447700900123", "(digits)"),
            ("a number in words", "to +447700900123 failed", "(digits)"),
            ("a line break", "a\nb", "ab"),
        ] {
            assert_eq!(
                Strange::status(code),
                Strange::UnknownStatus(expected.to_owned()),
                "{name}"
            );
        }
        let long = Strange::error(&"x".repeat(1000));
        assert_eq!(long, Strange::UnknownError("x".repeat(40)));
    }
}
