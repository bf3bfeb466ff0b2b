//! Putting contacts onto a list and taking them off.

use axum::{extract::State, response::Response};
use carillon_core::{
    contact::{ContactChange, Effect, SetChange},
    id::{ContactId, ListId},
    phone::Phone,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, WriteContacts},
    problem::{Code, Problem},
};
use carillon_store::contacts::ChangeError;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    once::{Answer, Once},
    services::Api,
    time,
};

/// Contacts of a request at most.
const MOST: usize = 1_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MembersRequest {
    /// Contacts, by id or number: `cnt_…` or `+447700900123`. Up to 1,000 with those in `remove`.
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MembersResult {
    added: usize,
    removed: usize,
    /// They were on it, or off it, already.
    unchanged: usize,
    rejected: Vec<MemberRefusal>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberRefusal {
    /// Into the request's body.
    pointer: String,
    code: String,
    detail: String,
}

/// Puts contacts onto a list and takes others off.
#[utoipa::path(
    post, path = "/v1/lists/{id}/members", operation_id = "changeMembers", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`lst_…`"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = MembersRequest,
    responses((status = 200, description = "What became of them", body = MembersResult)),
)]
pub async fn change(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ListId>,
    once: Once,
    Input {
        value: MembersRequest { add, remove },
        raw,
    }: Input<MembersRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let add = ids(&api, &who, &add, "/add")?;
    let remove = ids(&api, &who, &remove, "/remove")?;
    let count = add.len() + remove.len();
    if count > MOST {
        let words = format!("expected at most {MOST} contacts; send more in several requests");
        return Err(check::content("", &words));
    }
    let work = async |now: Timestamp| {
        super::find(&api, &who, id).await?;
        let audit = act::audit(&who, "list.members", id, now);
        api.audit.record(&audit).await?;
        let mut result = MembersResult {
            added: 0,
            removed: 0,
            unchanged: 0,
            rejected: Vec::new(),
        };
        let onto = SetChange::adding([id].into());
        result.added = result.settle(&api, &who, "/add", &add, onto, now).await?;
        let off = SetChange::removing([id].into());
        result.removed = result
            .settle(&api, &who, "/remove", &remove, off, now)
            .await?;
        Ok(Answer::new(StatusCode::OK, &result))
    };
    once.run(&api, &who, &raw, time::now(), work).await
}

/// A contact's id follows from its number, so nothing is looked up.
fn ids(
    api: &Api,
    who: &Principal,
    given: &[String],
    pointer: &str,
) -> Result<Vec<ContactId>, Problem> {
    let read = |(place, text): (usize, &String)| {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let number: Phone = check::number(&format!("{pointer}/{place}"), text, None)?;
        Ok(api.key.contact(who.account, number))
    };
    given.iter().enumerate().map(read).collect()
}

impl MembersResult {
    /// How many were changed.
    async fn settle(
        &mut self,
        api: &Api,
        who: &Principal,
        pointer: &str,
        ids: &[ContactId],
        lists: SetChange<ListId>,
        now: Timestamp,
    ) -> Result<usize, Problem> {
        let change = ContactChange {
            lists,
            ..ContactChange::default()
        };
        let done = api.contacts.change(who.account, ids, &change, now).await?;
        let mut changed = 0;
        for (place, outcome) in done.into_iter().enumerate() {
            let (code, detail) = match outcome {
                Ok((_, Effect::Unchanged)) => {
                    self.unchanged += 1;
                    continue;
                }
                Ok(_) => {
                    changed += 1;
                    continue;
                }
                Err(ChangeError::Store(error)) => return Err(error.into()),
                Err(ChangeError::NotFound) => (
                    Code::NotFound,
                    "there is no such contact; make it with `POST /v1/contacts/batch`, which takes its `lists` too".to_owned(),
                ),
                Err(ChangeError::Contended) => (Code::Unavailable, "others are changing this contact; send it again".to_owned()),
                Err(ChangeError::Refused(error)) => (Code::InvalidContent, error.to_string()),
            };
            self.rejected.push(MemberRefusal {
                pointer: format!("{pointer}/{place}"),
                code: code.as_str().to_owned(),
                detail,
            });
        }
        Ok(changed)
    }
}
