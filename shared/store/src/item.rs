//! Reading and writing the attributes of an item, by name and type.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

pub type Item = HashMap<String, AttributeValue>;

pub fn text(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value.into()))
}

/// Milliseconds since the epoch.
pub fn time(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// A value as JSON text, for what is read and written whole.
pub fn json<T: Serialize>(value: &T) -> AttributeValue {
    text(serde_json::to_string(value).expect("our own types are representable in JSON"))
}

pub trait ReadItem {
    fn find(&self, name: &str) -> Option<&AttributeValue>;

    fn text(&self, name: &str) -> Result<&str, StoreError> {
        let value = self.find(name).and_then(|value| value.as_s().ok());
        value
            .map(String::as_str)
            .ok_or_else(|| StoreError::corrupt(format!("attribute `{name}`")))
    }

    fn find_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let Some(value) = self.find(name) else {
            return Ok(None);
        };
        let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
        number
            .map(Some)
            .ok_or_else(|| StoreError::corrupt(format!("attribute `{name}`")))
    }

    fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<T, StoreError> {
        let number = self
            .find_number(name)?
            .and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| StoreError::corrupt(format!("attribute `{name}`")))
    }

    fn find_binary(&self, name: &str) -> Option<&[u8]> {
        self.find(name)
            .and_then(|value| value.as_b().ok())
            .map(AsRef::as_ref)
    }

    fn find_time(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let milliseconds = self.find_number(name)?;
        milliseconds
            .map(|value| {
                Timestamp::from_millisecond(value)
                    .map_err(|_| StoreError::corrupt(format!("attribute `{name}`")))
            })
            .transpose()
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| StoreError::corrupt(format!("attribute `{name}`: {error}")))
    }

    fn find_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.find(name)
            .is_some()
            .then(|| self.json(name))
            .transpose()
    }
}

impl ReadItem for Item {
    fn find(&self, name: &str) -> Option<&AttributeValue> {
        self.get(name)
    }
}

/// Bytes of an item by DynamoDB's rules: names and values, a number by its digits.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub fn size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => {
            digits.trim_start_matches('-').len().div_ceil(2)
                + 1
                + usize::from(digits.starts_with('-'))
        }
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => {
            3 + values
                .iter()
                .map(|value| 1 + value_size(value))
                .sum::<usize>()
        }
        AttributeValue::M(values) => {
            3 + values
                .iter()
                .map(|(name, value)| 1 + name.len() + value_size(value))
                .sum::<usize>()
        }
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        // Null, booleans and the sets we don't use.
        _ => 1,
    }
}
