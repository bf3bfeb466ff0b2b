//! Time zones, by IANA's data as it is compiled in (no `/usr/share/zoneinfo` is looked at), and which of them a number may be in.

mod numbers;
mod states;
#[cfg(test)]
mod tests;

use std::{fmt, sync::LazyLock};

use jiff::tz::{self, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use numbers::{Zones, of_country, of_number};
pub use states::{State, UnknownState, state_of};

/// A time zone: a name of the IANA database, as that spells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(u16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that isn't a time zone; write a name of the IANA database, such as `Europe/Paris`")]
pub struct UnknownZone;

/// In the order of their lower-case letters.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names
});

impl Zone {
    /// Reads a name in upper or lower case.
    pub fn parse(text: &str) -> Result<Zone, UnknownZone> {
        let lower = text.to_ascii_lowercase();
        let place = NAMES.binary_search_by(|name| {
            let name = name.bytes().map(|byte| byte.to_ascii_lowercase());
            name.cmp(lower.bytes())
        });
        let place = place.map_err(|_| UnknownZone)?;
        Ok(Zone(u16::try_from(place).expect("there are some 600")))
    }

    pub fn as_str(self) -> &'static str {
        &NAMES[usize::from(self.0)]
    }

    pub fn clock(self) -> TimeZone {
        TimeZone::get(self.as_str()).expect("the name is one of the database's")
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
        let text = String::deserialize(deserializer)?;
        Zone::parse(&text).map_err(D::Error::custom)
    }
}
