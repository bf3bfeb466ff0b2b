//! Endpoints of customers, and what is sent to them again.

use carillon_core::id::{AccountId, EventId, ReplayId, WebhookId};
use jiff::Timestamp;

use super::Key;

/// The partition of an account's webhook endpoints, and of what they are sent again.
pub fn endpoints(account: AccountId) -> String {
    format!("{account}#hooks")
}

pub const ENDPOINT: &str = "whk_";

pub fn endpoint(account: AccountId, endpoint: WebhookId) -> Key {
    Key::new(endpoints(account), endpoint.to_string())
}

/// How an endpoint's deliveries are spread: one that is dead must not be written to faster than one partition takes.
pub const DELIVERY_SHARDS: u8 = 4;

pub fn deliveries_to(endpoint: WebhookId, shard: u8) -> String {
    format!("{endpoint}#deliveries#{shard}")
}

/// What didn't get through at once, in the order of the events' times.
pub fn delivery(endpoint: WebhookId, at: Timestamp, event: EventId) -> Key {
    Key::new(
        deliveries_to(endpoint, delivery_shard(event)),
        delivery_place(at, event),
    )
}

pub fn delivery_place(at: Timestamp, event: EventId) -> String {
    format!("{:013}#{event}", at.as_millisecond())
}

pub fn delivery_shard(event: EventId) -> u8 {
    event.uuid().as_bytes()[15] % DELIVERY_SHARDS
}

/// The index partition of an endpoint's deliveries that wait, in the order of when they are due.
pub fn deliveries_due(endpoint: WebhookId, shard: u8) -> String {
    format!("{endpoint}#due#{shard}")
}

/// The endpoints that have something waiting.
pub const BACKLOGS: &str = "hook-backlogs";

pub fn backlog(account: AccountId, endpoint: WebhookId) -> Key {
    Key::new(BACKLOGS, format!("{}{endpoint}", backlogs_of(account)))
}

pub fn backlogs_of(account: AccountId) -> String {
    format!("{account}#")
}

/// What got through to an endpoint, by the hour.
pub fn delivered_in(endpoint: WebhookId, at: Timestamp) -> Key {
    Key::new(delivered_hours(endpoint), delivered_hour(at))
}

pub fn delivered_hours(endpoint: WebhookId) -> String {
    format!("{endpoint}#hours")
}

pub fn delivered_hour(at: Timestamp) -> String {
    format!("{:09}", at.as_second() / 3_600)
}

/// Events of a time that an endpoint is sent again.
pub fn replay(account: AccountId, endpoint: WebhookId, replay: ReplayId) -> Key {
    Key::new(
        endpoints(account),
        format!("{}{replay}", replays_of(endpoint)),
    )
}

pub fn replays_of(endpoint: WebhookId) -> String {
    format!("replay#{endpoint}#")
}

/// The index partition of replays that aren't over.
pub const REPLAYS: &str = "hook-replays";
