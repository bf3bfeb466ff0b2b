//! When a campaign is meant to go out: at one moment everywhere, or at a time by each recipient's clock.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// Of the clocks that are the most ahead and the most behind.
const FIRST: Offset = jiff::tz::offset(14);
const LAST: Offset = jiff::tz::offset(-12);

/// The last second that keys are in the order of, which have 13 digits for milliseconds: in the year 2286.
pub const LATEST: Timestamp = Timestamp::constant(9_999_999_999, 0);

/// The nearest time that keys are in the order of: nothing is older than 1970.
pub fn sortable(time: Timestamp) -> Timestamp {
    time.clamp(Timestamp::UNIX_EPOCH, LATEST)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    At(Timestamp),
    Local(DateTime),
}

impl Moment {
    /// When it has come for somebody. `None` is beyond every calendar.
    pub fn first(self) -> Option<Timestamp> {
        self.by(FIRST)
    }

    /// When it has come for everybody.
    pub fn last(self) -> Option<Timestamp> {
        self.by(LAST)
    }

    pub const fn local(self) -> Option<DateTime> {
        match self {
            Self::At(_) => None,
            Self::Local(local) => Some(local),
        }
    }

    fn by(self, offset: Offset) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Local(local) => offset.to_timestamp(local).ok(),
        }
    }
}

/// When a time has come by a clock. One that the clock leaves out is an hour later, one that it has twice is the first.
pub fn by_clock(local: DateTime, clock: &TimeZone) -> Option<Timestamp> {
    clock.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_local_time_comes_first_where_the_day_begins() {
        let local = Moment::Local("2026-12-24T10:00".parse().unwrap());
        let moment = Moment::At(at("2026-12-24T10:00:00Z"));

        assert_eq!(local.first(), Some(at("2026-12-23T20:00:00Z")));
        assert_eq!(local.last(), Some(at("2026-12-24T22:00:00Z")));
        assert_eq!(
            (moment.first(), moment.last()),
            (
                Some(at("2026-12-24T10:00:00Z")),
                Some(at("2026-12-24T10:00:00Z"))
            )
        );
        assert_eq!(Moment::Local(DateTime::MIN).first(), None);
    }

    #[test]
    fn a_clock_that_changes_has_every_time() {
        let clock = TimeZone::get("Europe/Berlin").unwrap();
        for (name, local, expected) in [
            ("in winter", "2026-12-24T10:00", "2026-12-24T09:00:00Z"),
            (
                "left out in spring",
                "2026-03-29T02:30",
                "2026-03-29T01:30:00Z",
            ),
            (
                "twice in autumn",
                "2026-10-25T02:30",
                "2026-10-25T00:30:00Z",
            ),
        ] {
            let found = by_clock(local.parse().unwrap(), &clock);

            assert_eq!(found, Some(at(expected)), "{name}");
        }
    }
}
