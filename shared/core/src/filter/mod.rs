//! The language of segments: which contacts somebody means. A text such as
//! `country = "GB" and (tag = "vip" or attributes.age >= 30)` is parsed once into tests of a type each, and put to each contact.
//!
//! | Field | Holds | Tests |
//! | --- | --- | --- |
//! | `country`, `language`, `time_zone` | a code; `language = "pt"` holds for `pt-BR` too | `=` `!=` `in` `not in` `is set` |
//! | `tag`, `list` | one of the contact's; a list by its id | `=` `!=` `in` `not in` `is set` |
//! | `number` | E.164 | `=` `!=` `in` `not in` `contains` `starts_with` `ends_with` |
//! | `created`, `changed` | a time | `=` `!=` `<` `<=` `>` `>=` |
//! | `attributes.name` | text, number, `true` or `false`, or a date in a text | all of them, by the type of what it is compared with |
//!
//! Values: `"text"`, `30`, `true`, `2026-01-31`, `today`, `now - 30 days`. Texts are compared without case. A test of an
//! attribute that a contact hasn't, or that has another type, doesn't hold; its opposite does.

mod error;
mod lexer;
mod matches;
mod moment;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use error::FilterError;
pub use moment::Moment;
pub use parse::{MAX_LENGTH, Parsed, parse};

use crate::{
    contact::{AttributeName, Tag},
    id::ListId,
    language::Language,
    phone::Country,
    zones::Zone,
};

/// What a contact has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Test(Test),
}

/// One comparison; where it has several values, one of them has to hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Country(Vec<Country>),
    Language(Vec<Language>),
    TimeZone(Vec<Zone>),
    Tag(Vec<Tag>),
    List(Vec<ListId>),
    Number(TextTest),
    Created(Comparison, Moment),
    Changed(Comparison, Moment),
    Attribute(AttributeName, AttributeTest),
    /// There is one at all.
    IsSet(Field),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    Number,
    Country,
    Language,
    TimeZone,
    Tag,
    List,
    Created,
    Changed,
    Attribute(AttributeName),
}

#[derive(Debug, Clone, PartialEq)]
pub enum AttributeTest {
    Text(TextTest),
    Numbers(Vec<f64>),
    Number(Comparison, f64),
    Flag(bool),
    Time(Comparison, Moment),
}

/// The values in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    Is(Vec<String>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Is,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Filter {
    /// Lists of which a contact must be on one, if the filter says so: then nobody else needs to be looked at.
    pub fn within(&self) -> Option<BTreeSet<ListId>> {
        match self {
            Self::Test(Test::List(lists)) => Some(lists.iter().copied().collect()),
            Self::Test(_) | Self::Not(_) => None,
            Self::All(filters) => {
                let narrow = filters.iter().filter_map(Self::within);
                narrow.min_by_key(BTreeSet::len)
            }
            Self::Any(filters) => {
                let each: Option<Vec<_>> = filters.iter().map(Self::within).collect();
                each.map(|lists| lists.into_iter().flatten().collect())
            }
        }
    }
}
