//! How long a message that a gateway did not take waits for its next try.

use jiff::SignedDuration;

use crate::{outcome::Outcome, reason::Reason};

/// A throttled gateway that doesn't say for how long.
const THROTTLED: SignedDuration = SignedDuration::from_secs(5);
/// Nothing could be reached.
const UNREACHABLE: SignedDuration = SignedDuration::from_secs(15);
/// Somebody has to repair something first.
const TROUBLE: SignedDuration = SignedDuration::from_mins(1);

/// Up to a quarter longer by `jitter`, never shorter than a gateway asked for.
pub(super) fn wait(outcome: &Outcome, attempt: u8, jitter: u8) -> SignedDuration {
    let base = match outcome {
        Outcome::Throttled { after } => after.unwrap_or(THROTTLED),
        Outcome::Unavailable => UNREACHABLE,
        Outcome::AccountTrouble(_) => TROUBLE,
        Outcome::Deferred(reason) => deferred(*reason, attempt),
        Outcome::Accepted { .. } | Outcome::Refused(_) | Outcome::Doubt => SignedDuration::ZERO,
    };
    base + base * i32::from(jitter) / 1024
}

/// After the first try; each later one waits four times as long.
fn deferred(reason: Reason, attempt: u8) -> SignedDuration {
    let first = match reason {
        Reason::DailyCap => SignedDuration::from_hours(1),
        Reason::Absent | Reason::Busy | Reason::MemoryFull | Reason::Roaming => {
            SignedDuration::from_mins(5)
        }
        Reason::Congestion => SignedDuration::from_mins(1),
        _ => SignedDuration::from_secs(30),
    };
    first * 4i32.pow(u32::from(attempt.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_tries_wait_longer_and_no_two_alike() {
        let congestion = Outcome::Deferred(Reason::Congestion);
        let asked = Outcome::Throttled {
            after: Some(SignedDuration::from_secs(100)),
        };
        for (name, outcome, attempt, jitter, milliseconds) in [
            ("the first", &congestion, 1, 0, 60_000),
            ("the second", &congestion, 2, 0, 240_000),
            ("a quarter longer at most", &congestion, 1, 255, 74_941),
            ("as asked", &asked, 1, 0, 100_000),
            ("spread, but never sooner", &asked, 3, 128, 112_500),
        ] {
            let waits = wait(outcome, attempt, jitter);

            assert_eq!(waits.as_millis(), milliseconds, "{name}");
        }
    }
}
