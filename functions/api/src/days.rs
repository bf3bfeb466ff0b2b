//! What was told, by days of a zone's clock: for sentences about how things go from day to day.

use std::collections::BTreeMap;

use carillon_core::{breakdown::Tally, insight::Day};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::routes::reports::Told;

/// Most reports on a day's messages have come by then, and its digests are counted again.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(26);

/// The days that were over long enough ago to be compared, oldest first.
pub fn settled(told: &[Told], zone: &TimeZone, now: Timestamp) -> Vec<Day> {
    let mut days: BTreeMap<Date, Tally> = BTreeMap::new();
    for Told { starts, sum, .. } in told {
        let date = starts.to_zoned(zone.clone()).date();
        days.entry(date).or_default().add(sum.breakdown.total());
    }
    let is_settled = |date: Date| {
        let end = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
        Some(end.timestamp() + SETTLED_AFTER <= now)
    };
    let days = days.into_iter();
    days.filter(|(date, _)| is_settled(*date) == Some(true))
        .map(|(date, tally)| Day { date, tally })
        .collect()
}
