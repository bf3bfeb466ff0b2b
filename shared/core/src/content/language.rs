//! What language a text is in, and which of several a recipient gets.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const MOST: usize = 35;

/// A language tag of BCP 47 by its form, in small letters: `de`, `pt-br`, `zh-hant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a language tag; write two or three letters and what narrows them down, such as `de` or `pt-BR`"
)]
pub struct NotALanguage;

impl Language {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its last part: `pt` of `pt-br`.
    fn wider(&self) -> Option<Self> {
        let (wider, _) = self.0.rsplit_once('-')?;
        Some(Self(wider.to_owned()))
    }

    /// The first that is known of this one and those that it narrows down.
    pub(super) fn best<T>(self, known: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut wanted = Some(self);
        while let Some(language) = wanted {
            if let Some(found) = known(&language) {
                return Some(found);
            }
            wanted = language.wider();
        }
        None
    }
}

impl FromStr for Language {
    type Err = NotALanguage;

    /// `_` will do for `-`, as in `de_AT`.
    fn from_str(given: &str) -> Result<Self, NotALanguage> {
        let given = given.trim();
        if given.len() > MOST {
            return Err(NotALanguage);
        }
        let tag = given.to_ascii_lowercase().replace('_', "-");
        let mut parts = tag.split('-');
        let first = parts.next().unwrap_or_default();
        let is_first =
            (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_later = |part: &str| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if is_first && parts.all(is_later) {
            Ok(Self(tag))
        } else {
            Err(NotALanguage)
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(deserializer)?;
        tag.parse().map_err(D::Error::custom)
    }
}
