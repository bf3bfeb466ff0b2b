//! Builders of valid things.

use carillon_core::{
    batch::{BatchTerms, DoubtPolicy, Lane},
    chunk::Pointer,
    id::{Id, Kind},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A new id.
pub fn id<K: Kind>() -> Id<K> {
    Id::from_uuid(Uuid::now_v7())
}

/// A new token.
pub fn token() -> [u8; 16] {
    Uuid::now_v7().into_bytes()
}

/// The first chunk of a new batch.
pub fn pointer() -> Pointer {
    Pointer {
        batch: id(),
        chunk: 0,
    }
}

/// What a small campaign's batch is made with, at a time.
pub fn terms(now: Timestamp) -> BatchTerms {
    BatchTerms {
        id: id(),
        account: id(),
        campaign: Some(id()),
        test: true,
        lane: Lane::Low,
        policy: DoubtPolicy::AtMostOnce,
        class: carillon_core::rules::Class::Transactional,
        quiet_hours: carillon_core::batch::QuietHours::Hold,
        content: "Hello {{name|you}}".into(),
        routes: Vec::new(),
        routing: carillon_core::routing::Routing::default(),
        answers: None,
        began: now,
        not_before: None,
        local: None,
        spread_over: None,
        expires_at: now + SignedDuration::from_hours(72),
    }
}
