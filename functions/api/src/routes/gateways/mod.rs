//! `/v1/gateways`: the accounts at SMS providers that messages leave by.

pub mod change;
pub mod create;
pub mod health;
mod limits;
pub mod test;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{id::GatewayAccountId, rate::Health};
use carillon_gateways::{Credentials, FieldProblem, GatewayKind};
use carillon_runtime::{
    input::InPath,
    principal::{May, Principal, ReadGateways},
    problem::{Code, FieldError, Problem},
};
use carillon_store::{credentials::Sealed, gateway_accounts::GatewayRecord};
use futures::{StreamExt, TryStreamExt, stream};
use http::header;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::health::{HealthView, health};
use crate::{edit, services::Api};

/// Gateways of a list whose health is read at once.
const CONCURRENT: usize = 16;

/// Without its credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct GatewayView {
    #[schema(value_type = String)]
    id: GatewayAccountId,
    kind: String,
    name: String,
    #[schema(value_type = Object)]
    config: Value,
    /// Where the provider shall post delivery reports and replies, where its own settings ask for a URL.
    hooks_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_parts_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_part: Option<u64>,
    enabled: bool,
    health: HealthView,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Gateways {
    data: Vec<GatewayView>,
}

impl GatewayView {
    fn new(api: &Api, gateway: GatewayRecord, health: Health) -> Self {
        let GatewayRecord {
            id,
            account: _,
            kind,
            name,
            config,
            token,
            parts_per_second,
            sender_parts_per_second,
            cost_per_part,
            enabled,
            created,
            version: _,
        } = gateway;
        let hooks_url = format!("{}/hooks/{kind}/{token}", api.settings.hooks_url);
        Self {
            id,
            kind,
            name,
            config,
            hooks_url,
            parts_per_second,
            sender_parts_per_second,
            cost_per_part,
            enabled,
            health: health.into(),
            created,
        }
    }
}

/// A gateway of the caller's account, its credentials still sealed.
async fn find(
    api: &Api,
    who: &Principal,
    id: GatewayAccountId,
) -> Result<(GatewayRecord, Sealed), Problem> {
    let found = api.gateways.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("gateway"))
}

/// The gateway as it is now, with its `ETag`.
async fn answer(api: &Api, gateway: GatewayRecord) -> Result<Response, Problem> {
    let health = health(api, gateway.id).await?;
    let tag = [(header::ETAG, edit::etag(gateway.version))];
    let view = GatewayView::new(api, gateway, health);
    Ok((tag, Json(view)).into_response())
}

fn check_config(
    api: &Api,
    kind: GatewayKind,
    config: &Value,
    credentials: &Credentials,
) -> Result<(), Problem> {
    let problems = match kind.open(config) {
        Ok(gateway) => gateway.validate(credentials, &api.settings.allowed_hosts),
        Err(problems) => problems,
    };
    if problems.is_empty() {
        return Ok(());
    }
    let error = |FieldProblem { pointer, message }| {
        FieldError::new(pointer, Code::InvalidContent.as_str(), message)
    };
    let errors = problems.into_iter().map(error).collect();
    Err(Problem::of_fields(Code::InvalidContent, errors))
}

/// All gateways, oldest first.
#[utoipa::path(
    get, path = "/v1/gateways", operation_id = "listGateways", tag = "gateways",
    security(("key" = ["gateways:read"])),
    responses((status = 200, description = "All of them", body = Gateways)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadGateways>) -> Result<Response, Problem> {
    let gateways = api.gateways.list(who.account).await?;
    let views = stream::iter(gateways).map(async |gateway| {
        let health = health(&api, gateway.id).await?;
        Ok::<_, Problem>(GatewayView::new(&api, gateway, health))
    });
    let data = views.buffered(CONCURRENT).try_collect().await?;
    Ok(Json(Gateways { data }).into_response())
}

/// A gateway.
#[utoipa::path(
    get, path = "/v1/gateways/{id}", operation_id = "getGateway", tag = "gateways",
    security(("key" = ["gateways:read"])),
    params(("id" = String, Path, description = "`gwa_…`")),
    responses((status = 200, description = "The gateway", body = GatewayView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadGateways>,
    InPath(id): InPath<GatewayAccountId>,
) -> Result<Response, Problem> {
    let (gateway, _) = find(&api, &who, id).await?;
    answer(&api, gateway).await
}
