//! How long an account keeps what it could do without: in days, for each class. Tables and bucket forget by themselves after the
//! longest time that is allowed here; who asks for less is swept once a day.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is kept for the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What was sent to whom and what became of it: recipient files, chunks, clicks, texts of API sends. One class, because a message
    /// is found, answered for and counted by both. Totals stay.
    Messages,
    /// What handsets wrote.
    Inbound,
    /// Uploads, rejected rows, exports, stored events.
    Files,
    /// Who did what.
    Audit,
}

/// In days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// From the time when the last of a batch's messages was done with.
    pub messages: u16,
    pub inbound: u16,
    pub files: u16,
    /// `None`: for good.
    pub audit: Option<u16>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            messages: *Class::Messages.days().end(),
            inbound: *Class::Inbound.days().end(),
            files: *Class::Files.days().end(),
            audit: None,
        }
    }
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Messages, Self::Inbound, Self::Files, Self::Audit];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Inbound => "inbound",
            Self::Files => "files",
            Self::Audit => "audit",
        }
    }

    /// What may be asked for. Messages: the link to opt out by works as long as its message is known, frequency is counted of them, and
    /// reports come for three days. Files: what an import did can be taken back for 29 days by its file. Acts: a year, for whoever
    /// has to answer for them.
    pub const fn days(self) -> RangeInclusive<u16> {
        match self {
            Self::Messages => 30..=180,
            Self::Inbound => 1..=400,
            Self::Files => 30..=400,
            Self::Audit => 365..=3_650,
        }
    }
}

impl Retention {
    /// Before this time a class is forgotten; `None`: it is kept for good.
    pub fn before(&self, class: Class, now: Timestamp) -> Option<Timestamp> {
        let days = match class {
            Class::Messages => Some(self.messages),
            Class::Inbound => Some(self.inbound),
            Class::Files => Some(self.files),
            Class::Audit => self.audit,
        };
        days.map(|days| now - SignedDuration::from_hours(24 * i64::from(days)))
    }

    /// Whether tables and bucket do it by themselves.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_own_time() {
        let retention: Retention =
            serde_json::from_str(r#"{"messages": 30, "files": 90}"#).unwrap();
        let now: Timestamp = "2026-12-31T00:00:00Z".parse().unwrap();

        let before = Class::ALL.map(|class| retention.before(class, now));

        let time = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            before,
            [
                time("2026-12-01T00:00:00Z"),
                time("2025-11-26T00:00:00Z"),
                time("2026-10-02T00:00:00Z"),
                None
            ]
        );
        assert!(!retention.is_usual() && Retention::default().is_usual());
    }

    #[test]
    fn what_is_usual_may_be_asked_for() {
        let Retention {
            messages,
            inbound,
            files,
            audit,
        } = Retention::default();
        let usual = [Some(messages), Some(inbound), Some(files), audit];
        for (class, days) in Class::ALL.into_iter().zip(usual) {
            assert!(
                days.is_none_or(|days| class.days().contains(&days)),
                "{class:?}"
            );
        }
    }
}
