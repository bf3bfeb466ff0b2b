//! An edit of a gateway. Workers learn of it with their next tokens, so it acts within seconds, also on what is running.

use axum::{extract::State, response::Response};
use carillon_core::id::GatewayAccountId;
use carillon_gateways::{Credentials, GatewayKind};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, WriteGateways},
    problem::Problem,
};
use carillon_store::{
    gateway_accounts::{GatewayRecord, Stale},
    rate::History,
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{GatewayView, answer, check_config, find, limits};
use crate::{act, check, edit, fields::given, services::Api, time};

/// What is left out stays; the limits and the cost are taken back by `null`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct GatewayChange {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Together with `credentials`.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// All of them: they replace what is kept.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    credentials: Option<Credentials>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    parts_per_second: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    sender_parts_per_second: Option<Option<u32>>,
    /// For batches that begin from then on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    cost_per_part: Option<Option<u64>>,
    /// `false`: nothing leaves by it any more. What has no other way out waits.
    enabled: Option<bool>,
}

/// Changes a gateway. Limits, the switch and credentials act within seconds, also on batches that are running.
///
/// New credentials, a new configuration or the switch also end an interruption: the gateway is tried again at once.
#[utoipa::path(
    patch, path = "/v1/gateways/{id}", operation_id = "changeGateway", tag = "gateways",
    security(("key" = ["gateways:write"])),
    params(
        ("id" = String, Path, description = "`gwa_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the gateway that you read"),
    ),
    request_body = GatewayChange,
    responses((status = 200, description = "The gateway as it is now", body = GatewayView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteGateways>,
    InPath(id): InPath<GatewayAccountId>,
    headers: HeaderMap,
    Input { value, .. }: Input<GatewayChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "gateway")?;
    who.must_be_live()?;
    let (before, mut sealed) = find(&api, &who, id).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("gateway"));
    }
    let history = history(&value);
    let (after, credentials) = changed(&api, before, value)?;
    if let Some(credentials) = credentials {
        let revealed = credentials.reveal_json();
        sealed = api.vault.seal(who.account, id, &revealed).await?;
    }
    let audit = act::audit(&who, "gateway.change", id, time::now());
    let written = api.gateways.change(&after, &sealed, history, &audit);
    written.await?.map_err(|Stale| edit::stale("gateway"))?;
    answer(&api, after).await
}

/// Who changes these may have repaired what closed or slowed it.
fn history(change: &GatewayChange) -> History {
    let repairs =
        change.config.is_some() || change.credentials.is_some() || change.enabled.is_some();
    if repairs {
        History::Forgotten
    } else {
        History::Kept
    }
}

fn changed(
    api: &Api,
    mut gateway: GatewayRecord,
    change: GatewayChange,
) -> Result<(GatewayRecord, Option<Credentials>), Problem> {
    let GatewayChange {
        name,
        config,
        credentials,
        parts_per_second,
        sender_parts_per_second,
        cost_per_part,
        enabled,
    } = change;
    if let Some(name) = name {
        gateway.name = check::name("/name", &name)?;
    }
    if config.is_some() && credentials.is_none() {
        let words = "missing; nobody can read those that are kept, so send them again with a new configuration";
        return Err(check::content("/credentials", &words));
    }
    if let Some(config) = config {
        gateway.config = config;
    }
    if let Some(credentials) = &credentials {
        let kind: Result<GatewayKind, _> = gateway.kind.parse();
        let kind = kind.map_err(|error| check::content("/kind", &error))?;
        check_config(api, kind, &gateway.config, credentials)?;
    }
    if let Some(limit) = parts_per_second {
        limits::check("/parts_per_second", limit)?;
        gateway.parts_per_second = limit;
    }
    if let Some(limit) = sender_parts_per_second {
        limits::check("/sender_parts_per_second", limit)?;
        gateway.sender_parts_per_second = limit;
    }
    gateway.cost_per_part = cost_per_part.unwrap_or(gateway.cost_per_part);
    gateway.enabled = enabled.unwrap_or(gateway.enabled);
    gateway.version += 1;
    Ok((gateway, credentials))
}
