//! On which days a campaign comes again, as requests say it and as answers show it.

use std::collections::BTreeSet;

use carillon_core::{
    recurrence::{self, End, Every},
    zones::Zone,
};
use carillon_runtime::problem::Problem;
use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check;

const UNDER: &str = "/recurrence";
const MOST_INTERVAL: u8 = 12;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    every: Period,
    /// Of `week`: the days, such as `["monday", "thursday"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    weekdays: Option<Vec<Weekday>>,
    /// Of `month`: 1 to 31. A month that is shorter has it on its last day.
    #[schema(minimum = 1, maximum = 31)]
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<i8>,
    /// Each so many days, weeks or months, 1 to 12; left out, each.
    #[schema(minimum = 1, maximum = 12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u8>,
    /// By the clock of `time_zone`: `10:00`. A time that the clock leaves out in spring comes an hour later; one that it has twice in
    /// autumn comes once, the first time.
    #[schema(example = "10:00")]
    time: String,
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// The first day that may be one, and what intervals are counted from; left out, today.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Date>,
    /// The last day that may be one. Give it or `count`; it ends within a year.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
    /// How many times.
    #[schema(minimum = 1, maximum = 366)]
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Weekday> for recurrence::Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl From<recurrence::Day> for Weekday {
    fn from(day: recurrence::Day) -> Self {
        match day {
            recurrence::Day::Monday => Self::Monday,
            recurrence::Day::Tuesday => Self::Tuesday,
            recurrence::Day::Wednesday => Self::Wednesday,
            recurrence::Day::Thursday => Self::Thursday,
            recurrence::Day::Friday => Self::Friday,
            recurrence::Day::Saturday => Self::Saturday,
            recurrence::Day::Sunday => Self::Sunday,
        }
    }
}

impl Recurrence {
    /// With the first day that it has after `now`, so that its count begins there.
    pub fn check(&self, now: Timestamp) -> Result<recurrence::Recurrence, Problem> {
        let zone = Zone::parse(&self.time_zone)
            .map_err(|error| check::content(&at("time_zone"), &error))?;
        let time = self.time()?;
        let today = now.to_zoned(zone.clock());
        let from = self.from.unwrap_or_else(|| today.date());
        let mut checked = recurrence::Recurrence {
            every: self.every()?,
            interval: self.interval()?,
            time,
            zone,
            from,
            end: self.end()?,
        };
        let first = recurrence::Recurrence {
            end: End::Count(u16::MAX),
            ..checked.clone()
        };
        let first = first.occurrences().find(|it| it.at > now);
        let first = first.map(|it| it.on).ok_or_else(nothing)?;
        if first > today.date().saturating_add(jiff::Span::new().days(366)) {
            let words = "it begins more than a year ahead; give a day within the next year";
            return Err(check::content(&at("from"), &words));
        }
        // A month or a week that is counted keeps its beginning.
        if self.interval.unwrap_or(1) == 1 {
            checked.from = first;
        }
        fits(&checked, now)?;
        Ok(checked)
    }

    fn time(&self) -> Result<Time, Problem> {
        time_of_day(&at("time"), &self.time)
    }

    fn interval(&self) -> Result<u8, Problem> {
        let interval = self.interval.unwrap_or(1);
        if (1..=MOST_INTERVAL).contains(&interval) {
            return Ok(interval);
        }
        let words = format!("expected 1 to {MOST_INTERVAL}");
        Err(check::content(&at("interval"), &words))
    }

    fn every(&self) -> Result<Every, Problem> {
        let foreign = |field: &str| {
            let words = "it doesn't go with this `every`; leave it out";
            Err(check::content(&at(field), &words))
        };
        match (self.every, &self.weekdays, self.day) {
            (Period::Day, None, None) => Ok(Every::Day),
            (Period::Week, Some(days), None) => week(days),
            (Period::Month, None, Some(day)) if (1..=31).contains(&day) => Ok(Every::Month(day)),
            (Period::Month, None, Some(_)) => Err(check::content(&at("day"), &"expected 1 to 31")),
            (Period::Week, None, _) => {
                let words = "a week needs its days, such as `[\"monday\"]`";
                Err(check::content(&at("weekdays"), &words))
            }
            (Period::Month, _, None) => {
                let words = "a month needs the number of its day, 1 to 31";
                Err(check::content(&at("day"), &words))
            }
            (_, Some(_), _) => foreign("weekdays"),
            (_, _, Some(_)) => foreign("day"),
        }
    }

    fn end(&self) -> Result<End, Problem> {
        match (self.until, self.count) {
            (Some(until), None) => Ok(End::Until(until)),
            (None, Some(count)) if (1..=366).contains(&count) => Ok(End::Count(count)),
            (None, Some(_)) => Err(check::content(&at("count"), &"expected 1 to 366")),
            _ => {
                let words = "say when it ends: give `until` or `count`, and not both";
                Err(check::content(&at("until"), &words))
            }
        }
    }
}

/// By whatever clock.
pub(crate) fn time_of_day(pointer: &str, given: &str) -> Result<Time, Problem> {
    let words = "expected a time without an offset, such as `10:00`";
    let refused = || check::content(pointer, &words);
    // A date before it, or an offset after it, would be read and left out.
    if given.contains(|letter: char| !letter.is_ascii_digit() && letter != ':') {
        return Err(refused());
    }
    given.parse().map_err(|_| refused())
}

fn fits(checked: &recurrence::Recurrence, now: Timestamp) -> Result<(), Problem> {
    let last_day = checked.last_day();
    if let End::Until(until) = checked.end
        && until > last_day
    {
        let words = format!("it goes on for more than a year; give {last_day} or an earlier day");
        return Err(check::content(&at("until"), &words));
    }
    let coming = checked.occurrences().filter(|it| it.at > now).count();
    if coming == 0 {
        return Err(nothing());
    }
    if let End::Count(count) = checked.end
        && checked.occurrences().count() < usize::from(count)
    {
        let words = format!(
            "it would take more than a year; there are {coming} times until {last_day}: give that many or fewer"
        );
        return Err(check::content(&at("count"), &words));
    }
    Ok(())
}

fn at(field: &str) -> String {
    format!("{UNDER}/{field}")
}

fn nothing() -> Problem {
    check::content(UNDER, &"no time of it is left; give a later end")
}

fn week(days: &[Weekday]) -> Result<Every, Problem> {
    let days: BTreeSet<_> = days.iter().map(|day| (*day).into()).collect();
    if days.is_empty() {
        return Err(check::content(&at("weekdays"), &"name at least one day"));
    }
    Ok(Every::Week(days.into_iter().collect()))
}

impl From<recurrence::Recurrence> for Recurrence {
    fn from(recurrence: recurrence::Recurrence) -> Self {
        let recurrence::Recurrence {
            every,
            interval,
            time,
            zone,
            from,
            end,
        } = recurrence;
        let (every, weekdays, day) = match every {
            Every::Day => (Period::Day, None, None),
            Every::Week(days) => {
                let days = days.into_iter().map(Weekday::from);
                (Period::Week, Some(days.collect()), None)
            }
            Every::Month(day) => (Period::Month, None, Some(day)),
        };
        let (until, count) = match end {
            End::Until(until) => (Some(until), None),
            End::Count(count) => (None, Some(count)),
        };
        Self {
            every,
            weekdays,
            day,
            interval: Some(interval),
            time: time.strftime("%H:%M:%S").to_string(),
            time_zone: zone.to_string(),
            from: Some(from),
            until,
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a literal, each time")]
    fn checked(change: Value) -> Result<recurrence::Recurrence, String> {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        let mut given =
            json!({"every": "day", "time": "10:00", "time_zone": "Europe/Berlin", "count": 3});
        let change = change.as_object().unwrap().clone();
        given.as_object_mut().unwrap().extend(change);
        given
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let recurrence: Recurrence = serde_json::from_value(given).unwrap();
        recurrence.check(now).map_err(|problem| {
            let error = &problem.errors[0];
            format!("{}: {}", error.pointer, error.detail)
        })
    }

    #[test]
    fn what_recurs_begins_with_its_first_time_that_is_to_come() {
        for (name, change, expected) in [
            // Ten o'clock is over.
            ("each day", json!({}), "2026-11-29"),
            ("later today", json!({"time": "18:00"}), "2026-11-28"),
            (
                "a day of the week",
                json!({"every": "week", "weekdays": ["monday", "monday"]}),
                "2026-11-30",
            ),
            (
                "the end of the month",
                json!({"every": "month", "day": 31}),
                "2026-11-30",
            ),
            (
                "until a day",
                json!({"count": null, "until": "2027-11-28"}),
                "2026-11-29",
            ),
            ("from a day on", json!({"from": "2027-01-01"}), "2027-01-01"),
        ] {
            let found = checked(change).map(|it| it.from.to_string());

            assert_eq!(found.as_deref(), Ok(expected), "{name}");
        }
        let shown = serde_json::to_value(Recurrence::from(checked(json!({})).unwrap())).unwrap();
        let expected = json!({
            "every": "day", "interval": 1, "time": "10:00:00", "time_zone": "Europe/Berlin", "from": "2026-11-29", "count": 3,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_cannot_recur_says_why() {
        for (change, pointer, words) in [
            (
                json!({"time": "10:00+01:00"}),
                "/recurrence/time:",
                "without an offset",
            ),
            (json!({"time": "25:00"}), "/recurrence/time:", "such as"),
            (
                json!({"time_zone": "Paris"}),
                "/recurrence/time_zone",
                "IANA",
            ),
            (
                json!({"count": null}),
                "/recurrence/until",
                "say when it ends",
            ),
            (
                json!({"until": "2026-12-24"}),
                "/recurrence/until",
                "not both",
            ),
            (json!({"count": 0}), "/recurrence/count", "1 to 366"),
            (
                json!({"every": "month", "day": 1, "count": 14}),
                "/recurrence/count",
                "there are 13 times",
            ),
            (
                json!({"count": null, "until": "2027-12-24"}),
                "/recurrence/until",
                "more than a year",
            ),
            (
                json!({"count": null, "until": "2026-11-28"}),
                "/recurrence:",
                "no time of it is left",
            ),
            (
                json!({"from": "2028-01-01"}),
                "/recurrence/from",
                "a year ahead",
            ),
            (json!({"interval": 13}), "/recurrence/interval", "1 to 12"),
            (
                json!({"every": "week"}),
                "/recurrence/weekdays",
                "needs its days",
            ),
            (
                json!({"every": "week", "weekdays": []}),
                "/recurrence/weekdays",
                "at least one",
            ),
            (
                json!({"every": "month"}),
                "/recurrence/day",
                "number of its day",
            ),
            (
                json!({"every": "month", "day": 32}),
                "/recurrence/day",
                "1 to 31",
            ),
            (json!({"day": 3}), "/recurrence/day", "leave it out"),
            (
                json!({"every": "month", "day": 3, "weekdays": ["monday"]}),
                "/recurrence/weekdays",
                "leave it out",
            ),
        ] {
            let error = checked(change.clone()).unwrap_err();

            assert!(
                error.starts_with(pointer) && error.contains(words),
                "{change}: {error}"
            );
        }
    }
}
