//! The language of a contact: a tag of BCP 47 with as much as texts are chosen by, `pt-BR` or `zh-Hant`.
//! <https://www.rfc-editor.org/rfc/rfc5646#section-2.1>

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Language, then perhaps script, then perhaps region, spelled as BCP 47 recommends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "that isn't a language; write two or three letters, and perhaps script and region: `en`, `pt-BR`, `zh-Hant`"
)]
pub struct InvalidLanguage;

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let mut subtags = text.split(['-', '_']).peekable();
        let language = subtags.next().unwrap_or_default();
        if !matches!(language.len(), 2..=3) || !is_letters(language) {
            return Err(InvalidLanguage);
        }
        let mut spelled = language.to_ascii_lowercase();
        if let Some(script) = subtags.next_if(|subtag| subtag.len() == 4 && is_letters(subtag)) {
            let (first, rest) = script.split_at(1);
            spelled.push('-');
            spelled.push_str(&first.to_ascii_uppercase());
            spelled.push_str(&rest.to_ascii_lowercase());
        }
        if let Some(region) = subtags.next_if(|subtag| is_region(subtag)) {
            spelled.push('-');
            spelled.push_str(&region.to_ascii_uppercase());
        }
        match subtags.next() {
            None => Ok(Self(spelled)),
            Some(_) => Err(InvalidLanguage),
        }
    }
}

fn is_letters(subtag: &str) -> bool {
    subtag.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_region(subtag: &str) -> bool {
    (subtag.len() == 2 && is_letters(subtag))
        || (subtag.len() == 3 && subtag.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Language {
    /// Whether it is this one or a kind of it: `pt-BR` is `pt`, and `pt` isn't `pt-BR`.
    pub fn is_a(&self, wider: &Self) -> bool {
        let rest = self.0.strip_prefix(wider.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
