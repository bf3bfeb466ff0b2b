//! Changing one contact, deleting it, and making two into one.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{contact::Effect, id::ContactId};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, WriteContacts},
    problem::{Code, FieldError, Problem},
};
use carillon_store::contacts::Stale;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ContactFields, ContactView, answer, contended, find, input::KnownLists};
use crate::{
    act, check, edit,
    once::{Answer, Once},
    services::Api,
    time,
};

/// Changes a contact. Attributes are set one by one; `tags` and `lists`, where they are given, replace those that are there. The
/// number stays: another number is another contact.
#[utoipa::path(
    patch, path = "/v1/contacts/{id}", operation_id = "changeContact", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(
        ("id" = String, Path, description = "`cnt_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the contact that you read"),
    ),
    request_body = ContactFields,
    responses((status = 200, description = "The contact as it is now", body = ContactView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ContactId>,
    headers: HeaderMap,
    Input { value, .. }: Input<ContactFields>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "contact")?;
    who.must_be_live()?;
    let before = find(&api, &who, id).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("contact"));
    }
    let known = match value.lists {
        Some(_) => KnownLists::of(&api, &who).await?,
        None => KnownLists::none(),
    };
    let now = time::now();
    let change = value.replaced("", &known)?;
    let mut after = before.clone();
    let changed = after.change(&change, now);
    let effect = changed.map_err(|error| check::content(&format!("/{}", error.field()), &error))?;
    if effect != Effect::Unchanged {
        let audit = act::audit(&who, "contact.change", id, now);
        api.audit.record(&audit).await?;
        let written = api.contacts.save(Some(&before), &after).await?;
        written.map_err(|Stale| edit::stale("contact"))?;
    }
    Ok(answer(after))
}

/// Deletes a contact, with all that is known of it. An opt-out of its number stays: it must hold even when nothing else is known. So
/// do consent records, which are the proof that it was texted rightly and hold no number.
#[utoipa::path(
    delete, path = "/v1/contacts/{id}", operation_id = "deleteContact", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`cnt_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ContactId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let contact = find(&api, &who, id).await?;
    let audit = act::audit(&who, "contact.delete", id, time::now());
    api.audit.record(&audit).await?;
    let deleted = api.contacts.delete(&contact).await?;
    deleted.map_err(|Stale| contended())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// The contact that goes.
    #[schema(value_type = String)]
    from: ContactId,
}

/// Takes up another contact, of the same person under another number: what this one lacks of language, time zone, attributes, tags
/// and lists comes from there. The other one is deleted; opt-outs stay with their numbers.
#[utoipa::path(
    post, path = "/v1/contacts/{id}/merge", operation_id = "mergeContacts", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`cnt_…`, the one that stays"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = MergeRequest,
    responses((status = 200, description = "The contact as it is now", body = ContactView, headers(("ETag" = String)))),
)]
pub async fn merge(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ContactId>,
    once: Once,
    Input {
        value: MergeRequest { from },
        raw,
    }: Input<MergeRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    if from == id {
        return Err(check::content(
            "/from",
            &"this is the contact itself; name another one",
        ));
    }
    let work = async |now: Timestamp| {
        let before = find(&api, &who, id).await?;
        let gone = api.contacts.find(who.account, from).await?;
        let gone = gone.ok_or_else(|| {
            let error =
                FieldError::new("/from", Code::NotFound.as_str(), "there is no such contact");
            Problem::of_fields(Code::InvalidContent, vec![error])
        })?;
        let mut after = before.clone();
        let absorbed = after.absorb(&gone, now);
        absorbed.map_err(|error| check::content("/from", &error))?;
        let audit = act::audit(&who, "contact.merge", format!("{id} {from}"), now);
        api.audit.record(&audit).await?;
        let written = api.contacts.merge(&before, &after, &gone).await?;
        written.map_err(|Stale| contended())?;
        let tag = edit::etag(after.version);
        Ok(Answer::new(StatusCode::OK, &ContactView::from(after)).tagged(tag))
    };
    once.run(&api, &who, &raw, time::now(), work).await
}
