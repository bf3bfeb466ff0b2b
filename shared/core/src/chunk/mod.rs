//! A chunk: up to 100 recipients of a batch in one ledger item of at most 1 KB. The unit of leasing, parking and counting.

pub mod receipt;
pub mod slot;
pub mod source;
pub mod window;

use jiff::Timestamp;

use self::{
    receipt::{RECEIPT_BYTES, Receipt},
    slot::{SLOT_BYTES, Slot},
    source::Source,
    window::{SlotSet, Token, Window},
};
use crate::{id::BatchId, phone::Country};

pub use self::window::CHUNK_SLOTS;

/// The address of a chunk: what a pointer on a lane queue carries.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    pub batch: BatchId,
    pub chunk: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChunkState {
    /// Waits for a pointer.
    Ready = 0,
    Leased = 1,
    /// Waits for its `wake`.
    Parked = 2,
    /// Every slot is decided.
    Done = 3,
}

impl ChunkState {
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Ready),
            1 => Some(Self::Leased),
            2 => Some(Self::Parked),
            3 => Some(Self::Done),
            _ => None,
        }
    }
}

/// Until when a worker may work on a chunk. Longer than its function lives, so that it is dead when the lease is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub owner: Token,
    pub until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub state: ChunkState,
    pub lease: Option<Lease>,
    /// When the dispatcher looks at it again although nobody points to it.
    pub wake: Option<Timestamp>,
    pub window: Window,
    pub source: Source,
    /// Of all of its numbers, where they have one in common.
    pub country: Option<Country>,
    /// Written by `send` only.
    pub slots: Vec<Slot>,
    /// Written by `receipts` only, each time under the version that was read.
    pub receipts: Vec<Option<Receipt>>,
    pub receipts_version: u32,
    pub clicked: SlotSet,
    pub read: SlotSet,
    /// When every slot was decided.
    pub done: Option<Timestamp>,
}

impl Chunk {
    pub fn new(recipients: usize, source: Source) -> Self {
        debug_assert!((1..=CHUNK_SLOTS).contains(&recipients));
        Self {
            state: ChunkState::Ready,
            lease: None,
            wake: None,
            window: Window::default(),
            source,
            country: None,
            slots: vec![Slot::default(); recipients],
            receipts: vec![None; recipients],
            receipts_version: 0,
            clicked: SlotSet::EMPTY,
            read: SlotSet::EMPTY,
            done: None,
        }
    }

    #[must_use]
    pub fn in_country(self, country: Option<Country>) -> Self {
        Self { country, ..self }
    }
}

/// All slots of a chunk as the ledger stores them.
pub fn pack_slots(slots: &[Slot]) -> Vec<u8> {
    slots.iter().flat_map(|slot| slot.pack()).collect()
}

/// `None` when the length is not a whole number of slots.
pub fn unpack_slots(bytes: &[u8]) -> Option<Vec<Slot>> {
    let (slots, rest) = bytes.as_chunks::<SLOT_BYTES>();
    (rest.is_empty() && slots.len() <= CHUNK_SLOTS)
        .then(|| slots.iter().map(|bytes| Slot::unpack(*bytes)).collect())
}

/// All receipts of a chunk as the ledger stores them.
pub fn pack_receipts(receipts: &[Option<Receipt>]) -> Vec<u8> {
    receipts
        .iter()
        .flat_map(|receipt| Receipt::pack(*receipt))
        .collect()
}

/// `None` when the length is not a whole number of receipts.
pub fn unpack_receipts(bytes: &[u8]) -> Option<Vec<Option<Receipt>>> {
    let (receipts, rest) = bytes.as_chunks::<RECEIPT_BYTES>();
    (rest.is_empty() && receipts.len() <= CHUNK_SLOTS).then(|| {
        receipts
            .iter()
            .map(|bytes| Receipt::unpack(*bytes))
            .collect()
    })
}
