//! The countries that an account sends to. Any other is refused: pumped traffic goes where nobody has customers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{phone::Country, rules};

/// Nowhere, as it begins: who opens an account names its countries. Written as a list of them, or as `"all"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Destinations {
    Everywhere(Everywhere),
    Only(BTreeSet<Country>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Everywhere {
    All,
}

impl Default for Destinations {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// What the one who allows a country should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caution {
    None,
    /// Pumped traffic is common there: it deserves a second look, and a cap of its own.
    HighRisk,
}

impl Destinations {
    pub const ALL: Self = Self::Everywhere(Everywhere::All);

    pub fn only(countries: impl IntoIterator<Item = Country>) -> Self {
        Self::Only(countries.into_iter().collect())
    }

    /// Whether a number of this country may be sent to. One of no country (satellites, premium services) never may.
    pub fn allow(&self, country: Option<Country>) -> bool {
        match self {
            Self::Everywhere(Everywhere::All) => country.is_some(),
            Self::Only(countries) => country.is_some_and(|country| countries.contains(&country)),
        }
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
        let home = Destinations::only([country("GB"), country("IE")]);
        for (name, destinations, to, expected) in [
            ("home", &home, Some("GB"), true),
            ("the other", &home, Some("IE"), true),
            ("elsewhere", &home, Some("FR"), false),
            ("no country", &home, None, false),
            ("everywhere", &Destinations::ALL, Some("FR"), true),
            (
                "everywhere that is a country",
                &Destinations::ALL,
                None,
                false,
            ),
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
    fn they_are_a_list_or_a_word() {
        let home = Destinations::only([Country::parse("GB").unwrap()]);
        for (text, expected) in [(r#"["GB"]"#, home), (r#""all""#, Destinations::ALL)] {
            let read: Destinations = serde_json::from_str(text).unwrap();

            assert_eq!(read, expected);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn some_countries_deserve_a_second_look() {
        assert_eq!(caution(Country::parse("BD").unwrap()), Caution::HighRisk);
        assert_eq!(caution(Country::parse("GB").unwrap()), Caution::None);
    }
}
