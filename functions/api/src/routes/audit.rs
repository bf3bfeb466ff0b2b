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
use serde::Serialize;
use utoipa::ToSchema;

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
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<AuditView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadAudit>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/audit", query)?;
    let entries = api
        .audit
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let place = |entry: &Audit| entry.id.to_string();
    Ok(asked.answer(&api, &who, entries, place, |entry| {
        Some(AuditView::new(entry))
    }))
}
