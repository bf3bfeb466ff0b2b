//! The routes, one file for each group. A handler parses, calls the store, and says what came of it.

pub mod account;
pub mod audit;
pub mod batches;
pub mod campaigns;
pub mod dead_letters;
pub mod gateways;
pub mod keys;
pub mod messages;
pub mod meta;
#[expect(clippy::module_inception, reason = "the resource is called so")]
pub mod routes;
pub mod senders;
pub mod suppressions;
pub mod uploads;
