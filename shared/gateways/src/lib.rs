//! The gateways: for each kind one adapter, which turns messages into requests, answers into outcomes and webhook calls into reports.
//! All of it is pure: no async, no client, no clock. One function elsewhere does the IO for all of them.

pub mod account;
mod africastalking;
mod aws_sms;
mod bandwidth;
pub mod callback;
pub mod class;
mod clicksend;
#[cfg(test)]
mod conformance;
pub mod fallback;
#[cfg(test)]
mod fixtures;
pub mod generic;
mod infobip;
mod jasmin;
mod jwt;
mod kannel;
mod kind;
mod many;
pub mod message;
mod messagebird;
mod plivo;
pub mod problem;
#[cfg(test)]
mod recorded;
mod settings;
pub mod signature;
mod simulated;
mod sinch;
mod smpp;
#[cfg(test)]
mod table;
mod telnyx;
mod twilio;
mod vonage_messages;
mod vonage_sms;
pub mod webhook;
mod wire;

use bytes::Bytes;
use carillon_core::{
    gateway::Capabilities,
    outcome::{Inquiry, Outcome},
};
use http::{Request, Response};
use jiff::Timestamp;

pub use account::{Credentials, GatewayAccount, Secret};
pub use kind::GatewayKind;
pub use message::{Answer, CallTimeout, Outgoing};
pub use problem::{AllowedHosts, FieldProblem};
pub use webhook::{
    Forged, Inbound, Reference, Report, Strange, Unreadable, WebhookCall, WebhookContents,
};

/// One kind of gateway as one account configured it: `GatewayKind::open` makes it from the stored configuration.
pub trait Gateway: Send + Sync {
    /// What is wrong with the configuration, field by field. Asked when it is created or edited; the other methods are
    /// total without it.
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem>;

    /// What this gateway can do on this account: echo our id, deduplicate by it (and for how long), be asked by it, take
    /// many recipients in one call.
    fn capabilities(&self) -> Capabilities;

    /// The request that submits these messages: at least one, at most [`Capabilities::messages_per_request`].
    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        now: Timestamp,
    ) -> Request<Bytes>;

    /// What the gateway made of each of them, in their order, from its answer (status, headers, body).
    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome>;

    /// The request that asks after a message by our id, where that can be done. The message comes without its text.
    fn inquire(&self, _: &GatewayAccount, _: &Outgoing, _: Timestamp) -> Option<Request<Bytes>> {
        None
    }

    /// What the answer to such a request says. Nobody asks before [`Capabilities::settles_after`] is over.
    fn inquired(&self, _: &Answer) -> Inquiry {
        Inquiry::Unclear
    }

    /// Is this call really from the gateway? Over the raw bytes, in constant time. The token in the path was looked at before.
    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged>;

    /// Every receipt and every inbound message in a call. One that we don't know is reported and left out.
    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable>;

    /// The answer that this gateway wants to hear. Always a 2xx.
    fn reply(&self, _: &WebhookCall) -> Response<Bytes> {
        Response::new(Bytes::new())
    }
}
