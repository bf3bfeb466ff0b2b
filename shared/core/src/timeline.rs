//! When the messages of a batch left and when each came to its end: columns of a chart. The ledger knows when the last message of a chunk
//! was decided, and of each report the second.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    batch::Batch,
    chunk::{
        Chunk,
        receipt::{ReceiptStatus, in_force},
        slot::SlotOutcome,
    },
};

/// Columns at most.
const COLUMNS: u64 = 48;
/// What a column may be wide, in seconds.
const STEPS: [u64; 14] = [
    1, 2, 5, 10, 30, 60, 120, 300, 900, 1_800, 3_600, 10_800, 43_200, 86_400,
];
/// Of a thousand events, so many lie within the columns: one report three days later must not press all others into one of them.
const SHOWN: u64 = 980;

/// What happened in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Happened {
    /// A gateway took it, or may have taken it.
    pub sent: u64,
    pub delivered: u64,
    /// Refused, not delivered or too late.
    pub failed: u64,
}

/// Columns of the same width, from when the batch began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub step: SignedDuration,
    pub columns: Vec<Happened>,
    /// What happened after the last of them.
    pub later: Happened,
}

/// Counts the chunks of one batch.
#[derive(Debug)]
pub struct Timeline {
    starts: Timestamp,
    by_second: BTreeMap<u64, Happened>,
}

impl Happened {
    const fn events(self) -> u64 {
        self.sent + self.delivered + self.failed
    }

    const fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.failed += other.failed;
    }
}

impl Timeline {
    pub fn new(batch: &Batch) -> Self {
        Self {
            starts: batch.terms.starts(),
            by_second: BTreeMap::new(),
        }
    }

    /// Of a chunk that isn't done only what was reported.
    pub fn count(&mut self, chunk: &Chunk) {
        let done = chunk.done.map(|done| {
            let after = done.duration_since(self.starts).as_secs();
            u64::try_from(after).unwrap_or(0)
        });
        for (slot, receipt) in chunk.slots.iter().zip(&chunk.receipts) {
            let left = slot.outcome.has_left();
            let refused = matches!(slot.outcome, SlotOutcome::Failed | SlotOutcome::Expired);
            if let Some(second) = done {
                let happened = self.by_second.entry(second).or_default();
                happened.sent += u64::from(left);
                happened.failed += u64::from(refused);
            }
            let Some(receipt) = in_force(*receipt, *slot).filter(|_| !refused) else {
                continue;
            };
            let happened = self.by_second.entry(receipt.seconds.into()).or_default();
            match receipt.status {
                ReceiptStatus::CarrierAccepted | ReceiptStatus::Unknown => {}
                ReceiptStatus::Delivered => happened.delivered += 1,
                ReceiptStatus::Failed | ReceiptStatus::Expired | ReceiptStatus::Undelivered => {
                    happened.failed += 1;
                }
            }
        }
    }

    pub fn columns(&self) -> Columns {
        let last = self.last_shown();
        let step = STEPS.into_iter().find(|step| last / step < COLUMNS);
        let step = step.unwrap_or_else(|| last / COLUMNS + 1);
        let shown = usize::try_from(last / step).unwrap_or(0) + 1;
        let (mut columns, mut later) = (vec![Happened::default(); shown], Happened::default());
        for (second, happened) in &self.by_second {
            let place = usize::try_from(second / step).unwrap_or(usize::MAX);
            columns.get_mut(place).unwrap_or(&mut later).add(*happened);
        }
        Columns {
            step: SignedDuration::from_secs(i64::try_from(step).unwrap_or(i64::MAX)),
            columns,
            later,
        }
    }

    /// The second by which nearly everything had happened.
    fn last_shown(&self) -> u64 {
        let all: u64 = self.by_second.values().map(|it| it.events()).sum();
        let mut left = (all * SHOWN).div_ceil(1_000);
        for (second, happened) in &self.by_second {
            left = left.saturating_sub(happened.events());
            if left == 0 {
                return *second;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{receipt::Receipt, slot::Slot, source::Source};

    fn timeline() -> Timeline {
        Timeline {
            starts: Timestamp::UNIX_EPOCH,
            by_second: BTreeMap::new(),
        }
    }

    fn chunk(done: i64, slots: &[(SlotOutcome, Option<(ReceiptStatus, u32)>)]) -> Chunk {
        let mut chunk = Chunk::new(slots.len(), Source::Sibling);
        chunk.done = Timestamp::from_second(done).ok();
        for (place, (outcome, receipt)) in slots.iter().enumerate() {
            chunk.slots[place] = Slot {
                outcome: *outcome,
                attempt: 1,
                ..Slot::default()
            };
            chunk.receipts[place] = receipt.map(|(status, seconds)| Receipt {
                status,
                attempt: 1,
                proof: crate::chunk::receipt::Proof::Gateway,
                reason: None,
                seconds,
            });
        }
        chunk
    }

    #[test]
    fn a_message_is_counted_when_it_left_and_when_it_ended() {
        let mut timeline = timeline();
        let (accepted, failed) = (SlotOutcome::Accepted, SlotOutcome::Failed);
        timeline.count(&chunk(
            2,
            &[
                (accepted, Some((ReceiptStatus::Delivered, 5))),
                (accepted, Some((ReceiptStatus::Undelivered, 5))),
                (accepted, Some((ReceiptStatus::CarrierAccepted, 3))),
                (failed, None),
            ],
        ));

        let Columns {
            step,
            columns,
            later,
        } = timeline.columns();

        let told: Vec<_> = columns
            .iter()
            .map(|it| (it.sent, it.delivered, it.failed))
            .collect();
        let nothing = (0, 0, 0);
        assert_eq!(step, SignedDuration::from_secs(1));
        assert_eq!(
            told,
            [nothing, nothing, (3, 0, 1), nothing, nothing, (0, 1, 1)]
        );
        assert_eq!(later, Happened::default());
    }

    #[test]
    fn one_report_of_days_later_does_not_make_the_rest_one_column() {
        let mut timeline = timeline();
        let delivered = |seconds| {
            let receipt = (ReceiptStatus::Delivered, seconds);
            (SlotOutcome::Accepted, Some(receipt))
        };
        let soon: Vec<_> = (0..99).map(|second| delivered(second / 4)).collect();
        timeline.count(&chunk(4, &soon));
        timeline.count(&chunk(4, &[delivered(200_000)]));

        let columns = timeline.columns();

        assert!(columns.columns.len() > 20, "{columns:?}");
        assert!((1..=4).contains(&columns.later.delivered), "{columns:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_columns(
            chunks in prop::collection::vec(
                (0i64..400_000, prop::collection::vec((any::<[u8; 3]>(), any::<[u8; 5]>()), 1..=20)),
                0..6,
            ),
        ) {
            let mut timeline = timeline();
            for (done, slots) in &chunks {
                let mut chunk = Chunk::new(slots.len(), Source::Sibling);
                chunk.done = Timestamp::from_second(*done).ok();
                chunk.slots = slots.iter().map(|(send, _)| Slot::unpack(*send)).collect();
                chunk.receipts = slots.iter().map(|(_, it)| Receipt::unpack(*it)).collect();
                timeline.count(&chunk);
            }

            let columns = timeline.columns();

            prop_assert!(columns.columns.len() <= 48);
            let shown = columns.columns.iter().chain([&columns.later]);
            let shown: u64 = shown.map(|it| it.events()).sum();
            let counted: u64 = timeline.by_second.values().map(|it| it.events()).sum();
            prop_assert_eq!(shown, counted);
        }
    }
}
