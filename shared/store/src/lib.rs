//! DynamoDB, S3 and SQS: concrete structs with methods named for the domain. Correctness here is the conditional expression,
//! so it is tested against the emulator, and nothing of it is hidden behind a trait.

pub mod batches;
pub mod dispatcher_lock;
pub mod error;
pub mod files;
pub mod item;
pub mod keys;
pub mod ledger;
pub mod queues;
pub mod rate;
pub mod suppressions;

pub use error::StoreError;
