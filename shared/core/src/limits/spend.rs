//! How much an account may spend: in an hour, a day and a month of its own calendar, in all and by country. Money is reserved
//! before anything is sent and is not given back by `send`, so that whatever is in flight is inside the cap already.
//!
//! One [`Spent`] is one item: of the account, or of one country in it. The caller reads it, asks [`Spent::take`] and writes what
//! that returns on the condition that the item is still what was read; who loses reads again. So a thousand sends at the edge of
//! a cap end below it. What can't be read, has no price or doesn't add up is refused.

use jiff::{RoundMode, Timestamp, ToSpan, Unit, ZonedRound, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// In millionths of the account's currency; `None` is without a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendCaps {
    #[serde(default)]
    pub hour: Option<u64>,
    #[serde(default)]
    pub day: Option<u64>,
    #[serde(default)]
    pub month: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Hour,
    Day,
    Month,
}

/// What was reserved in the period that began then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    pub since: Timestamp,
    pub amount: u64,
}

/// That a message didn't fit under this cap any more, in the period that began then. Less than its price may be left, however much
/// that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub period: Period,
    pub since: Timestamp,
    pub cap: u64,
}

/// How a cap stands when somebody should be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nearly all of it is reserved.
    Near,
    /// What is left waits until the period ends.
    Reached,
}

/// In hundredths of a cap.
const NEAR: u64 = 80;

/// What was reserved in the latest hour, day and month in which there was anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    pub hour: Option<Reserved>,
    pub day: Option<Reserved>,
    pub month: Option<Reserved>,
    /// The latest one.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpendRefused {
    /// Until the period ends.
    #[error("the cap for the {} is reached; raise it, or wait until {until}", .period.as_str())]
    CapReached { period: Period, until: Timestamp },
    #[error("it has no price, and there is a cap; give the gateway account a price")]
    NoPrice,
    /// The account's calendar ends here.
    #[error("the time can't be placed in a calendar")]
    NoCalendar,
}

impl Period {
    pub const ALL: [Period; 3] = [Period::Hour, Period::Day, Period::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
        }
    }

    /// When the period around `now` began and when it ends, by a clock and its calendar. A day may have 23 or 25 hours.
    pub fn around(self, now: Timestamp, clock: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let now = now.to_zoned(clock.clone());
        let (begin, end) = match self {
            Period::Hour => {
                let begin = now
                    .round(
                        ZonedRound::new()
                            .smallest(Unit::Hour)
                            .mode(RoundMode::Trunc),
                    )
                    .ok()?;
                (begin.clone(), begin.checked_add(1.hour()).ok()?)
            }
            Period::Day => {
                let begin = now.start_of_day().ok()?;
                (begin, now.tomorrow().ok()?.start_of_day().ok()?)
            }
            Period::Month => {
                let begin = now.first_of_month().ok()?.start_of_day().ok()?;
                let next = begin.checked_add(1.month()).ok()?;
                (begin, next.start_of_day().ok()?)
            }
        };
        Some((begin.timestamp(), end.timestamp()))
    }
}

impl SpendCaps {
    pub const fn of(&self, period: Period) -> Option<u64> {
        match period {
            Period::Hour => self.hour,
            Period::Day => self.day,
            Period::Month => self.month,
        }
    }
}

impl Spent {
    /// With `price` reserved in each period, or why it can't be. `price`: `None` if somebody doesn't know it.
    pub fn take(
        &self,
        caps: &SpendCaps,
        price: Option<u64>,
        clock: &TimeZone,
        now: Timestamp,
    ) -> Result<Spent, SpendRefused> {
        if *caps == SpendCaps::default() && price.is_none() {
            return Ok(*self);
        }
        let price = price.ok_or(SpendRefused::NoPrice)?;
        let mut taken = *self;
        for period in Period::ALL {
            let (since, until) = period.around(now, clock).ok_or(SpendRefused::NoCalendar)?;
            let reached = SpendRefused::CapReached { period, until };
            let before = self.in_period(period, since);
            let amount = before.amount.checked_add(price).ok_or(reached)?;
            if caps.of(period).is_some_and(|cap| amount > cap) {
                return Err(reached);
            }
            *taken.of_mut(period) = Some(Reserved {
                since: before.since,
                amount,
            });
        }
        Ok(taken)
    }

    /// How much of a cap is used, in hundredths; for alerts at 50, 80 and 100.
    pub fn used(
        &self,
        caps: &SpendCaps,
        period: Period,
        clock: &TimeZone,
        now: Timestamp,
    ) -> Option<u64> {
        let cap = caps.of(period)?;
        let (since, _) = period.around(now, clock)?;
        let amount = u128::from(self.in_period(period, since).amount);
        let hundredths = (amount * 100).checked_div(cap.into()).unwrap_or(100);
        u64::try_from(hundredths).ok()
    }

    /// `None` of what nobody has to be told of. A refusal is that of its cap: who raises it lets messages leave again.
    pub fn standing(
        &self,
        caps: &SpendCaps,
        period: Period,
        clock: &TimeZone,
        now: Timestamp,
    ) -> Option<Standing> {
        let used = self.used(caps, period, clock, now)?;
        let (since, _) = period.around(now, clock)?;
        let refused = self.refused.is_some_and(|refusal| {
            let of_it = refusal.period == period && refusal.since >= since;
            of_it && caps.of(period) == Some(refusal.cap)
        });
        match used {
            100.. => Some(Standing::Reached),
            _ if refused => Some(Standing::Reached),
            NEAR.. => Some(Standing::Near),
            _ => None,
        }
    }

    /// What is reserved in the period that began then. One that began later, by a clock ahead of ours, is gone on with: a worker
    /// that is slow must not begin the old period anew.
    fn in_period(&self, period: Period, since: Timestamp) -> Reserved {
        let current = self.of(period).filter(|reserved| reserved.since >= since);
        current.unwrap_or(Reserved { since, amount: 0 })
    }

    pub const fn of(&self, period: Period) -> Option<Reserved> {
        match period {
            Period::Hour => self.hour,
            Period::Day => self.day,
            Period::Month => self.month,
        }
    }

    /// As it was kept.
    pub fn set(&mut self, period: Period, reserved: Reserved) {
        *self.of_mut(period) = Some(reserved);
    }

    fn of_mut(&mut self, period: Period) -> &mut Option<Reserved> {
        match period {
            Period::Hour => &mut self.hour,
            Period::Day => &mut self.day,
            Period::Month => &mut self.month,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn clock(zone: &str) -> TimeZone {
        TimeZone::get(zone).unwrap()
    }

    const NOW: &str = "2026-11-24T10:30:00Z";

    fn hourly(cap: u64) -> SpendCaps {
        SpendCaps {
            hour: Some(cap),
            ..SpendCaps::default()
        }
    }

    #[test]
    fn periods_are_those_of_the_accounts_calendar() {
        for (name, period, zone, now, begin, end) in [
            (
                "an hour",
                Period::Hour,
                "UTC",
                NOW,
                "2026-11-24T10:00:00Z",
                "2026-11-24T11:00:00Z",
            ),
            (
                "an hour that begins at a quarter",
                Period::Hour,
                "Asia/Kathmandu",
                NOW,
                "2026-11-24T10:15:00Z",
                "2026-11-24T11:15:00Z",
            ),
            (
                "a day at the Pacific",
                Period::Day,
                "America/Los_Angeles",
                "2026-11-24T07:59:00Z",
                "2026-11-23T08:00:00Z",
                "2026-11-24T08:00:00Z",
            ),
            (
                "its midnight",
                Period::Day,
                "America/Los_Angeles",
                "2026-11-24T08:00:00Z",
                "2026-11-24T08:00:00Z",
                "2026-11-25T08:00:00Z",
            ),
            (
                "a day of 23 hours",
                Period::Day,
                "America/New_York",
                "2027-03-14T12:00:00Z",
                "2027-03-14T05:00:00Z",
                "2027-03-15T04:00:00Z",
            ),
            (
                "a day of 25 hours",
                Period::Day,
                "America/New_York",
                "2026-11-01T12:00:00Z",
                "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z",
            ),
            (
                "a day without midnight",
                Period::Day,
                "America/Santiago",
                "2027-09-05T12:00:00Z",
                "2027-09-05T04:00:00Z",
                "2027-09-06T03:00:00Z",
            ),
            (
                "a month with a change of clocks",
                Period::Month,
                "Europe/Paris",
                "2027-03-31T12:00:00Z",
                "2027-02-28T23:00:00Z",
                "2027-03-31T22:00:00Z",
            ),
            (
                "the last month of a year",
                Period::Month,
                "UTC",
                "2026-12-31T23:59:59Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
            (
                "already the next month there",
                Period::Month,
                "Pacific/Kiritimati",
                "2026-11-30T10:00:00Z",
                "2026-11-30T10:00:00Z",
                "2026-12-31T10:00:00Z",
            ),
        ] {
            let around = period.around(at(now), &clock(zone));

            assert_eq!(around, Some((at(begin), at(end))), "{name}");
        }
    }

    #[test]
    fn what_fits_is_taken_and_no_more() {
        let now = at(NOW);
        let spent = |amount| {
            Spent::default()
                .take(&SpendCaps::default(), Some(amount), &TimeZone::UTC, now)
                .unwrap()
        };
        let reached = |period, until| {
            Err(SpendRefused::CapReached {
                period,
                until: at(until),
            })
        };
        let caps = SpendCaps {
            hour: Some(100),
            day: Some(150),
            month: None,
        };
        for (name, caps, spent, price, expected) in [
            (
                "the first",
                hourly(100),
                Spent::default(),
                Some(100),
                Ok(()),
            ),
            (
                "the last that fits",
                hourly(100),
                spent(60),
                Some(40),
                Ok(()),
            ),
            (
                "one too much",
                hourly(100),
                spent(60),
                Some(41),
                reached(Period::Hour, "2026-11-24T11:00:00Z"),
            ),
            (
                "nothing may be spent",
                hourly(0),
                Spent::default(),
                Some(1),
                reached(Period::Hour, "2026-11-24T11:00:00Z"),
            ),
            (
                "what costs nothing",
                hourly(0),
                Spent::default(),
                Some(0),
                Ok(()),
            ),
            (
                "the day is narrower",
                SpendCaps {
                    hour: Some(900),
                    ..caps
                },
                spent(100),
                Some(51),
                reached(Period::Day, "2026-11-25T00:00:00Z"),
            ),
            (
                "no cap",
                SpendCaps::default(),
                spent(u64::MAX - 1),
                Some(1),
                Ok(()),
            ),
            (
                "more than can be counted",
                SpendCaps::default(),
                spent(u64::MAX),
                Some(1),
                reached(Period::Hour, "2026-11-24T11:00:00Z"),
            ),
            (
                "no price and a cap",
                caps,
                Spent::default(),
                None,
                Err(SpendRefused::NoPrice),
            ),
            (
                "no price and no cap",
                SpendCaps::default(),
                Spent::default(),
                None,
                Ok(()),
            ),
        ] {
            let taken = spent.take(&caps, price, &TimeZone::UTC, now);

            assert_eq!(taken.map(drop), expected, "{name}");
        }
    }

    #[test]
    fn a_new_period_begins_with_nothing() {
        let caps = SpendCaps {
            hour: Some(100),
            day: Some(150),
            month: Some(1_000),
        };
        let pacific = clock("America/Los_Angeles");
        let full = Spent::default()
            .take(&caps, Some(100), &pacific, at("2026-11-24T07:30:00Z"))
            .unwrap();
        for (name, now, price, expected) in [
            (
                "the same hour",
                "2026-11-24T07:59:59Z",
                1,
                Some(Period::Hour),
            ),
            ("midnight at the Pacific", "2026-11-24T08:00:00Z", 100, None),
            (
                "an hour of the same day, within the day",
                "2026-11-24T06:59:00Z",
                1,
                Some(Period::Hour),
            ),
            ("the next month", "2026-12-01T08:00:00Z", 100, None),
        ] {
            let taken = full.take(&caps, Some(price), &pacific, at(now));

            let refused = taken.err().map(|error| match error {
                SpendRefused::CapReached { period, .. } => period,
                other => panic!("{other}"),
            });
            assert_eq!(refused, expected, "{name}");
        }
    }

    #[test]
    fn a_thousand_at_the_edge_stay_below_it() {
        let caps = hourly(1_000_000);
        let now = at(NOW);
        let mut item = Spent::default();
        let (mut sent, mut conflicts) = (0, 0);
        let price = 7_919;

        for worker in 0..1_000 {
            // Every third has read what is no longer there, loses its write and reads again.
            let read = if worker % 3 == 0 {
                Spent::default()
            } else {
                item
            };
            let Ok(taken) = read.take(&caps, Some(price), &TimeZone::UTC, now) else {
                continue;
            };
            let written = if read == item {
                Ok(taken)
            } else {
                conflicts += 1;
                item.take(&caps, Some(price), &TimeZone::UTC, now)
            };
            if let Ok(written) = written {
                item = written;
                sent += 1;
            }
        }

        assert!(conflicts > 300);
        assert_eq!(sent, 1_000_000 / price);
        assert_eq!(item.hour.unwrap().amount, sent * price);
    }

    #[test]
    fn how_much_of_a_cap_is_used() {
        let taken = Spent::default()
            .take(&hourly(100), Some(80), &TimeZone::UTC, at(NOW))
            .unwrap();
        let used = |caps, now| taken.used(&caps, Period::Hour, &TimeZone::UTC, at(now));
        for (name, caps, now, expected) in [
            ("a part", hourly(100), NOW, Some(80)),
            (
                "more than all, since the cap was lowered",
                hourly(40),
                NOW,
                Some(200),
            ),
            ("a cap of nothing", hourly(0), NOW, Some(100)),
            (
                "the next hour",
                hourly(100),
                "2026-11-24T11:00:00Z",
                Some(0),
            ),
            ("no cap", SpendCaps::default(), NOW, None),
        ] {
            assert_eq!(used(caps, now), expected, "{name}");
        }
    }

    #[test]
    fn members_are_told_when_a_cap_is_near_and_when_something_waits() {
        let now = at(NOW);
        let spent = |amount| {
            let taken = Spent::default().take(&hourly(100), Some(amount), &TimeZone::UTC, now);
            taken.unwrap()
        };
        let refused = |spent: Spent, cap| Spent {
            refused: Some(Refusal {
                period: Period::Hour,
                since: at("2026-11-24T10:00:00Z"),
                cap,
            }),
            ..spent
        };
        let (near, reached) = (Some(Standing::Near), Some(Standing::Reached));
        for (name, spent, time, expected) in [
            ("half", spent(50), NOW, None),
            ("just less", spent(79), NOW, None),
            ("nearly all", spent(80), NOW, near),
            ("all", spent(100), NOW, reached),
            ("nothing fits", refused(spent(60), 100), NOW, reached),
            ("under a cap before", refused(spent(60), 70), NOW, None),
            (
                "the next hour",
                refused(spent(100), 100),
                "2026-11-24T11:00:00Z",
                None,
            ),
        ] {
            let standing = spent.standing(&hourly(100), Period::Hour, &TimeZone::UTC, at(time));

            assert_eq!(standing, expected, "{name}");
        }
    }
}
