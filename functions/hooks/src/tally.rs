//! What this environment delivered, counted by endpoint and handed on now and then: a write for each event would cost more than the event.
//! The last seconds of an environment may be missing from the counts.

use std::{collections::HashMap, sync::Mutex};

use carillon_core::{id::WebhookId, webhook::Verdict};
use carillon_runtime::logs::chain;
use carillon_store::webhooks::{Counts, DeliveryCounts};
use jiff::{SignedDuration, Timestamp};

use crate::call::Called;

/// An endpoint's counts are written this often at most.
const EVERY: SignedDuration = SignedDuration::from_secs(20);

pub struct Tally {
    counts: DeliveryCounts,
    seen: Mutex<HashMap<WebhookId, Seen>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    counts: Counts,
    written: Option<Timestamp>,
}

impl Tally {
    pub fn new(counts: DeliveryCounts) -> Self {
        Self {
            counts,
            seen: Mutex::default(),
        }
    }

    pub fn count(&self, endpoint: WebhookId, events: usize, called: &Called) {
        let events = u64::try_from(events).unwrap_or_default();
        let delivered = called.verdict == Verdict::Delivered;
        let counts = Counts {
            delivered: if delivered { events } else { 0 },
            failed: if delivered { 0 } else { events },
            calls: 1,
            milliseconds: u64::from(called.attempt.took_ms),
        };
        self.lock().entry(endpoint).or_default().counts.add(&counts);
    }

    /// At the end of an invocation. What can't be handed on is forgotten.
    pub async fn hand_on(&self, now: Timestamp) {
        for (endpoint, counts) in self.due(now) {
            if let Err(error) = self.counts.add(endpoint, counts, now).await {
                tracing::warn!(error = chain(&error), "deliveries could not be counted");
            }
        }
    }

    fn due(&self, now: Timestamp) -> Vec<(WebhookId, Counts)> {
        let mut due = Vec::new();
        for (endpoint, seen) in self.lock().iter_mut() {
            let recent = |written: Timestamp| now.duration_since(written) < EVERY;
            if seen.counts.calls > 0 && !seen.written.is_some_and(recent) {
                due.push((*endpoint, seen.counts));
                *seen = Seen {
                    counts: Counts::default(),
                    written: Some(now),
                };
            }
        }
        due
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WebhookId, Seen>> {
        let locked = self.seen.lock();
        locked.expect("nothing panics while it holds the lock")
    }
}
