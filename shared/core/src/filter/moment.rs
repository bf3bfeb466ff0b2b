//! A time in a filter: an instant, or a day of UTC. `today` and `now` are those of the evaluation.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::Comparison;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Day(Date),
    Instant(Timestamp),
    /// The day so long before now; negative, after.
    Today(SignedDuration),
    /// So long before now.
    Now(SignedDuration),
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Moment {
    /// Its first instant, and the first after it.
    fn span(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let instant = |at: Timestamp| Some((at, at + SignedDuration::from_millis(1)));
        match self {
            Self::Day(day) => day_of(day),
            Self::Instant(at) => instant(at),
            Self::Now(before) => instant(now.checked_sub(before).ok()?),
            Self::Today(before) => {
                let at = now.checked_sub(before).ok()?;
                day_of(at.to_zoned(TimeZone::UTC).date())
            }
        }
    }

    pub(super) fn compare(self, comparison: Comparison, at: Timestamp, now: Timestamp) -> bool {
        let Some((first, after)) = self.span(now) else {
            return false;
        };
        match comparison {
            Comparison::Is => (first..after).contains(&at),
            Comparison::Less => at < first,
            Comparison::AtMost => at < after,
            Comparison::More => at >= after,
            Comparison::AtLeast => at >= first,
        }
    }
}

fn day_of(day: Date) -> Option<(Timestamp, Timestamp)> {
    let first = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((first, first.checked_add(DAY).ok()?))
}

/// A date or a time of ISO 8601, such as contacts have in texts; a date is its first instant.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() == 10 {
        let day: Date = text.parse().ok()?;
        return day_of(day).map(|(first, _)| first);
    }
    text.parse().ok()
}
