//! An account's lake, filled day by day: which day is due. A day is written once it is over, and once more when what nothing was heard of has
//! become `unknown`.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Dataset, Export, Filter, Format, Numbers, Purpose};
use crate::id::{AccountId, ExportId};

/// A day isn't begun with before so long after its end.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_hours(1);
/// Days after which a day has come to its ends.
const ENDS_AFTER: i32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeSchedule {
    pub numbers: Numbers,
    /// The first day.
    pub since: Date,
    /// The last day that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Date>,
    /// The last day that was asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Date>,
}

impl LakeSchedule {
    pub fn new(numbers: Numbers, now: Timestamp) -> Self {
        Self {
            numbers,
            since: today(now),
            done: None,
            again: None,
        }
    }

    /// The day that has to be asked for now, as an export, and the schedule after that. Days that were missed come one by one.
    pub fn due(&self, account: AccountId, now: Timestamp) -> Option<(Export, Self)> {
        let today = today(now - AFTER_MIDNIGHT);
        let first = self.next(self.done);
        if first < today {
            let done = Some(first);
            let export = self.export(account, first, 1, now);
            return Some((export, Self { done, ..*self }));
        }
        let again = self.next(self.again);
        let ended = again.saturating_add(ENDS_AFTER.days());
        (ended < today).then(|| {
            let after = Self {
                again: Some(again),
                ..*self
            };
            let export = self.export(account, again, ENDS_AFTER + 1, now);
            (export, after)
        })
    }

    /// Of a day, as it is so many days after it. Its id is as old as that time, and the same whoever asks for it, and however often.
    fn export(&self, account: AccountId, day: Date, later: i32, now: Timestamp) -> Export {
        let midnight = day.saturating_add(later.days()).to_zoned(TimeZone::UTC);
        let at = midnight.map_or(now, |midnight| midnight.timestamp() + AFTER_MIDNIGHT);
        let words = format!("{day} in the lake of {account}, {later} days later");
        Export::of_lake(
            ExportId::derived(at, &words),
            account,
            day,
            self.numbers,
            now,
        )
    }

    fn next(&self, last: Option<Date>) -> Date {
        let after = last.and_then(|last| last.tomorrow().ok());
        after.unwrap_or(self.since)
    }
}

impl Export {
    /// All messages of the batches that begin on a day, by UTC, as Parquet.
    pub fn of_lake(
        id: ExportId,
        account: AccountId,
        day: Date,
        numbers: Numbers,
        created: Timestamp,
    ) -> Self {
        let midnight = |day: Date| {
            let midnight = day.to_zoned(TimeZone::UTC);
            midnight.ok().map(|midnight| midnight.timestamp())
        };
        Self {
            id,
            account,
            dataset: Dataset::Messages,
            filter: Filter {
                from: midnight(day),
                until: day.tomorrow().ok().and_then(midnight),
                ..Filter::default()
            },
            format: Format::Parquet,
            numbers,
            purpose: Purpose::Lake { day },
            test: false,
            created,
        }
    }
}

fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn account() -> AccountId {
        "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap()
    }

    fn day(export: &Export) -> Date {
        let Purpose::Lake { day } = export.purpose else {
            panic!("{export:?}");
        };
        day
    }

    fn date(day: &str) -> Date {
        format!("2026-11-{day}").parse().unwrap()
    }

    #[test]
    fn a_day_is_due_an_hour_after_it_and_again_when_it_has_come_to_its_ends() {
        for (name, done, again, now, expected) in [
            ("the day itself", None, None, "20T23:59", None),
            ("just over", None, None, "21T00:59", None),
            ("an hour later", None, None, "21T01:00", Some("20")),
            ("it was asked for", Some("20"), None, "21T02:00", None),
            ("two were missed", Some("20"), None, "23T02:00", Some("21")),
            ("not ended", Some("24"), None, "25T00:59", None),
            ("ended", Some("24"), None, "25T01:00", Some("20")),
            (
                "both were asked for",
                Some("24"),
                Some("20"),
                "25T12:00",
                None,
            ),
        ] {
            let schedule = LakeSchedule {
                numbers: Numbers::Full,
                since: date("20"),
                done: done.map(date),
                again: again.map(date),
            };

            let now = format!("2026-11-{now}:00Z").parse().unwrap();
            let due = schedule.due(account(), now);

            let day = due.map(|(export, _)| day(&export));
            assert_eq!(day, expected.map(date), "{name}");
        }
    }

    #[test]
    fn every_day_is_asked_for_twice_and_no_more() {
        let mut schedule =
            LakeSchedule::new(Numbers::Full, "2026-11-20T12:00:00Z".parse().unwrap());
        let (mut days, mut ids) = (Vec::new(), HashSet::new());

        let now = "2026-11-27T06:00:00Z".parse().unwrap();
        let later = "2026-11-27T06:01:00Z".parse().unwrap();
        while let Some((export, after)) = schedule.due(account(), now) {
            let (again, _) = schedule.due(account(), later).unwrap();
            assert_eq!(again.id, export.id, "whoever asks");
            days.push(day(&export).day());
            ids.insert(export.id);
            schedule = after;
        }

        assert_eq!(days, [20, 21, 22, 23, 24, 25, 26, 20, 21, 22]);
        assert_eq!(ids.len(), days.len());
    }
}
