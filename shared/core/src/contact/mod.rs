//! Contacts: people with a number, as an account knows them. A contact's id is the keyed hash of its number, so who has one of
//! them has its address, and no number is there twice. What an upsert or a merge makes of a contact is decided here.

mod attribute;
mod choice;
pub mod density;
mod error;
mod groups;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attribute::{AttributeName, InvalidAttributeName, InvalidValue, MAX_TEXT, Value};
pub use choice::{Choice, Chosen, reads_members};
pub use error::ContactError;
pub use groups::{List, Segment};
pub use tag::{InvalidTag, Tag};

use crate::{
    content::LANGUAGE,
    id::{AccountId, ContactId, ListId},
    language::Language,
    phone::{Country, Phone},
    zones::Zone,
};

pub const MAX_ATTRIBUTES: usize = 100;
/// Bytes of the names and texts of all attributes: a few read units for a contact, however much somebody collects.
pub const MAX_ATTRIBUTES_SIZE: usize = 16 * 1024;
pub const MAX_TAGS: usize = 50;
/// A merge touches two contacts and two memberships for each list, in one transaction of at most a hundred writes.
pub const MAX_LISTS: usize = 48;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub account: AccountId,
    /// Follows from the account and the number: [`crate::keyed_hash::DeploymentKey::contact`].
    pub id: ContactId,
    pub number: Phone,
    /// The number's.
    pub country: Option<Country>,
    pub language: Option<Language>,
    /// The contact's own, where it isn't the number's.
    pub time_zone: Option<Zone>,
    pub attributes: BTreeMap<AttributeName, Value>,
    pub tags: BTreeSet<Tag>,
    pub lists: BTreeSet<ListId>,
    pub created: Timestamp,
    pub changed: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

/// What is to become of a contact. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactChange {
    pub language: Option<Option<Language>>,
    pub time_zone: Option<Option<Zone>>,
    /// `None` takes an attribute back.
    pub attributes: BTreeMap<AttributeName, Option<Value>>,
    pub tags: SetChange<Tag>,
    pub lists: SetChange<ListId>,
}

/// What is to become of a set: replaced, then added to, then taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChange<T> {
    pub replace: Option<BTreeSet<T>>,
    pub add: BTreeSet<T>,
    pub remove: BTreeSet<T>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Created,
    Updated,
    /// It was so already.
    Unchanged,
}

impl Contact {
    /// Those of the values with these names that are known: attributes, and the language.
    pub fn values(&self, names: &[&str]) -> BTreeMap<String, String> {
        let value = |name: &&str| {
            let attribute = self.attributes.get(*name).map(ToString::to_string);
            let language = self.language.as_ref().filter(|_| *name == LANGUAGE);
            let value = attribute.or_else(|| language.map(ToString::to_string))?;
            Some(((*name).to_owned(), value))
        };
        names.iter().filter_map(value).collect()
    }

    /// Of whom nothing is known but the number.
    pub fn new(
        account: AccountId,
        id: ContactId,
        number: Phone,
        country: Option<Country>,
        now: Timestamp,
    ) -> Self {
        Self {
            account,
            id,
            number,
            country,
            language: None,
            time_zone: None,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
            lists: BTreeSet::new(),
            created: now,
            changed: now,
            version: 0,
        }
    }

    /// A contact of version 0 isn't stored yet: its first change creates it, whatever that says.
    pub fn change(
        &mut self,
        change: &ContactChange,
        now: Timestamp,
    ) -> Result<Effect, ContactError> {
        let before = self.clone();
        let ContactChange {
            language,
            time_zone,
            attributes,
            tags,
            lists,
        } = change;
        if let Some(language) = language {
            self.language.clone_from(language);
        }
        if let Some(zone) = time_zone {
            self.time_zone = *zone;
        }
        for (name, value) in attributes {
            match value {
                Some(value) => self.attributes.insert(name.clone(), value.clone()),
                None => self.attributes.remove(name),
            };
        }
        tags.apply(&mut self.tags);
        lists.apply(&mut self.lists);
        self.check()?;
        Ok(self.edited(&before, now))
    }

    /// Takes what `other` has and this one lacks: where both say something, this one is right.
    pub fn absorb(&mut self, other: &Self, now: Timestamp) -> Result<Effect, ContactError> {
        let before = self.clone();
        if self.language.is_none() {
            self.language.clone_from(&other.language);
        }
        self.time_zone = self.time_zone.or(other.time_zone);
        for (name, value) in &other.attributes {
            self.attributes
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        self.tags.extend(other.tags.iter().cloned());
        self.lists.extend(&other.lists);
        self.created = self.created.min(other.created);
        self.check()?;
        Ok(self.edited(&before, now))
    }

    fn edited(&mut self, before: &Self, now: Timestamp) -> Effect {
        if self.version > 0 && self == before {
            return Effect::Unchanged;
        }
        self.changed = now;
        self.version += 1;
        if self.version == 1 {
            Effect::Created
        } else {
            Effect::Updated
        }
    }

    fn check(&self) -> Result<(), ContactError> {
        let size = self.attributes.iter();
        let size: usize = size.map(|(name, value)| name.len() + value.size()).sum();
        if self.attributes.len() > MAX_ATTRIBUTES {
            return Err(ContactError::TooManyAttributes);
        }
        if size > MAX_ATTRIBUTES_SIZE {
            return Err(ContactError::TooLarge { size });
        }
        if self.tags.len() > MAX_TAGS {
            return Err(ContactError::TooManyTags);
        }
        if self.lists.len() > MAX_LISTS {
            return Err(ContactError::TooManyLists);
        }
        Ok(())
    }
}

impl<T: Ord + Clone> SetChange<T> {
    pub fn adding(add: BTreeSet<T>) -> Self {
        Self {
            add,
            ..Self::default()
        }
    }

    pub fn removing(remove: BTreeSet<T>) -> Self {
        Self {
            remove,
            ..Self::default()
        }
    }

    pub fn replacing(replace: Option<BTreeSet<T>>) -> Self {
        Self {
            replace,
            ..Self::default()
        }
    }

    /// All that it says to put in.
    pub fn wanted(&self) -> impl Iterator<Item = &T> {
        self.replace.iter().flatten().chain(&self.add)
    }

    fn apply(&self, set: &mut BTreeSet<T>) {
        if let Some(replace) = &self.replace {
            set.clone_from(replace);
        }
        set.extend(self.add.iter().cloned());
        set.retain(|item| !self.remove.contains(item));
    }
}

impl<T> Default for SetChange<T> {
    fn default() -> Self {
        Self {
            replace: None,
            add: BTreeSet::new(),
            remove: BTreeSet::new(),
        }
    }
}
