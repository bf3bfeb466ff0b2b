//! Customers' webhooks, by Standard Webhooks 1.0.0: which events an endpoint wants, how a call is signed, what its answer means,
//! when it is tried again. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

pub mod archive;
pub mod envelope;
pub mod health;
pub mod retry;
pub mod secret;
pub mod wanted;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    envelope::Envelope,
    health::Health,
    retry::{Answered, Trouble, Verdict},
    secret::EndpointSecret,
    wanted::Wanted,
};
use crate::id::{AccountId, EventId, WebhookId};

/// A customer's URL and what is sent there. Its secrets are kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: WebhookId,
    pub account: AccountId,
    pub url: String,
    pub events: Wanted,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub grouping: Grouping,
    pub state: EndpointState,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

/// How many events a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// One, as the body.
    Single,
    /// Up to [`envelope::MOST`], as a list.
    Batches,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    Enabled,
    /// Its owner switched it off.
    Disabled,
    /// It answered 410: it is gone.
    Gone,
    /// Nothing got through for too long.
    Failing,
}

/// An event on its way to one endpoint, from its first failure on. What gets through at once is never written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub endpoint: WebhookId,
    pub account: AccountId,
    pub event: EventId,
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's own time.
    pub at: Timestamp,
    pub state: DeliveryState,
    /// Calls that were made.
    pub attempts: u32,
    /// Nothing is tried after this.
    pub until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried (again) when its time has come.
    Waiting,
    Delivered,
    /// Every try failed, or the time for them is over.
    GivenUp,
}

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub took_ms: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

impl Endpoint {
    pub const fn is_enabled(&self) -> bool {
        matches!(self.state, EndpointState::Enabled)
    }
}
