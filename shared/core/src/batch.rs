//! A batch: one act of sending. Its content and audience never change; what moves is its stage, its control and its cursor.

use jiff::{SignedDuration, Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};

use crate::{
    chunk::CHUNK_SLOTS,
    content::Content,
    gateway::Capabilities,
    id::{AccountId, BatchId, CampaignId, EventId, GatewayAccountId},
    routing::Routing,
    rules::Class,
    status::Totals,
};

/// Priority: each lane has its own queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    High,
    Normal,
    Low,
}

/// What becomes of a message that may or may not have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtPolicy {
    /// It stays `unknown` until a report settles it.
    AtMostOnce,
    /// It is sent once more, and counted.
    AtLeastOnce,
}

impl DoubtPolicy {
    pub const fn default_of(lane: Lane) -> Self {
        match lane {
            Lane::High => Self::AtLeastOnce,
            Lane::Normal | Lane::Low => Self::AtMostOnce,
        }
    }
}

/// What becomes of marketing outside its sending hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietHours {
    /// It waits for them, as long as it is valid.
    #[default]
    Hold,
    /// It isn't sent.
    Skip,
}

/// How far a batch has come. Moves forward only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its recipient files and chunks are being written.
    Preparing,
    /// All of its chunks are in the ledger.
    Ready,
    /// Every chunk is done.
    Finished,
    /// Its audience could not be read; nothing of it was sent.
    Failed,
}

/// What its owner wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    Running,
    Paused,
    /// For good.
    Cancelled,
}

/// A gateway account that messages may leave by, pinned to the batch when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteEntry {
    pub gateway: GatewayAccountId,
    /// Parts per second that this batch may take of the gateway account; `None` is without limit.
    pub parts_per_second: Option<u32>,
    /// Seconds; see [`Capabilities`].
    pub deduplicates_for: Option<i64>,
    /// Seconds; see [`Capabilities`].
    #[serde(default)]
    pub settles_after: Option<i64>,
}

/// Routes of a batch at most: a slot keeps four bits for its entry.
pub const MAX_ROUTES: usize = 16;

/// What a batch was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchTerms {
    pub id: BatchId,
    pub account: AccountId,
    pub campaign: Option<CampaignId>,
    /// Made by a test key: simulated, whatever the routes.
    pub test: bool,
    pub lane: Lane,
    pub policy: DoubtPolicy,
    pub class: Class,
    pub quiet_hours: QuietHours,
    /// What it says; never changes.
    #[serde(flatten)]
    pub content: Content,
    pub routes: Vec<RouteEntry>,
    /// Which of them a message takes, and under which sender.
    pub routing: Routing,
    /// The message of a handset that it answers: it goes also to whoever has opted out by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<EventId>,
    /// When it was made.
    pub began: Timestamp,
    pub not_before: Option<Timestamp>,
    /// And to nobody before this time by their clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<DateTime>,
    /// Seconds over which its chunks are released evenly, from when it begins. Chunks are as small as that takes: [`Self::chunk_size`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_over: Option<i64>,
    /// Nothing is sent from then on.
    pub expires_at: Timestamp,
}

/// What `prepare` made of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prepared {
    /// Rows read: the sum of the next six.
    pub rows: u64,
    pub accepted: u64,
    /// Rows that can't be sent to; `rejected/` says why.
    pub rejected: u64,
    /// Rows whose number an earlier row has.
    pub duplicates: u64,
    /// Numbers that had opted out before.
    pub opted_out: u64,
    /// Numbers that got as much marketing as the account allows.
    #[serde(default)]
    pub capped: u64,
    /// Numbers without a consent record, where the account asks for one.
    #[serde(default)]
    pub no_consent: u64,
    /// Message parts of the accepted, by their rendered texts.
    pub parts: u64,
}

/// A look for chunks that were released and that nobody works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    pub at: Timestamp,
    /// Where the cursor was: at the next sweep these chunks' release is at least a period old.
    pub below: u32,
}

/// What moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchProgress {
    pub stage: Stage,
    pub control: Control,
    /// Chunks below it have been released at least once.
    pub cursor: u32,
    /// When its first chunks were about to be released: from then on its time can't be moved.
    pub begun: Option<Timestamp>,
    /// How many chunks there are; known once it is `Ready`.
    pub chunks: Option<u32>,
    /// The last sweep; `None` asks for one at once, as a resume does.
    pub swept: Option<Sweep>,
    /// Somebody prepares it, or was asked to, until then.
    pub preparing_until: Option<Timestamp>,
    /// What became of the rows of its audience; known once it is `Ready`.
    pub prepared: Option<Prepared>,
    /// The last recount; frozen when the batch is `Finished`.
    pub totals: Option<Totals>,
    /// What it came to, place by place; known once it was closed.
    pub snapshot: Option<Snapshot>,
    /// Why it failed.
    pub problem: Option<String>,
}

/// Where a closed batch keeps its [`crate::snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// With the batch: packed.
    Here(Vec<u8>),
    /// Beside it: it is large.
    Beside,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub terms: BatchTerms,
    pub progress: BatchProgress,
}

/// How long a message may wait by default before it is called expired.
pub const DEFAULT_VALIDITY: SignedDuration = SignedDuration::from_hours(72);

/// A batch is prepared so long before its time.
pub const PREPARED_EARLY: SignedDuration = SignedDuration::from_mins(15);

/// Of a time over which messages are spread, at most: each has a chunk of its own, if there are messages enough.
const SLICES: usize = 60;

impl BatchTerms {
    /// Whether its tracked links lead nowhere any more.
    pub fn links_ended(&self, now: Timestamp) -> bool {
        let valid_for = self
            .content
            .links
            .as_ref()
            .and_then(|links| links.valid_for);
        let begins = self.not_before.unwrap_or(self.began);
        let last = begins + SignedDuration::from_secs(self.spread_over.unwrap_or(0));
        valid_for.is_some_and(|seconds| now >= last + SignedDuration::from_secs(seconds))
    }

    /// Messages of a chunk at most. Chunks leave whole, so those of what is spread are small enough for one each minute, or for
    /// [`SLICES`]; not smaller, since pages and counts look at chunks one by one.
    pub fn chunk_size(&self, recipients: usize) -> usize {
        let Some(over) = self.spread_over else {
            return CHUNK_SLOTS;
        };
        let minutes = usize::try_from(over / 60).unwrap_or(0);
        (recipients / minutes.clamp(2, SLICES)).clamp(1, CHUNK_SLOTS)
    }

    /// When its preparation is asked for.
    pub fn prepared_from(&self) -> Timestamp {
        let early = self.not_before.map(|time| time - PREPARED_EARLY);
        early.map_or(self.began, |early| early.max(self.began))
    }

    /// The zero of every receipt's seconds: nothing of it leaves before then.
    pub fn starts(&self) -> Timestamp {
        self.not_before.unwrap_or(self.began)
    }
}

impl Batch {
    pub fn new(terms: BatchTerms, stage: Stage, chunks: Option<u32>) -> Self {
        let progress = BatchProgress {
            stage,
            control: Control::Running,
            cursor: 0,
            begun: None,
            chunks,
            swept: None,
            preparing_until: None,
            prepared: None,
            totals: None,
            snapshot: None,
            problem: None,
        };
        Self { terms, progress }
    }

    /// As the dispatcher counted it last; one that it never counted is still in flight.
    pub fn last_count(&self) -> Totals {
        let accepted = self.progress.prepared.map_or(0, |it| it.accepted);
        self.progress.totals.unwrap_or(Totals {
            accepted,
            in_flight: accepted,
            waiting: accepted,
            ..Totals::default()
        })
    }

    /// Nothing more will be sent of it.
    pub const fn is_over(&self) -> bool {
        matches!(self.progress.stage, Stage::Finished | Stage::Failed)
    }

    /// Something of it may have left.
    pub const fn has_begun(&self) -> bool {
        self.progress.begun.is_some() || self.progress.cursor > 0
    }

    /// Whether the dispatcher may release chunks of it.
    pub fn may_release(&self, now: Timestamp) -> bool {
        self.progress.stage == Stage::Ready
            && match self.progress.control {
                Control::Running => self.terms.not_before.is_none_or(|time| time <= now),
                // Released too, so that every slot gets its end.
                Control::Cancelled => true,
                Control::Paused => false,
            }
    }

    /// How many of its chunks may have been released by now. A pause doesn't move the end: what it kept back follows at once.
    pub fn released_by(&self, now: Timestamp) -> u32 {
        let chunks = self.progress.chunks.unwrap_or(0);
        let spread = self.terms.spread_over.filter(|over| *over > 0);
        let (Some(over), Control::Running) = (spread, self.progress.control) else {
            return chunks;
        };
        let begins = self.terms.not_before.unwrap_or(self.terms.began);
        let since = i128::from(now.duration_since(begins).as_secs().max(0));
        let begun = i128::from(chunks) * since / i128::from(over);
        u32::try_from(begun + 1).unwrap_or(u32::MAX).min(chunks)
    }

    pub fn view(&self, now: Timestamp) -> crate::status::BatchView {
        crate::status::BatchView {
            control: self.progress.control,
            early: self.terms.not_before.is_some_and(|time| time > now),
        }
    }
}

impl RouteEntry {
    pub fn deduplicates(&self) -> Option<SignedDuration> {
        self.deduplicates_for.map(SignedDuration::from_secs)
    }

    pub fn settles(&self) -> Option<SignedDuration> {
        self.settles_after.map(SignedDuration::from_secs)
    }

    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.deduplicates_for = capabilities.deduplicates_for.map(|time| time.as_secs());
        self.settles_after = capabilities.settles_after.map(|time| time.as_secs());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(spread_over: Option<i64>, control: Control) -> Batch {
        let began = Timestamp::UNIX_EPOCH;
        let terms = BatchTerms {
            id: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            campaign: None,
            test: false,
            lane: Lane::Low,
            policy: DoubtPolicy::AtMostOnce,
            class: Class::Marketing,
            quiet_hours: QuietHours::Hold,
            content: "Hi".into(),
            answers: None,
            routes: Vec::new(),
            routing: Routing::default(),
            began,
            not_before: Some(after(100)),
            local: None,
            spread_over,
            expires_at: after(100_000),
        };
        let mut batch = Batch::new(terms, Stage::Ready, Some(10));
        batch.progress.control = control;
        batch
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_is_spread_has_a_chunk_for_each_minute_or_sixty() {
        for (name, over, recipients, expected) in [
            ("not spread", None, 60, 100),
            ("as many as slices", Some(3 * 3_600), 60, 1),
            ("fewer", Some(3 * 3_600), 7, 1),
            ("two each and some", Some(3 * 3_600), 179, 2),
            ("as many as minutes", Some(600), 25, 2),
            ("a week", Some(7 * 86_400), 1_000, 16),
            (
                "more than chunks can be small for",
                Some(3 * 3_600),
                1_000_000,
                100,
            ),
            ("a minute", Some(60), 40, 20),
            ("nobody", Some(3_600), 0, 1),
        ] {
            let batch = batch(over, Control::Running);
            assert_eq!(batch.terms.chunk_size(recipients), expected, "{name}");
        }
    }

    #[test]
    fn chunks_are_released_evenly_over_the_time_that_was_asked_for() {
        let running = Control::Running;
        for (name, over, control, seconds, expected) in [
            ("one at once", Some(1_000), running, 100, 1),
            ("the second is not due", Some(1_000), running, 199, 1),
            ("it is", Some(1_000), running, 200, 2),
            (
                "the last leaves before the end",
                Some(1_000),
                running,
                1_000,
                10,
            ),
            (
                "and no more than there are",
                Some(1_000),
                running,
                9_000,
                10,
            ),
            ("less than a second for each", Some(5), running, 101, 3),
            ("not spread", None, running, 100, 10),
            (
                "what is cancelled only has to end",
                Some(1_000),
                Control::Cancelled,
                100,
                10,
            ),
        ] {
            assert_eq!(
                batch(over, control).released_by(after(seconds)),
                expected,
                "{name}"
            );
        }
    }
}
