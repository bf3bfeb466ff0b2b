//! Which column means what.

use csv::StringRecord;
use serde::{Deserialize, Serialize};

use super::{ValueKind, cell};
use crate::{
    contact::AttributeName,
    recipients::{MAX_CELL, MAX_COLUMNS, columns},
};

/// What a column's cells become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Phone,
    Language,
    TimeZone,
    /// Several in a cell are separated by `,`, `;` or `|`.
    Tags,
    Attribute {
        name: AttributeName,
        kind: ValueKind,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedColumn {
    /// From 0.
    pub place: usize,
    /// What mistakes call it.
    pub header: String,
    pub target: Target,
}

/// What the columns of a file are called: by its first record, or by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(Vec<String>);

/// About the mapping's entry at `index`, or about the mapping as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error(
        "there is no column `{column}` among {seen}; `#2` is the second, whatever it is called"
    )]
    NoSuchColumn {
        index: usize,
        column: String,
        seen: String,
    },
    #[error("the column is mapped already by entry {first}; map each column once")]
    Twice { index: usize, first: usize },
    #[error("entry {first} maps another column to the same; a contact has it once")]
    SameTarget { index: usize, first: usize },
    #[error("no column is mapped to `phone`; a contact is known by its number")]
    NoPhone,
    #[error("{0} columns; {MAX_COLUMNS} are allowed, so remove those that you don't need")]
    TooManyColumns(usize),
    #[error("the name of column {0} is longer than {MAX_CELL} bytes; shorten it")]
    NameTooLong(usize),
}

impl Headers {
    /// Trailing columns without a name are left out: spreadsheets write them where something was deleted.
    pub fn of(record: &StringRecord, header: bool) -> Self {
        let names: Vec<&str> = record.iter().map(cell::text).collect();
        let used = names.iter().rposition(|name| !name.is_empty());
        let used = if header {
            used.map_or(0, |last| last + 1)
        } else {
            names.len()
        };
        let name = |(place, name): (usize, &&str)| {
            if header && !name.is_empty() {
                (*name).to_owned()
            } else {
                format!("#{}", place + 1)
            }
        };
        Self(names[..used].iter().enumerate().map(name).collect())
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// By its name, the first of those that are called so; by its name as people write it; by its place.
    pub fn find(&self, column: &str) -> Option<usize> {
        let wanted = column.trim();
        let exact = self.0.iter().position(|name| name == wanted);
        let folded = || {
            let wanted = columns::fold(wanted);
            let mut names = self.0.iter();
            names.position(|name| columns::fold(name) == wanted)
        };
        let place = || {
            let place: usize = wanted.strip_prefix('#')?.parse().ok()?;
            place.checked_sub(1).filter(|place| *place < self.0.len())
        };
        exact.or_else(place).or_else(folded)
    }

    fn seen(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        columns::list(&names)
    }
}

/// The columns that are read, by the names that were given to them.
pub fn mapped(
    headers: &Headers,
    wanted: &[(String, Target)],
) -> Result<Vec<MappedColumn>, MappingError> {
    if headers.0.len() > MAX_COLUMNS {
        return Err(MappingError::TooManyColumns(headers.0.len()));
    }
    if let Some(long) = headers.0.iter().position(|name| name.len() > MAX_CELL) {
        return Err(MappingError::NameTooLong(long + 1));
    }
    let mut found: Vec<MappedColumn> = Vec::new();
    for (index, (column, target)) in wanted.iter().enumerate() {
        let place = headers.find(column);
        let place = place.ok_or_else(|| MappingError::NoSuchColumn {
            index,
            column: columns::shorten(column),
            seen: headers.seen(),
        })?;
        if let Some(first) = found.iter().position(|there| there.place == place) {
            return Err(MappingError::Twice { index, first });
        }
        if let Some(first) = found.iter().position(|there| same(&there.target, target)) {
            return Err(MappingError::SameTarget { index, first });
        }
        found.push(MappedColumn {
            place,
            header: columns::shorten(&headers.0[place]),
            target: target.clone(),
        });
    }
    if !found.iter().any(|there| there.target == Target::Phone) {
        return Err(MappingError::NoPhone);
    }
    found.sort_by_key(|column| column.place);
    Ok(found)
}

/// Tags may come from several columns.
fn same(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::Tags, Target::Tags) => false,
        (Target::Attribute { name: one, .. }, Target::Attribute { name: other, .. }) => {
            one == other
        }
        _ => one == other,
    }
}
