//! A page of the contacts that somebody means, by reading no more than so many.

use carillon_core::{
    contact::{Contact, Tag},
    filter::{self, Filter},
    id::{ContactId, ListId, SegmentId},
    phone::Phone,
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, Problem},
};

use super::input;
use crate::{routes, services::Api, time};

/// Contacts that a request looks at, at most.
const LOOKED_AT: usize = 2_000;
/// Contacts that are read together, where not all of them will be shown.
const TOGETHER: usize = 500;

/// Who is meant.
pub struct Wanted {
    number: Option<Phone>,
    list: Option<ListId>,
    tag: Option<Tag>,
    filter: Option<Filter>,
}

pub struct Found {
    pub contacts: Vec<Contact>,
    /// Where the next page begins; `None`: there is none.
    pub last: Option<ContactId>,
}

impl Wanted {
    pub async fn new(
        api: &Api,
        who: &Principal,
        number: Option<&str>,
        list: Option<ListId>,
        segment: Option<SegmentId>,
        tag: Option<String>,
    ) -> Result<Self, Problem> {
        let number = number.map(|number| {
            Phone::parse(number, None).map_err(|error| {
                let detail = format!("`number`: {error}");
                Problem::new(Code::InvalidPhone, detail)
            })
        });
        if let Some(list) = list {
            routes::lists::find(api, who, list).await?;
        }
        let filter = match segment {
            None => None,
            Some(id) => {
                let segment = routes::segments::find(api, who, id).await?;
                let parsed = filter::parse(&segment.filter).map_err(|_| Problem::unexplained())?;
                Some(parsed.filter)
            }
        };
        Ok(Self {
            number: number.transpose()?,
            list,
            tag: tag.map(|text| input::tag("", &text)).transpose()?,
            filter,
        })
    }

    pub async fn page(
        &self,
        api: &Api,
        who: &Principal,
        mut after: Option<ContactId>,
        limit: usize,
    ) -> Result<Found, Problem> {
        let mut contacts = Vec::new();
        let mut looked_at = 0;
        loop {
            let together = if self.shows_all() {
                limit + 1
            } else {
                TOGETHER
            };
            let (read, more) = self.read(api, who, after, together).await?;
            looked_at += read.len();
            let last_read = more.or(read.last().map(|contact| contact.id));
            let now = time::now();
            for contact in read {
                if contacts.len() == limit && self.means(&contact, now) {
                    let last = contacts.last().map(|contact: &Contact| contact.id);
                    return Ok(Found { contacts, last });
                }
                if self.means(&contact, now) {
                    contacts.push(contact);
                }
            }
            if more.is_none() || looked_at >= LOOKED_AT {
                return Ok(Found {
                    contacts,
                    last: more.and(last_read),
                });
            }
            after = last_read;
        }
    }

    /// Contacts in the order of their ids, and the place of the last one if there may be more.
    async fn read(
        &self,
        api: &Api,
        who: &Principal,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<(Vec<Contact>, Option<ContactId>), Problem> {
        if let Some(number) = self.number {
            let id = api.key.contact(who.account, number);
            let found = api.contacts.find(who.account, id).await?;
            return Ok((found.into_iter().collect(), None));
        }
        let Some(list) = self.list else {
            let read = api.contacts.page(who.account, after, limit).await?;
            let more = read
                .last()
                .filter(|_| read.len() == limit)
                .map(|last| last.id);
            return Ok((read, more));
        };
        let members = api
            .contacts
            .members(who.account, list, after, limit)
            .await?;
        let more = members.last().filter(|_| members.len() == limit).copied();
        let mut read = api.contacts.find_all(who.account, &members).await?;
        read.sort_unstable_by_key(|contact| contact.id);
        Ok((read, more))
    }

    fn shows_all(&self) -> bool {
        self.tag.is_none() && self.filter.is_none()
    }

    fn means(&self, contact: &Contact, now: jiff::Timestamp) -> bool {
        let has = |tag: &Tag| contact.tags.contains(tag);
        self.list.is_none_or(|list| contact.lists.contains(&list))
            && self.tag.as_ref().is_none_or(has)
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(contact, now))
    }
}
