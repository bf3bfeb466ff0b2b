//! A campaign: what a marketer plans. Starting or scheduling it draws the id of its batch; from then on its status follows the batch's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    batch::{Batch, Control, DoubtPolicy, Lane, QuietHours, Stage},
    content::EncodingPolicy,
    id::{AccountId, BatchId, CampaignId, ListId, SegmentId, TemplateId, UploadId},
    moment::Moment,
    originator::Originator,
    phone::Country,
    recurrence::{Occurrence, OccurrenceOf, Series},
    retry::BadEnd,
    rules::Class,
    status::Totals,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    pub id: CampaignId,
    pub account: AccountId,
    /// Made by a test key: its batch is simulated.
    pub test: bool,
    pub name: String,
    pub audience: Audience,
    pub content: Content,
    pub sender: Option<Originator>,
    pub lane: Lane,
    pub class: Class,
    pub policies: Policies,
    /// When its owner means to send it; the plan says whether that is set.
    pub wanted_at: Option<Moment>,
    /// How it recurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// Of a campaign that recurs, which time it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceOf>,
    pub plan: Plan,
    pub created: Timestamp,
    pub changed: Timestamp,
    /// Counts the changes, from 1.
    pub version: u32,
}

impl Campaign {
    /// When it would begin: at the time that its owner means, or now.
    pub fn begins(&self, now: Timestamp) -> Timestamp {
        self.wanted_at.and_then(Moment::first).unwrap_or(now)
    }
}

/// Who gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Audience {
    /// Given in the request, and kept as an upload of JSON lines.
    Inline { upload: UploadId, recipients: u32 },
    /// A CSV.
    Upload {
        upload: UploadId,
        /// The country of numbers without `+`.
        default_country: Option<Country>,
        /// Where the header has none of the usual names.
        phone_column: Option<String>,
    },
    /// Contacts on one of these lists or in one of these segments, but for those on or in the excluded ones.
    Contacts {
        lists: Vec<ListId>,
        segments: Vec<SegmentId>,
        exclude_lists: Vec<ListId>,
        exclude_segments: Vec<SegmentId>,
    },
    /// What failed of the batch of an earlier campaign.
    FailedOf(Retried),
}

/// A campaign that is tried again, as far as it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    pub campaign: CampaignId,
    pub batch: BatchId,
    pub ends: Vec<BadEnd>,
    /// How many messages had ended so when it was asked for.
    pub messages: u64,
    /// The batch, and those that it retried in its turn.
    pub batches: Vec<BatchId>,
}

impl Audience {
    /// The batches whose failed messages it tries again: these didn't reach their recipients.
    pub fn retried(&self) -> &[BatchId] {
        match self {
            Self::FailedOf(retried) => &retried.batches,
            Self::Inline { .. } | Self::Upload { .. } | Self::Contacts { .. } => &[],
        }
    }
}

/// What they get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    #[serde(flatten)]
    pub words: Words,
    /// `None`: the template's own, else `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<EncodingPolicy>,
    /// `None`: addresses in the text stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
}

/// Addresses in the text become links that tell who opened them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tracking {
    /// Seconds for which they lead there.
    pub valid_for: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    Template {
        template: TemplateId,
        /// `None`: the newest when the campaign begins.
        version: Option<u32>,
    },
    /// With placeholders.
    Text { text: String },
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        let words = Words::Text { text };
        Self {
            words,
            encoding: None,
            tracking: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    pub doubt: DoubtPolicy,
    pub quiet_hours: QuietHours,
    /// Seconds from its start after which nothing of it is sent.
    pub valid_for: i64,
    /// Seconds over which its beginnings are spread evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_over: Option<i64>,
}

/// How far its plan has come. The batch id is drawn once, and carried by every message, since all of them may come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Plan {
    Draft,
    Scheduled {
        /// Where the day begins first, if it goes by the recipients' clocks.
        at: Timestamp,
        batch: BatchId,
    },
    Started {
        batch: BatchId,
    },
    /// Each of its times becomes a campaign of its own.
    Recurring {
        /// `None` when there is none left.
        next: Option<Occurrence>,
        /// The last that was made.
        last: Option<Occurrence>,
        paused: bool,
    },
    /// Cancelled before it had a batch.
    Cancelled,
}

impl Plan {
    pub const fn batch(&self) -> Option<BatchId> {
        match self {
            Self::Scheduled { batch, .. } | Self::Started { batch } => Some(*batch),
            Self::Draft | Self::Recurring { .. } | Self::Cancelled => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    Draft,
    Scheduled,
    /// There are times of it to come.
    Recurring,
    Preparing,
    Running,
    Paused,
    /// Cancelled; messages that had left are still waited for.
    Cancelling,
    Cancelled,
    Finished,
    Failed,
}

/// A campaign's status: a pure function of its plan and its batch.
pub fn status(plan: Plan, batch: Option<&Batch>, now: Timestamp) -> CampaignStatus {
    let batch = batch.filter(|_| plan != Plan::Cancelled);
    let Some(batch) = batch else {
        return match plan {
            Plan::Draft => CampaignStatus::Draft,
            Plan::Scheduled { .. } => CampaignStatus::Scheduled,
            // Its batch is written next.
            Plan::Started { .. } => CampaignStatus::Preparing,
            Plan::Recurring { next: None, .. } => CampaignStatus::Finished,
            Plan::Recurring { paused: true, .. } => CampaignStatus::Paused,
            Plan::Recurring { .. } => CampaignStatus::Recurring,
            Plan::Cancelled => CampaignStatus::Cancelled,
        };
    };
    let cancelled = batch.progress.control == Control::Cancelled;
    match (batch.progress.stage, batch.progress.control) {
        (Stage::Failed, _) => CampaignStatus::Failed,
        (Stage::Finished, _) if cancelled && !all_ended(batch) => CampaignStatus::Cancelling,
        (Stage::Finished, _) if cancelled => CampaignStatus::Cancelled,
        (Stage::Finished, _) => CampaignStatus::Finished,
        (_, Control::Cancelled) => CampaignStatus::Cancelling,
        (_, Control::Paused) => CampaignStatus::Paused,
        _ if batch.terms.not_before.is_some_and(|time| time > now) => CampaignStatus::Scheduled,
        (Stage::Preparing, Control::Running) => CampaignStatus::Preparing,
        (Stage::Ready, Control::Running) => CampaignStatus::Running,
    }
}

fn all_ended(batch: &Batch) -> bool {
    batch
        .progress
        .totals
        .is_none_or(|Totals { in_flight, .. }| in_flight == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchTerms;

    const NOW: &str = "2026-03-01T12:00:00Z";
    const LATER: &str = "2026-03-01T13:00:00Z";

    fn batch(stage: Stage, control: Control, not_before: Option<&str>, in_flight: u64) -> Batch {
        let now: Timestamp = NOW.parse().unwrap();
        let terms = BatchTerms {
            id: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            campaign: None,
            test: false,
            lane: Lane::Low,
            policy: DoubtPolicy::AtMostOnce,
            class: crate::rules::Class::Transactional,
            quiet_hours: crate::batch::QuietHours::Hold,
            content: crate::content::Content::default(),
            routes: Vec::new(),
            routing: crate::routing::Routing::default(),
            answers: None,
            began: now,
            not_before: not_before.map(|time| time.parse().unwrap()),
            local: None,
            spread_over: None,
            expires_at: now + crate::batch::DEFAULT_VALIDITY,
        };
        let mut batch = Batch::new(terms, stage, None);
        batch.progress.control = control;
        batch.progress.totals = Some(Totals {
            in_flight,
            ..Totals::default()
        });
        batch
    }

    #[test]
    fn a_campaign_without_a_batch_is_what_its_plan_says() {
        let id: BatchId = "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let at: Timestamp = LATER.parse().unwrap();
        let on = "2026-03-01".parse().unwrap();
        let recurring = |next, paused| Plan::Recurring {
            next,
            last: None,
            paused,
        };
        let next = Some(Occurrence { on, at });
        for (plan, expected) in [
            (Plan::Draft, CampaignStatus::Draft),
            (Plan::Scheduled { at, batch: id }, CampaignStatus::Scheduled),
            (Plan::Started { batch: id }, CampaignStatus::Preparing),
            (recurring(next, false), CampaignStatus::Recurring),
            (recurring(next, true), CampaignStatus::Paused),
            (recurring(None, true), CampaignStatus::Finished),
            (Plan::Cancelled, CampaignStatus::Cancelled),
        ] {
            assert_eq!(status(plan, None, NOW.parse().unwrap()), expected);
        }
    }

    #[test]
    fn a_campaign_with_a_batch_follows_it() {
        use {CampaignStatus as Is, Control as C, Stage as S};
        for (name, stage, control, not_before, in_flight, expected) in [
            (
                "being prepared",
                S::Preparing,
                C::Running,
                None,
                0,
                Is::Preparing,
            ),
            (
                "prepared early",
                S::Ready,
                C::Running,
                Some(LATER),
                9,
                Is::Scheduled,
            ),
            (
                "its time has come",
                S::Ready,
                C::Running,
                Some(NOW),
                9,
                Is::Running,
            ),
            ("running", S::Ready, C::Running, None, 9, Is::Running),
            ("paused", S::Ready, C::Paused, None, 9, Is::Paused),
            (
                "paused early",
                S::Preparing,
                C::Paused,
                Some(LATER),
                0,
                Is::Paused,
            ),
            (
                "cancelled and not over",
                S::Ready,
                C::Cancelled,
                None,
                9,
                Is::Cancelling,
            ),
            (
                "cancelled, reports to come",
                S::Finished,
                C::Cancelled,
                None,
                9,
                Is::Cancelling,
            ),
            (
                "cancelled",
                S::Finished,
                C::Cancelled,
                None,
                0,
                Is::Cancelled,
            ),
            ("finished", S::Finished, C::Running, None, 9, Is::Finished),
            ("no audience", S::Failed, C::Running, None, 0, Is::Failed),
        ] {
            let batch = batch(stage, control, not_before, in_flight);
            let plan = Plan::Started {
                batch: batch.terms.id,
            };

            let found = status(plan, Some(&batch), NOW.parse().unwrap());

            assert_eq!(found, expected, "{name}");
        }
    }
}
