//! The status of a message: a pure function of its slot, its receipt and its batch. And the totals of a batch: a count of those.

use serde::{Deserialize, Serialize};

use crate::{
    batch::Control,
    chunk::{
        Chunk, ChunkState,
        receipt::{ReceiptStatus, in_force},
        slot::SlotOutcome,
    },
    reason::Reason,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its time.
    Scheduled,
    Queued,
    /// Paused, or parked for a reason.
    Held,
    /// On the wire, or in doubt.
    Sending,
    /// A gateway has it; no final report yet.
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Expired,
    Suppressed,
    Cancelled,
    Unknown,
}

impl Status {
    pub const ALL: [Self; 12] = [
        Self::Scheduled,
        Self::Queued,
        Self::Held,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Expired,
        Self::Suppressed,
        Self::Cancelled,
        Self::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Nothing is expected to change any more, though a late report may still.
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Scheduled | Self::Queued | Self::Held | Self::Sending | Self::Sent
        )
    }
}

/// What the status of a waiting message depends on beside its chunk.
#[derive(Debug, Clone, Copy)]
pub struct BatchView {
    pub control: Control,
    /// Its time has not come.
    pub early: bool,
}

/// A message's status and, where there is one, the reason.
pub fn status(chunk: &Chunk, slot: usize, batch: BatchView) -> (Status, Option<Reason>) {
    let send = chunk.slots[slot];
    let receipt = in_force(chunk.receipts[slot], send);
    match send.outcome {
        // Never handed to a gateway: a report for these is somebody else's.
        SlotOutcome::Suppressed => (Status::Suppressed, send.reason),
        SlotOutcome::Cancelled => (Status::Cancelled, send.reason),
        SlotOutcome::Expired => (Status::Expired, send.reason),
        _ if receipt.is_some() => {
            let receipt = receipt.expect("looked at one line above");
            (reported(receipt.status), receipt.reason)
        }
        SlotOutcome::Accepted => (Status::Sent, None),
        SlotOutcome::Failed => (Status::Failed, send.reason),
        SlotOutcome::Unknown => (Status::Unknown, send.reason),
        SlotOutcome::Doubt => (Status::Sending, send.reason),
        SlotOutcome::Waiting if chunk.window.slots().contains(slot) => {
            (Status::Sending, send.reason)
        }
        SlotOutcome::Waiting if batch.early => (Status::Scheduled, None),
        SlotOutcome::Waiting if batch.control == Control::Paused => (Status::Held, None),
        SlotOutcome::Waiting if chunk.state == ChunkState::Parked => (Status::Held, send.reason),
        SlotOutcome::Waiting => (Status::Queued, send.reason),
    }
}

const fn reported(status: ReceiptStatus) -> Status {
    match status {
        ReceiptStatus::CarrierAccepted => Status::Sent,
        ReceiptStatus::Unknown => Status::Unknown,
        ReceiptStatus::Failed => Status::Failed,
        ReceiptStatus::Expired => Status::Expired,
        ReceiptStatus::Undelivered => Status::Undelivered,
        ReceiptStatus::Delivered => Status::Delivered,
    }
}

/// How many messages of a batch have which status. `accepted` is always the sum of the ends and `in_flight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    pub accepted: u64,
    /// Of `accepted`: how many a gateway took, or may have taken.
    pub submitted: u64,
    pub in_flight: u64,
    /// Of `in_flight`: what waits with us.
    #[serde(default)]
    pub waiting: u64,
    pub delivered: u64,
    pub undelivered: u64,
    pub failed: u64,
    pub expired: u64,
    pub suppressed: u64,
    pub cancelled: u64,
    pub unknown: u64,
    /// Of `accepted`: left without a clear answer. Not counted is what its gateway, when asked, had never got.
    #[serde(default)]
    pub doubted: u64,
    /// Of `doubted`: sent a second time. The bound on duplicates.
    pub resent: u64,
    pub clicked: u64,
    pub read: u64,
    /// Chunks counted, and those of them that are done.
    pub chunks: u64,
    pub chunks_done: u64,
}

impl Totals {
    pub fn count(&mut self, chunk: &Chunk, batch: BatchView) {
        self.chunks += 1;
        self.chunks_done += u64::from(chunk.state == ChunkState::Done);
        self.clicked += chunk.clicked.len() as u64;
        self.read += chunk.read.len() as u64;
        for (slot, send) in chunk.slots.iter().enumerate() {
            self.accepted += 1;
            self.doubted += u64::from(send.doubted);
            self.resent += u64::from(send.resent);
            self.submitted += u64::from(send.outcome.has_left());
            self.put(status(chunk, slot, batch).0, 1);
        }
    }

    /// More messages of one status.
    pub fn take(&mut self, status: Status, messages: u64) {
        self.accepted += messages;
        self.put(status, messages);
    }

    fn put(&mut self, status: Status, messages: u64) {
        *self.of(status) += messages;
        if matches!(status, Status::Scheduled | Status::Queued | Status::Held) {
            self.waiting += messages;
        }
    }

    pub fn add(&mut self, other: &Self) {
        let Self {
            accepted,
            submitted,
            in_flight,
            waiting,
            delivered,
            undelivered,
            failed,
            expired,
            suppressed,
            cancelled,
            unknown,
            doubted,
            resent,
            clicked,
            read,
            chunks,
            chunks_done,
        } = other;
        self.accepted += accepted;
        self.submitted += submitted;
        self.in_flight += in_flight;
        self.waiting += waiting;
        self.delivered += delivered;
        self.undelivered += undelivered;
        self.failed += failed;
        self.expired += expired;
        self.suppressed += suppressed;
        self.cancelled += cancelled;
        self.unknown += unknown;
        self.doubted += doubted;
        self.resent += resent;
        self.clicked += clicked;
        self.read += read;
        self.chunks += chunks;
        self.chunks_done += chunks_done;
    }

    fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Scheduled | Status::Queued | Status::Held | Status::Sending | Status::Sent => {
                &mut self.in_flight
            }
            Status::Delivered => &mut self.delivered,
            Status::Undelivered => &mut self.undelivered,
            Status::Failed => &mut self.failed,
            Status::Expired => &mut self.expired,
            Status::Suppressed => &mut self.suppressed,
            Status::Cancelled => &mut self.cancelled,
            Status::Unknown => &mut self.unknown,
        }
    }

    /// The sum that [`Totals::accepted`] must be.
    pub fn sum(&self) -> u64 {
        self.in_flight
            + self.delivered
            + self.undelivered
            + self.failed
            + self.expired
            + self.suppressed
            + self.cancelled
            + self.unknown
    }
}
