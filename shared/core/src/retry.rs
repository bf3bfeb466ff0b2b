//! Which messages of a batch that is over are tried again, by another batch: those that ended badly, but for those whose reason says
//! that it can only end so again.

use serde::{Deserialize, Serialize};

use crate::{
    batch::{Batch, Stage},
    chunk::{Chunk, window::SlotSet},
    id::{BatchId, CampaignId},
    reason::{Reason, Retry},
    status::{BatchView, Status, status},
};

/// How a message ended that may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadEnd {
    Failed,
    Undelivered,
    /// Its time was over: another batch has a time of its own.
    Expired,
}

impl BadEnd {
    pub const ALL: [Self; 3] = [Self::Failed, Self::Undelivered, Self::Expired];

    const fn of(status: Status) -> Option<Self> {
        match status {
            Status::Failed => Some(Self::Failed),
            Status::Undelivered => Some(Self::Undelivered),
            Status::Expired => Some(Self::Expired),
            _ => None,
        }
    }

    /// Whether another try can end better. A reason that nobody gave rules nothing out.
    fn may_end_better(self, reason: Option<Reason>) -> bool {
        let never = |reason: Reason| reason.facts().retry == Retry::Never;
        match self {
            Self::Expired => true,
            Self::Failed | Self::Undelivered => !reason.is_some_and(never),
        }
    }
}

/// Nothing of it is on its way, so what failed has failed.
pub fn can_be_retried(batch: &Batch) -> bool {
    batch.progress.stage == Stage::Finished
}

/// The slots of a chunk that ended in one of these ways and may end better.
pub fn slots(chunk: &Chunk, ends: &[BadEnd], batch: BatchView) -> SlotSet {
    let mut slots = SlotSet::default();
    for slot in 0..chunk.slots.len() {
        let (found, reason) = status(chunk, slot, batch);
        let end = BadEnd::of(found).filter(|end| ends.contains(end));
        if end.is_some_and(|end| end.may_end_better(reason)) {
            slots.insert(slot);
        }
    }
    slots
}

/// The campaign and the batch that retry a batch: the same every time, so that it is retried once. As if made with it, they stand
/// beside it in lists.
pub fn ids(batch: BatchId) -> (CampaignId, BatchId) {
    let made = batch.made();
    (
        CampaignId::derived(made, &format!("the campaign that retries {batch}")),
        BatchId::derived(made, &format!("the batch that retries {batch}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Control,
        chunk::{
            receipt::{Proof, Receipt, ReceiptStatus},
            slot::{Slot, SlotOutcome},
            source::Source,
        },
    };

    const VIEW: BatchView = BatchView {
        control: Control::Running,
        early: false,
    };

    fn decided(outcome: SlotOutcome, reason: Option<Reason>) -> Slot {
        Slot {
            outcome,
            reason,
            attempt: 1,
            ..Slot::default()
        }
    }

    #[test]
    fn what_ended_badly_and_may_end_better_is_tried_again() {
        use SlotOutcome as Out;
        for (name, outcome, reason, ends, expected) in [
            (
                "a full memory",
                Out::Failed,
                Some(Reason::MemoryFull),
                &BadEnd::ALL[..],
                true,
            ),
            (
                "a landline",
                Out::Failed,
                Some(Reason::Landline),
                &BadEnd::ALL,
                false,
            ),
            (
                "credentials, repaired since",
                Out::Failed,
                Some(Reason::Auth),
                &BadEnd::ALL,
                true,
            ),
            ("for no reason", Out::Failed, None, &BadEnd::ALL, true),
            (
                "not asked for",
                Out::Failed,
                None,
                &[BadEnd::Expired],
                false,
            ),
            (
                "too late",
                Out::Expired,
                Some(Reason::BeforeSubmit),
                &BadEnd::ALL,
                true,
            ),
            (
                "in doubt",
                Out::Unknown,
                Some(Reason::Ambiguous),
                &BadEnd::ALL,
                false,
            ),
            (
                "opted out",
                Out::Suppressed,
                Some(Reason::OptedOut),
                &BadEnd::ALL,
                false,
            ),
            (
                "cancelled",
                Out::Cancelled,
                Some(Reason::Cancelled),
                &BadEnd::ALL,
                false,
            ),
            ("sent", Out::Accepted, None, &BadEnd::ALL, false),
        ] {
            let mut chunk = Chunk::new(1, Source::Sibling);
            chunk.slots[0] = decided(outcome, reason);

            let found = slots(&chunk, ends, VIEW);

            assert_eq!(found.contains(0), expected, "{name}");
        }
    }

    #[test]
    fn what_the_network_said_counts() {
        for (status, reason, expected) in [
            (ReceiptStatus::Undelivered, Some(Reason::Absent), true),
            (
                ReceiptStatus::Undelivered,
                Some(Reason::UnknownSubscriber),
                false,
            ),
            (ReceiptStatus::Expired, Some(Reason::InNetwork), true),
            (ReceiptStatus::Delivered, None, false),
        ] {
            let mut chunk = Chunk::new(1, Source::Sibling);
            chunk.slots[0] = decided(SlotOutcome::Accepted, None);
            chunk.receipts[0] = Some(Receipt {
                status,
                attempt: 1,
                proof: Proof::Handset,
                reason,
                seconds: 9,
            });

            let found = slots(&chunk, &BadEnd::ALL, VIEW);

            assert_eq!(found.contains(0), expected, "{status:?} {reason:?}");
        }
    }

    #[test]
    fn a_batch_has_one_retry_and_the_retry_one_of_its_own() {
        let batch: BatchId = "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap();

        let (campaign, retry) = ids(batch);

        assert_eq!((campaign, retry), ids(batch));
        assert_ne!(retry, ids(retry).1);
        assert_ne!(campaign.uuid(), retry.uuid());
        assert_eq!(retry.made(), batch.made());
    }
}
