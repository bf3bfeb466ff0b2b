//! How fast a gateway account may be sent to: what its one item says, and what follows from it. Every worker sees the same item, so
//! the pace, its recovery and the breaker are functions of it and of the time.

mod health;
mod pace;
mod slow;
mod take;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    health::{Health, HealthState},
    pace::Pace,
    slow::{Slowed, Slowing},
    take::{Ask, Decision, Due, Moves, Schedule, Shift, Stand, Turns},
};
use crate::{
    breaker::{Breaker, Phase},
    phone::Country,
    routing::shift::Tenths,
};

/// Of an account without a limit, once it was slowed: the pace from which on it is without limit again.
const UNLIMITED: Pace = Pace::of(1_000);
/// Of the limit. The rest is for calls that are a little late: a second of sending then never holds more than the limit and one.
const USED_PERCENT: u64 = 975;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of the whole account; `None` is without limit.
    pub parts_per_second: Option<u32>,
    /// Of each of its senders.
    pub sender_parts_per_second: Option<u32>,
}

/// The item. One that isn't there is the default: no limits, and nothing happened yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RateState {
    /// Grows with each change of anything but tokens; 0 is an item that isn't there.
    pub version: u32,
    pub limits: Limits,
    /// Nothing may be sent by it: its owner switched it off.
    pub disabled: bool,
    /// The version of the gateway account's record, so that a changed secret is read at once.
    pub record: u32,
    pub slowed: Option<Slowed>,
    pub breaker: Breaker,
    /// Its tokens are taken until then; before all time when none ever was.
    pub taken: Timestamp,
    /// One-time passwords have jumped the queue until then.
    pub jumped: Timestamp,
    /// Tokens taken of each sender that has a limit.
    pub senders: BTreeMap<String, Timestamp>,
    /// Tenths of a country's numbers that go elsewhere first ([`crate::routing::shift`]).
    pub away: BTreeMap<Country, Tenths>,
}

impl RateState {
    /// `None` is without limit.
    pub fn pace(&self, now: Timestamp) -> Option<Pace> {
        let limit = self.limit();
        let Some(slowed) = self.slowed else {
            return limit;
        };
        let grown = slowed.grown(limit, now);
        match limit {
            Some(limit) => Some(limit.min(grown)),
            None => (grown < UNLIMITED).then_some(grown),
        }
    }

    /// Slower than its limit.
    pub fn is_slowed(&self, now: Timestamp) -> bool {
        self.pace(now) != self.limit()
    }

    /// Nothing leaves by it before then, but for the probe of a half-open breaker.
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.disabled {
            return Some(now + DISABLED_LOOK);
        }
        match self.breaker.phase(now) {
            Phase::Closed | Phase::HalfOpen => None,
            Phase::Open(until) | Phase::Probed(until) => Some(until),
        }
    }

    /// The pace of a healthy day.
    fn limit(&self) -> Option<Pace> {
        self.limits
            .parts_per_second
            .map(|rate| Pace::of(rate).permille(USED_PERCENT))
    }

    fn sender_pace(&self) -> Option<Pace> {
        let rate = self.limits.sender_parts_per_second?;
        Some(Pace::of(rate).permille(USED_PERCENT))
    }
}

/// An account that is switched off is looked at again after this.
const DISABLED_LOOK: SignedDuration = SignedDuration::from_mins(1);
