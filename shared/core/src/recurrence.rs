//! Campaigns that come again: on which days, at what time of a zone's clock, until when. Each time is an occurrence, with a campaign
//! and a batch of its own, whose ids follow from it: whoever makes it, and however often, it is made once.

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, Time, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::{
    batch::PREPARED_EARLY,
    id::{BatchId, CampaignId},
    moment::by_clock,
    zones::Zone,
};

/// Nothing is planned further ahead: days from the first that may be one.
const HORIZON_DAYS: i64 = 366;
/// One that nobody made until so long after its time isn't sent: it would come as a surprise.
const LATEST: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    pub every: Every,
    /// Each so many days, weeks or months, counted from the one of `from`: 1 is each.
    pub interval: u8,
    /// By the clock of `zone`. One that the clock leaves out comes an hour later, one that it has twice comes once, the first time.
    pub time: Time,
    pub zone: Zone,
    /// No occurrence is before this day.
    pub from: Date,
    pub end: End,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Day,
    /// On these days, each once.
    Week(Vec<Day>),
    /// On the day of this number; in a month that is shorter, on its last.
    Month(i8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The last day that may be one.
    Until(Date),
    /// After so many.
    Count(u16),
}

/// One time of a recurring campaign: the day that the rule names it by, and when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub on: Date,
    pub at: Timestamp,
}

/// How a campaign recurs, and which of its times its owner left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    pub recurrence: Recurrence,
    pub skipped: Vec<Date>,
    /// Why the next one could not be made when it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is to be done about the next occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time has not come.
    NotYet,
    Make,
    /// Its time went by, in a pause or an outage.
    Missed,
}

/// Whose occurrence a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccurrenceOf {
    pub campaign: CampaignId,
    pub on: Date,
}

impl From<Weekday> for Day {
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

impl Recurrence {
    /// All that there are, in the order of time, a year at most.
    pub fn occurrences(&self) -> impl Iterator<Item = Occurrence> + '_ {
        let clock = self.zone.clock();
        let (until, count) = match self.end {
            End::Until(until) => (until, usize::MAX),
            End::Count(count) => (self.last_day(), usize::from(count)),
        };
        let days = self.from.series(Span::new().days(1));
        days.take_while(move |day| *day <= until.min(self.last_day()))
            .filter(|day| self.has(*day))
            .filter_map(move |on| {
                let at = by_clock(on.to_datetime(self.time), &clock)?;
                Some(Occurrence { on, at })
            })
            .take(count)
    }

    /// The last day that its plan may reach.
    pub fn last_day(&self) -> Date {
        self.from.saturating_add(Span::new().days(HORIZON_DAYS - 1))
    }

    fn has(&self, day: Date) -> bool {
        let interval = i64::from(self.interval.max(1));
        match &self.every {
            Every::Day => days_between(self.from, day) % interval == 0,
            Every::Week(days) => {
                let weeks = days_between(monday_of(self.from), monday_of(day)) / 7;
                weeks % interval == 0 && days.contains(&day.weekday().into())
            }
            Every::Month(number) => {
                let months = i64::from(day.year() - self.from.year()) * 12
                    + i64::from(day.month() - self.from.month());
                months % interval == 0 && day.day() == (*number).min(day.days_in_month())
            }
        }
    }
}

fn days_between(first: Date, last: Date) -> i64 {
    first.duration_until(last).as_hours() / 24
}

pub(crate) fn monday_of(day: Date) -> Date {
    let since = day.weekday().to_monday_zero_offset();
    day.saturating_sub(Span::new().days(since))
}

impl Occurrence {
    /// When it is to be made: in time to be prepared early.
    pub fn looked_at(self) -> Timestamp {
        self.at - PREPARED_EARLY
    }

    pub fn due(self, paused: bool, now: Timestamp) -> Due {
        let over = if paused { self.at } else { self.at + LATEST };
        if now >= over {
            return Due::Missed;
        }
        if paused || now < self.looked_at() {
            return Due::NotYet;
        }
        Due::Make
    }
}

impl Series {
    /// The occurrence of a day, left out or not.
    pub fn on(&self, day: Date) -> Option<Occurrence> {
        self.recurrence.occurrences().find(|it| it.on == day)
    }

    /// After one was missed: what is over by more than an hour is missed too, in a pause whatever is over.
    pub fn after_missed(
        &self,
        missed: Occurrence,
        paused: bool,
        now: Timestamp,
    ) -> Option<Occurrence> {
        let over = if paused { now } else { now - LATEST };
        self.next(missed.at.max(over))
    }

    /// Leaves a day out, or takes that back. Whether it was otherwise before.
    pub fn skip(&mut self, day: Date, skipped: bool) -> bool {
        if self.skipped.contains(&day) == skipped {
            return false;
        }
        if skipped {
            self.skipped.push(day);
        } else {
            self.skipped.retain(|it| *it != day);
        }
        true
    }

    /// Which is the next one after an occurrence was left out or taken back. `None`: its time is over.
    pub fn next_with(
        &self,
        next: Option<Occurrence>,
        changed: Occurrence,
        now: Timestamp,
    ) -> Option<Option<Occurrence>> {
        if changed.at <= now {
            return None;
        }
        let skipped = self.skipped.contains(&changed.on);
        Some(match next {
            Some(next) if skipped && next.on == changed.on => self.next(next.at),
            next if skipped => next,
            Some(next) if next.at < changed.at => Some(next),
            _ => Some(changed),
        })
    }

    /// The first after a time that its owner didn't leave out.
    pub fn next(&self, after: Timestamp) -> Option<Occurrence> {
        let kept = |it: &Occurrence| it.at > after && !self.skipped.contains(&it.on);
        self.recurrence.occurrences().find(kept)
    }
}

impl OccurrenceOf {
    /// The campaign and the batch that it becomes: the same every time.
    pub fn ids(self, at: Timestamp) -> (CampaignId, BatchId) {
        let Self { campaign, on } = self;
        (
            CampaignId::derived(at, &format!("the campaign of {campaign} on {on}")),
            BatchId::derived(at, &format!("the batch of {campaign} on {on}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recurrence(every: Every, interval: u8, from: &str, end: End) -> Recurrence {
        Recurrence {
            every,
            interval,
            time: "10:30".parse().unwrap(),
            zone: Zone::parse("Europe/Berlin").unwrap(),
            from: from.parse().unwrap(),
            end,
        }
    }

    fn days(recurrence: &Recurrence) -> Vec<String> {
        let days = recurrence.occurrences().map(|it| it.on.to_string());
        days.collect()
    }

    #[test]
    fn days_weeks_and_months_come_again() {
        let two = || Every::Week(vec![Day::Tuesday, Day::Friday]);
        for (name, every, interval, from, count, expected) in [
            (
                "each day",
                Every::Day,
                1,
                "2026-12-30",
                3,
                "2026-12-30 2026-12-31 2027-01-01",
            ),
            (
                "each third",
                Every::Day,
                3,
                "2026-12-30",
                3,
                "2026-12-30 2027-01-02 2027-01-05",
            ),
            // The 28th is a Saturday.
            (
                "two days a week",
                two(),
                1,
                "2026-11-28",
                4,
                "2026-12-01 2026-12-04 2026-12-08 2026-12-11",
            ),
            (
                "every other week, from this one",
                two(),
                2,
                "2026-12-02",
                3,
                "2026-12-04 2026-12-15 2026-12-18",
            ),
            (
                "a day of the month",
                Every::Month(5),
                1,
                "2026-11-28",
                3,
                "2026-12-05 2027-01-05 2027-02-05",
            ),
            (
                "the last, in short months",
                Every::Month(31),
                1,
                "2027-01-31",
                4,
                "2027-01-31 2027-02-28 2027-03-31 2027-04-30",
            ),
            (
                "each quarter",
                Every::Month(1),
                3,
                "2026-12-01",
                3,
                "2026-12-01 2027-03-01 2027-06-01",
            ),
        ] {
            let recurrence = recurrence(every, interval, from, End::Count(count));

            assert_eq!(days(&recurrence).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn it_ends_with_its_last_day_and_within_a_year() {
        let until = |day: &str| End::Until(day.parse().unwrap());
        let daily = |end| recurrence(Every::Day, 1, "2026-12-30", end);

        assert_eq!(
            days(&daily(until("2026-12-31"))),
            ["2026-12-30", "2026-12-31"]
        );
        assert_eq!(days(&daily(until("2036-01-01"))).len(), 366);
        assert_eq!(days(&daily(End::Count(1_000))).len(), 366);
        assert!(days(&daily(until("2026-12-29"))).is_empty());
    }

    #[test]
    fn a_time_that_a_clock_leaves_out_is_later_and_one_that_it_has_twice_comes_once() {
        for (name, from, expected) in [
            (
                "spring",
                "2027-03-27",
                [
                    "2027-03-27T01:30:00Z",
                    "2027-03-28T01:30:00Z",
                    "2027-03-29T00:30:00Z",
                ],
            ),
            (
                "autumn",
                "2026-10-24",
                [
                    "2026-10-24T00:30:00Z",
                    "2026-10-25T00:30:00Z",
                    "2026-10-26T01:30:00Z",
                ],
            ),
        ] {
            let recurrence = Recurrence {
                time: "02:30".parse().unwrap(),
                ..recurrence(Every::Day, 1, from, End::Count(3))
            };

            let found: Vec<_> = recurrence
                .occurrences()
                .map(|it| it.at.to_string())
                .collect();

            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn the_next_one_is_after_now_and_not_left_out() {
        let series = Series {
            recurrence: recurrence(Every::Day, 1, "2026-11-28", End::Count(3)),
            skipped: vec!["2026-11-29".parse().unwrap()],
            problem: None,
        };
        for (now, expected) in [
            ("2026-11-28T09:29:59Z", Some("2026-11-28")),
            ("2026-11-28T09:30:00Z", Some("2026-11-30")),
            ("2026-11-30T09:30:00Z", None),
        ] {
            let next = series.next(now.parse().unwrap());

            let next = next.map(|it| it.on.to_string());
            assert_eq!(next.as_deref(), expected, "{now}");
        }
    }

    #[test]
    fn an_occurrence_is_made_in_time_or_not_at_all() {
        let series = Series {
            recurrence: recurrence(Every::Day, 1, "2026-11-28", End::Count(9)),
            skipped: Vec::new(),
            problem: None,
        };
        let next = series
            .next("2026-11-28T00:00:00Z".parse().unwrap())
            .unwrap();
        for (name, paused, now, due, after) in [
            (
                "early",
                false,
                "2026-11-28T09:14:59Z",
                Due::NotYet,
                "2026-11-29",
            ),
            (
                "in time to be prepared",
                false,
                "2026-11-28T09:15:00Z",
                Due::Make,
                "2026-11-29",
            ),
            (
                "a little late",
                false,
                "2026-11-28T10:29:59Z",
                Due::Make,
                "2026-11-29",
            ),
            (
                "stale",
                false,
                "2026-11-28T10:30:00Z",
                Due::Missed,
                "2026-11-29",
            ),
            (
                "days later",
                false,
                "2026-12-01T10:00:00Z",
                Due::Missed,
                "2026-12-01",
            ),
            (
                "paused, and may go on in time",
                true,
                "2026-11-28T09:29:59Z",
                Due::NotYet,
                "2026-11-29",
            ),
            (
                "paused too long",
                true,
                "2026-11-28T09:30:00Z",
                Due::Missed,
                "2026-11-29",
            ),
            (
                "paused for days",
                true,
                "2026-12-01T10:00:00Z",
                Due::Missed,
                "2026-12-02",
            ),
        ] {
            let now = now.parse().unwrap();

            assert_eq!(next.due(paused, now), due, "{name}");
            let after_missed = series.after_missed(next, paused, now).unwrap();
            assert_eq!(after_missed.on.to_string(), after, "{name}");
        }
    }

    #[test]
    fn a_day_is_left_out_and_taken_back_as_long_as_it_is_to_come() {
        let mut series = Series {
            recurrence: recurrence(Every::Day, 1, "2026-11-28", End::Count(3)),
            skipped: Vec::new(),
            problem: None,
        };
        let now = "2026-11-28T08:00:00Z".parse().unwrap();
        let [first, second, _] = series.recurrence.occurrences().collect::<Vec<_>>()[..] else {
            panic!("three");
        };

        let before = series.next(now);
        assert!(series.skip(first.on, true) && !series.skip(first.on, true));
        let without = series.next_with(before, first, now).unwrap();
        assert_eq!(without, Some(second));
        assert!(series.skip(second.on, true));
        assert_eq!(series.next_with(before, second, now), Some(before));
        assert!(series.skip(first.on, false));
        assert_eq!(series.next_with(without, first, now), Some(Some(first)));
        assert_eq!(
            series.next_with(without, first, first.at),
            None,
            "it is over"
        );
    }

    #[test]
    fn an_occurrence_has_ids_of_its_own() {
        let campaign: CampaignId = "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let at = "2026-11-28T09:30:00Z".parse().unwrap();
        let of = |on: &str| OccurrenceOf {
            campaign,
            on: on.parse().unwrap(),
        };

        let (one, other) = (of("2026-11-28").ids(at), of("2026-11-29").ids(at));

        assert_eq!(one, of("2026-11-28").ids(at));
        assert!(one.0 != other.0 && one.1 != other.1);
    }
}
