//! Forgetting a number (GDPR article 17). It goes in steps, each of which may be done again, so that whoever dies on the way is
//! followed by another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, ErasureId},
    phone::Phone,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    pub id: ErasureId,
    pub account: AccountId,
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

/// How far it is. There are two rounds: what was on its way during the first is found by the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Round {
        /// 1 or 2.
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

impl Erasure {
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
            Progress::Round { round: 1, .. } => Self {
                progress: Progress::Round {
                    round: 2,
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

    #[test]
    fn an_erasure_makes_two_rounds_and_forgets_the_number_last() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut erasure = Erasure {
            id: "ers_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
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

        while let Some(time) = erasure.due() {
            assert!(erasure.number.is_some());
            due.push(time);
            erasure = erasure.ended_round(at(10), at(900));
        }

        assert_eq!((due, erasure.number), (vec![at(0), at(900)], None));
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
