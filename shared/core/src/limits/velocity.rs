//! How fast API sends may go to one number, one block of a thousand numbers, one country. Who pumps traffic has a form of ours make
//! messages to numbers that pay him, most often in a row; a campaign's audience is chosen by its owner and isn't looked at.
//!
//! One [`Counts`] is one item: of a number, a block or a country of an account. The caller reads it, asks [`Counts::take`] and
//! writes what that returns, on the condition that the item is still what was read.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::phone::Phone;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VelocityLimit {
    pub messages: u32,
    pub minutes: u32,
}

/// Somebody who asks for a password twice and mistypes it thrice is served; who asks all day isn't.
pub const NUMBER: [VelocityLimit; 2] = [
    VelocityLimit {
        messages: 5,
        minutes: 10,
    },
    VelocityLimit {
        messages: 20,
        minutes: 24 * 60,
    },
];
/// Customers seldom have numbers in a row. At 5,000 a minute into one block it ends after 50, in under a second.
pub const BLOCK: [VelocityLimit; 1] = [VelocityLimit {
    messages: 50,
    minutes: 10,
}];
/// Of a country that an account hardly ever sends to.
const COUNTRY: u32 = 100;
/// And of others: so many times the hourly mean of their last week.
const TIMES_MEAN: u64 = 3;
const HOURS_OF_WEEK: u64 = 7 * 24;

/// How long a block is left alone that was too fast; each time after is twice as long.
const FIRST: SignedDuration = SignedDuration::from_mins(30);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// A block that was quiet for so long begins anew.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// The limits of a country, by what was sent there in the last seven days.
pub fn country(last_week: u64) -> [VelocityLimit; 1] {
    let often = last_week.saturating_mul(TIMES_MEAN) / HOURS_OF_WEEK;
    let messages = u32::try_from(often).unwrap_or(u32::MAX).max(COUNTRY);
    [VelocityLimit {
        messages,
        minutes: 60,
    }]
}

/// The block of a thousand numbers that a number is in: its digits but the last three.
pub fn block(number: Phone) -> u64 {
    number.digits() / 1_000
}

/// What becomes of those that are too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// They may go on when there is room again: numbers, countries.
    Room,
    /// They are left alone, longer each time: blocks.
    Longer,
}

/// What was sent, by limit, in the order of the limits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    #[serde(default)]
    counted: Vec<Counted>,
    #[serde(default)]
    stopped: Option<Stop>,
}

/// Two windows of a limit, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counted {
    window: i64,
    now: u32,
    before: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    until: Timestamp,
    /// How often in a row.
    times: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Velocity {
    /// They are counted in here.
    Allowed(Counts),
    /// None of them is sent.
    TooFast { until: Timestamp, counts: Counts },
}

impl Counts {
    /// Whether so many more may be sent. `limits`: those of a number, a block or a country.
    pub fn take(
        &self,
        limits: &[VelocityLimit],
        pause: Pause,
        messages: u32,
        now: Timestamp,
    ) -> Velocity {
        let too_fast = |until, stopped| Velocity::TooFast {
            until,
            counts: Counts {
                counted: self.counted.clone(),
                stopped,
            },
        };
        if let Some(stop) = self.stopped.filter(|stop| now < stop.until) {
            return too_fast(stop.until, self.stopped);
        }
        let mut counted = Vec::with_capacity(limits.len());
        for (place, limit) in limits.iter().enumerate() {
            let before = self.counted.get(place).copied().unwrap_or_default();
            match before.at(*limit, now).add(*limit, messages, now) {
                Ok(added) => counted.push(added),
                Err(room) if pause == Pause::Room => return too_fast(room, self.stopped),
                Err(_) => {
                    let stop = Stop::next(self.stopped, now);
                    return too_fast(stop.until, Some(stop));
                }
            }
        }
        Velocity::Allowed(Counts {
            counted,
            stopped: self.stopped,
        })
    }
}

impl Stop {
    fn next(last: Option<Stop>, now: Timestamp) -> Stop {
        let in_a_row = last.filter(|last| now.duration_since(last.until) < FORGOTTEN_AFTER);
        let times = in_a_row.map_or(0, |last| last.times);
        let time = (FIRST * 2_i32.pow(times.min(10))).min(LONGEST);
        Stop {
            until: now + time,
            times: times + 1,
        }
    }
}

impl VelocityLimit {
    /// Milliseconds of a window.
    fn length(self) -> i64 {
        i64::from(self.minutes.max(1)) * 60_000
    }
}

impl Counted {
    /// As it stands in the window of `now`. One that began later, by a clock ahead of ours, is gone on with.
    fn at(self, limit: VelocityLimit, now: Timestamp) -> Counted {
        let window = now.as_millisecond().div_euclid(limit.length());
        match window - self.window {
            ..=0 => self,
            1 => Counted {
                window,
                now: 0,
                before: self.now,
            },
            _ => Counted {
                window,
                now: 0,
                before: 0,
            },
        }
    }

    /// With so many more, or when there may be room for them.
    fn add(
        self,
        limit: VelocityLimit,
        messages: u32,
        now: Timestamp,
    ) -> Result<Counted, Timestamp> {
        let length = limit.length();
        let elapsed = (now.as_millisecond() - self.window * length).clamp(0, length);
        // As if those of the window before were spread over it evenly.
        let still = (i64::from(self.before) * (length - elapsed) + length - 1) / length;
        let after = i64::from(self.now) + i64::from(messages);
        if still + after <= i64::from(limit.messages) {
            let now = self.now.saturating_add(messages);
            return Ok(Counted { now, ..self });
        }
        Err(self.room(limit, i64::from(messages)))
    }

    /// When those before are old enough: in this window, or in the next, or at its end.
    fn room(self, limit: VelocityLimit, messages: i64) -> Timestamp {
        let length = limit.length();
        let most = i64::from(limit.messages);
        let left = most - i64::from(self.now) - messages;
        let (window, before, left) = if left >= 0 {
            (self.window, i64::from(self.before), left)
        } else {
            (
                self.window + 1,
                i64::from(self.now),
                (most - messages).max(0),
            )
        };
        let wait = length - left * length / before.max(1);
        let at = window * length + wait.clamp(0, length);
        Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a window of every length that divides a day.
    fn at(seconds: i64) -> Timestamp {
        let day = "2026-11-24T00:00:00Z".parse::<Timestamp>().unwrap();
        day + SignedDuration::from_secs(seconds)
    }

    /// How many of some are allowed, one after the other, and until when the first that isn't has to wait.
    fn run(
        limits: &[VelocityLimit],
        pause: Pause,
        times: impl IntoIterator<Item = i64>,
    ) -> (u32, Option<Timestamp>, Counts) {
        let mut counts = Counts::default();
        let (mut allowed, mut first) = (0, None);
        for time in times {
            match counts.take(limits, pause, 1, at(time)) {
                Velocity::Allowed(next) => {
                    counts = next;
                    allowed += 1;
                }
                Velocity::TooFast {
                    until,
                    counts: next,
                } => {
                    counts = next;
                    first = first.or(Some(until));
                }
            }
        }
        (allowed, first, counts)
    }

    #[test]
    fn so_many_go_and_the_next_waits_until_there_is_room() {
        let minute = [VelocityLimit {
            messages: 4,
            minutes: 1,
        }];
        let nothing = [VelocityLimit {
            messages: 0,
            minutes: 1,
        }];
        for (name, limits, times, allowed, until) in [
            ("all within", &minute[..], vec![0, 1, 2, 3], 4, None),
            (
                "one more waits for a quarter of the next minute",
                &minute,
                vec![0, 1, 2, 3, 4],
                4,
                Some(at(75)),
            ),
            ("then it goes", &minute, vec![0, 1, 2, 3, 75], 5, None),
            (
                "too early in the next minute",
                &minute,
                vec![0, 1, 2, 3, 74],
                4,
                Some(at(75)),
            ),
            (
                "half of the next minute: half of them",
                &minute,
                vec![0, 1, 2, 3, 90, 90, 90],
                6,
                Some(at(105)),
            ),
            (
                "two minutes later nothing is left",
                &minute,
                vec![0, 1, 2, 3, 120, 120, 120, 120],
                8,
                None,
            ),
            (
                "a clock that goes back",
                &minute,
                vec![65, 65, 65, 65, 5],
                4,
                Some(at(135)),
            ),
            ("nothing is allowed", &nothing, vec![0], 0, Some(at(120))),
            (
                "a number in ten minutes",
                &NUMBER,
                (0..9).collect(),
                5,
                Some(at(600 + 120)),
            ),
            (
                "a number in a day",
                &NUMBER,
                (0..24).map(|hour| hour * 3600).collect(),
                20,
                None,
            ),
        ] {
            let (went, first, _) = run(limits, Pause::Room, times);

            assert_eq!(went, allowed, "{name}");
            if until.is_some() {
                assert_eq!(first, until, "{name}");
            }
        }
    }

    #[test]
    fn five_thousand_a_minute_into_one_block_end_after_fifty() {
        let hour = (0..5_000 * 60).map(|message| message * 60 / 5_000);

        let (allowed, until, counts) = run(&BLOCK, Pause::Longer, hour);

        assert_eq!(until, Some(at(30 * 60)));
        // Fifty, and fifty more when half an hour was over: then an hour.
        assert_eq!(allowed, 100);
        assert!(matches!(
            counts.take(&BLOCK, Pause::Longer, 1, at(80 * 60)),
            Velocity::TooFast { .. }
        ));
        assert!(matches!(
            counts.take(&BLOCK, Pause::Longer, 1, at(91 * 60)),
            Velocity::Allowed(_)
        ));
    }

    #[test]
    fn a_block_is_left_alone_for_longer_each_time_and_forgiven_in_the_end() {
        let minutes = |stop: Stop, now| stop.until.duration_since(now).as_mins();
        let mut stop = Stop::next(None, at(0));
        let mut waits = vec![minutes(stop, at(0))];
        for _ in 0..7 {
            let now = stop.until;
            stop = Stop::next(Some(stop), now);
            waits.push(minutes(stop, now));
        }

        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1440, 1440]);
        let later = stop.until + FORGOTTEN_AFTER;
        assert_eq!(minutes(Stop::next(Some(stop), later), later), 30);
    }

    #[test]
    fn a_country_may_have_thrice_its_mean() {
        for (last_week, expected) in [
            (0, 100),
            (5_600, 100),
            (168_000, 3_000),
            (u64::MAX, u32::MAX),
        ] {
            assert_eq!(country(last_week)[0].messages, expected, "{last_week}");
        }
    }

    #[test]
    fn neighbours_share_a_block() {
        let of = |digits| block(Phone::from_digits(digits).unwrap());

        assert_eq!(of(447_700_900_000), of(447_700_900_999));
        assert_ne!(of(447_700_900_999), of(447_700_901_000));
    }

    #[test]
    fn many_at_once_are_taken_or_left_together() {
        let counts = Counts::default();

        let taken = counts.take(&BLOCK, Pause::Longer, 50, at(0));
        let left = counts.take(&BLOCK, Pause::Longer, 51, at(0));

        assert!(matches!(taken, Velocity::Allowed(_)));
        assert!(matches!(left, Velocity::TooFast { .. }));
    }
}
