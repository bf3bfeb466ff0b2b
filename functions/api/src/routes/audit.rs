//! `/v1/audit`: who did what.

use axum::{extract::State, response::Response};
use carillon_core::id::EventId;
use carillon_runtime::{
    input::Query,
    principal::{May, ReadAudit},
    problem::Problem,
};
use carillon_store::audit::{Actor, Audit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    list::{Asked, Page, PageQuery},
    services::Api,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    #[schema(value_type = String)]
    id: EventId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The id of an API key or of a member; `operator` for whoever runs the deployment; `system` for a rule of Carillon's own.
    actor: String,
    /// A kind of thing, and what was done to it.
    #[schema(example = "campaign.start")]
    action: String,
    /// The id of the thing.
    target: String,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what this API key, this member or the `operator` did.
    actor: Option<String>,
    /// Only what was done to things of this kind: an action's first word, such as `campaign`.
    thing: Option<String>,
    /// How many are looked at: 1 to 500, 50 when not given. A page that is narrowed may show fewer of them, and none.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a list of entries is narrowed to.
struct Narrowed {
    actor: Option<String>,
    thing: Option<String>,
}

impl Narrowed {
    /// As it stands in the query of the next page.
    fn filter(&self) -> Vec<(&'static str, String)> {
        let all = [("actor", &self.actor), ("thing", &self.thing)];
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect()
    }

    fn shows(&self, entry: &AuditView) -> bool {
        let thing = entry.action.split('.').next();
        self.actor
            .as_ref()
            .is_none_or(|actor| *actor == entry.actor)
            && self.thing.as_deref().is_none_or(|it| Some(it) == thing)
    }
}

impl AuditView {
    fn new(audit: Audit) -> Self {
        let Audit {
            id,
            at,
            account: _,
            actor,
            action,
            target,
        } = audit;
        let actor = match actor {
            Actor::Key(id) => id.to_string(),
            Actor::Member(id) => id.to_string(),
            Actor::Operator => "operator".to_owned(),
            Actor::Plan => "plan".to_owned(),
            Actor::System => "system".to_owned(),
        };
        Self {
            id,
            at,
            actor,
            action,
            target,
        }
    }
}

/// Who did what, newest first.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "listAudit", tag = "audit",
    security(("key" = ["audit:read"])),
    params(AuditQuery),
    responses((status = 200, description = "A page", body = Page<AuditView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Problem> {
    let AuditQuery {
        actor,
        thing,
        limit,
        cursor,
    } = query;
    let narrowed = Narrowed { actor, thing };
    let query = PageQuery { limit, cursor };
    let asked = Asked::filtered(&api, &who, "/v1/audit", &narrowed.filter(), query)?;
    let entries = api
        .audit
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let place = |entry: &Audit| entry.id.to_string();
    Ok(asked.answer(&api, &who, entries, place, |entry| {
        let view = AuditView::new(entry);
        narrowed.shows(&view).then_some(view)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_narrowed_to_somebody_and_to_a_kind_of_thing() {
        let entry = AuditView {
            id: "evt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            actor: "operator".to_owned(),
            action: "campaign.start".to_owned(),
            target: "cmp_1".to_owned(),
        };
        for (name, actor, thing, expected) in [
            ("to nothing", None, None, true),
            ("to its actor", Some("operator"), None, true),
            ("to another", Some("mbr_1"), None, false),
            ("to its kind", None, Some("campaign"), true),
            ("to another kind", None, Some("camp"), false),
            (
                "to both, one of which it isn't",
                Some("operator"),
                Some("key"),
                false,
            ),
        ] {
            let narrowed = Narrowed {
                actor: actor.map(ToOwned::to_owned),
                thing: thing.map(ToOwned::to_owned),
            };
            assert_eq!(narrowed.shows(&entry), expected, "{name}");
        }
    }
}
