//! How long a message that a gateway did not take waits for its next try.

use jiff::SignedDuration;

use crate::outcome::Outcome;

/// A throttled gateway that doesn't say for how long.
const THROTTLED: SignedDuration = SignedDuration::from_secs(5);
/// Nothing could be reached.
const UNREACHABLE: SignedDuration = SignedDuration::from_secs(15);
/// Somebody has to repair something first.
const TROUBLE: SignedDuration = SignedDuration::from_mins(1);
/// After the first try; each later one waits four times as long.
const DEFERRED: SignedDuration = SignedDuration::from_secs(30);

/// Up to a quarter longer by `jitter`, never shorter than a gateway asked for.
pub(super) fn wait(outcome: &Outcome, attempt: u8, jitter: u8) -> SignedDuration {
    let base = match outcome {
        Outcome::Throttled { after } => after.unwrap_or(THROTTLED),
        Outcome::Unavailable => UNREACHABLE,
        Outcome::AccountTrouble(_) => TROUBLE,
        _ => DEFERRED * 4i32.pow(u32::from(attempt.saturating_sub(1))),
    };
    base + base * i32::from(jitter) / 1024
}
