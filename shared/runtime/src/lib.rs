//! What every function needs around its rules: configuration, logs, batches from SQS; and for those that speak HTTP,
//! what comes in, who is calling, and problems as answers.

pub mod config;
pub mod cursor;
pub mod dial;
pub mod gateways;
pub mod http_event;
pub mod input;
pub mod logs;
pub mod principal;
pub mod problem;
pub mod quota;
pub mod random;
pub mod recipients;
pub mod sqs;
