//! The routes, one file for each group. A handler parses, calls the store, and says what came of it.

pub mod account;
pub mod audit;
pub mod batches;
pub mod campaigns;
pub mod clicks;
pub mod consents;
pub mod contacts;
pub mod days;
pub mod dead_letters;
pub mod erasures;
pub mod export_schedules;
pub mod exports;
pub mod gateways;
pub mod imports;
pub mod inbound;
pub mod keys;
pub mod lake;
pub mod lists;
pub mod members;
pub mod messages;
pub mod meta;
pub mod number_reports;
pub mod opt_ins;
pub mod reports;
#[expect(clippy::module_inception, reason = "the resource is called so")]
pub mod routes;
pub mod rules;
pub mod segments;
pub mod senders;
pub mod suppressions;
pub mod templates;
pub mod uploads;
pub mod webhooks;
