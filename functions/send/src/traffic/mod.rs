//! What one environment knows of the gateway accounts it sends by: how fast, whether at all, and how its own calls fared.

mod lead;
mod learn;
mod permit;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carillon_core::{
    breaker::Tally, id::GatewayAccountId, phone::Country, rate::RateState, routing::shift::Tenths,
};
use carillon_store::rate::{Rate, Stale};
use jiff::{SignedDuration, Timestamp};

use self::lead::Lead;
pub use self::{
    learn::learn,
    permit::{Grant, Kind, Permit, Want, Wanted, permit},
};

/// What doesn't come with tokens is read again after this: a limit, an open breaker, a switch.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(2);

pub struct Traffic {
    rate: Rate,
    known: Mutex<HashMap<GatewayAccountId, Arc<tokio::sync::Mutex<Known>>>>,
    lead: Mutex<Lead>,
}

/// One gateway account. Whoever asks for tokens holds it, so that an environment asks once at a time.
#[derive(Default)]
struct Known {
    state: RateState,
    /// When the item was seen.
    seen: Timestamp,
    crowd: Crowd,
    tally: Tally,
}

/// Whether others take tokens too: then those that we know of are never the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Crowd {
    #[default]
    Alone,
    Others,
}

impl Traffic {
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            known: Mutex::default(),
            lead: Mutex::default(),
        }
    }

    /// The version of a gateway account's record that workers must not be behind, as far as this environment knows.
    pub async fn record(&self, gateway: GatewayAccountId) -> u32 {
        self.of(gateway).lock().await.state.record
    }

    /// Tenths of a country's numbers that go elsewhere first, as far as this environment knows.
    pub async fn away(&self, gateway: GatewayAccountId, country: Country) -> Tenths {
        let away = self
            .of(gateway)
            .lock()
            .await
            .state
            .away
            .get(&country)
            .copied();
        away.unwrap_or_default()
    }

    /// From asking for tokens to the first call.
    pub fn opened_in(&self, time: SignedDuration) {
        self.lock_lead().observe(time);
    }

    fn lead(&self) -> SignedDuration {
        self.lock_lead().time()
    }

    fn of(&self, gateway: GatewayAccountId) -> Arc<tokio::sync::Mutex<Known>> {
        let mut all = self
            .known
            .lock()
            .expect("nothing panics while it holds the lock");
        all.entry(gateway).or_default().clone()
    }

    fn lock_lead(&self) -> std::sync::MutexGuard<'_, Lead> {
        self.lead
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Known {
    /// Takes in what a write or a read said. Whether it was as we thought is the answer.
    fn see(&mut self, said: Result<RateState, Stale>, now: Timestamp) -> bool {
        let (state, held) = match said {
            Ok(state) => (state, true),
            Err(Stale(state)) => (*state, false),
        };
        // A breaker that turned begins a new count.
        if state.breaker.since != self.state.breaker.since {
            self.tally = Tally::default();
        }
        self.state = state;
        self.seen = now;
        held
    }

    fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen) >= KEPT_FOR
    }
}
