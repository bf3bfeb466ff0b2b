//! The dispatcher against the local stack, second by second.

#![expect(clippy::unwrap_used, reason = "a test")]

mod closing;
mod digesting;
mod events;
mod exporting;
mod judging;
mod release;
mod setup;
mod sweep;
mod telling;
