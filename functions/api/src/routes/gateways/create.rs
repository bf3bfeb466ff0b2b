//! A new gateway.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::id::GatewayAccountId;
use carillon_gateways::{Credentials, GatewayKind, callback::PathToken};
use carillon_runtime::{
    input::Input,
    principal::{May, WriteGateways},
    problem::{Code, Problem},
    random,
};
use carillon_store::gateway_accounts::{GatewayRecord, MAX_GATEWAYS};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{GatewayView, answer, check_config, limits};
use crate::{act, check, services::Api, time};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayRequest {
    /// One of the kinds of docs/gateways.md: `twilio`, `generic`, …
    kind: String,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What its kind needs to know.
    #[serde(default)]
    #[schema(value_type = Object)]
    config: Value,
    /// Secrets by the names that `config` calls them by. Kept encrypted, never shown.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    credentials: Credentials,
    /// How many SMS it takes in a second; left out, without limit.
    #[schema(minimum = 1, maximum = 100_000)]
    parts_per_second: Option<u32>,
    /// How many of these each sender may have; left out, all of them.
    #[schema(minimum = 1, maximum = 100_000)]
    sender_parts_per_second: Option<u32>,
    /// What an SMS costs, in millionths of your currency.
    cost_per_part: Option<u64>,
}

/// Adds a gateway. Campaigns and messages that begin from then on may leave by it.
#[utoipa::path(
    post, path = "/v1/gateways", operation_id = "createGateway", tag = "gateways",
    security(("key" = ["gateways:write"])),
    request_body = GatewayRequest,
    responses((status = 201, description = "The gateway", body = GatewayView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteGateways>,
    Input { value, .. }: Input<GatewayRequest>,
) -> Result<Response, Problem> {
    let GatewayRequest {
        kind,
        name,
        config,
        credentials,
        parts_per_second,
        sender_parts_per_second,
        cost_per_part,
    } = value;
    who.must_be_live()?;
    let now = time::now();
    let kind: GatewayKind = kind
        .parse()
        .map_err(|error| check::content("/kind", &error))?;
    let name = check::name("/name", &name)?;
    limits::check("/parts_per_second", parts_per_second)?;
    limits::check("/sender_parts_per_second", sender_parts_per_second)?;
    check_config(&api, kind, &config, &credentials)?;
    if api.gateways.list(who.account).await?.len() >= MAX_GATEWAYS {
        let detail = format!("An account has at most {MAX_GATEWAYS} gateways.");
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let id: GatewayAccountId = random::id(now);
    let gateway = GatewayRecord {
        id,
        account: who.account,
        kind: kind.to_string(),
        name,
        config,
        token: PathToken::from_random(random::bytes()).as_str().to_owned(),
        parts_per_second,
        sender_parts_per_second,
        cost_per_part,
        enabled: true,
        created: now,
        version: 1,
    };
    let sealed = api
        .vault
        .seal(who.account, id, &credentials.reveal_json())
        .await?;
    let audit = act::audit(&who, "gateway.create", id, now);
    api.gateways.create(&gateway, &sealed, &audit).await?;
    let location = [(header::LOCATION, format!("/v1/gateways/{id}"))];
    let made = answer(&api, gateway).await?;
    Ok((StatusCode::CREATED, location, made).into_response())
}
