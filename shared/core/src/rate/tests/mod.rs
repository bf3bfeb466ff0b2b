//! Tables of paces and of tokens.

mod paces;
mod tokens;

use jiff::Timestamp;

use super::{Limits, RateState};

/// Milliseconds after a time.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).expect("a time")
}

/// 40 parts a second are paced as 39: 25,642 µs a part.
fn forty() -> RateState {
    RateState {
        version: 1,
        limits: Limits {
            parts_per_second: Some(40),
            sender_parts_per_second: None,
        },
        ..RateState::default()
    }
}
