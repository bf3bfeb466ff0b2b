//! What reports say of a slot: five bytes in the ledger, written by `receipts` only.
//!
//! ```text
//!  status 4 | attempt 2 | proof 2 | reason 8 | seconds since the batch began 24
//! ```

use serde::{Deserialize, Serialize};

use crate::{chunk::slot::Slot, reason::Reason};

/// Bytes of a packed receipt.
pub const RECEIPT_BYTES: usize = 5;

/// What a report says, in the order of its weight: within an attempt only a heavier one changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReceiptStatus {
    /// A network took it over.
    CarrierAccepted = 1,
    /// No report came in time: the sweeper's word, which any final report overrules.
    Unknown = 2,
    Failed = 3,
    /// A verdict like `Failed`, and heavier by a hair so that any order of the two ends the same.
    Expired = 4,
    Undelivered = 5,
    Delivered = 6,
}

impl ReceiptStatus {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::CarrierAccepted,
            2 => Self::Unknown,
            3 => Self::Failed,
            4 => Self::Expired,
            5 => Self::Undelivered,
            6 => Self::Delivered,
            _ => return None,
        })
    }
}

/// Whose word a delivery is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Proof {
    #[default]
    Gateway = 0,
    Operator = 1,
    Handset = 2,
    /// Nobody's: the dispatcher says that no report came in time.
    Sweeper = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub status: ReceiptStatus,
    /// The try it speaks of, 1 to 3.
    pub attempt: u8,
    pub proof: Proof,
    pub reason: Option<Reason>,
    /// Seconds since the batch began, below 2^24.
    pub seconds: u32,
}

impl Receipt {
    pub fn pack(receipt: Option<Self>) -> [u8; RECEIPT_BYTES] {
        let Some(receipt) = receipt else {
            return [0; RECEIPT_BYTES];
        };
        let [_, high, middle, low] = receipt.seconds.min(0x00ff_ffff).to_be_bytes();
        let first = (receipt.status as u8) << 4 | (receipt.attempt & 3) << 2 | receipt.proof as u8;
        [
            first,
            receipt.reason.map_or(0, Reason::byte),
            high,
            middle,
            low,
        ]
    }

    pub fn unpack([first, reason, high, middle, low]: [u8; RECEIPT_BYTES]) -> Option<Self> {
        Some(Self {
            status: ReceiptStatus::from_bits(first >> 4)?,
            attempt: first >> 2 & 3,
            proof: match first & 3 {
                3 => Proof::Sweeper,
                2 => Proof::Handset,
                1 => Proof::Operator,
                _ => Proof::Gateway,
            },
            reason: Reason::from_byte(reason),
            seconds: u32::from_be_bytes([0, high, middle, low]),
        })
    }
}

/// What a slot's receipt becomes when `new` arrives; `None` when nothing changes.
///
/// A report of an older try is ignored unless it says `delivered`, which wins from any try.
pub fn apply(current: Option<Receipt>, slot: Slot, new: Receipt) -> Option<Receipt> {
    let delivered = new.status == ReceiptStatus::Delivered;
    let outdated = new.attempt < slot.attempt && !delivered;
    let changes = current.is_none_or(|current| {
        current.status != ReceiptStatus::Delivered
            && (delivered || (new.attempt, new.status) > (current.attempt, current.status))
    });
    (!outdated && changes).then_some(new)
}

/// The receipt that counts for a slot: of its last try, or a delivery by any.
pub fn in_force(receipt: Option<Receipt>, slot: Slot) -> Option<Receipt> {
    receipt.filter(|receipt| {
        receipt.status == ReceiptStatus::Delivered || receipt.attempt >= slot.attempt
    })
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn receipt() -> impl Strategy<Value = Receipt> {
        (1u8..=6, 1u8..=3, 0u8..=3, 0u8..=43, 0u32..1 << 24).prop_map(
            |(status, attempt, proof, reason, seconds)| {
                let [_, high, middle, low] = seconds.to_be_bytes();
                Receipt::unpack([
                    status << 4 | attempt << 2 | proof,
                    reason,
                    high,
                    middle,
                    low,
                ])
                .unwrap()
            },
        )
    }

    proptest! {
        #[test]
        fn a_receipt_unpacks_to_itself(receipt in receipt()) {
            prop_assert_eq!(Receipt::unpack(Receipt::pack(Some(receipt))), Some(receipt));
        }

        #[test]
        fn any_order_and_any_repetition_end_the_same(
            receipts in prop::collection::vec(receipt(), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
            attempt in select(vec![0u8, 1, 2, 3]),
        ) {
            let slot = Slot { attempt, ..Slot::default() };
            let all = |receipts: &mut dyn Iterator<Item = &Receipt>| {
                receipts.fold(None, |current, new| apply(current, slot, *new).or(current))
            };
            let once = all(&mut receipts.iter());

            let shuffled = order.iter().map(|index| index.get(&receipts)).chain(receipts.iter().rev());
            let again = all(&mut shuffled.collect::<Vec<_>>().into_iter());

            prop_assert_eq!(
                again.map(|receipt| receipt.status),
                once.map(|receipt| receipt.status)
            );
        }
    }

    #[test]
    fn receipts_apply_by_weight_within_a_try() {
        use ReceiptStatus as Status;
        let of = |attempt, status| Receipt {
            status,
            attempt,
            proof: Proof::Gateway,
            reason: None,
            seconds: 0,
        };
        for (name, tries, current, new, changes) in [
            ("the first report", 1, None, of(1, Status::Failed), true),
            (
                "heavier",
                1,
                Some(of(1, Status::CarrierAccepted)),
                of(1, Status::Failed),
                true,
            ),
            (
                "lighter",
                1,
                Some(of(1, Status::Undelivered)),
                of(1, Status::Failed),
                false,
            ),
            (
                "equal",
                1,
                Some(of(1, Status::Failed)),
                of(1, Status::Failed),
                false,
            ),
            (
                "the sweeper after a verdict",
                1,
                Some(of(1, Status::Failed)),
                of(1, Status::Unknown),
                false,
            ),
            (
                "a verdict after the sweeper",
                1,
                Some(of(1, Status::Unknown)),
                of(1, Status::Failed),
                true,
            ),
            ("an older try", 2, None, of(1, Status::Undelivered), false),
            (
                "delivered by an older try",
                2,
                Some(of(2, Status::Undelivered)),
                of(1, Status::Delivered),
                true,
            ),
            (
                "anything after delivered",
                2,
                Some(of(1, Status::Delivered)),
                of(2, Status::Undelivered),
                false,
            ),
            (
                "a report that overtakes the answer",
                0,
                None,
                of(1, Status::Delivered),
                true,
            ),
        ] {
            let slot = Slot {
                attempt: tries,
                ..Slot::default()
            };
            assert_eq!(apply(current, slot, new).is_some(), changes, "{name}");
        }
    }
}
