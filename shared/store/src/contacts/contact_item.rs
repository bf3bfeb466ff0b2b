//! A contact as an item: lists and tags as sets, attributes as one JSON text, the rest an attribute each.
//! Contacts have no `ttl`: an account keeps them until it deletes them.

use std::{collections::BTreeSet, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::{
    contact::Contact,
    id::{AccountId, ContactId},
    phone::{Country, Phone},
    zones::Zone,
};

use crate::{
    StoreError,
    item::{Item, ReadItem, json, number, text, time},
    keys::{self, SORT},
};

pub(super) fn to_item(contact: &Contact) -> Item {
    let Contact {
        account,
        id,
        number: phone,
        country,
        language,
        time_zone,
        attributes,
        tags,
        lists,
        created,
        changed,
        version,
    } = contact;
    let mut item = keys::contact(*account, *id).item();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("n", text(phone.e164()));
    set("at", time(*created));
    set("ch", time(*changed));
    set("version", number(*version));
    if let Some(country) = country {
        set("cc", text(country));
    }
    if let Some(language) = language {
        set("lang", text(language));
    }
    if let Some(zone) = time_zone {
        set("tz", text(zone));
    }
    if !attributes.is_empty() {
        set("a", json(attributes));
    }
    // A set of DynamoDB is never empty.
    if !tags.is_empty() {
        set("tags", texts(tags));
    }
    if !lists.is_empty() {
        set("lists", texts(lists));
    }
    item
}

pub(super) fn from_item(account: AccountId, item: &Item) -> Result<Contact, StoreError> {
    let corrupt = || StoreError::corrupt("a contact");
    let phone = Phone::from_e164(item.text("n")?).map_err(|_| corrupt())?;
    let country = optional(item, "cc", |code| Country::parse(code).ok())?;
    Ok(Contact {
        account,
        id: id_of(item)?,
        number: phone,
        country,
        language: optional(item, "lang", |text| text.parse().ok())?,
        time_zone: optional(item, "tz", |name| Zone::parse(name).ok())?,
        attributes: item.find_json("a")?.unwrap_or_default(),
        tags: set_of(item, "tags")?,
        lists: set_of(item, "lists")?,
        created: item.find_time("at")?.ok_or_else(corrupt)?,
        changed: item.find_time("ch")?.ok_or_else(corrupt)?,
        version: item.number("version")?,
    })
}

/// Of a contact or of a list's member.
pub(super) fn id_of(item: &Item) -> Result<ContactId, StoreError> {
    let id = format!("cnt_{}", item.text(SORT)?).parse();
    id.map_err(|_| StoreError::corrupt("a contact's id"))
}

fn texts<T: ToString>(values: &BTreeSet<T>) -> AttributeValue {
    AttributeValue::Ss(values.iter().map(ToString::to_string).collect())
}

fn set_of<T: FromStr + Ord>(item: &Item, name: &str) -> Result<BTreeSet<T>, StoreError> {
    let Some(value) = item.find(name) else {
        return Ok(BTreeSet::new());
    };
    let corrupt = || StoreError::corrupt(format!("attribute `{name}`"));
    let texts = value.as_ss().map_err(|_| corrupt())?;
    let read = |text: &String| text.parse().map_err(|_| corrupt());
    texts.iter().map(read).collect()
}

fn optional<T>(
    item: &Item,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    if item.find(name).is_none() {
        return Ok(None);
    }
    let value = read(item.text(name)?);
    value
        .map(Some)
        .ok_or_else(|| StoreError::corrupt(format!("attribute `{name}`")))
}
