//! DynamoDB, S3 and SQS: concrete structs with methods named for the domain. Correctness here is the conditional expression,
//! so it is tested against the emulator, and nothing of it is hidden behind a trait.

pub mod accounts;
pub mod api_keys;
pub mod audiences;
pub mod audit;
pub mod aws;
pub mod batches;
pub mod campaigns;
mod condition;
pub mod consents;
pub mod contacts;
mod core_table;
pub mod credentials;
pub mod dead_letter_queues;
pub mod dead_letters;
pub mod deliveries;
pub mod dispatcher_lock;
pub mod error;
pub mod export_files;
pub mod exports;
pub mod files;
pub mod gateway_accounts;
pub mod idempotency;
pub mod inbound_log;
pub mod item;
pub mod keys;
pub mod ledger;
pub mod link_blocks;
pub mod members;
pub mod queues;
pub mod quotas;
pub mod rate;
pub mod records;
pub mod replies;
pub mod safeguards;
pub mod schedules;
pub mod sent_before;
pub mod sessions;
pub mod spending;
pub mod suppressions;
pub mod templates;
pub mod upload_form;
pub mod uploads;
pub mod velocity;

pub use error::StoreError;
