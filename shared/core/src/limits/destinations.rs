//! The countries that an account sends to. Any other is refused: pumped traffic goes where nobody has customers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{phone::Country, rules};

/// Nowhere, as it begins: who opens an account names its home country.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Destinations(pub BTreeSet<Country>);

/// What the one who allows a country should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caution {
    None,
    /// Pumped traffic is common there: it deserves a second look, and a cap of its own.
    HighRisk,
}

impl Destinations {
    /// Whether a number of this country may be sent to. One of no country (satellites, premium services) never may.
    pub fn allow(&self, country: Option<Country>) -> bool {
        country.is_some_and(|country| self.0.contains(&country))
    }
}

pub fn caution(country: Country) -> Caution {
    if rules::is_high_risk(country) {
        Caution::HighRisk
    } else {
        Caution::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_isnt_allowed_is_refused() {
        let country = |code| Country::parse(code).unwrap();
        let home = Destinations([country("GB"), country("IE")].into());
        for (name, destinations, to, expected) in [
            ("home", &home, Some("GB"), true),
            ("the other", &home, Some("IE"), true),
            ("elsewhere", &home, Some("FR"), false),
            ("no country", &home, None, false),
            (
                "nothing allowed",
                &Destinations::default(),
                Some("GB"),
                false,
            ),
        ] {
            assert_eq!(destinations.allow(to.map(country)), expected, "{name}");
        }
    }

    #[test]
    fn some_countries_deserve_a_second_look() {
        assert_eq!(caution(Country::parse("BD").unwrap()), Caution::HighRisk);
        assert_eq!(caution(Country::parse("GB").unwrap()), Caution::None);
    }
}
