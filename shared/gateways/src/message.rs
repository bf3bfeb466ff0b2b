//! What goes to a gateway, and what it answers.

use std::{fmt, time::Duration};

use bytes::Bytes;
use carillon_core::{message_id::MessageId, phone::Phone, sender::Dlt};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::callback::Claim;

/// One message on its way out.
#[derive(Clone)]
pub struct Outgoing {
    /// The message, the try, and what its reports shall carry.
    pub claim: Claim,
    pub to: Phone,
    /// The originator; `None` where the gateway picks one.
    pub sender: Option<String>,
    /// What India wants to know of the sender, where it is registered there.
    pub dlt: Option<Dlt>,
    pub text: String,
    /// How many parts it has.
    pub parts: u16,
    /// The full URL that its reports shall be posted to.
    pub callback: String,
    /// Nothing should be delivered from then on.
    pub expires_at: Timestamp,
}

impl Outgoing {
    pub fn message(&self) -> MessageId {
        self.claim.unverified().message
    }

    pub fn attempt(&self) -> u8 {
        self.claim.unverified().number
    }

    /// Our id at the gateway: `msg_….1`.
    pub fn reference(&self) -> String {
        self.claim.unverified().to_string()
    }
}

/// Without the text and the callback.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Outgoing");
        shown.field("attempt", &self.claim.unverified());
        shown.field("to", &self.to).field("parts", &self.parts);
        shown.finish_non_exhaustive()
    }
}

/// What came back for a request.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Gateways repeat numbers and texts in their answers.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        shown.field("status", &self.status);
        shown.field("body_bytes", &self.body.len());
        shown.finish_non_exhaustive()
    }
}

/// An extension of a request: give up this long after it began, where that is sooner than the client would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimeout(pub Duration);
