//! `/v1/contacts`: the people that an account has numbers of. Millions of them: what a request reads is bounded, and a page
//! says where the next one begins.

pub mod change;
mod input;
mod page;
pub mod upsert;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    contact::{Contact, Effect, Tag, Value},
    id::{ContactId, ListId, SegmentId},
    language::Language,
    phone::Country,
    zones::Zone,
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadContacts},
    problem::{Code, Problem},
};
use carillon_store::contacts::ChangeError;
use http::header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

use crate::{
    edit,
    list::{Asked, Page, PageQuery},
    services::Api,
};

pub use self::input::{ContactFields, KnownLists, lists as listed, tags as tagged};

#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// Follows from the number: a contact that is deleted and made again has the id that it had.
    #[schema(value_type = String)]
    id: ContactId,
    number: String,
    /// The number's.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<Zone>,
    /// Texts, numbers, `true` and `false`, by name.
    #[schema(value_type = Object)]
    attributes: BTreeMap<String, Value>,
    #[schema(value_type = Vec<String>)]
    tags: BTreeSet<Tag>,
    #[schema(value_type = Vec<String>)]
    lists: BTreeSet<ListId>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    changed: Timestamp,
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let Contact {
            account: _,
            id,
            number,
            country,
            language,
            time_zone,
            attributes,
            tags,
            lists,
            created,
            changed,
            version: _,
        } = contact;
        let attributes = attributes.into_iter();
        Self {
            id,
            number: number.e164(),
            country,
            language,
            time_zone,
            attributes: attributes
                .map(|(name, value)| (name.to_string(), value))
                .collect(),
            tags,
            lists,
            created,
            changed,
        }
    }
}

/// What became of a contact.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectWord {
    Created,
    Updated,
    /// It was so already.
    Unchanged,
}

impl From<Effect> for EffectWord {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Created => Self::Created,
            Effect::Updated => Self::Updated,
            Effect::Unchanged => Self::Unchanged,
        }
    }
}

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// The one with this number.
    #[param(example = "+447700900123")]
    number: Option<String>,
    /// Those on this list.
    #[param(value_type = Option<String>)]
    list: Option<ListId>,
    /// Those of this segment.
    #[param(value_type = Option<String>)]
    segment: Option<SegmentId>,
    /// Those with this tag.
    tag: Option<String>,
    /// How many: 1 to 500, 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Contacts, in no order that means anything, each once. With `segment` or `tag` a page may have fewer than `limit`, or none, and
/// a `next_cursor`: so many contacts were looked at.
#[utoipa::path(
    get, path = "/v1/contacts", operation_id = "listContacts", tag = "contacts",
    security(("key" = ["contacts:read"])),
    params(ContactQuery),
    responses((status = 200, description = "A page", body = Page<ContactView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadContacts>,
    Query(query): Query<ContactQuery>,
) -> Result<Response, Problem> {
    let ContactQuery {
        number,
        list,
        segment,
        tag,
        limit,
        cursor,
    } = query;
    let filter: Vec<(&str, String)> = [
        ("number", number.clone()),
        ("list", list.map(|id| id.to_string())),
        ("segment", segment.map(|id| id.to_string())),
        ("tag", tag.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let query = PageQuery { limit, cursor };
    let asked = Asked::filtered(&api, &who, "/v1/contacts", &filter, query)?;
    let wanted = page::Wanted::new(&api, &who, number.as_deref(), list, segment, tag).await?;
    let page::Found { contacts, last } =
        wanted.page(&api, &who, asked.place()?, asked.limit).await?;
    let last = last.map(|id| id.to_string());
    let data: Vec<ContactView> = contacts.into_iter().map(ContactView::from).collect();
    Ok(asked.answer_until(&api, &who, data, last.as_deref()))
}

/// A contact.
#[utoipa::path(
    get, path = "/v1/contacts/{id}", operation_id = "getContact", tag = "contacts",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`cnt_…`")),
    responses((status = 200, description = "The contact", body = ContactView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<ContactId>,
) -> Result<Response, Problem> {
    Ok(answer(find(&api, &who, id).await?))
}

async fn find(api: &Api, who: &Principal, id: ContactId) -> Result<Contact, Problem> {
    let found = api.contacts.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("contact"))
}

fn answer(contact: Contact) -> Response {
    let tag = [(header::ETAG, edit::etag(contact.version))];
    (tag, Json(ContactView::from(contact))).into_response()
}

fn contended() -> Problem {
    let detail = "Others are changing this contact at the same time. Send the same request again.";
    Problem::new(Code::Unavailable, detail).retry_after(1)
}

/// Why a contact that was asked for can't be so, as a problem with the field `pointer` and below.
pub fn refused(error: ChangeError, pointer: &str) -> Problem {
    match error {
        ChangeError::NotFound => Problem::not_found("contact"),
        ChangeError::Refused(error) => {
            crate::check::content(&format!("{pointer}/{}", error.field()), &error)
        }
        ChangeError::Contended => contended(),
        ChangeError::Store(error) => error.into(),
    }
}
