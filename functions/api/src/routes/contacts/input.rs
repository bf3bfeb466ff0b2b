//! What requests say of a contact, checked field by field.

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::{
    contact::{AttributeName, ContactChange, List, SetChange, Tag, Value},
    id::ListId,
    zones::Zone,
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, FieldError, Problem},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{check, fields::given, services::Api};

/// What may be known of a contact beside its number. What is left out stays; `null` takes it back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct ContactFields {
    /// A tag of BCP 47: `en`, `pt-BR`, `zh-Hant`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "en-GB")]
    pub language: Option<Option<String>>,
    /// A name of the IANA database. It counts for sending hours, instead of the number's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "Europe/London")]
    pub time_zone: Option<Option<String>>,
    /// Texts, numbers, `true` and `false` by name; `null` takes one back. Texts use them as `{{name}}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: BTreeMap<String, serde_json::Value>,
    pub tags: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub lists: Option<Vec<ListId>>,
}

/// The lists that contacts may be put on.
pub struct KnownLists(BTreeSet<ListId>);

impl KnownLists {
    pub async fn of(api: &Api, who: &Principal) -> Result<Self, Problem> {
        let lists = api.lists.list(who.account).await?;
        let known = lists.into_iter().filter(|list: &List| !list.deleting);
        Ok(Self(known.map(|list| list.id).collect()))
    }

    pub fn none() -> Self {
        Self(BTreeSet::new())
    }
}

impl ContactFields {
    /// With tags and lists that are given in addition to those that are there.
    pub fn added(self, pointer: &str, known: &KnownLists) -> Result<ContactChange, Problem> {
        let (change, tags, lists) = self.check(pointer, known)?;
        Ok(ContactChange {
            tags: SetChange::adding(tags.unwrap_or_default()),
            lists: SetChange::adding(lists.unwrap_or_default()),
            ..change
        })
    }

    /// With tags and lists that are given instead of those that are there.
    pub fn replaced(self, pointer: &str, known: &KnownLists) -> Result<ContactChange, Problem> {
        let (change, tags, lists) = self.check(pointer, known)?;
        Ok(ContactChange {
            tags: SetChange::replacing(tags),
            lists: SetChange::replacing(lists),
            ..change
        })
    }

    #[expect(clippy::type_complexity, reason = "the two sets, where they are given")]
    fn check(
        self,
        pointer: &str,
        known: &KnownLists,
    ) -> Result<
        (
            ContactChange,
            Option<BTreeSet<Tag>>,
            Option<BTreeSet<ListId>>,
        ),
        Problem,
    > {
        let Self {
            language,
            time_zone,
            attributes,
            tags,
            lists,
        } = self;
        let language = language.map(|language| {
            let read = |text: String| {
                let parsed = text.parse();
                parsed.map_err(|error: carillon_core::language::InvalidLanguage| {
                    check::content(&format!("{pointer}/language"), &error)
                })
            };
            language.map(read).transpose()
        });
        let time_zone = time_zone.map(|zone| {
            let read = |name: String| {
                let zone = Zone::parse(&name);
                zone.map_err(|error| check::content(&format!("{pointer}/time_zone"), &error))
            };
            zone.map(read).transpose()
        });
        let change = ContactChange {
            language: language.transpose()?,
            time_zone: time_zone.transpose()?,
            attributes: checked_attributes(attributes, pointer)?,
            ..ContactChange::default()
        };
        let tags = tags.map(|tags| self::tags(&tags, &format!("{pointer}/tags")));
        let lists = lists.map(|lists| self::lists(&lists, &format!("{pointer}/lists"), known));
        Ok((change, tags.transpose()?, lists.transpose()?))
    }
}

fn checked_attributes(
    attributes: BTreeMap<String, serde_json::Value>,
    pointer: &str,
) -> Result<BTreeMap<AttributeName, Option<Value>>, Problem> {
    let read = |(name, value): (String, serde_json::Value)| {
        let place = format!(
            "{pointer}/attributes/{}",
            name.replace('~', "~0").replace('/', "~1")
        );
        let name = name.parse();
        let name = name.map_err(|error: carillon_core::contact::InvalidAttributeName| {
            check::content(&place, &error)
        })?;
        let value = Value::from_json(value).map_err(|error| check::content(&place, &error))?;
        Ok((name, value))
    };
    attributes.into_iter().map(read).collect()
}

pub fn tag(pointer: &str, tag: &str) -> Result<Tag, Problem> {
    tag.parse()
        .map_err(|error: carillon_core::contact::InvalidTag| check::content(pointer, &error))
}

pub fn tags(tags: &[String], pointer: &str) -> Result<BTreeSet<Tag>, Problem> {
    let read = |(place, text): (usize, &String)| tag(&format!("{pointer}/{place}"), text);
    tags.iter().enumerate().map(read).collect()
}

pub fn lists(
    lists: &[ListId],
    pointer: &str,
    known: &KnownLists,
) -> Result<BTreeSet<ListId>, Problem> {
    for (place, list) in lists.iter().enumerate() {
        if !known.0.contains(list) {
            return Err(no_such_list(&format!("{pointer}/{place}")));
        }
    }
    Ok(lists.iter().copied().collect())
}

pub fn no_such_list(pointer: &str) -> Problem {
    let words = "there is no such list; `GET /v1/lists` has those that there are";
    let error = FieldError::new(pointer, Code::NotFound.as_str(), words);
    Problem::of_fields(Code::InvalidContent, vec![error])
}
