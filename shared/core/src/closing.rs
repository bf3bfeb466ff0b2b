//! After a batch is done: its reports come in and are counted a few times; what was accepted and never reported becomes `unknown`, then the
//! totals are frozen, and once more before its chunks are forgotten.

use jiff::{SignedDuration, Timestamp};

use crate::{
    batch::{Batch, Control},
    chunk::Chunk,
    status::{BatchView, Status, Totals, status},
};

/// How long a finished chunk can be looked at. Its batch keeps its totals for good.
pub const CHUNKS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 180);
/// The last look is so long before the first chunk goes.
const LAST_LOOK_EARLY: SignedDuration = SignedDuration::from_hours(24 * 7);
/// A batch that isn't done, or whose reports aren't applied, is looked at again after this.
const SOON: SignedDuration = SignedDuration::from_mins(15);

/// After its last message a campaign is counted so often before that: what is too large to be counted for an answer is told by its last
/// count. Each is a read of all its chunks, a fifth of a cent for ten million messages.
const EARLY: [SignedDuration; 3] = [
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(24),
];

/// Why a batch is looked at after it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// For the reports that have come so far.
    Early,
    /// For messages of which nothing was heard.
    Silence,
    /// Before the chunks go.
    Last,
}

/// What a look at all chunks found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    pub totals: Totals,
    /// Messages of which nothing was heard for long enough.
    pub silent: u64,
    /// When the first and the last chunk were done.
    pub done: Option<(Timestamp, Timestamp)>,
}

/// What follows from a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Again(Timestamp),
    /// The totals are noted, and there is one more early look, where there is a time.
    Note(Option<Timestamp>),
    /// The totals are frozen, and there is one more look, where there is a time.
    Freeze(Option<Timestamp>),
    /// Its chunks are gone, or were never written.
    Nothing,
}

/// When a campaign that was done then is counted next before it is looked at for silence.
pub fn early(done: Timestamp, after: SignedDuration, now: Timestamp) -> Option<Timestamp> {
    let looks = EARLY.into_iter().filter(|wait| *wait < after);
    looks.map(|wait| done + wait).find(|look| *look > now)
}

impl Found {
    /// Counts a chunk and returns the slots that are silent: a gateway took them, and no final report came for `after`.
    pub fn count(&mut self, chunk: &Chunk, after: SignedDuration, now: Timestamp) -> Vec<usize> {
        let view = BatchView {
            control: Control::Running,
            early: false,
        };
        self.totals.count(chunk, view);
        let Some(done) = chunk.done else {
            return Vec::new();
        };
        let (first, last) = self.done.unwrap_or((done, done));
        self.done = Some((first.min(done), last.max(done)));
        if done + after > now {
            return Vec::new();
        }
        let sent = |slot: &usize| status(chunk, *slot, view).0 == Status::Sent;
        let silent: Vec<usize> = (0..chunk.slots.len()).filter(sent).collect();
        self.silent += silent.len() as u64;
        silent
    }

    pub fn next(&self, batch: &Batch, look: Look, after: SignedDuration, now: Timestamp) -> Next {
        let expected = u64::from(batch.progress.chunks.unwrap_or(0));
        let complete =
            self.totals.chunks >= expected && self.totals.chunks_done == self.totals.chunks;
        let age = now.duration_since(batch.terms.starts());
        match (look, complete) {
            // The look for silence comes in any case.
            (Look::Early, false) => Next::Nothing,
            (Look::Early, true) => {
                let last = self.done.map_or(now, |(_, last)| last);
                Next::Note(early(last, after, now))
            }
            (_, false) if age > CHUNKS_KEPT => Next::Nothing,
            // More and more seldom: what never was done may never be.
            (_, false) => Next::Again(now + SOON.min(after).max(age / 8)),
            (Look::Last, true) => Next::Freeze(None),
            (Look::Silence, true) if self.silent > 0 => Next::Again(now + SOON.min(after)),
            (Look::Silence, true) if self.totals.in_flight > 0 => {
                let last = self.done.map_or(now, |(_, last)| last);
                Next::Again((last + after).max(now + SOON.min(after)))
            }
            // A one-time password is looked at no more: a last look would cost as much as its whole bookkeeping.
            (Look::Silence, true) => Next::Freeze(
                self.done
                    .filter(|_| batch.terms.campaign.is_some())
                    .map(|(first, _)| first + CHUNKS_KEPT - LAST_LOOK_EARLY),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{BatchTerms, DoubtPolicy, Lane, Stage},
        chunk::{
            ChunkState,
            receipt::{Proof, Receipt, ReceiptStatus},
            slot::{Slot, SlotOutcome},
            source::Source,
        },
    };

    const AFTER: SignedDuration = SignedDuration::from_hours(72);

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    /// Done after an hour: one slot for each outcome and report.
    fn chunk(slots: &[(SlotOutcome, Option<ReceiptStatus>)]) -> Chunk {
        let mut chunk = Chunk::new(slots.len(), Source::Sibling);
        chunk.state = ChunkState::Done;
        chunk.done = Some(hours(1));
        for (slot, (outcome, status)) in slots.iter().enumerate() {
            chunk.slots[slot] = Slot {
                outcome: *outcome,
                attempt: 1,
                ..Slot::default()
            };
            chunk.receipts[slot] = status.map(|status| Receipt {
                status,
                attempt: 1,
                proof: Proof::Gateway,
                reason: None,
                seconds: 0,
            });
        }
        chunk
    }

    fn batch(campaign: bool, chunks: u32) -> Batch {
        let terms = BatchTerms {
            id: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            campaign: campaign.then(|| "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap()),
            test: false,
            lane: Lane::Low,
            policy: DoubtPolicy::AtMostOnce,
            class: crate::rules::Class::Transactional,
            quiet_hours: crate::batch::QuietHours::Hold,
            content: crate::content::Content::default(),
            routes: Vec::new(),
            routing: crate::routing::Routing::default(),
            answers: None,
            began: hours(0),
            not_before: None,
            local: None,
            spread_over: None,
            expires_at: Timestamp::MAX,
        };
        Batch::new(terms, Stage::Finished, Some(chunks))
    }

    #[test]
    fn silent_is_what_a_gateway_took_and_nobody_reported_in_time() {
        use SlotOutcome::{Accepted, Expired, Failed, Unknown};
        let chunk = chunk(&[
            (Accepted, None),
            (Accepted, Some(ReceiptStatus::CarrierAccepted)),
            (Accepted, Some(ReceiptStatus::Delivered)),
            (Accepted, Some(ReceiptStatus::Unknown)),
            (Failed, None),
            (Expired, None),
            (Unknown, None),
        ]);

        let early = Found::default().count(&chunk, AFTER, hours(72));
        let silent = Found::default().count(&chunk, AFTER, hours(73));

        assert_eq!((early, silent), (vec![], vec![0, 1]));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_batch_is_closed_once_nothing_is_silent() {
        use SlotOutcome::{Accepted, Waiting};
        let (delivered, silent) = ((Accepted, Some(ReceiptStatus::Delivered)), (Accepted, None));
        let soon = |now| hours(now) + SOON;
        let last = hours(1) + CHUNKS_KEPT - LAST_LOOK_EARLY;
        let mut open = chunk(&[(Waiting, None)]);
        (open.state, open.done) = (ChunkState::Parked, None);
        for (name, campaign, chunks, look, now, expected) in [
            (
                "all is told",
                true,
                vec![chunk(&[delivered])],
                Look::Silence,
                73,
                Next::Freeze(Some(last)),
            ),
            (
                "a one-time password",
                false,
                vec![chunk(&[delivered])],
                Look::Silence,
                73,
                Next::Freeze(None),
            ),
            (
                "just reported",
                true,
                vec![chunk(&[silent])],
                Look::Silence,
                73,
                Next::Again(soon(73)),
            ),
            (
                "too early",
                false,
                vec![chunk(&[silent])],
                Look::Silence,
                72,
                Next::Again(hours(73)),
            ),
            (
                "a quarter of an hour after",
                true,
                vec![chunk(&[silent])],
                Look::Early,
                2,
                Next::Note(Some(hours(3))),
            ),
            (
                "a day after",
                true,
                vec![chunk(&[silent])],
                Look::Early,
                25,
                Next::Note(None),
            ),
            (
                "early, and still at work",
                true,
                vec![open.clone()],
                Look::Early,
                2,
                Next::Nothing,
            ),
            (
                "still at work",
                false,
                vec![open.clone()],
                Look::Silence,
                80,
                Next::Again(hours(90)),
            ),
            (
                "never written",
                false,
                vec![],
                Look::Silence,
                80,
                Next::Again(hours(90)),
            ),
            (
                "forgotten",
                false,
                vec![],
                Look::Silence,
                5_000,
                Next::Nothing,
            ),
            (
                "the last look",
                true,
                vec![chunk(&[silent])],
                Look::Last,
                4_000,
                Next::Freeze(None),
            ),
        ] {
            let mut found = Found::default();
            for chunk in &chunks {
                found.count(chunk, AFTER, hours(now));
            }

            let next = found.next(&batch(campaign, 1), look, AFTER, hours(now));

            assert_eq!(next, expected, "{name}");
        }
    }

    #[test]
    fn early_looks_come_before_that_for_silence() {
        let minutes = |minutes| hours(0) + SignedDuration::from_mins(minutes);
        for (name, after, now, expected) in [
            ("at once", AFTER, minutes(0), Some(minutes(15))),
            ("taken late", AFTER, minutes(20), Some(hours(2))),
            ("the last", AFTER, hours(2), Some(hours(24))),
            ("none is left", AFTER, hours(24), None),
            (
                "silence is short",
                SignedDuration::from_hours(1),
                minutes(15),
                None,
            ),
        ] {
            let next = early(hours(0), after, now);

            assert_eq!(next, expected, "{name}");
        }
    }
}
