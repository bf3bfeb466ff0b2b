//! What stands on a contact that an import wrote: which one, and what was before, so that it can be taken back. Whoever else writes
//! the contact writes it without, since what was before then is no longer what to go back to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    contact::{AttributeName, Contact, ContactChange, SetChange, Tag, Value},
    id::{ImportId, ListId},
    language::Language,
    zones::Zone,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub import: ImportId,
    /// Of the contact as the import, or its undoing, wrote it.
    pub version: u32,
    /// `None`: it wasn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// It is as it was before the import.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
}

impl Mark {
    /// Whether `contact` is as this import left it.
    pub fn stands(&self, import: ImportId, contact: &Contact) -> bool {
        self.import == import && self.version == contact.version
    }
}

/// What an import overwrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::option_option,
    reason = "what was left alone, what was empty and what was there are three things"
)]
pub struct Before {
    #[serde(default, with = "twice", skip_serializing_if = "Option::is_none")]
    language: Option<Option<Language>>,
    #[serde(default, with = "twice", skip_serializing_if = "Option::is_none")]
    time_zone: Option<Option<Zone>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<AttributeName, Option<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeSet<Tag>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lists: Option<BTreeSet<ListId>>,
}

impl Before {
    /// What `before` was and `after` isn't.
    pub fn between(before: &Contact, after: &Contact) -> Self {
        let names = before.attributes.keys().chain(after.attributes.keys());
        let differs =
            |name: &&AttributeName| before.attributes.get(*name) != after.attributes.get(*name);
        let was = |name: &AttributeName| {
            let value = before.attributes.get(name);
            (name.clone(), value.cloned())
        };
        Self {
            language: (before.language != after.language).then(|| before.language.clone()),
            time_zone: (before.time_zone != after.time_zone).then_some(before.time_zone),
            attributes: names.filter(differs).map(was).collect(),
            tags: (before.tags != after.tags).then(|| before.tags.clone()),
            lists: (before.lists != after.lists).then(|| before.lists.clone()),
        }
    }

    /// What takes a contact back.
    pub fn change(&self) -> ContactChange {
        ContactChange {
            language: self.language.clone(),
            time_zone: self.time_zone,
            attributes: self.attributes.clone(),
            tags: SetChange::replacing(self.tags.clone()),
            lists: SetChange::replacing(self.lists.clone()),
        }
    }
}

/// `null` is something that was empty; nothing was left alone.
mod twice {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "that is what it is for")]
    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .serialize(serializer)
    }

    #[expect(clippy::option_option, reason = "that is what it is for")]
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}
