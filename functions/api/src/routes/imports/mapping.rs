//! Which column means what, in the words of requests and answers.

use carillon_core::{
    contact::InvalidAttributeName,
    import::{MappedColumn, MappingError, Target, ValueKind},
};
use carillon_runtime::problem::{Code, FieldError, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Delimiter)]
pub enum DelimiterWord {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

impl DelimiterWord {
    pub fn of(byte: u8) -> Self {
        match byte {
            b';' => Self::Semicolon,
            b'\t' => Self::Tab,
            b'|' => Self::Pipe,
            _ => Self::Comma,
        }
    }

    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ColumnTarget)]
pub enum TargetWord {
    /// The number. Exactly one column.
    Phone,
    Language,
    TimeZone,
    /// Several in a cell are separated by `,`, `;` or `|`. They are added to those that a contact has.
    Tags,
    /// A value of the contact, by `name`.
    Attribute,
    /// Nothing: as if the column weren't there.
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ColumnType)]
pub enum KindWord {
    Text,
    /// `1234.5`
    Number,
    /// `1234,5`
    NumberWithComma,
    /// `true` or `false`, `yes` or `no`, `1` or `0`.
    Boolean,
    /// `2026-12-31`
    Date,
    /// `31/12/2026`
    DateDayFirst,
    /// `12/31/2026`
    DateMonthFirst,
}

impl From<KindWord> for ValueKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Text => Self::Text,
            KindWord::Number => Self::Number,
            KindWord::NumberWithComma => Self::NumberWithComma,
            KindWord::Boolean => Self::Boolean,
            KindWord::Date => Self::Date,
            KindWord::DateDayFirst => Self::DateDayFirst,
            KindWord::DateMonthFirst => Self::DateMonthFirst,
        }
    }
}

impl From<ValueKind> for KindWord {
    fn from(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Text => Self::Text,
            ValueKind::Number => Self::Number,
            ValueKind::NumberWithComma => Self::NumberWithComma,
            ValueKind::Boolean => Self::Boolean,
            ValueKind::Date => Self::Date,
            ValueKind::DateDayFirst => Self::DateDayFirst,
            ValueKind::DateMonthFirst => Self::DateMonthFirst,
        }
    }
}

/// Columns that no entry names are left out.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnInput {
    /// As the header says it; or `#2`, the second column.
    #[schema(example = "Mobile number")]
    column: String,
    to: TargetWord,
    /// Of an attribute.
    name: Option<String>,
    /// Of an attribute. Left out: `text`.
    #[serde(rename = "type")]
    kind: Option<KindWord>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnView {
    column: String,
    to: TargetWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<KindWord>,
}

impl ColumnView {
    pub fn new(column: &str, target: Option<&Target>) -> Self {
        let (to, attribute) = match target {
            None => (TargetWord::Ignore, None),
            Some(Target::Phone) => (TargetWord::Phone, None),
            Some(Target::Language) => (TargetWord::Language, None),
            Some(Target::TimeZone) => (TargetWord::TimeZone, None),
            Some(Target::Tags) => (TargetWord::Tags, None),
            Some(Target::Attribute { name, kind }) => (TargetWord::Attribute, Some((name, *kind))),
        };
        Self {
            column: column.to_owned(),
            to,
            name: attribute.map(|(name, _)| name.to_string()),
            kind: attribute.map(|(_, kind)| kind.into()),
        }
    }
}

impl From<&MappedColumn> for ColumnView {
    fn from(column: &MappedColumn) -> Self {
        Self::new(&column.header, Some(&column.target))
    }
}

/// Checks what the mapping says by itself. What is to be left out is left out.
pub fn targets(mapping: Vec<ColumnInput>) -> Result<Vec<(usize, String, Target)>, Problem> {
    let mut targets = Vec::new();
    for (index, input) in mapping.into_iter().enumerate() {
        let ColumnInput {
            column,
            to,
            name,
            kind,
        } = input;
        let at = |field: &str| format!("/mapping/{index}/{field}");
        let is_attribute = to == TargetWord::Attribute;
        for (field, given) in [("name", name.is_some()), ("type", kind.is_some())] {
            if given && !is_attribute {
                let words =
                    "only an attribute has one; leave it out, or map the column to `attribute`";
                return Err(check::content(&at(field), &words));
            }
        }
        let target = match to {
            TargetWord::Ignore => continue,
            TargetWord::Phone => Target::Phone,
            TargetWord::Language => Target::Language,
            TargetWord::TimeZone => Target::TimeZone,
            TargetWord::Tags => Target::Tags,
            TargetWord::Attribute => {
                let name = name.unwrap_or_default().parse();
                let name = name
                    .map_err(|error: InvalidAttributeName| check::content(&at("name"), &error))?;
                let kind = kind.map_or(ValueKind::Text, ValueKind::from);
                Target::Attribute { name, kind }
            }
        };
        targets.push((index, column, target));
    }
    Ok(targets)
}

/// A mapping that doesn't fit the file. `entries` are the places of the request's entries.
pub fn unfit(error: &MappingError, entries: &[usize]) -> Problem {
    let place = |index: &usize| entries.get(*index).copied().unwrap_or(*index);
    let pointer = match error {
        MappingError::NoSuchColumn { index, .. } | MappingError::Twice { index, .. } => {
            format!("/mapping/{}/column", place(index))
        }
        MappingError::SameTarget { index, .. } => format!("/mapping/{}/to", place(index)),
        MappingError::NoPhone => "/mapping".to_owned(),
        MappingError::TooManyColumns(_) | MappingError::NameTooLong(_) => "/upload".to_owned(),
    };
    let code = match error {
        MappingError::NoSuchColumn { .. } => "no_such_column",
        MappingError::Twice { .. } | MappingError::SameTarget { .. } => "mapped_twice",
        MappingError::NoPhone => "no_phone_column",
        MappingError::TooManyColumns(_) => "too_many_columns",
        MappingError::NameTooLong(_) => "header_too_long",
    };
    let error = FieldError::new(pointer, code, error);
    Problem::of_fields(Code::UnusableFile, vec![error])
}
