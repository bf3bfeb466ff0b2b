//! How often marketing may reach one number. Periods roll: a cap of 3 in 24 hours holds of any 24 hours that the message falls into,
//! with what is planned after it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{rules::Class, rules::StateFrequency};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyCap {
    pub messages: u32,
    pub hours: u32,
}

/// What holds where an account says nothing else: three a day is the strictest that a state asks for (Florida, Oklahoma, Oregon),
/// ten a week is our choice.
pub const DEFAULT: [FrequencyCap; 2] = [
    FrequencyCap {
        messages: 3,
        hours: 24,
    },
    FrequencyCap {
        messages: 10,
        hours: 7 * 24,
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    Allowed,
    /// Until then at least, when enough of the earlier ones are old.
    FullUntil(Timestamp),
    /// A cap of none.
    Never,
}

impl From<StateFrequency> for FrequencyCap {
    fn from(StateFrequency { messages, hours }: StateFrequency) -> Self {
        Self { messages, hours }
    }
}

/// The caps of an account, and the state's beside them: all of them hold.
pub fn caps(own: &[FrequencyCap], state: Option<StateFrequency>) -> Vec<FrequencyCap> {
    own.iter()
        .copied()
        .chain(state.map(FrequencyCap::from))
        .collect()
}

/// Whether one more message may go to a number. `sent`: when marketing went there, in any order, at least as far back as the longest
/// period. Transactional messages are neither counted nor capped.
pub fn frequency(
    caps: &[FrequencyCap],
    class: Class,
    sent: &[Timestamp],
    now: Timestamp,
) -> Frequency {
    if class == Class::Transactional {
        return Frequency::Allowed;
    }
    let mut sent = sent.to_vec();
    sent.sort_unstable();
    let mut full = Frequency::Allowed;
    for cap in caps {
        full = match (full, cap.full(&sent, now)) {
            (Frequency::Never, _) | (_, Frequency::Never) => Frequency::Never,
            (full, Frequency::Allowed) | (Frequency::Allowed, full) => full,
            (Frequency::FullUntil(one), Frequency::FullUntil(other)) => {
                Frequency::FullUntil(one.max(other))
            }
        };
    }
    full
}

impl FrequencyCap {
    /// `sent` is sorted.
    fn full(self, sent: &[Timestamp], now: Timestamp) -> Frequency {
        let period = SignedDuration::from_hours(self.hours.into());
        let messages = self.messages as usize;
        if messages == 0 {
            return Frequency::Never;
        }
        // With this one more in a period than it holds. Once the oldest of them is gone, there is room for another.
        let crowd = |them: &&[Timestamp]| match **them {
            [oldest, .., newest] | [oldest @ newest] => {
                newest.max(now).duration_since(oldest.min(now)) < period
            }
            [] => false,
        };
        match sent.windows(messages).rev().find(crowd) {
            Some(them) => Frequency::FullUntil(them[0] + period),
            None => Frequency::Allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Frequency::{Allowed, FullUntil, Never};

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + hours * 3600).unwrap()
    }

    #[test]
    fn so_many_in_a_period_that_rolls() {
        let thrice = &[FrequencyCap {
            messages: 3,
            hours: 24,
        }][..];
        let never = &[FrequencyCap {
            messages: 0,
            hours: 24,
        }][..];
        for (name, caps, sent, expected) in [
            ("none yet", thrice, &[][..], Allowed),
            ("room for one", thrice, &[-1, -2][..], Allowed),
            ("full", thrice, &[-1, -2, -23], FullUntil(at(1))),
            (
                "the first is just old enough",
                thrice,
                &[-1, -2, -24],
                Allowed,
            ),
            ("in any order", thrice, &[-23, -1, -2], FullUntil(at(1))),
            (
                "more than full: as many as it takes must be old",
                thrice,
                &[-1, -2, -3, -4, -23],
                FullUntil(at(21)),
            ),
            (
                "a clock ahead of ours",
                thrice,
                &[1, -2, -3],
                FullUntil(at(21)),
            ),
            (
                "planned on both sides of it",
                thrice,
                &[-2, 20, 21],
                FullUntil(at(22)),
            ),
            (
                "planned later than any period",
                thrice,
                &[24, 25, 26],
                Allowed,
            ),
            ("no period holds them all", thrice, &[-20, -3, 4], Allowed),
            (
                "both caps, the later end",
                &DEFAULT,
                &[-1, -2, -3, -30, -31, -32, -60, -61, -62, -100],
                FullUntil(at(7 * 24 - 100)),
            ),
            (
                "both caps, one full",
                &DEFAULT,
                &[-1, -2, -3],
                FullUntil(at(21)),
            ),
            (
                "ten a week",
                &DEFAULT,
                &[-30, -31, -32, -60, -61, -62, -90, -91, -92, -120],
                FullUntil(at(48)),
            ),
            ("none allowed", never, &[], Never),
            ("no cap", &[], &[-1, -1, -1, -1], Allowed),
        ] {
            let sent: Vec<_> = sent.iter().copied().map(at).collect();

            assert_eq!(
                frequency(caps, Class::Marketing, &sent, at(0)),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn what_isnt_marketing_is_not_capped() {
        let sent = vec![at(0); 100];

        assert_eq!(
            frequency(&DEFAULT, Class::Transactional, &sent, at(0)),
            Allowed
        );
    }

    #[test]
    fn a_states_cap_holds_beside_the_accounts() {
        let own = [FrequencyCap {
            messages: 10,
            hours: 24,
        }];
        let florida = StateFrequency {
            messages: 3,
            hours: 24,
        };

        let caps = caps(&own, Some(florida));

        let sent = [at(-1), at(-2), at(-3)];
        assert_eq!(
            frequency(&caps, Class::Marketing, &sent, at(0)),
            FullUntil(at(21))
        );
        assert_eq!(frequency(&own, Class::Marketing, &sent, at(0)), Allowed);
    }
}
