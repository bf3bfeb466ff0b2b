//! Whether a contact is meant.

use jiff::Timestamp;

use super::{AttributeTest, Comparison, Field, Filter, Test, TextTest, moment};
use crate::contact::{Contact, Value};

impl Filter {
    pub fn matches(&self, contact: &Contact, now: Timestamp) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(contact, now)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(contact, now)),
            Self::Not(filter) => !filter.matches(contact, now),
            Self::Test(test) => test.matches(contact, now),
        }
    }
}

impl Test {
    fn matches(&self, contact: &Contact, now: Timestamp) -> bool {
        match self {
            Self::Country(values) => contact.country.is_some_and(|it| values.contains(&it)),
            Self::Language(values) => {
                let own = contact.language.as_ref();
                own.is_some_and(|own| values.iter().any(|value| own.is_a(value)))
            }
            Self::TimeZone(values) => contact.time_zone.is_some_and(|it| values.contains(&it)),
            Self::Tag(values) => values.iter().any(|value| contact.tags.contains(value)),
            Self::List(values) => values.iter().any(|value| contact.lists.contains(value)),
            Self::Number(test) => test.matches(&contact.number.e164()),
            Self::Created(comparison, moment) => moment.compare(*comparison, contact.created, now),
            Self::Changed(comparison, moment) => moment.compare(*comparison, contact.changed, now),
            Self::Attribute(name, test) => {
                let value = contact.attributes.get(name);
                value.is_some_and(|value| test.matches(value, now))
            }
            Self::IsSet(field) => field.is_set(contact),
        }
    }
}

impl Field {
    fn is_set(&self, contact: &Contact) -> bool {
        match self {
            Self::Number | Self::Created | Self::Changed => true,
            Self::Country => contact.country.is_some(),
            Self::Language => contact.language.is_some(),
            Self::TimeZone => contact.time_zone.is_some(),
            Self::Tag => !contact.tags.is_empty(),
            Self::List => !contact.lists.is_empty(),
            Self::Attribute(name) => contact.attributes.contains_key(name),
        }
    }
}

impl AttributeTest {
    fn matches(&self, value: &Value, now: Timestamp) -> bool {
        match (self, value) {
            (Self::Text(test), Value::Text(value)) => test.matches(value),
            (Self::Flag(expected), Value::Flag(flag)) => expected == flag,
            (Self::Numbers(values), Value::Number(number)) => {
                let number = number.as_f64();
                number.is_some_and(|number| values.iter().any(|value| is_same(*value, number)))
            }
            (Self::Number(comparison, other), Value::Number(number)) => number
                .as_f64()
                .is_some_and(|number| compare(*comparison, number, *other)),
            (Self::Time(comparison, moment), Value::Text(text)) => {
                moment::read(text).is_some_and(|at| moment.compare(*comparison, at, now))
            }
            _ => false,
        }
    }
}

fn compare(comparison: Comparison, number: f64, other: f64) -> bool {
    match comparison {
        Comparison::Is => is_same(number, other),
        Comparison::Less => number < other,
        Comparison::AtMost => number <= other,
        Comparison::More => number > other,
        Comparison::AtLeast => number >= other,
    }
}

#[expect(
    clippy::float_cmp,
    reason = "both were read from decimal digits by the same rule"
)]
fn is_same(number: f64, other: f64) -> bool {
    number == other
}

impl TextTest {
    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Self::Is(values) => values.contains(&text),
            Self::Contains(part) => text.contains(part),
            Self::StartsWith(part) => text.starts_with(part),
            Self::EndsWith(part) => text.ends_with(part),
        }
    }
}
