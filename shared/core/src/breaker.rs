//! The circuit breaker of a gateway account: opens when calls to it fail, lets one through after a time, closes when that one succeeds.

use jiff::{SignedDuration, Timestamp};

use crate::{outcome::Outcome, reason::Reason};

/// How long it stays open the first time; each time after is twice as long.
const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// For what somebody has to repair.
const FIRST_REPAIR: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_REPAIR: SignedDuration = SignedDuration::from_mins(15);
/// An opening that comes so long after the last end is a first one again.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Longer than a call can take.
const PROBE_FOR: SignedDuration = SignedDuration::from_secs(15);
/// Failures are counted over this time and the one before.
const SPAN: SignedDuration = SignedDuration::from_secs(10);
/// So many of them, and half of all calls, open it.
const FAILURES: u32 = 5;

/// As all workers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// How often it opened in a row.
    pub openings: u32,
    /// When it opened or closed last.
    pub since: Option<Timestamp>,
    pub open: Option<Opening>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub until: Timestamp,
    pub reason: Reason,
    /// Somebody tries one message, until then at most.
    pub probed_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Closed,
    /// Nothing leaves before then.
    Open(Timestamp),
    /// One message may be tried.
    HalfOpen,
    /// Somebody tries one; its result is known by then.
    Probed(Timestamp),
}

impl Breaker {
    pub fn phase(&self, now: Timestamp) -> Phase {
        match self.open {
            None => Phase::Closed,
            Some(open) if now < open.until => Phase::Open(open.until),
            Some(open) => match open.probed_until {
                Some(until) if now < until => Phase::Probed(until),
                _ => Phase::HalfOpen,
            },
        }
    }

    /// Somebody should be told: what opened and closes again by itself within seconds is nobody's business.
    pub fn is_failing(&self) -> bool {
        let repair = |open: Opening| self.openings > 1 || needs_repair(open.reason);
        self.open.is_some_and(repair)
    }

    /// Opened, or opened again after a probe that failed.
    #[must_use]
    pub fn opened(&self, reason: Reason, now: Timestamp) -> Self {
        let quiet = |since: Timestamp| now.duration_since(since) >= FORGOTTEN_AFTER;
        let in_a_row = self.open.is_some() || !self.since.is_none_or(quiet);
        let openings = if in_a_row { self.openings } else { 0 };
        let (first, longest) = if needs_repair(reason) {
            (FIRST_REPAIR, LONGEST_REPAIR)
        } else {
            (FIRST, LONGEST)
        };
        let time = (first * 2i32.pow(openings.min(10))).min(longest);
        Self {
            openings: openings + 1,
            since: Some(now),
            open: Some(Opening {
                until: now + time,
                reason,
                probed_until: None,
            }),
        }
    }

    /// With a probe under way.
    #[must_use]
    pub fn probed(&self, now: Timestamp) -> Self {
        let open = self.open.map(|open| Opening {
            probed_until: Some(now + PROBE_FOR),
            ..open
        });
        Self { open, ..*self }
    }

    /// Closed; how often it opened is remembered for a while.
    #[must_use]
    pub fn closed(&self, now: Timestamp) -> Self {
        Self {
            openings: self.openings,
            since: Some(now),
            open: None,
        }
    }
}

/// What a call says about the gateway account as a whole; `None` is that it works.
pub const fn trouble(outcome: &Outcome) -> Option<Reason> {
    match outcome {
        Outcome::Accepted { .. }
        | Outcome::Refused(_)
        | Outcome::Deferred(_)
        | Outcome::Throttled { .. } => None,
        Outcome::Unavailable => Some(Reason::Unavailable),
        Outcome::Doubt => Some(Reason::Ambiguous),
        Outcome::AccountTrouble(reason) => Some(*reason),
    }
}

const fn needs_repair(reason: Reason) -> bool {
    !matches!(reason, Reason::Unavailable | Reason::Ambiguous)
}

/// Calls as one environment sees them, of the last ten to twenty seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    began: Timestamp,
    now: Counts,
    before: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    calls: u32,
    failures: u32,
}

impl Tally {
    /// Counts a call. The answer is why the breaker should open.
    pub fn count(&mut self, outcome: &Outcome, now: Timestamp) -> Option<Reason> {
        let elapsed = now.duration_since(self.began);
        if elapsed >= SPAN {
            let recent = elapsed < SPAN * 2;
            self.before = if recent { self.now } else { Counts::default() };
            (self.began, self.now) = (now, Counts::default());
        }
        let reason = trouble(outcome);
        self.now.calls += 1;
        self.now.failures += u32::from(reason.is_some());
        let calls = self.now.calls + self.before.calls;
        let failures = self.now.failures + self.before.failures;
        reason.filter(|_| failures >= FAILURES && failures * 2 >= calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn accepted() -> Outcome {
        Outcome::Accepted { provider_id: None }
    }

    #[test]
    fn it_opens_for_longer_each_time_and_forgets_after_a_quiet_time() {
        let mut breaker = Breaker::default();
        for (name, seconds, reason, open_for) in [
            ("the first time", 0, Reason::Unavailable, 10),
            ("the probe failed", 10, Reason::Unavailable, 20),
            ("again", 30, Reason::Ambiguous, 40),
            ("five minutes at most", 70, Reason::Ambiguous, 80),
            ("still", 150, Reason::Unavailable, 160),
            ("and at most", 310, Reason::Unavailable, 300),
        ] {
            breaker = breaker.opened(reason, at(seconds));
            let until = at(seconds + open_for);
            assert_eq!(breaker.phase(at(seconds)), Phase::Open(until), "{name}");
            assert_eq!(breaker.phase(until), Phase::HalfOpen, "{name}");
        }
        let closed = breaker.closed(at(700));

        let soon = closed.opened(Reason::Unavailable, at(701));
        let late = closed.opened(Reason::Unavailable, at(1_300));

        assert_eq!(soon.phase(at(701)), Phase::Open(at(1_001)));
        assert_eq!(late.phase(at(1_300)), Phase::Open(at(1_310)));
    }

    #[test]
    fn what_somebody_has_to_repair_opens_it_for_longer() {
        let breaker = Breaker::default().opened(Reason::Auth, at(0));

        assert_eq!(breaker.phase(at(0)), Phase::Open(at(60)));
    }

    #[test]
    fn one_probe_at_a_time() {
        let open = Breaker::default().opened(Reason::Unavailable, at(0));

        let probed = open.probed(at(10));

        assert_eq!(probed.phase(at(10)), Phase::Probed(at(25)));
        assert_eq!(
            probed.phase(at(25)),
            Phase::HalfOpen,
            "its worker may have died"
        );
        assert_eq!(probed.closed(at(11)).phase(at(11)), Phase::Closed);
    }

    #[test]
    fn failures_open_it_when_they_are_many_and_half_of_all() {
        let refused = Outcome::Refused(Reason::BadNumber);
        let throttled = Outcome::Throttled { after: None };
        let deferred = Outcome::Deferred(Reason::Temporary);
        let auth = Outcome::AccountTrouble(Reason::Auth);
        for (name, before, then, expected) in [
            ("four in all", 0, vec![Outcome::Doubt; 4], None),
            ("five", 0, vec![Outcome::Doubt; 5], Some(Reason::Ambiguous)),
            (
                "no connection",
                5,
                vec![Outcome::Unavailable; 5],
                Some(Reason::Unavailable),
            ),
            ("less than half", 6, vec![Outcome::Unavailable; 5], None),
            ("credentials", 0, vec![auth; 5], Some(Reason::Auth)),
            ("a no is an answer", 0, vec![refused; 9], None),
            ("too fast is an answer", 0, vec![throttled; 9], None),
            ("so is later", 0, vec![deferred; 9], None),
        ] {
            let mut tally = Tally::default();
            for _ in 0..before {
                tally.count(&accepted(), at(0));
            }
            let verdicts: Vec<_> = then.iter().map(|one| tally.count(one, at(1))).collect();
            assert_eq!(verdicts.last().copied().flatten(), expected, "{name}");
        }
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut tally = Tally::default();
        for _ in 0..4 {
            tally.count(&Outcome::Doubt, at(0));
        }

        let next_span = tally.clone().count(&Outcome::Doubt, at(12));
        let later = tally.count(&Outcome::Doubt, at(21));

        assert_eq!(next_span, Some(Reason::Ambiguous));
        assert_eq!(later, None);
    }

    #[test]
    fn a_hiccup_is_not_told_and_what_lasts_or_needs_repair_is() {
        let hiccup = Breaker::default().opened(Reason::Unavailable, at(0));
        let lasts = hiccup.opened(Reason::Unavailable, at(10));
        let repair = Breaker::default().opened(Reason::Auth, at(0));
        for (name, breaker, expected) in [
            ("well", Breaker::default(), false),
            ("open for ten seconds", hiccup, false),
            ("the probe failed", lasts, true),
            ("is tried now", lasts.probed(at(30)), true),
            ("wrong credentials", repair, true),
            ("well again", lasts.closed(at(31)), false),
        ] {
            assert_eq!(breaker.is_failing(), expected, "{name}");
        }
    }
}
