//! An export that comes again: each day, week or month at a time of a zone's clock, of the day, week or month before. Each time becomes an
//! ordinary export, whose id follows from it: whoever makes it, and however often, it is made once.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
};
use serde::{Deserialize, Serialize};

use super::{Dataset, Export, Filter, Format, Numbers, Purpose};
use crate::{
    id::{AccountId, ExportId, ExportScheduleId},
    moment::by_clock,
    recurrence::{End, Every, Occurrence, Recurrence, monday_of},
    status::Status,
    zones::Zone,
};

/// Times that are made up when nothing ran for long, the last ones; those before them are left out.
pub const MADE_UP: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSchedule {
    pub id: ExportScheduleId,
    pub account: AccountId,
    pub what: What,
    pub when: When,
    /// Made by a test key: only of what test keys made.
    pub test: bool,
    pub paused: bool,
    /// Its next time, also while it is paused.
    pub next: Occurrence,
    /// The last time that became an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Occurrence>,
    pub created: Timestamp,
    /// Counts its edits and its exports, from 1.
    pub version: u32,
}

/// What each of its exports is of, but for the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct What {
    pub dataset: Dataset,
    pub format: Format,
    pub numbers: Numbers,
    /// Of messages; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<Status>,
}

/// Once in each day, week or month, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// A week on one of its days.
    pub every: Every,
    /// By the clock of `zone`. One that the clock leaves out comes an hour later, one that it has twice comes once, the first time.
    pub time: Time,
    pub zone: Zone,
}

impl When {
    /// Its first time after `now`, on a day after `last`. `None` is beyond every calendar.
    pub fn next(&self, last: Option<Occurrence>, now: Timestamp) -> Option<Occurrence> {
        let today = now.to_zoned(self.zone.clock()).date();
        let is_next = |it: &Occurrence| it.at > now && last.is_none_or(|last| it.on > last.on);
        self.from(today).occurrences().find(is_next)
    }

    /// The day, the week from Monday to Sunday, or the month before a day, from one midnight to the other.
    pub fn before(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let (first, end) = match self.every {
            Every::Day => (day.yesterday().ok()?, day),
            Every::Week(_) => {
                let monday = monday_of(day);
                (monday.checked_sub(1.week()).ok()?, monday)
            }
            Every::Month(_) => {
                let month = day.first_of_month();
                (month.checked_sub(1.month()).ok()?, month)
            }
        };
        let clock = self.zone.clock();
        let midnight = |day: Date| by_clock(day.to_datetime(Time::midnight()), &clock);
        Some((midnight(first)?, midnight(end)?))
    }

    /// Its times from a day on, of a year.
    fn from(&self, day: Date) -> Recurrence {
        Recurrence {
            every: self.every.clone(),
            interval: 1,
            time: self.time,
            zone: self.zone,
            from: day,
            end: End::Until(Date::MAX),
        }
    }
}

impl ExportSchedule {
    /// The export that is due, and the schedule after it. Times that were missed come one by one, oldest first, the last few of them.
    pub fn due(&self, now: Timestamp) -> Option<(Export, Self)> {
        if self.paused || now < self.next.at {
            return None;
        }
        let times = self.when.from(self.next.on);
        let missed: Vec<_> = times.occurrences().take_while(|it| it.at <= now).collect();
        let time = *missed.get(missed.len().saturating_sub(MADE_UP))?;
        let after = Self {
            next: self.when.next(Some(time), time.at)?,
            last: Some(time),
            version: self.version + 1,
            ..self.clone()
        };
        Some((self.export(time, now)?, after))
    }

    /// The id of the export that a time becomes.
    pub fn export_id(&self, time: Occurrence) -> ExportId {
        ExportId::derived(
            time.at,
            &format!("the export of {} on {}", self.id, time.on),
        )
    }

    fn export(&self, time: Occurrence, now: Timestamp) -> Option<Export> {
        let What {
            dataset,
            format,
            numbers,
            statuses,
        } = self.what.clone();
        let (from, until) = self.when.before(time.on)?;
        Some(Export {
            id: self.export_id(time),
            account: self.account,
            dataset,
            filter: Filter {
                from: Some(from),
                until: Some(until),
                statuses,
                ..Filter::default()
            },
            format,
            numbers,
            purpose: Purpose::Schedule {
                schedule: self.id,
                on: time.on,
            },
            test: self.test,
            created: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::Day;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn when(every: Every, time: &str) -> When {
        When {
            every,
            time: time.parse().unwrap(),
            zone: Zone::parse("Europe/Berlin").unwrap(),
        }
    }

    fn schedule(when: When, now: Timestamp) -> ExportSchedule {
        ExportSchedule {
            id: "exs_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            what: What {
                dataset: Dataset::Messages,
                format: Format::Parquet,
                numbers: Numbers::Masked,
                statuses: vec![Status::Failed],
            },
            next: when.next(None, now).unwrap(),
            when,
            test: false,
            paused: false,
            last: None,
            created: now,
            version: 1,
        }
    }

    /// The days of all times that are due, in the order in which they are made.
    fn made(schedule: &mut ExportSchedule, now: &str) -> Vec<String> {
        let mut days = Vec::new();
        while let Some((export, after)) = schedule.due(at(now)) {
            let Purpose::Schedule { on, .. } = export.purpose else {
                panic!("{export:?}");
            };
            assert_eq!(export.id, schedule.export_id(after.last.unwrap()));
            days.push(on.to_string());
            *schedule = after;
        }
        days
    }

    #[test]
    fn each_covers_the_day_the_week_or_the_month_before() {
        for (name, every, on, from, until) in [
            (
                "a day",
                Every::Day,
                "2026-11-28",
                "2026-11-26T23:00:00Z",
                "2026-11-27T23:00:00Z",
            ),
            (
                "of 23 hours",
                Every::Day,
                "2026-03-30",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "of 25 hours",
                Every::Day,
                "2026-10-26",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            (
                "a week, on its Monday",
                Every::Week(vec![Day::Monday]),
                "2026-11-30",
                "2026-11-22T23:00:00Z",
                "2026-11-29T23:00:00Z",
            ),
            (
                "a week, on a Sunday",
                Every::Week(vec![Day::Sunday]),
                "2026-11-29",
                "2026-11-15T23:00:00Z",
                "2026-11-22T23:00:00Z",
            ),
            (
                "a month",
                Every::Month(1),
                "2026-12-01",
                "2026-10-31T23:00:00Z",
                "2026-11-30T23:00:00Z",
            ),
            (
                "a month, late",
                Every::Month(31),
                "2027-02-28",
                "2026-12-31T23:00:00Z",
                "2027-01-31T23:00:00Z",
            ),
        ] {
            let covered = when(every, "06:00").before(on.parse().unwrap());

            assert_eq!(covered, Some((at(from), at(until))), "{name}");
        }
    }

    #[test]
    fn its_next_time_is_after_now_whatever_the_clock_does() {
        for (name, every, time, now, next) in [
            (
                "later today",
                Every::Day,
                "06:00",
                "2026-11-28T04:59:59Z",
                "2026-11-28T05:00:00Z",
            ),
            (
                "tomorrow",
                Every::Day,
                "06:00",
                "2026-11-28T05:00:00Z",
                "2026-11-29T05:00:00Z",
            ),
            (
                "left out in spring",
                Every::Day,
                "02:30",
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:30:00Z",
            ),
            (
                "the first of two in autumn",
                Every::Day,
                "02:30",
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z",
            ),
            (
                "and not the second",
                Every::Day,
                "02:30",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ),
            (
                "a day of the week",
                Every::Week(vec![Day::Tuesday]),
                "06:00",
                "2026-11-28T12:00:00Z",
                "2026-12-01T05:00:00Z",
            ),
            (
                "the end of a short month",
                Every::Month(31),
                "06:00",
                "2027-01-31T12:00:00Z",
                "2027-02-28T05:00:00Z",
            ),
        ] {
            let found = when(every, time).next(None, at(now));

            assert_eq!(found.map(|it| it.at), Some(at(next)), "{name}");
        }
    }

    #[test]
    fn what_was_missed_is_made_up_oldest_first_and_no_more_than_the_last_few() {
        for (name, now, expected) in [
            ("not yet", "2026-11-29T04:59:59Z", ""),
            ("on time", "2026-11-29T05:00:00Z", "2026-11-29"),
            (
                "two missed",
                "2026-11-30T05:00:00Z",
                "2026-11-29 2026-11-30",
            ),
            (
                "a week missed",
                "2026-12-06T12:00:00Z",
                "2026-12-04 2026-12-05 2026-12-06",
            ),
        ] {
            let mut schedule = schedule(when(Every::Day, "06:00"), at("2026-11-28T12:00:00Z"));

            let days = made(&mut schedule, now);

            assert_eq!(days.join(" "), expected, "{name}");
            assert!(schedule.next.at > at(now), "{name}");
        }
    }

    #[test]
    fn a_paused_one_makes_nothing() {
        let mut schedule = schedule(when(Every::Day, "06:00"), at("2026-11-28T12:00:00Z"));
        schedule.paused = true;

        assert!(made(&mut schedule, "2026-12-06T12:00:00Z").is_empty());
    }

    #[test]
    fn a_day_that_was_made_does_not_come_again_when_the_time_is_changed() {
        let mut schedule = schedule(when(Every::Day, "06:00"), at("2026-11-28T12:00:00Z"));
        made(&mut schedule, "2026-11-29T05:00:00Z");

        let later = when(Every::Day, "20:00").next(schedule.last, at("2026-11-29T12:00:00Z"));

        assert_eq!(later.map(|it| it.on), Some("2026-11-30".parse().unwrap()));
    }

    #[test]
    fn each_export_is_what_its_schedule_says_and_its_id_the_same_every_time() {
        let schedule = schedule(when(Every::Day, "06:00"), at("2026-11-28T12:00:00Z"));

        let (export, after) = schedule.due(at("2026-11-29T05:00:07Z")).unwrap();
        let (again, _) = schedule.due(at("2026-11-29T05:01:00Z")).unwrap();
        let (next, _) = after.due(at("2026-11-30T05:00:00Z")).unwrap();

        assert_eq!(export.id, again.id);
        assert_ne!(export.id, next.id);
        assert_eq!(
            (export.format, export.numbers),
            (Format::Parquet, Numbers::Masked)
        );
        assert_eq!(export.filter.statuses, [Status::Failed]);
        assert_eq!(export.schedule(), Some(schedule.id));
        assert_eq!(after.version, 2);
    }
}
