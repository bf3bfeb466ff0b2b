//! Slowing down and coming back (AIMD: additive increase, multiplicative decrease). Coming back is a function of time, so it takes no write.

use jiff::{SignedDuration, Timestamp};

use super::{Pace, RateState, UNLIMITED};

/// One answer of "too fast" halves the pace; those that were under way with it don't again.
const AT_MOST_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// Asked to wait longer, we look again after this.
const LONGEST_PUSH: SignedDuration = SignedDuration::from_mins(1);
/// From a halved pace the limit is reached again after ten seconds.
const BACK_FROM_HALF: u64 = 10;
/// And from wherever it was slowed to, after a minute.
const BACK_AT_LAST: u64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowed {
    pub to: Pace,
    pub at: Timestamp,
}

impl Slowed {
    /// What it has grown to by now.
    pub fn grown(self, limit: Option<Pace>, now: Timestamp) -> Pace {
        let elapsed = now.duration_since(self.at).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(0);
        let by_itself = self.to.thousandths() / BACK_FROM_HALF;
        let to_limit = limit.map_or(0, |limit| limit.thousandths() / BACK_AT_LAST);
        let each_second = by_itself.max(to_limit);
        self.to.plus(each_second.saturating_mul(elapsed) / 1_000)
    }
}

/// A slowdown to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowing {
    pub to: Slowed,
    /// Nothing leaves before then: the gateway named a time.
    pub pushed: Option<Timestamp>,
}

impl RateState {
    /// What an answer of "too fast" makes of it. `None` when it was slowed just now.
    pub fn slowing(&self, after: Option<SignedDuration>, now: Timestamp) -> Option<Slowing> {
        let fresh = |slowed: Slowed| now.duration_since(slowed.at) < AT_MOST_EVERY;
        if self.slowed.is_some_and(fresh) {
            return None;
        }
        let pace = self.pace(now).unwrap_or(UNLIMITED);
        let pushed = after.map(|after| now + after.min(LONGEST_PUSH));
        Some(Slowing {
            to: Slowed {
                to: pace.permille(500),
                at: now,
            },
            pushed: pushed.filter(|until| *until > self.taken),
        })
    }

    /// Where an account begins again that could not be used: a tenth, and from there like any other that was slowed.
    pub fn return_slowly(&self, now: Timestamp) -> Slowed {
        let pace = self.limit().unwrap_or(UNLIMITED);
        Slowed {
            to: pace.permille(100),
            at: now,
        }
    }
}
