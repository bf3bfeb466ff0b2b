//! A message of a queue that failed every try: where it was, what it was about, and why it died. Its body is kept beside it, to be
//! sent again, and never shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, BatchId, CampaignId, DeadLetterId},
    message_id::MessageId,
};

/// The queue that it died on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadQueue {
    Prepare,
    Dispatch,
    Exports,
    LaneHigh,
    LaneNormal,
    LaneLow,
    Receipts,
    Inbound,
    Imports,
    Hooks,
    /// What `EventBridge` Scheduler could not deliver: requests to `prepare`.
    Schedules,
}

impl DeadQueue {
    pub const ALL: [Self; 11] = [
        Self::Prepare,
        Self::Dispatch,
        Self::Exports,
        Self::LaneHigh,
        Self::LaneNormal,
        Self::LaneLow,
        Self::Receipts,
        Self::Inbound,
        Self::Imports,
        Self::Hooks,
        Self::Schedules,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Dispatch => "dispatch",
            Self::Exports => "exports",
            Self::LaneHigh => "lane_high",
            Self::LaneNormal => "lane_normal",
            Self::LaneLow => "lane_low",
            Self::Receipts => "receipts",
            Self::Inbound => "inbound",
            Self::Imports => "imports",
            Self::Hooks => "hooks",
            Self::Schedules => "schedules",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

/// Why a record failed for the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No try would ever have read it.
    Unreadable,
    /// A table, a file or a queue failed.
    Store,
    /// What it speaks of was not there.
    Early,
    /// Others wrote to the same at the same time, again and again.
    Contended,
    /// A defect of ours.
    Panicked,
    /// Anything else that its function said no to.
    Failed,
    /// Its function said nothing: it died, ran out of time, or was refused concurrency.
    Unanswered,
}

impl Why {
    const ALL: [Self; 7] = [
        Self::Unreadable,
        Self::Store,
        Self::Early,
        Self::Contended,
        Self::Panicked,
        Self::Failed,
        Self::Unanswered,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Store => "store",
            Self::Early => "early",
            Self::Contended => "contended",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    /// What a letter says of itself that its function wrote; without a word of it, nobody answered.
    pub fn parse(word: Option<&str>) -> Self {
        let known = Self::ALL.into_iter().find(|why| Some(why.as_str()) == word);
        known.unwrap_or(Self::Unanswered)
    }

    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => "it can't be read by this version",
            Self::Store => "a table, a file or a queue failed at each try",
            Self::Early => "what it speaks of was not there at any try",
            Self::Contended => "others wrote to the same at each try",
            Self::Panicked => "a defect stopped its handler at each try",
            Self::Failed => "its handler failed at each try",
            Self::Unanswered => {
                "its function died, ran out of time or was refused concurrency at each try"
            }
        }
    }

    /// Another try can't come to anything else.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

/// What it was about, as far as its body tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Subject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub account: AccountId,
    /// Of a test key's doing.
    pub test: bool,
    pub queue: DeadQueue,
    pub subject: Subject,
    pub why: Why,
    /// How often it was received.
    pub receives: u32,
    /// When it was sent to its queue.
    pub since: Timestamp,
    /// When it was found dead.
    pub died: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_and_reasons_are_read_as_they_are_written() {
        for queue in DeadQueue::ALL {
            assert_eq!(DeadQueue::parse(queue.as_str()), Some(queue));
            assert_eq!(serde_json::to_value(queue).unwrap(), queue.as_str());
        }
        for why in Why::ALL {
            assert_eq!(Why::parse(Some(why.as_str())), why);
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }

    #[test]
    fn a_letter_without_a_word_was_not_answered() {
        for word in [None, Some(""), Some("something new")] {
            assert_eq!(Why::parse(word), Why::Unanswered, "{word:?}");
        }
    }
}
