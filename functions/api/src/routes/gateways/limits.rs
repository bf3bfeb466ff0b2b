//! How fast somebody may say that a gateway is.

use carillon_runtime::problem::Problem;

use crate::check;

/// Parts per second that may be set at most.
const FASTEST: u32 = 100_000;

pub fn check(pointer: &str, limit: Option<u32>) -> Result<(), Problem> {
    if limit.is_none_or(|limit| (1..=FASTEST).contains(&limit)) {
        return Ok(());
    }
    let words = format!("expected 1 to {FASTEST}");
    Err(check::content(pointer, &words))
}
