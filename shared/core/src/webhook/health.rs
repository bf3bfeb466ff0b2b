//! An endpoint's circuit breaker: opens when calls fail one after the other, lets one through after a time, closes when that one
//! succeeds. While it is open, events wait and nobody is kept from anything by an endpoint that is dead.

use jiff::{SignedDuration, Timestamp};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// Calls without an answer each cost their full time: so many are enough.
const TIMEOUTS: u32 = 2;
const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// An endpoint at which nothing got through for so long is disabled.
pub const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// As all workers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Since when nothing got through.
    pub failing_since: Option<Timestamp>,
    /// Nothing is called before this.
    pub open_until: Option<Timestamp>,
    /// How often it opened in a row.
    pub openings: u32,
}

impl Health {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    /// It was open, and one call may find out whether it still has to be.
    pub fn is_half_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now >= until)
    }

    #[must_use]
    pub fn opened(&self, now: Timestamp) -> Self {
        let time = (FIRST * 2i32.pow(self.openings.min(10))).min(LONGEST);
        Self {
            failing_since: self.failing_since.or(Some(now)),
            open_until: Some(now + time),
            openings: self.openings + 1,
        }
    }

    pub fn is_hopeless(&self, now: Timestamp) -> bool {
        let since = self.failing_since;
        since.is_some_and(|since| now.duration_since(since) >= DISABLED_AFTER)
    }
}

/// Failures in a row, as one environment sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    failures: u32,
    timeouts: u32,
}

impl Row {
    pub const fn succeeded(&mut self) {
        self.failures = 0;
        self.timeouts = 0;
    }

    /// Whether the breaker has to open.
    pub const fn failed(&mut self, timed_out: bool) -> bool {
        self.failures += 1;
        if timed_out {
            self.timeouts += 1;
        }
        self.failures >= FAILURES || self.timeouts >= TIMEOUTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_dead_endpoint_is_asked_less_and_less_often() {
        let mut health = Health::default();
        let mut waits = Vec::new();

        for _ in 0..8 {
            health = health.opened(at(0));
            waits.push(health.open_until.unwrap().as_second());
        }

        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert!(health.is_open(at(299)) && !health.is_half_open(at(299)));
        assert!(!health.is_open(at(300)) && health.is_half_open(at(300)));
    }

    #[test]
    fn failures_in_a_row_open_it_and_silence_sooner() {
        let count = |timed_out| {
            let mut row = Row::default();
            1 + (0..9).take_while(|_| !row.failed(timed_out)).count()
        };

        assert_eq!((count(false), count(true)), (5, 2));
        let mut row = Row::default();
        for _ in 0..4 {
            assert!(!row.failed(false));
        }
        row.succeeded();
        assert!(!row.failed(false));
    }

    #[test]
    fn after_five_days_without_success_there_is_no_hope() {
        let health = Health::default().opened(at(0));

        assert!(!health.is_hopeless(at(5 * 86_400 - 1)));
        assert!(health.is_hopeless(at(5 * 86_400)));
        assert!(!Health::default().is_hopeless(at(5 * 86_400)));
    }
}
