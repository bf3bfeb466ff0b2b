//! What people are shown of a gateway account.

use jiff::Timestamp;

use super::{Pace, RateState};
use crate::{breaker::Phase, reason::Reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    pub state: HealthState,
    pub since: Option<Timestamp>,
    /// When an open one is tried again.
    pub until: Option<Timestamp>,
    pub reason: Option<Reason>,
    /// `None` is without limit.
    pub pace: Option<Pace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    Closed,
    Open,
    HalfOpen,
    /// Closed, and slower than its limit.
    Recovering,
}

impl RateState {
    pub fn health(&self, now: Timestamp) -> Health {
        let pace = self.pace(now);
        let open = self.breaker.open;
        let (state, since) = match self.breaker.phase(now) {
            Phase::Open(_) => (HealthState::Open, self.breaker.since),
            Phase::HalfOpen | Phase::Probed(_) => (HealthState::HalfOpen, self.breaker.since),
            Phase::Closed if self.is_slowed(now) => {
                (HealthState::Recovering, self.slowed.map(|slowed| slowed.at))
            }
            Phase::Closed => (HealthState::Closed, self.breaker.since),
        };
        Health {
            state,
            since,
            until: open
                .map(|open| open.until)
                .filter(|_| state == HealthState::Open),
            reason: open.map(|open| open.reason),
            pace,
        }
    }
}
