//! What this environment has seen of each gateway account in each country, handed on now and then: a write for each report would cost
//! more than the report. What is lost with an environment is missed by nobody.

use std::{collections::BTreeMap, sync::Mutex};

use carillon_core::{
    batch::BatchTerms,
    chunk::{Chunk, receipt::ReceiptStatus},
    id::GatewayAccountId,
    routing::shift::Deliveries as Counts,
};
use carillon_runtime::logs::chain;
use carillon_store::deliveries::{Deliveries, Traffic};
use jiff::{SignedDuration, Timestamp};

/// Handed on when there are so many, or after this time.
const MANY: u64 = 200;
const AFTER: SignedDuration = SignedDuration::from_secs(20);

pub struct Tally {
    deliveries: Deliveries,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    counts: BTreeMap<Traffic, Counts>,
    since: Option<Timestamp>,
}

impl Tally {
    pub fn new(deliveries: Deliveries) -> Self {
        Self {
            deliveries,
            seen: Mutex::default(),
        }
    }

    /// Slots that had no verdict before and have one now.
    pub fn count(&self, before: &Chunk, after: &Chunk, terms: &BatchTerms, now: Timestamp) {
        let Some(country) = after.country.filter(|_| !terms.test) else {
            return;
        };
        let mut seen = self.lock();
        for (slot, send) in after.slots.iter().enumerate() {
            let verdict = |chunk: &Chunk| verdict(chunk.receipts.get(slot)?.as_ref()?.status);
            let (None, Some(delivered)) = (verdict(before), verdict(after)) else {
                continue;
            };
            let Some(gateway) = gateway(terms, send.route) else {
                continue;
            };
            let traffic = Traffic {
                account: terms.account,
                country,
                gateway,
            };
            let counts = seen.counts.entry(traffic).or_default();
            if delivered {
                counts.delivered += 1;
            } else {
                counts.failed += 1;
            }
            seen.since.get_or_insert(now);
        }
    }

    /// At the end of an invocation. What can't be handed on is forgotten.
    pub async fn hand_on(&self, now: Timestamp) {
        for (traffic, counts) in self.due(now) {
            if let Err(error) = self.deliveries.add(traffic, counts, now).await {
                tracing::warn!(error = chain(&error), "deliveries could not be counted");
            }
        }
    }

    fn due(&self, now: Timestamp) -> BTreeMap<Traffic, Counts> {
        let mut seen = self.lock();
        let all: u64 = seen
            .counts
            .values()
            .map(|counts| counts.delivered + counts.failed)
            .sum();
        let old = seen
            .since
            .is_some_and(|since| now.duration_since(since) >= AFTER);
        if all >= MANY || old {
            std::mem::take(&mut *seen).counts
        } else {
            BTreeMap::new()
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// Whether it was delivered; `None` while nobody knows.
const fn verdict(status: ReceiptStatus) -> Option<bool> {
    match status {
        ReceiptStatus::Delivered => Some(true),
        ReceiptStatus::Undelivered | ReceiptStatus::Failed | ReceiptStatus::Expired => Some(false),
        _ => None,
    }
}

fn gateway(terms: &BatchTerms, route: u8) -> Option<GatewayAccountId> {
    let route = terms.routes.get(usize::from(route))?;
    Some(route.gateway)
}
