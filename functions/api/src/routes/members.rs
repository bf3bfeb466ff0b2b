//! `/v1/members`: the people who sign in to the console.

pub mod alerts;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::MemberId,
    member::{Email, LastOwner, Member, NotARole, Role, owner_to_stay},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{AdministerMembers, May},
    problem::{Code, Problem},
    random,
};
use carillon_store::{
    members::{MOST, MemberAlready},
    records::Stale,
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{act, check, edit, services::Api, time};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRequest {
    /// By which the identity provider knows the person.
    #[schema(example = "ada@example.com")]
    email: String,
    /// `viewer`, `sender` or `owner`.
    role: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// `viewer`, `sender` or `owner`.
    role: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    #[schema(value_type = String)]
    id: MemberId,
    #[schema(value_type = String)]
    email: Email,
    #[schema(value_type = String)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    invited: Timestamp,
    /// When they first signed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<Timestamp>,
    /// Whether they asked to be told by e-mail when something needs them.
    alerts: bool,
    /// For `If-Match`, in quotes.
    version: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberList {
    data: Vec<MemberView>,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let Member {
            id,
            account: _,
            email,
            role,
            subject: _,
            invited,
            joined,
            alerts,
            signed_out: _,
            version,
        } = member;
        Self {
            id,
            email,
            role,
            invited,
            joined,
            alerts,
            version,
        }
    }
}

/// Invites somebody to the console: who signs in there with this e-mail address is a member.
#[utoipa::path(
    post, path = "/v1/members", operation_id = "inviteMember", tag = "members",
    security(("key" = ["members:admin"])),
    request_body = MemberRequest,
    responses((status = 201, description = "The member", body = MemberView, headers(("ETag" = String)))),
)]
pub async fn invite(
    State(api): State<Api>,
    who: May<AdministerMembers>,
    Input { value, .. }: Input<MemberRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let MemberRequest { email, role } = value;
    let email = email
        .parse()
        .map_err(|error| check::content("/email", &error))?;
    let role = read(&role)?;
    let members = api.members.list(who.account).await?;
    if members.len() >= MOST {
        let detail = format!("An account has at most {MOST} members.");
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let now = time::now();
    let member = Member {
        id: random::id(now),
        account: who.account,
        email,
        role,
        subject: None,
        invited: now,
        joined: None,
        alerts: false,
        signed_out: None,
        version: 1,
    };
    let audit = act::audit(&who, "member.invite", member.id, now);
    let invited = api.members.invite(&member, &audit).await?;
    invited.map_err(|MemberAlready| {
        let words = "somebody with this address is a member already; change their role instead";
        check::content("/email", &words)
    })?;
    let location = [(header::LOCATION, format!("/v1/members/{}", member.id))];
    Ok((StatusCode::CREATED, location, answer(member)).into_response())
}

/// All members, oldest first.
#[utoipa::path(
    get, path = "/v1/members", operation_id = "listMembers", tag = "members",
    security(("key" = ["members:admin"])),
    responses((status = 200, description = "All of them", body = MemberList)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<AdministerMembers>,
) -> Result<Response, Problem> {
    let members = api.members.list(who.account).await?;
    let data = members.into_iter().map(MemberView::from).collect();
    Ok(Json(MemberList { data }).into_response())
}

/// Gives a member another role, at once: it is looked at with each page. The last owner stays one.
#[utoipa::path(
    patch, path = "/v1/members/{id}", operation_id = "changeMember", tag = "members",
    security(("key" = ["members:admin"])),
    params(
        ("id" = String, Path, description = "`mbr_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the member that you read"),
    ),
    request_body = MemberChange,
    responses((status = 200, description = "The member as it is now", body = MemberView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<AdministerMembers>,
    InPath(id): InPath<MemberId>,
    headers: HeaderMap,
    Input { value, .. }: Input<MemberChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "member")?;
    who.must_be_live()?;
    let MemberChange { role } = value;
    let role = read(&role)?;
    let members = api.members.list(who.account).await?;
    let before = find(&members, id)?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("member"));
    }
    let stays = owner_to_stay(&members, before, Some(role)).map_err(last_owner)?;
    let after = Member {
        role,
        version: before.version + 1,
        ..before.clone()
    };
    let action = format!("member.make_{role}");
    let audit = act::audit(&who, &action, id, time::now());
    let written = api.members.change(&after, stays, &audit).await?;
    written.map_err(|Stale| edit::stale("member"))?;
    Ok(answer(after))
}

/// Removes a member. Their sessions are over at once.
#[utoipa::path(
    delete, path = "/v1/members/{id}", operation_id = "removeMember", tag = "members",
    security(("key" = ["members:admin"])),
    params(("id" = String, Path, description = "`mbr_…`")),
    responses((status = 204, description = "They are no member any more")),
)]
pub async fn remove(
    State(api): State<Api>,
    who: May<AdministerMembers>,
    InPath(id): InPath<MemberId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let members = api.members.list(who.account).await?;
    let member = find(&members, id)?;
    let stays = owner_to_stay(&members, member, None).map_err(last_owner)?;
    alerts::end(&api, member).await?;
    let audit = act::audit(&who, "member.remove", id, time::now());
    let removed = api.members.remove(member, stays, &audit).await?;
    removed.map_err(|Stale| edit::stale("member"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read(role: &str) -> Result<Role, Problem> {
    role.parse()
        .map_err(|error: NotARole| check::content("/role", &error))
}

fn find(members: &[Member], id: MemberId) -> Result<&Member, Problem> {
    let found = members.iter().find(|member| member.id == id);
    found.ok_or_else(|| Problem::not_found("member"))
}

fn last_owner(error: LastOwner) -> Problem {
    let words = error.to_string();
    let detail = format!("T{}.", &words[1..]);
    Problem::new(Code::InvalidState, detail)
}

fn answer(member: Member) -> Response {
    let tag = [(header::ETAG, edit::etag(member.version))];
    (tag, Json(MemberView::from(member))).into_response()
}
