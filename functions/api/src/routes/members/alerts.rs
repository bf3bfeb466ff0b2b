//! `/v1/members/{id}/alerts`: whether a member is told by e-mail. One's own choice, whatever one's role.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use carillon_core::{
    api_key::Scope,
    id::{AccountId, MemberId},
    member::{Email, Member},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadAccount},
    problem::{Code, Problem},
};
use carillon_store::{StoreError, audit::Actor, records::Stale};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer;
use crate::{act, edit, services::Api, time};

/// How often memberships may change while SNS is told of them.
const TRIES: u32 = 4;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertsRequest {
    /// Whether to tell this member by e-mail that a campaign has finished or failed, a gateway account is failing, or a spending cap is
    /// near or reached. Amazon SNS first asks whoever owns the address.
    email: bool,
}

/// Switches a member's alerts by e-mail on or off: one's own as a member, or anybody's with `members:admin`.
#[utoipa::path(
    put, path = "/v1/members/{id}/alerts", operation_id = "setMemberAlerts", tag = "members",
    security(("key" = ["account:read"])),
    params(("id" = String, Path, description = "`mbr_…`")),
    request_body = AlertsRequest,
    responses((status = 200, description = "The member as it is now", body = super::MemberView, headers(("ETag" = String)))),
)]
pub async fn put(
    State(api): State<Api>,
    who: May<ReadAccount>,
    InPath(id): InPath<MemberId>,
    Input { value, .. }: Input<AlertsRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    may_choose(&who, id)?;
    let AlertsRequest { email: alerts } = value;
    let found = api.members.find(who.account, id).await?;
    let before = found.ok_or_else(|| Problem::not_found("member"))?;
    let mut after = before.clone();
    if before.alerts != alerts {
        after.alerts = alerts;
        after.version += 1;
        let action = if alerts {
            "member.alert"
        } else {
            "member.alert_no_more"
        };
        let audit = act::audit(&who, action, id, time::now());
        let written = api.members.change(&after, None, &audit).await?;
        written.map_err(|Stale| edit::stale("member"))?;
    }
    // Also when nothing changed: the call before may have died here.
    settle(&api, &after.email).await?;
    Ok(answer(after))
}

fn may_choose(who: &Principal, id: MemberId) -> Result<(), Problem> {
    if who.actor == Actor::Member(id) || who.scopes.contains(&Scope::MembersAdmin) {
        return Ok(());
    }
    let detail = "You choose for yourself only. For others, this needs the scope `members:admin`.";
    Err(Problem::new(Code::ForbiddenScope, detail))
}

/// Tells SNS what the memberships say, until they say the same afterwards: the last of two who change them at once sees both changes.
async fn settle(api: &Api, email: &Email) -> Result<(), StoreError> {
    let mut accounts = followed(api, email).await?;
    for _ in 0..TRIES {
        api.alerts.follow(email, &accounts).await?;
        let now = followed(api, email).await?;
        if now == accounts {
            return Ok(());
        }
        accounts = now;
    }
    Err(StoreError::Busy {
        operation: "tell who follows an account",
        source: "the person's memberships changed each time".into(),
    })
}

/// Before a membership ends: whoever is no member any more must not be told, whatever fails afterwards.
pub async fn end(api: &Api, member: &Member) -> Result<(), StoreError> {
    let mut accounts = followed(api, &member.email).await?;
    accounts.remove(&member.account);
    api.alerts.follow(&member.email, &accounts).await
}

async fn followed(api: &Api, email: &Email) -> Result<BTreeSet<AccountId>, StoreError> {
    let members = api.members.of(email).await?;
    let members = members.into_iter().filter(|member| member.alerts);
    Ok(members.map(|member| member.account).collect())
}
