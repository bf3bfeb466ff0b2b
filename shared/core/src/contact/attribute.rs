//! What an account notes of its contacts: a name, and a value of a type.

use std::{fmt, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes of a text, as in a cell of a file.
pub const MAX_TEXT: usize = crate::recipients::MAX_CELL;
const MAX_NAME: usize = 64;

/// What a placeholder can say: a letter or `_`, then letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an attribute's name is a letter or `_`, then letters, digits and `_`, 1 to {MAX_NAME} in all, so that texts can use it as `{{{{name}}}}`"
)]
pub struct InvalidAttributeName;

impl FromStr for AttributeName {
    type Err = InvalidAttributeName;

    fn from_str(text: &str) -> Result<Self, InvalidAttributeName> {
        let begins = |character: char| character.is_alphabetic() || character == '_';
        let goes_on = |character: char| character.is_alphanumeric() || character == '_';
        let fits = text.starts_with(begins) && text.chars().all(goes_on);
        (fits && text.chars().count() <= MAX_NAME)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidAttributeName)
    }
}

impl Deref for AttributeName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for AttributeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AttributeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AttributeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A date is a text of ISO 8601: filters compare it as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    #[error("an attribute is a text, a number, `true` or `false`; `null` takes it back")]
    Type,
    #[error("a text has at most {MAX_TEXT} bytes; shorten it")]
    TooLong,
}

impl Value {
    /// `None` for `null`.
    pub fn from_json(json: serde_json::Value) -> Result<Option<Self>, InvalidValue> {
        match json {
            serde_json::Value::Null => Ok(None),
            serde_json::Value::Bool(flag) => Ok(Some(Self::Flag(flag))),
            serde_json::Value::Number(number) => Ok(Some(Self::Number(number))),
            serde_json::Value::String(text) if text.len() <= MAX_TEXT => Ok(Some(Self::Text(text))),
            serde_json::Value::String(_) => Err(InvalidValue::TooLong),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => Err(InvalidValue::Type),
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Self::Flag(_) => 1,
            Self::Number(_) => 8,
            Self::Text(text) => text.len(),
        }
    }
}

/// As a text shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
