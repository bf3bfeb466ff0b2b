//! The nine words in which adapters tell what a gateway reported, and what each means for a message.

use serde::{Deserialize, Serialize};

use crate::{chunk::receipt::ReceiptStatus, reason::Reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportWord {
    /// The gateway took the message; no network has it yet.
    Accepted,
    /// Handed to a network; a final report may follow.
    Sent,
    Delivered,
    /// The network could not deliver it.
    Undelivered,
    /// The gateway or the network failed it.
    Failed,
    /// Its validity ended before it was delivered.
    Expired,
    /// Refused before transport.
    Rejected,
    /// No verdict.
    Unknown,
    /// The recipient read it.
    Read,
}

/// All words, in the order of a message's life.
pub const REPORT_WORDS: [ReportWord; 9] = [
    ReportWord::Accepted,
    ReportWord::Sent,
    ReportWord::Delivered,
    ReportWord::Undelivered,
    ReportWord::Failed,
    ReportWord::Expired,
    ReportWord::Rejected,
    ReportWord::Unknown,
    ReportWord::Read,
];

/// What a report changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub status: ReceiptStatus,
    pub reason: Option<Reason>,
    /// The read bit is set too.
    pub read: bool,
}

/// `None` for the words that change nothing. A report's `unknown` is one of them: only the sweeper and doubt make that status.
pub const fn meaning(word: ReportWord, reason: Option<Reason>) -> Option<Meaning> {
    let (status, reason, read) = match word {
        ReportWord::Accepted | ReportWord::Unknown => return None,
        ReportWord::Sent => (ReceiptStatus::CarrierAccepted, None, false),
        ReportWord::Delivered => (ReceiptStatus::Delivered, None, false),
        ReportWord::Read => (ReceiptStatus::Delivered, None, true),
        ReportWord::Undelivered => (ReceiptStatus::Undelivered, reason, false),
        ReportWord::Failed => (ReceiptStatus::Failed, reason, false),
        ReportWord::Expired => (ReceiptStatus::Expired, or(reason, Reason::InNetwork), false),
        ReportWord::Rejected => (
            ReceiptStatus::Failed,
            or(reason, Reason::CarrierRejected),
            false,
        ),
    };
    Some(Meaning {
        status,
        reason,
        read,
    })
}

const fn or(reason: Option<Reason>, default: Reason) -> Option<Reason> {
    match reason {
        None => Some(default),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_means_what_the_design_says() {
        use ReceiptStatus as Status;
        for (word, expected) in [
            ("accepted", None),
            ("sent", Some((Status::CarrierAccepted, None, false))),
            ("delivered", Some((Status::Delivered, None, false))),
            (
                "undelivered",
                Some((Status::Undelivered, Some(Reason::Absent), false)),
            ),
            (
                "failed",
                Some((Status::Failed, Some(Reason::Absent), false)),
            ),
            (
                "expired",
                Some((Status::Expired, Some(Reason::Absent), false)),
            ),
            (
                "rejected",
                Some((Status::Failed, Some(Reason::Absent), false)),
            ),
            ("unknown", None),
            ("read", Some((Status::Delivered, None, true))),
        ] {
            let parsed: ReportWord = serde_json::from_value(word.into()).unwrap();

            let meaning = meaning(parsed, Some(Reason::Absent));

            let shown = meaning.map(|it| (it.status, it.reason, it.read));
            assert_eq!(shown, expected, "{word}");
        }
    }

    #[test]
    fn a_verdict_without_a_reason_gets_the_obvious_one() {
        for (word, reason) in [
            (ReportWord::Rejected, Some(Reason::CarrierRejected)),
            (ReportWord::Expired, Some(Reason::InNetwork)),
            (ReportWord::Undelivered, None),
        ] {
            assert_eq!(
                meaning(word, None).and_then(|it| it.reason),
                reason,
                "{word:?}"
            );
        }
    }
}
