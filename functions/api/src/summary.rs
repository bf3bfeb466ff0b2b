//! What a report tells of, added up by what it groups by as it is read: memory holds groups and their statuses, however many batches and hours
//! there are.

use std::collections::BTreeMap;

use carillon_core::{
    breakdown::{Breakdown, Place, Tally},
    insight::Day,
    status::Status,
};
use jiff::{SignedDuration, Timestamp, Zoned, civil::Date, tz::TimeZone};

use crate::routes::reports::{By, Told};

/// Most reports on a day's messages have come by then, and its digests are counted again.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(26);

/// What became of the messages of a group.
pub type Statuses = BTreeMap<Status, Tally>;

#[derive(Debug)]
pub struct Summary {
    by: By,
    zone: TimeZone,
    pub sum: Breakdown,
    pub groups: BTreeMap<Option<String>, Statuses>,
    days: BTreeMap<Date, Tally>,
    pub batches: u64,
    /// Of `batches`.
    pub closed: u64,
    /// Of `batches`.
    pub by_last_count: u64,
    /// Rows of their audiences.
    pub audience: u64,
}

impl Summary {
    pub fn new(by: By, zone: TimeZone) -> Self {
        Self {
            by,
            zone,
            sum: Breakdown::default(),
            groups: BTreeMap::new(),
            days: BTreeMap::new(),
            batches: 0,
            closed: 0,
            by_last_count: 0,
            audience: 0,
        }
    }

    /// Nothing, by the same groups.
    pub fn empty(&self) -> Self {
        Self::new(self.by, self.zone.clone())
    }

    pub fn take(&mut self, told: &Told) {
        let starts = told.starts.to_zoned(self.zone.clone());
        let breakdown = &told.sum.breakdown;
        let day = self.days.entry(starts.date()).or_default();
        day.add(breakdown.total());
        let of_all = key_of_all(self.by, told, &starts);
        for (place, tally) in &breakdown.cells {
            let key = match &of_all {
                Some(key) => key.clone(),
                None => key_of_place(self.by, place),
            };
            let group = self.groups.entry(key).or_default();
            group.entry(place.status).or_default().add(*tally);
        }
        self.sum.add(breakdown);
        self.batches += told.sum.batches;
        self.closed += told.sum.closed;
        self.by_last_count += told.by_last_count;
        self.audience += told.sum.audience;
    }

    /// Of the same groups.
    pub fn add(&mut self, other: Self) {
        let Self {
            by: _,
            zone: _,
            sum,
            groups,
            days,
            batches,
            closed,
            by_last_count,
            audience,
        } = other;
        self.sum.add(&sum);
        for (key, statuses) in groups {
            let group = self.groups.entry(key).or_default();
            for (status, tally) in statuses {
                group.entry(status).or_default().add(tally);
            }
        }
        for (date, tally) in days {
            self.days.entry(date).or_default().add(tally);
        }
        self.batches += batches;
        self.closed += closed;
        self.by_last_count += by_last_count;
        self.audience += audience;
    }

    /// The days that were over long enough ago to be compared, oldest first.
    pub fn settled(&self, now: Timestamp) -> Vec<Day> {
        let is_settled = |date: Date| {
            let end = date.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
            Some(end.timestamp() + SETTLED_AFTER <= now)
        };
        let days = self.days.iter().map(|(date, tally)| (*date, *tally));
        days.filter(|(date, _)| is_settled(*date) == Some(true))
            .map(|(date, tally)| Day { date, tally })
            .collect()
    }
}

/// Of what is told of a batch or a quarter of an hour as a whole; `None` where its cells differ.
#[expect(
    clippy::option_option,
    reason = "what has no campaign is a group of its own"
)]
fn key_of_all(by: By, told: &Told, starts: &Zoned) -> Option<Option<String>> {
    match by {
        By::Country | By::Gateway | By::Sender | By::Status | By::Reason => None,
        By::Campaign => Some(told.campaign.map(|campaign| campaign.to_string())),
        By::Template => Some(told.template.map(|template| template.to_string())),
        By::Lane => Some(Some(told.lane.as_str().to_owned())),
        By::Day => Some(Some(starts.strftime("%Y-%m-%d").to_string())),
        By::Hour => Some(Some(starts.strftime("%Y-%m-%dT%H:00%:z").to_string())),
    }
}

fn key_of_place(by: By, place: &Place) -> Option<String> {
    match by {
        By::Country => place.country.map(|country| country.as_str().to_owned()),
        By::Gateway => place.gateway.map(|gateway| gateway.to_string()),
        By::Sender => place.sender.clone(),
        By::Status => Some(place.status.as_str().to_owned()),
        By::Reason => place.reason.map(|reason| reason.code().to_owned()),
        By::Campaign | By::Template | By::Lane | By::Day | By::Hour => None,
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::{batch::Lane, digest::Sum, phone::Country};

    use super::*;

    /// A quarter of an hour to two countries.
    fn quarter(number: i64) -> Told {
        let mut breakdown = Breakdown::default();
        for (country, status) in [
            ("GB", Status::Delivered),
            ("FR", Status::Delivered),
            ("FR", Status::Failed),
        ] {
            let place = Place {
                country: Country::parse(country).ok(),
                gateway: None,
                sender: None,
                status,
                reason: None,
            };
            let tally = Tally {
                messages: 1,
                ..Tally::default()
            };
            breakdown.cells.insert(place, tally);
        }
        Told {
            starts: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(15 * number),
            campaign: None,
            template: None,
            lane: Lane::High,
            sum: Sum {
                breakdown,
                batches: 2,
                closed: 1,
                audience: 3,
            },
            by_last_count: 0,
        }
    }

    #[test]
    fn a_summary_of_a_year_is_as_large_as_its_groups() {
        for (by, groups, cells) in [
            (By::Country, 2, 3),
            (By::Lane, 1, 2),
            (By::Day, 365, 2 * 365),
        ] {
            let mut summary = Summary::new(by, TimeZone::UTC);
            let mut other = Summary::new(by, TimeZone::UTC);
            for number in 0..96 * 365 {
                let half = if number % 2 == 0 {
                    &mut summary
                } else {
                    &mut other
                };
                half.take(&quarter(number));
            }
            summary.add(other);

            let held: usize = summary.groups.values().map(BTreeMap::len).sum();
            let counted: u64 = summary
                .groups
                .values()
                .flat_map(BTreeMap::values)
                .map(|tally| tally.messages)
                .sum();
            assert_eq!((summary.groups.len(), held), (groups, cells), "{by:?}");
            assert_eq!((summary.sum.cells.len(), summary.days.len()), (3, 365));
            assert_eq!(counted, 3 * 96 * 365, "{by:?}");
            assert_eq!(
                (summary.batches, summary.closed, summary.audience),
                (2 * 96 * 365, 96 * 365, 3 * 96 * 365)
            );
        }
    }
}
