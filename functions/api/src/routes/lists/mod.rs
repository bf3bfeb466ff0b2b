//! `/v1/lists`: named sets of contacts. Who is on one stands on the contacts; how many there are is counted when it is asked for.

pub mod members;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{contact::List, id::ListId};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadContacts, WriteContacts},
    problem::{Code, Problem},
    random,
};
use carillon_store::{
    contacts::{Count, SAMPLE},
    records::{Record, Stale},
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check, edit,
    once::{Answer, Once},
    services::Api,
    time,
};

/// Members that a list loses by a request.
const EMPTIED: usize = 5_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ListView {
    #[schema(value_type = String)]
    id: ListId,
    name: String,
    /// Of one list that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<MemberCount>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberCount {
    /// Exactly when `complete`, which it is up to some 30,000; else to within a few in a hundred.
    count: u64,
    /// They were counted one by one.
    complete: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Lists {
    data: Vec<ListView>,
}

impl ListView {
    fn new(list: List, members: Option<Count>) -> Self {
        let List {
            id,
            account: _,
            name,
            deleting: _,
            created,
            version: _,
        } = list;
        let members = members.map(|Count { count, is_exact }| MemberCount {
            count,
            complete: is_exact,
        });
        Self {
            id,
            name,
            members,
            created,
        }
    }
}

/// Makes a list. Contacts get onto it by `lists` of theirs, or by `POST /v1/lists/{id}/members`.
#[utoipa::path(
    post, path = "/v1/lists", operation_id = "createList", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ListRequest,
    responses((status = 201, description = "The list", body = ListView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input {
        value: ListRequest { name },
        raw,
    }: Input<ListRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let name = check::name("/name", &name)?;
    let now = time::now();
    let work = async |(id, created): (ListId, Timestamp)| {
        let lists = api.lists.list(who.account).await?;
        is_free(&lists, id, &name)?;
        if lists.len() >= List::MOST {
            let detail = format!(
                "An account has at most {} lists. Delete one, or use tags.",
                List::MOST
            );
            return Err(Problem::new(Code::LimitReached, detail));
        }
        let list = List {
            id,
            account: who.account,
            name,
            deleting: false,
            created,
            version: 1,
        };
        let audit = act::audit(&who, "list.create", id, now);
        api.lists.create(&list, &audit).await?;
        let answer = Answer::new(StatusCode::CREATED, &ListView::new(list, None));
        Ok(answer.at(format!("/v1/lists/{id}")).tagged(edit::etag(1)))
    };
    once.run(&api, &who, &raw, (random::id(now), now), work)
        .await
}

/// No two lists are called the same.
fn is_free(lists: &[List], id: ListId, name: &str) -> Result<(), Problem> {
    let same = |list: &&List| !list.deleting && list.id != id && list.name == name;
    match lists.iter().find(same) {
        None => Ok(()),
        Some(there) => {
            let words = format!("`{}` is called so; choose another name", there.id);
            Err(check::content("/name", &words))
        }
    }
}

/// All lists, oldest first.
#[utoipa::path(
    get, path = "/v1/lists", operation_id = "listLists", tag = "contacts",
    security(("key" = ["contacts:read"])),
    responses((status = 200, description = "All of them", body = Lists)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadContacts>) -> Result<Response, Problem> {
    let lists = api.lists.list(who.account).await?;
    let lists = lists.into_iter().filter(|list| !list.deleting);
    let data = lists.map(|list| ListView::new(list, None)).collect();
    Ok(Json(Lists { data }).into_response())
}

/// A list, and how many are on it.
#[utoipa::path(
    get, path = "/v1/lists/{id}", operation_id = "getList", tag = "contacts",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`lst_…`")),
    responses((status = 200, description = "The list", body = ListView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<ListId>,
) -> Result<Response, Problem> {
    let list = find(&api, &who, id).await?;
    let counted = api.contacts.count_members(who.account, id, SAMPLE);
    Ok(answer(list, Some(counted.await?)))
}

/// Renames a list.
#[utoipa::path(
    patch, path = "/v1/lists/{id}", operation_id = "changeList", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(
        ("id" = String, Path, description = "`lst_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the list that you read"),
    ),
    request_body = ListRequest,
    responses((status = 200, description = "The list as it is now", body = ListView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ListId>,
    headers: HeaderMap,
    Input { value, .. }: Input<ListRequest>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "list")?;
    who.must_be_live()?;
    let mut list = find(&api, &who, id).await?;
    if expected != edit::etag(list.version) && expected != "*" {
        return Err(edit::stale("list"));
    }
    list.name = check::name("/name", &value.name)?;
    is_free(&api.lists.list(who.account).await?, id, &list.name)?;
    list.version += 1;
    let audit = act::audit(&who, "list.change", id, time::now());
    let written = api.lists.change(&list, &audit).await?;
    written.map_err(|Stale| edit::stale("list"))?;
    Ok(answer(list, None))
}

/// Deletes a list; its contacts stay. From the first request on nothing sees it any more. Each request lets go of 5,000 members:
/// after 202, repeat it until it is answered with 204.
#[utoipa::path(
    delete, path = "/v1/lists/{id}", operation_id = "deleteList", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`lst_…`")),
    responses(
        (status = 202, description = "It has members yet: send this again", headers(("Retry-After" = String))),
        (status = 204, description = "It is gone"),
    ),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ListId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let found = api.lists.find(who.account, id).await?;
    let mut list = found.ok_or_else(|| Problem::not_found("list"))?;
    if !list.deleting {
        list.deleting = true;
        list.version += 1;
        let audit = act::audit(&who, "list.delete", id, time::now());
        let hidden = api.lists.change(&list, &audit).await?;
        hidden.map_err(|Stale| edit::stale("list"))?;
    }
    if api.contacts.empty(who.account, id, EMPTIED).await? {
        let again = [(header::RETRY_AFTER, "1")];
        return Ok((StatusCode::ACCEPTED, again).into_response());
    }
    let audit = act::audit(&who, "list.gone", id, time::now());
    let deleted = api.lists.delete(&list, &audit).await?;
    deleted.map_err(|Stale| edit::stale("list"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn find(api: &Api, who: &Principal, id: ListId) -> Result<List, Problem> {
    let found = api.lists.find(who.account, id).await?;
    found
        .filter(|list| !list.deleting)
        .ok_or_else(|| Problem::not_found("list"))
}

fn answer(list: List, members: Option<Count>) -> Response {
    let tag = [(header::ETAG, edit::etag(list.version))];
    (tag, Json(ListView::new(list, members))).into_response()
}
