//! Writes exports: a source gives rows block by block, an encoder makes bytes of them, a file takes the bytes piece by piece. Nothing
//! grows with the export but the list of its files. And counts the hours of API sends for reports.

pub mod digest;
pub mod encode;
pub mod file;
pub mod manifest;
pub mod source;
pub mod worker;

use std::time::Duration;

use carillon_core::keyed_hash::DeploymentKey;
use carillon_store::{
    batches::Batches, campaigns::Campaigns, contacts::Contacts,
    dead_letter_queues::DeadLetterQueues, digests::Digests, export_files::ExportFiles,
    exports::Exports, files::Files, inbound_log::InboundLog, lake_days::LakeDays, ledger::Ledger,
    queues::Queues, suppressions::Suppressions,
};
use jiff::SignedDuration;

/// What one environment keeps.
#[derive(Debug)]
pub struct State {
    pub dead: DeadLetterQueues,
    pub digests: Digests,
    pub exports: Exports,
    pub queues: Queues,
    pub export_files: ExportFiles,
    pub lake_days: LakeDays,
    pub batches: Batches,
    pub campaigns: Campaigns,
    pub contacts: Contacts,
    pub inbound: InboundLog,
    pub suppressions: Suppressions,
    pub ledger: Ledger,
    pub files: Files,
    pub key: DeploymentKey,
    pub limits: Limits,
}

/// Parameters, so that tests need not write a million rows or wait for minutes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A part ends with the block that reaches either.
    pub part_rows: u64,
    pub part_bytes: u64,
    /// Chunks that are read of the ledger together: 32 of each partition.
    pub window: u32,
    /// Of what is kept one by one, read together.
    pub page: usize,
    /// Batches of an hour that are read and counted together.
    pub digest_batches: i32,
    /// Whoever hasn't said a word for so long is dead.
    pub lease: SignedDuration,
    /// How often one says a word.
    pub note_every: Duration,
    /// What is kept of an invocation for finishing the part at hand.
    pub reserve: SignedDuration,
}

impl Limits {
    pub const USUAL: Self = Self {
        part_rows: 1_000_000,
        part_bytes: 64 * 1024 * 1024,
        window: 512,
        page: 1_000,
        digest_batches: 500,
        lease: SignedDuration::from_secs(90),
        note_every: Duration::from_secs(2),
        reserve: SignedDuration::from_secs(20),
    };
}
