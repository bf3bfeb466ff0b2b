//! What a number's sending hours go by, small enough to group ten million by it. Numbers that share a key may be in one chunk, so
//! the key names a state only where its rule narrows the country's: 300 area codes are a dozen keys.
//!
//! ```text
//!  GB                          Great Britain's hours, in all of its zones (one)
//!  US@America/New_York         the United States' hours, there
//!  US-RI@America/New_York      with Rhode Island's beside them
//!  US-*                        with every state's, in every zone: a toll-free number
//!  TR@Europe/Berlin            a Turkish number whose owner's own zone is known
//!  unknown                     a number of no country
//! ```

use std::{fmt, sync::LazyLock};

use crate::{
    phone::{Country, Phone},
    rules,
    zones::{self, State, Zone, Zones},
};

/// What stands for the country of a number that has none.
pub(super) const NO_COUNTRY: &str = "unknown";
/// Stands before the zones.
pub(super) const ZONES: char = '@';
pub(super) const BETWEEN_ZONES: char = '|';
/// Stands before the state.
pub(super) const STATE: char = '-';
pub(super) const ANY_STATE: &str = "*";

/// Rule and candidate zones of a number. Its text is what manifests and recipients keep, and what [`super::Hours`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HoursKey {
    country: Option<Country>,
    state: StateOf,
    zones: Zones,
}

/// Whose rule narrows the country's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum StateOf {
    Nobody,
    One(State),
    Any,
}

/// The states whose rule narrows the country's.
static NARROWER: LazyLock<Vec<State>> = LazyLock::new(|| {
    let country = rules::of_country(Some(Country::UNITED_STATES)).hours;
    let states = rules::states().iter();
    let narrower = states.filter(|rule| country.and(&rule.hours) != country);
    narrower.map(|rule| rule.state).collect()
});

/// What the hours of a number go by. `own`: the zone that its owner is known to be in, which counts instead of the number's; the
/// rule stays that of the number's country and state.
pub fn hours_key(number: Phone, country: Option<Country>, own: Option<Zone>) -> HoursKey {
    let state = match country {
        Some(Country::UNITED_STATES) => narrower(number),
        _ => StateOf::Nobody,
    };
    let zones = match (own, country) {
        (Some(own), Some(country)) if zones::of_country(country) == [own] => Zones::OfCountry,
        (Some(own), _) => Zones::One(own),
        (None, Some(country)) => zones::of_number(number, country),
        (None, None) => Zones::OfCountry,
    };
    HoursKey {
        country,
        state,
        zones,
    }
}

/// The only zone that the text of a [`HoursKey`] names.
pub fn zone_of(key: &str) -> Option<Zone> {
    let (_, zones) = key.split_once(ZONES)?;
    Zone::parse(zones).ok()
}

fn narrower(number: Phone) -> StateOf {
    match zones::state_of(number) {
        None => StateOf::Any,
        Some(state) if NARROWER.contains(&state) => StateOf::One(state),
        Some(_) => StateOf::Nobody,
    }
}

impl HoursKey {
    pub fn country(self) -> Option<Country> {
        self.country
    }
}

impl fmt::Display for HoursKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.country {
            Some(country) => write!(f, "{country}")?,
            None => f.write_str(NO_COUNTRY)?,
        }
        match self.state {
            StateOf::Nobody => {}
            StateOf::One(state) => write!(f, "{STATE}{state}")?,
            StateOf::Any => write!(f, "{STATE}{ANY_STATE}")?,
        }
        if self.zones == Zones::OfCountry {
            return Ok(());
        }
        let mut before = ZONES;
        for zone in self.zones.list(self.country) {
            write!(f, "{before}{zone}")?;
            before = BETWEEN_ZONES;
        }
        Ok(())
    }
}
