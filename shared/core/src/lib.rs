//! The rules of Carillon as pure functions: no AWS, no HTTP, no clock, no randomness. `now`, ids and tokens come in as arguments.

pub mod api_key;
mod base32;
pub mod batch;
pub mod breaker;
pub mod campaign;
pub mod chunk;
pub mod closing;
pub mod event;
pub mod frame;
pub mod gateway;
pub mod id;
pub mod keyed_hash;
pub mod manifest;
pub mod message_id;
pub mod originator;
pub mod outcome;
pub mod phone;
pub mod queued_report;
pub mod rate;
pub mod reason;
pub mod recipients;
pub mod report;
pub mod segments;
pub mod session;
pub mod simulated;
pub mod status;
pub mod template;
