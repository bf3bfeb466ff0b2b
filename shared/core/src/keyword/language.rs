//! The languages that replies may be written in: those whose words are known.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::words::{LANGUAGES, SPOKEN};
use crate::phone::Country;

/// Two letters of ISO 639-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(&'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a language that replies can be in; take one such as `en`, `fr`, `es`, `pt`, `de`, `it` or `nl`"
)]
pub struct UnknownLanguage;

impl Language {
    pub const ENGLISH: Self = Self("en");

    pub(super) const fn of(known: &'static str) -> Self {
        Self(known)
    }

    /// The one that most of a country's people understand.
    pub fn of_country(country: Option<Country>) -> Self {
        let spoken = country.and_then(|country| {
            let mut languages = SPOKEN.iter();
            languages.find(|(_, countries)| countries.contains(&country.as_str()))
        });
        spoken.map_or(Self::ENGLISH, |(language, _)| Self(language))
    }

    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(|words| Self(words.language))
    }

    /// In English.
    pub fn name(self) -> &'static str {
        let mut languages = LANGUAGES.iter();
        let known = languages.find(|words| words.language == self.0);
        known.map_or(self.0, |words| words.name)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        let mut languages = LANGUAGES.iter();
        let known = languages.find(|words| words.language == text);
        known
            .map(|words| Self(words.language))
            .ok_or(UnknownLanguage)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
