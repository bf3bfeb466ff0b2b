//! How endpoints answered this environment lately: what opens a breaker before the table tells so.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use carillon_core::{
    id::WebhookId,
    webhook::{Health, Trouble, health::Row},
};
use jiff::Timestamp;

/// Endpoints that are remembered at most; then all are forgotten.
const REMEMBERED: usize = 4_096;

#[derive(Default)]
pub struct Standings(Mutex<HashMap<WebhookId, Standing>>);

#[derive(Default)]
struct Standing {
    row: Row,
    open_until: Option<Timestamp>,
}

impl Standings {
    /// Whether events for it have to wait, by what is known here or by what the table said.
    pub fn holds_back(&self, endpoint: WebhookId, health: &Health, now: Timestamp) -> bool {
        // One that was open is tried by whoever looks after its backlog, not by everybody.
        health.open_until.is_some() || self.is_open(endpoint, now)
    }

    pub fn is_open(&self, endpoint: WebhookId, now: Timestamp) -> bool {
        self.open_until(endpoint, now).is_some()
    }

    /// Nothing is called from here before this.
    pub fn open_until(&self, endpoint: WebhookId, now: Timestamp) -> Option<Timestamp> {
        let here = self.lock().get(&endpoint).and_then(|it| it.open_until);
        here.filter(|until| now < *until)
    }

    pub fn succeeded(&self, endpoint: WebhookId) {
        self.lock().remove(&endpoint);
    }

    /// `Some` when its breaker has to open now.
    pub fn failed(
        &self,
        endpoint: WebhookId,
        trouble: Trouble,
        health: &Health,
        now: Timestamp,
    ) -> Option<Health> {
        let mut all = self.lock();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        let standing = all.entry(endpoint).or_default();
        let probe = health.is_half_open(now);
        if !standing.row.failed(trouble == Trouble::TimedOut) && !probe {
            return None;
        }
        let opened = health.opened(now);
        standing.row = Row::default();
        standing.open_until = opened.open_until;
        Some(opened)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WebhookId, Standing>> {
        let locked = self.0.lock();
        locked.expect("nothing panics while it holds the lock")
    }
}
