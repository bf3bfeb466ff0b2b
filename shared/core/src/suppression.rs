//! Who must not be texted: what one account knows of one number's will, and what a new word changes about it. A word that was said
//! later wins, in whatever order they come; said at the same time, the opt-out wins.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{id::EventId, phone::Phone};

/// For so long a look at the opt-outs holds: no call begins later after it.
pub const LOOK_HOLDS: SignedDuration = SignedDuration::from_secs(2);

/// From so long after an opt-out was written it is obeyed: whoever looked just before that has begun his last call, with a second for
/// its way. Nobody is told of an opt-out earlier, neither who wrote it nor the account.
pub const OBEYED_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// Places in the log are whole milliseconds.
const LOG_STEP: SignedDuration = SignedDuration::from_millis(1);

/// Whether a number may be texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    OptedOut,
    /// It was opted out, and its owner wants messages again.
    OptedIn,
}

/// By which way a word came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A message from the handset.
    Reply,
    /// The link in a message.
    Link,
    /// The account's own system, or a member.
    Request,
    Import,
    /// The person's data was erased, and nothing must be sent again.
    Erasure,
}

/// What somebody said about a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub consent: Consent,
    pub said: Timestamp,
    pub cause: Cause,
    /// As long as it may be kept.
    pub number: Option<Phone>,
    /// The message that said so.
    pub inbound: Option<EventId>,
    /// Why, in the words of whoever asked for it.
    pub reason: Option<String>,
}

/// What stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    pub consent: Consent,
    /// When the last word to this effect was said.
    pub said: Timestamp,
    /// When we learnt of the first one: its place in the account's log, after that of what stood before. Who reads the log alone finds
    /// the same last word, whoever's clock wrote it.
    pub since: Timestamp,
    /// Of the first one, as all that follows.
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Phone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a word does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another word stands, or it was known. Nothing is to be written.
    None,
    /// It was known; what stands now remembers that it was said again.
    Again(Suppression),
    /// From now on it is the other way round: a line of the log.
    Turn(Suppression),
}

impl Word {
    pub const fn new(consent: Consent, said: Timestamp, cause: Cause) -> Self {
        Self {
            consent,
            said,
            cause,
            number: None,
            inbound: None,
            reason: None,
        }
    }

    pub fn change(&self, current: Option<&Suppression>, now: Timestamp) -> Change {
        let Some(current) = current else {
            return Change::Turn(self.turned(None, now));
        };
        if current.consent == self.consent {
            return self.again(current);
        }
        let counts = match self.consent {
            Consent::OptedOut => current.said <= self.said,
            Consent::OptedIn => current.said < self.said,
        };
        if counts {
            Change::Turn(self.turned(Some(current), now))
        } else {
            Change::None
        }
    }

    fn turned(&self, before: Option<&Suppression>, now: Timestamp) -> Suppression {
        let after = before.map(|before| before.since + LOG_STEP);
        let Self {
            consent,
            said,
            cause,
            number,
            inbound,
            reason,
        } = self.clone();
        Suppression {
            consent,
            said,
            since: after.map_or(now, |after| after.max(now)),
            cause,
            number,
            inbound,
            reason,
        }
    }

    fn again(&self, current: &Suppression) -> Change {
        let said = current.said.max(self.said);
        // A number that was erased isn't learnt again from what comes late, unless its owner writes anew.
        let number = current
            .number
            .or(self.number.filter(|_| current.said < self.said));
        if said == current.said && number == current.number {
            return Change::None;
        }
        Change::Again(Suppression {
            said,
            number,
            ..current.clone()
        })
    }
}

impl Suppression {
    pub fn holds(&self) -> bool {
        self.consent == Consent::OptedOut
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn word(consent: Consent, said: i64) -> Word {
        Word::new(consent, at(said), Cause::Reply)
    }

    /// What stands after these words.
    fn after(words: &[Word]) -> Option<Suppression> {
        let mut stands = None;
        for (word, now) in words.iter().zip(100..) {
            match word.change(stands.as_ref(), at(now)) {
                Change::None => {}
                Change::Again(new) | Change::Turn(new) => stands = Some(new),
            }
        }
        stands
    }

    #[test]
    fn the_last_word_counts_and_a_repetition_is_no_turn() {
        use Consent::{OptedIn, OptedOut};
        for (name, words, expected, since) in [
            ("one word", vec![(OptedOut, 5)], OptedOut, 100),
            (
                "an older one that comes late",
                vec![(OptedOut, 5), (OptedIn, 3)],
                OptedOut,
                100,
            ),
            (
                "a newer one",
                vec![(OptedOut, 5), (OptedIn, 6)],
                OptedIn,
                101,
            ),
            (
                "at once: the opt-out",
                vec![(OptedIn, 5), (OptedOut, 5)],
                OptedOut,
                101,
            ),
            (
                "at once, the other way",
                vec![(OptedOut, 5), (OptedIn, 5)],
                OptedOut,
                100,
            ),
            (
                "said twice",
                vec![(OptedOut, 5), (OptedOut, 7)],
                OptedOut,
                100,
            ),
            (
                "said twice, then what was between",
                vec![(OptedOut, 5), (OptedOut, 7), (OptedIn, 6)],
                OptedOut,
                100,
            ),
        ] {
            let words: Vec<Word> = words
                .into_iter()
                .map(|(consent, said)| word(consent, said))
                .collect();

            let stands = after(&words).unwrap();

            assert_eq!(
                (stands.consent, stands.since),
                (expected, at(since)),
                "{name}"
            );
        }
    }

    #[test]
    fn the_log_has_the_last_word_last_whatever_the_clocks_said() {
        let millis = |millis| Timestamp::from_millisecond(millis).unwrap();
        for (name, now, since) in [
            ("a clock behind", 10_000, 10_006),
            ("the same millisecond", 10_005, 10_006),
            ("a later one", 10_020, 10_020),
        ] {
            let start = word(Consent::OptedIn, 1);
            let Change::Turn(started) = start.change(None, millis(10_005)) else {
                panic!("{name}: nothing stood before")
            };

            let stopped = word(Consent::OptedOut, 2).change(Some(&started), millis(now));

            let Change::Turn(stopped) = stopped else {
                panic!("{name}: it was said later")
            };
            assert_eq!(stopped.since, millis(since), "{name}");
        }
    }

    #[test]
    fn the_message_that_turned_it_is_remembered() {
        let inbound = |text| Some(EventId::of_text(text));
        let first = Word {
            inbound: inbound("first"),
            ..word(Consent::OptedOut, 1)
        };
        let second = Word {
            inbound: inbound("second"),
            ..word(Consent::OptedOut, 2)
        };

        let stands = after(&[first.clone(), second, first]).unwrap();

        assert_eq!(stands.inbound, inbound("first"));
    }

    #[test]
    fn an_erased_number_stays_erased_until_its_owner_writes() {
        let number = Phone::from_e164("+447700900123").ok();
        let late = Word {
            number,
            ..word(Consent::OptedOut, 4)
        };
        let anew = Word {
            number,
            ..word(Consent::OptedOut, 6)
        };
        let erased = word(Consent::OptedOut, 5);

        assert_eq!(after(&[erased.clone(), late]).unwrap().number, None);
        assert_eq!(after(&[erased, anew]).unwrap().number, number);
    }

    proptest! {
        #[test]
        fn the_order_in_which_words_come_is_no_matter(said in prop::collection::vec((any::<bool>(), 0_i64..9), 1..6)) {
            let words: Vec<Word> = said.iter().map(|(out, said)| {
                word(if *out { Consent::OptedOut } else { Consent::OptedIn }, *said)
            }).collect();
            let mut reversed = words.clone();
            reversed.reverse();

            let consent = |words: &[Word]| after(words).map(|stands| (stands.consent, stands.said));

            prop_assert_eq!(consent(&words), consent(&reversed));
        }
    }
}
