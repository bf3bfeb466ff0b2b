//! Imports of contacts: a file, what its columns mean, and what has become of its rows. Which contact a row makes is decided here;
//! reading the file again from its beginning comes to the same, row for row, which is what resuming and undoing rest on.

mod before;
mod cell;
mod mapping;
mod row;
mod suggest;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use before::{Before, Mark};
pub use cell::ValueKind;
pub use mapping::{Headers, MappedColumn, MappingError, Target, mapped};
pub use row::{Reader, Row};
pub use suggest::{Suggestion, has_header, suggest};

use crate::{
    consent::ConsentScope,
    contact::{Contact, ContactChange, ContactError, Effect, SetChange, Tag},
    id::{AccountId, ImportId, ListId, UploadId},
    language::Language,
    phone::Country,
};

/// Rows of a file at most: what is known of each number while it is read fits into a function's memory.
pub const MAX_ROWS: u64 = 10_000_000;

/// What was asked for. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub id: ImportId,
    pub account: AccountId,
    pub upload: UploadId,
    /// The file as it was when the import was made: another one in its place is not imported.
    pub etag: String,
    pub bytes: u64,
    pub layout: Layout,
    /// The country of numbers without `+`.
    pub default_country: Option<Country>,
    pub on_conflict: OnConflict,
    pub blank: Blank,
    /// That every contact of the file is put on.
    pub lists: BTreeSet<ListId>,
    pub tags: BTreeSet<Tag>,
    pub consent: Option<ConsentBasis>,
    /// Counts, and writes no contact.
    pub dry_run: bool,
    pub created: Timestamp,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub delimiter: u8,
    /// Whether the first record names the columns.
    pub header: bool,
    /// What the columns are called, all of them. More cells in a row are a mistake unless they are blank.
    pub names: Vec<String>,
    /// Those that are read, in the order of their places.
    pub columns: Vec<MappedColumn>,
}

/// What becomes of a contact that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// The file is right.
    Update,
    /// The contact is right: it gets what it lacks.
    Fill,
    /// It stays as it is.
    Skip,
}

/// What an empty cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// Nothing.
    Keep,
    /// That the value is to be taken back.
    Clear,
}

/// On what the owner of the file says that everybody in it agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentBasis {
    pub scope: ConsentScope,
    pub given: Timestamp,
    pub source: String,
    pub text: String,
    pub language: Option<Language>,
    pub evidence: Option<String>,
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waits, or is read.
    Importing,
    Done,
    /// It stopped where the file can't be read, and says why. What came before is imported.
    Failed,
    Cancelled,
    Undoing,
    Undone,
}

impl Stage {
    /// Whether somebody has to work on it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Importing | Self::Undoing)
    }
}

/// What one row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Created,
    Updated,
    /// The contact was so already.
    Unchanged,
    /// The contact was there, and was to stay as it was.
    Skipped,
    /// The number came in an earlier row.
    Duplicate,
    Rejected,
}

impl Outcome {
    /// As files keep it, a letter for each row.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Created => b'c',
            Self::Updated => b'u',
            Self::Unchanged => b'n',
            Self::Skipped => b's',
            Self::Duplicate => b'd',
            Self::Rejected => b'r',
        }
    }

    pub const fn of_letter(letter: u8) -> Option<Self> {
        match letter {
            b'c' => Some(Self::Created),
            b'u' => Some(Self::Updated),
            b'n' => Some(Self::Unchanged),
            b's' => Some(Self::Skipped),
            b'd' => Some(Self::Duplicate),
            b'r' => Some(Self::Rejected),
            _ => None,
        }
    }
}

impl From<Effect> for Outcome {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Created => Self::Created,
            Effect::Updated => Self::Updated,
            Effect::Unchanged => Self::Unchanged,
        }
    }
}

/// What has become of the rows. `rows` is the sum of the six after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// Of those that are contacts now: must not be texted, before as after.
    pub suppressed: u64,
    /// Consent records that there are now.
    pub consents: u64,
    /// Of the file.
    pub bytes: u64,
}

impl Counts {
    pub fn add(&mut self, outcome: Outcome) {
        self.rows += 1;
        let count = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Rejected => &mut self.rejected,
        };
        *count += 1;
    }
}

/// What has become of what an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Looked at, in the order of the file.
    pub rows: u64,
    /// Of the created: they aren't there any more.
    pub removed: u64,
    /// Of the updated: they are as they were before.
    pub restored: u64,
    /// Left, since somebody changed them after the import.
    pub changed_since: u64,
    /// Of the updated: somebody deleted them.
    pub deleted_since: u64,
}

/// How far it is. Moved when the work is done, never before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub counts: Counts,
    #[serde(default)]
    pub undo: Undo,
}

impl Terms {
    /// What a row makes of the contact that was found, or of a new one. `None` where it is to stay as it is.
    pub fn apply(
        &self,
        found: Option<&Contact>,
        row: &Row,
        new: impl FnOnce() -> Contact,
        now: Timestamp,
    ) -> Option<Result<(Contact, Effect), ContactError>> {
        let change = match (found, self.on_conflict) {
            (Some(_), OnConflict::Skip) => return None,
            (Some(found), OnConflict::Fill) => lacking(found, row.change.clone()),
            (Some(_), OnConflict::Update) | (None, _) => row.change.clone(),
        };
        let mut tags = change.tags.add;
        tags.extend(self.tags.iter().cloned());
        let change = ContactChange {
            tags: SetChange::adding(tags),
            lists: SetChange::adding(self.lists.clone()),
            ..change
        };
        let mut contact = found.map_or_else(new, Clone::clone);
        let effect = contact.change(&change, now);
        Some(effect.map(|effect| (contact, effect)))
    }
}

/// What a change says of what is not known of a contact.
fn lacking(contact: &Contact, change: ContactChange) -> ContactChange {
    let ContactChange {
        language,
        time_zone,
        mut attributes,
        tags,
        lists,
    } = change;
    attributes.retain(|name, _| !contact.attributes.contains_key(name));
    ContactChange {
        language: language.filter(|_| contact.language.is_none()),
        time_zone: time_zone.filter(|_| contact.time_zone.is_none()),
        attributes,
        tags,
        lists,
    }
}
