//! The language of a contact or of a text: a tag of BCP 47 with as much as texts are chosen by, `pt-BR` or `zh-Hant`.
//! <https://www.rfc-editor.org/rfc/rfc5646#section-2.1>

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Language, then perhaps script, region and variants, spelled as BCP 47 recommends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

/// What BCP 47 asks to be ready for.
const MOST: usize = 35;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "that isn't a language; write two or three letters, and perhaps script and region: `en`, `pt-BR`, `zh-Hant`"
)]
pub struct InvalidLanguage;

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let mut subtags = text.trim().split(['-', '_']).peekable();
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
        while let Some(variant) = subtags.next_if(|subtag| is_variant(subtag)) {
            spelled.push('-');
            spelled.push_str(&variant.to_ascii_lowercase());
        }
        match subtags.next() {
            None if spelled.len() <= MOST => Ok(Self(spelled)),
            _ => Err(InvalidLanguage),
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

fn is_variant(subtag: &str) -> bool {
    let is_long_enough = match subtag.len() {
        4 => subtag.starts_with(|first: char| first.is_ascii_digit()),
        length => (5..=8).contains(&length),
    };
    is_long_enough && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Language {
    /// Whether it is this one or a kind of it: `pt-BR` is `pt`, and `pt` isn't `pt-BR`.
    pub fn is_a(&self, wider: &Self) -> bool {
        let rest = self.0.strip_prefix(wider.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The first that is known of this one and those that it is a kind of.
    pub fn best<T>(self, known: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut wanted = Some(self);
        while let Some(language) = wanted {
            if let Some(found) = known(&language) {
                return Some(found);
            }
            wanted = language.wider();
        }
        None
    }

    /// Without its last part: `pt` of `pt-BR`.
    fn wider(&self) -> Option<Self> {
        let (wider, _) = self.0.rsplit_once('-')?;
        Some(Self(wider.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_spelled_one_way() {
        for (given, expected) in [
            ("en", Some("en")),
            ("EN_gb", Some("en-GB")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            (" de_ch_1996 ", Some("de-CH-1996")),
            ("sl-rozaj-biske", Some("sl-rozaj-biske")),
            ("de-abcdefgh-abcdefgh-abcdefgh-abcdefgh", None),
            ("english", None),
            ("e", None),
            ("en-", None),
            ("en-GB-oed", None),
            ("é1", None),
        ] {
            let language: Option<Language> = given.parse().ok();

            assert_eq!(language.as_ref().map(Language::as_str), expected, "{given}");
        }
        let is_a = |one: &str, other: &str| {
            one.parse::<Language>()
                .unwrap()
                .is_a(&other.parse().unwrap())
        };
        assert!(is_a("pt-BR", "pt") && is_a("pt", "pt"));
        assert!(!is_a("pt", "pt-BR") && !is_a("fil", "fi"));
    }
}
