//! Senders as recipients see them: a number, a short code or a name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::phone::Phone;

/// Characters of a name, by 3GPP TS 23.040 section 9.1.2.5.
const NAME: usize = 11;
/// Digits of a short code.
const SHORT_CODE: std::ops::RangeInclusive<usize> = 3..=8;

/// An originator whose shape is right; whether a network takes it is another question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Originator(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginatorKind {
    /// An ordinary number.
    LongCode,
    /// A North American number that its owner pays for.
    TollFree,
    ShortCode,
    /// Letters. Nobody can answer it.
    Name,
}

/// Of the North American plan.
const TOLL_FREE_CODES: [&str; 7] = [
    "+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a sender: expected a number as `+` and its digits, a short code of 3 to 8 digits, or a name of at most 11 letters, digits, spaces and `-_.&` with a letter in it"
)]
pub struct NotAnOriginator;

impl Originator {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> OriginatorKind {
        if self.0.starts_with('+') {
            if TOLL_FREE_CODES.iter().any(|code| self.0.starts_with(code)) {
                OriginatorKind::TollFree
            } else {
                OriginatorKind::LongCode
            }
        } else if self.0.bytes().all(|byte| byte.is_ascii_digit()) {
            OriginatorKind::ShortCode
        } else {
            OriginatorKind::Name
        }
    }
}

impl FromStr for Originator {
    type Err = NotAnOriginator;

    fn from_str(text: &str) -> Result<Self, NotAnOriginator> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_right = if text.starts_with('+') {
            Phone::from_e164(text).is_ok()
        } else if digits {
            SHORT_CODE.contains(&text.len())
        } else {
            is_name(text)
        };
        is_right
            .then(|| Self(text.to_owned()))
            .ok_or(NotAnOriginator)
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.&".contains(&byte);
    text.len() <= NAME
        && text.trim() == text
        && text.bytes().all(fits)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Originator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Originator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_number_a_short_code_or_a_name() {
        for (text, expected) in [
            ("+447700900123", true),
            ("+44770090", true),
            ("12345", true),
            ("Carillon", true),
            ("B&Q 24-7", true),
            ("12345678901", false),
            ("12", false),
            ("447700900123", false),
            ("TwelveLetter", false),
            ("Grüezi", false),
            (" Carillon", false),
            ("--", false),
            ("+44 7700", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Originator>().is_ok(), expected, "{text}");
        }
    }
}
