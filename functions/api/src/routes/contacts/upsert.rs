//! Making contacts, or changing those that are there: one, or up to a thousand.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use carillon_core::{
    contact::{Contact, ContactChange, Effect},
    id::ContactId,
    phone::Country,
};
use carillon_runtime::{
    input::Input,
    principal::{May, Principal, WriteContacts},
    problem::{Code, FieldError, Problem},
};
use carillon_store::contacts::{ChangeError, Seed};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ContactFields, ContactView, EffectWord, input::KnownLists, refused};
use crate::{
    act, check, edit,
    once::{Answer, Once},
    services::Api,
    time,
};

/// Contacts of a request at most.
const MOST: usize = 1_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// A number as `+`, country code and number.
    #[schema(example = "+447700900123")]
    number: String,
    /// Two letters of ISO 3166-1: the country of a number without `+`.
    default_country: Option<String>,
    #[serde(default, deserialize_with = "crate::fields::given")]
    #[schema(value_type = Option<String>)]
    #[expect(
        clippy::option_option,
        reason = "left out, null and given are three things"
    )]
    language: Option<Option<String>>,
    /// A name of the IANA database. It counts for sending hours, instead of the number's.
    #[serde(default, deserialize_with = "crate::fields::given")]
    #[schema(value_type = Option<String>)]
    #[expect(
        clippy::option_option,
        reason = "left out, null and given are three things"
    )]
    time_zone: Option<Option<String>>,
    /// Texts, numbers, `true` and `false` by name; `null` takes one back. Texts use them as `{{name}}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: std::collections::BTreeMap<String, serde_json::Value>,
    /// In addition to those that it has.
    tags: Option<Vec<String>>,
    /// In addition to those that it is on.
    #[schema(value_type = Option<Vec<String>>)]
    lists: Option<Vec<carillon_core::id::ListId>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactsRequest {
    /// Up to 1,000, no number twice.
    #[schema(max_items = 1_000)]
    contacts: Vec<ContactRequest>,
}

/// What became of each contact of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactsResult {
    created: usize,
    updated: usize,
    unchanged: usize,
    rejected: usize,
    /// In the order of the request.
    data: Vec<ContactResult>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ContactResult {
    /// The place in the request, from 0.
    index: usize,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ContactId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<EffectWord>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RowRefusal>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RowRefusal {
    /// Into the request's body.
    pointer: String,
    code: String,
    detail: String,
}

impl ContactRequest {
    fn names_lists(&self) -> bool {
        self.lists.as_ref().is_some_and(|lists| !lists.is_empty())
    }

    fn check(
        self,
        api: &Api,
        who: &Principal,
        pointer: &str,
        known: &KnownLists,
    ) -> Result<(Seed, ContactChange), Problem> {
        let Self {
            number,
            default_country,
            language,
            time_zone,
            attributes,
            tags,
            lists,
        } = self;
        let default = format!("{pointer}/default_country");
        let default: Option<Country> = check::country(&default, default_country.as_deref())?;
        let (number, country) = check::located(&format!("{pointer}/number"), &number, default)?;
        let fields = ContactFields {
            language,
            time_zone,
            attributes,
            tags,
            lists,
        };
        let seed = Seed {
            id: api.key.contact(who.account, number),
            number,
            country,
        };
        Ok((seed, fields.added(pointer, known)?))
    }
}

async fn known_lists(
    api: &Api,
    who: &Principal,
    contacts: &[ContactRequest],
) -> Result<KnownLists, Problem> {
    if contacts.iter().any(ContactRequest::names_lists) {
        KnownLists::of(api, who).await
    } else {
        Ok(KnownLists::none())
    }
}

/// Makes the contact with this number, or changes it: attributes are set one by one, tags and lists are added.
#[utoipa::path(
    post, path = "/v1/contacts", operation_id = "upsertContact", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ContactRequest,
    responses(
        (status = 201, description = "It is new", body = ContactView, headers(("ETag" = String))),
        (status = 200, description = "It was there", body = ContactView, headers(("ETag" = String))),
    ),
)]
pub async fn upsert(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input { value, raw }: Input<ContactRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let work = async |now: Timestamp| {
        let known = known_lists(&api, &who, std::slice::from_ref(&value)).await?;
        let (seed, change) = value.check(&api, &who, "", &known)?;
        let audit = act::audit(&who, "contact.upsert", seed.id, now);
        api.audit.record(&audit).await?;
        let wanted = [(seed, change)];
        let mut done = api.contacts.upsert(who.account, &wanted, now).await?;
        let (contact, effect) = done.remove(0).map_err(|error| refused(error, ""))?;
        let status = match effect {
            Effect::Created => StatusCode::CREATED,
            Effect::Updated | Effect::Unchanged => StatusCode::OK,
        };
        let (id, tag) = (contact.id, edit::etag(contact.version));
        let answer = Answer::new(status, &ContactView::from(contact)).tagged(tag);
        Ok(match effect {
            Effect::Created => answer.at(format!("/v1/contacts/{id}")),
            Effect::Updated | Effect::Unchanged => answer,
        })
    };
    once.run(&api, &who, &raw, time::now(), work).await
}

/// The same for up to 1,000 contacts. One that can't be used is told of, and the others are done.
#[utoipa::path(
    post, path = "/v1/contacts/batch", operation_id = "upsertContacts", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ContactsRequest,
    responses((status = 200, description = "What became of each", body = ContactsResult)),
)]
pub async fn batch(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input { value, raw }: Input<ContactsRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let ContactsRequest { contacts } = value;
    if contacts.is_empty() || contacts.len() > MOST {
        let words = format!("expected 1 to {MOST} contacts; send more in several requests");
        return Err(check::content("/contacts", &words));
    }
    let work = async |now: Timestamp| {
        let known = known_lists(&api, &who, &contacts).await?;
        let count = contacts.len();
        let rows = checked(&api, &who, contacts, &known);
        let target = format!("{count} contacts");
        let audit = act::audit(&who, "contact.upsert", target, now);
        api.audit.record(&audit).await?;
        let result = done(&api, &who, rows, now).await?;
        Ok(Answer::new(StatusCode::OK, &result))
    };
    once.run(&api, &who, &raw, time::now(), work).await
}

type Row = Result<(Seed, ContactChange), Problem>;

/// Of a number that is there twice, the first row counts.
fn checked(
    api: &Api,
    who: &Principal,
    contacts: Vec<ContactRequest>,
    known: &KnownLists,
) -> Vec<Row> {
    let mut first: HashMap<ContactId, usize> = HashMap::new();
    let check = |(index, contact): (usize, ContactRequest)| {
        let pointer = format!("/contacts/{index}");
        let (seed, change) = contact.check(api, who, &pointer, known)?;
        let earlier = *first.entry(seed.id).or_insert(index);
        if earlier != index {
            let words = format!(
                "`/contacts/{earlier}` has the same number and is the one that counts; say all of a contact in one place"
            );
            let error = FieldError::new(format!("{pointer}/number"), "duplicate", words);
            return Err(Problem::of_fields(Code::InvalidContent, vec![error]));
        }
        Ok((seed, change))
    };
    contacts.into_iter().enumerate().map(check).collect()
}

async fn done(
    api: &Api,
    who: &Principal,
    rows: Vec<Row>,
    now: Timestamp,
) -> Result<ContactsResult, Problem> {
    let good: Vec<_> = rows
        .iter()
        .filter_map(|row| row.as_ref().ok().cloned())
        .collect();
    let mut written = api
        .contacts
        .upsert(who.account, &good, now)
        .await?
        .into_iter();
    let mut result = ContactsResult {
        created: 0,
        updated: 0,
        unchanged: 0,
        rejected: 0,
        data: Vec::with_capacity(rows.len()),
    };
    for (index, row) in rows.into_iter().enumerate() {
        let outcome = match row {
            Err(problem) => Err(problem),
            Ok(_) => match written.next() {
                Some(Ok(done)) => Ok(done),
                Some(Err(ChangeError::Store(error))) => return Err(error.into()),
                Some(Err(error)) => Err(refused(error, &format!("/contacts/{index}"))),
                None => return Err(Problem::unexplained()),
            },
        };
        result.add(index, outcome);
    }
    Ok(result)
}

impl ContactsResult {
    fn add(&mut self, index: usize, outcome: Result<(Contact, Effect), Problem>) {
        let row = match outcome {
            Ok((contact, effect)) => {
                match effect {
                    Effect::Created => self.created += 1,
                    Effect::Updated => self.updated += 1,
                    Effect::Unchanged => self.unchanged += 1,
                }
                ContactResult {
                    index,
                    id: Some(contact.id),
                    effect: Some(effect.into()),
                    error: None,
                }
            }
            Err(problem) => {
                self.rejected += 1;
                ContactResult {
                    index,
                    id: None,
                    effect: None,
                    error: Some(RowRefusal::new(problem, index)),
                }
            }
        };
        self.data.push(row);
    }
}

impl RowRefusal {
    fn new(problem: Problem, index: usize) -> Self {
        match problem.errors.into_iter().next() {
            Some(FieldError {
                pointer,
                code,
                detail,
            }) => Self {
                pointer,
                code: code.to_owned(),
                detail,
            },
            None => Self {
                pointer: format!("/contacts/{index}"),
                code: problem.code.as_str().to_owned(),
                detail: problem.detail,
            },
        }
    }
}
