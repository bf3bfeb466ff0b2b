//! Forgetting a number (GDPR article 17), and telling all that is known of it (article 15). Either goes in steps, each of which may be
//! done again, so that whoever dies on the way is followed by another.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, PrivacyRequestId},
    phone::Phone,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub id: PrivacyRequestId,
    pub account: AccountId,
    pub act: Act,
    /// As long as somebody works on it; then its keyed hash is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Phone>,
    pub number_hash: String,
    pub asked: Timestamp,
    pub progress: Progress,
    /// What the rounds came upon, all together.
    pub found: Found,
    /// Counts the writes, from 1.
    pub version: u32,
}

impl Request {
    /// Of a number, by its keyed hash; nothing of it is done yet.
    pub fn new(
        (id, asked): (PrivacyRequestId, Timestamp),
        account: AccountId,
        act: Act,
        number: Phone,
        number_hash: String,
    ) -> Self {
        Self {
            id,
            account,
            act,
            number: Some(number),
            number_hash,
            asked,
            progress: Progress::Round {
                round: 1,
                due: asked,
                place: Place::default(),
            },
            found: Found::default(),
            version: 1,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Erasure,
    Report,
}

impl Act {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erasure => "erasure",
            Self::Report => "report",
        }
    }

    /// What was on its way during the first round of an erasure is found by the second.
    const fn rounds(self) -> u8 {
        match self {
            Self::Erasure => 2,
            Self::Report => 1,
        }
    }
}

impl FromStr for Act {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let mut all = [Self::Erasure, Self::Report].into_iter();
        all.find(|act| act.as_str() == word).ok_or(())
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Round {
        /// From 1.
        round: u8,
        /// Not before then.
        due: Timestamp,
        /// What is done of this round.
        place: Place,
    },
    Done {
        at: Timestamp,
    },
}

/// Where a round goes on. Each place comes after those before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What stands under the number's hash.
    #[default]
    Records,
    /// The recipient files of the account's campaigns, after the one of this key.
    Campaigns { after: Option<String> },
    /// The account's files, after the one of this key.
    Files { after: Option<String> },
}

/// How much there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    pub contacts: u32,
    pub consents: u32,
    pub inbound: u32,
    pub messages: u32,
    pub rows: u32,
    pub dead_letters: u32,
    pub events: u32,
}

impl Request {
    /// When the next round is due; `None` when it is done.
    pub fn due(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Round { due, .. } => Some(due),
            Progress::Done { .. } => None,
        }
    }

    /// What comes after a round that has come to its end at `now`. `second`: when the second is due.
    #[must_use]
    pub fn ended_round(self, now: Timestamp, second: Timestamp) -> Self {
        match &self.progress {
            Progress::Round { round, .. } if *round < self.act.rounds() => Self {
                progress: Progress::Round {
                    round: round + 1,
                    due: second,
                    place: Place::default(),
                },
                ..self
            },
            Progress::Round { .. } | Progress::Done { .. } => Self {
                progress: Progress::Done { at: now },
                number: None,
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_erasure_makes_two_rounds_and_a_report_one_and_the_number_is_forgotten_last() {
        for (act, expected) in [
            (Act::Erasure, vec![at(0), at(900)]),
            (Act::Report, vec![at(0)]),
        ] {
            let mut request = Request {
                id: "prv_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
                account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
                act,
                number: Phone::from_digits(447_700_900_123),
                number_hash: "hash".to_owned(),
                asked: at(0),
                progress: Progress::Round {
                    round: 1,
                    due: at(0),
                    place: Place::default(),
                },
                found: Found::default(),
                version: 1,
            };
            let mut due = Vec::new();

            while let Some(time) = request.due() {
                assert!(request.number.is_some());
                due.push(time);
                request = request.ended_round(at(10), at(900));
            }

            assert_eq!((due, request.number), (expected, None), "{act:?}");
            assert_eq!(act.as_str().parse(), Ok(act));
        }
    }

    #[test]
    fn places_are_in_the_order_of_a_round() {
        let campaigns = |after: Option<&str>| Place::Campaigns {
            after: after.map(str::to_owned),
        };
        let files = Place::Files { after: None };

        assert!(Place::Records < campaigns(None));
        assert!(campaigns(None) < campaigns(Some("a")) && campaigns(Some("b")) < files);
    }
}
