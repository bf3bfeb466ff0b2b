//! Is it the time, and if not, when is it?

use std::str::FromStr;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

use super::{
    Week,
    key::{ANY_STATE, BETWEEN_ZONES, NO_COUNTRY, STATE, ZONES},
};
use crate::{
    moment::by_clock,
    phone::Country,
    rules::{self, Calendar, Class},
    zones::{self, State, Zone},
};

/// Nobody waits longer for hours that don't come.
const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The hours of a key: a week and holidays, by one or several clocks.
#[derive(Debug, Clone)]
pub struct Hours {
    week: Week,
    holidays: Option<Calendar>,
    clocks: Vec<TimeZone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Open,
    /// Until then, when it opens.
    ClosedUntil(Timestamp),
    /// Not within a year: no zone is known (a number of no country), the windows of the candidate zones don't overlap, or the
    /// account's own leave nothing of them. Waiting is of no use, so such a message ends at once, as `policy.quiet_expired`.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sending hours that can't be read")]
pub struct UnreadableHours;

/// From the text of a [`super::HoursKey`]. Rules and zones are those of today, whenever the key was written.
impl FromStr for Hours {
    type Err = UnreadableHours;

    fn from_str(key: &str) -> Result<Hours, UnreadableHours> {
        let (place, zones) = match key.split_once(ZONES) {
            Some((place, zones)) => (place, Some(zones)),
            None => (key, None),
        };
        let (country, state) = match place.split_once(STATE) {
            Some((country, state)) => (country, Some(state)),
            None => (place, None),
        };
        let country = match country {
            NO_COUNTRY => None,
            country => Some(Country::parse(country).map_err(|_| UnreadableHours)?),
        };
        let rule = rules::of_country(country);
        Ok(Hours {
            week: narrowed(rule.hours, state)?,
            holidays: rule.holidays,
            clocks: clocks(country, zones)?,
        })
    }
}

/// What a state, or every state, leaves of a country's week.
fn narrowed(country: Week, state: Option<&str>) -> Result<Week, UnreadableHours> {
    match state {
        None => Ok(country),
        Some(ANY_STATE) => {
            let states = rules::states().iter();
            Ok(states.fold(country, |week, rule| week.and(&rule.hours)))
        }
        Some(state) => {
            let state = State::parse(state).map_err(|_| UnreadableHours)?;
            let rule = rules::of_state(state);
            Ok(rule.map_or(country, |rule| country.and(&rule.hours)))
        }
    }
}

fn clocks(country: Option<Country>, zones: Option<&str>) -> Result<Vec<TimeZone>, UnreadableHours> {
    let zones = match (zones, country) {
        (Some(zones), _) => zones.split(BETWEEN_ZONES).map(Zone::parse).collect(),
        (None, Some(country)) => Ok(zones::of_country(country).to_vec()),
        (None, None) => Ok(Vec::new()),
    };
    let zones = zones.map_err(|_| UnreadableHours)?;
    Ok(zones.into_iter().map(Zone::clock).collect())
}

impl Hours {
    #[cfg(test)]
    pub(super) fn of(week: Week, clocks: Vec<TimeZone>) -> Hours {
        Hours {
            week,
            holidays: None,
            clocks,
        }
    }

    /// `own`: the account's own hours, by the recipient's clock; they narrow the rule's and never widen them.
    pub fn open(&self, class: Class, own: Option<&Week>, now: Timestamp) -> Opening {
        if class == Class::Transactional {
            return Opening::Open;
        }
        let week = own.map_or(self.week, |own| self.week.and(own));
        if self.clocks.is_empty() || week.is_empty() {
            return Opening::Never;
        }
        match self.next(&week, now) {
            Some(next) if next == now => Opening::Open,
            Some(next) => Opening::ClosedUntil(next),
            None => Opening::Never,
        }
    }

    /// When a time has come by all clocks; `None` where none is known.
    pub fn reach(&self, local: DateTime) -> Option<Timestamp> {
        let clocks = self.clocks.iter();
        clocks.filter_map(|clock| by_clock(local, clock)).max()
    }

    /// The first moment from `now` on at which all clocks are open. Each clock says when it is next; that is never too late for
    /// all of them, so the latest of these is where to look again, until nobody says later.
    fn next(&self, week: &Week, now: Timestamp) -> Option<Timestamp> {
        let until = now.checked_add(HORIZON).ok()?;
        let mut at = now;
        loop {
            let mut latest = at;
            for clock in &self.clocks {
                latest = latest.max(self.next_by(clock, week, at, until)?);
            }
            if latest == at {
                return Some(at);
            }
            at = latest;
        }
    }

    /// The first moment from `at` on, and before `until`, at which this clock is open.
    fn next_by(
        &self,
        clock: &TimeZone,
        week: &Week,
        mut at: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        while at < until {
            let change = clock.following(at).next().map(|change| change.timestamp());
            let steady_until = change.map_or(until, |change| change.min(until));
            let found = self.next_while_steady(clock.to_offset(at), week, at, steady_until);
            if found.is_some() {
                return found;
            }
            at = steady_until;
        }
        None
    }

    /// As [`Self::next_by`], of a clock that isn't changed in between.
    fn next_while_steady(
        &self,
        offset: Offset,
        week: &Week,
        at: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        let mut date = offset.to_datetime(at).date();
        loop {
            let midnight = offset
                .to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
                .ok()?;
            if midnight >= until {
                return None;
            }
            if let Some(window) = self.window(week, date) {
                let minute = |minute: u16| midnight + SignedDuration::from_mins(minute.into());
                let opens = at.max(minute(window.from));
                if opens < minute(window.to) {
                    return (opens < until).then_some(opens);
                }
            }
            date = date.tomorrow().ok()?;
        }
    }

    fn window(&self, week: &Week, date: Date) -> Option<super::Window> {
        let closed = self
            .holidays
            .is_some_and(|holidays| holidays.is_holiday(date));
        if closed {
            None
        } else {
            week.on(date.weekday())
        }
    }
}
