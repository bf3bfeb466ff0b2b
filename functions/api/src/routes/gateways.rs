//! `/v1/gateways`: the accounts at SMS providers that messages leave by.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    batch::{DoubtPolicy, Lane},
    id::GatewayAccountId,
};
use carillon_gateways::{Credentials, FieldProblem, GatewayKind, callback::PathToken};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadGateways, SendMessages, WriteGateways},
    problem::{Code, FieldError, Problem},
    random,
};
use carillon_store::gateway_accounts::{GatewayRecord, MAX_GATEWAYS};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    act, check,
    deliver::{Drawn, Sending, deliver},
    fields::To,
    once::{Answer, Once},
    pin,
    routes::messages::Accepted,
    services::Api,
    time,
};

/// Parts per second that may be set at most.
const FASTEST: u32 = 100_000;
const TEST_TEXT: &str = "Carillon test";
const TEST_VALID_FOR: SignedDuration = SignedDuration::from_mins(5);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayRequest {
    /// `generic` or `simulated`.
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
    /// What an SMS costs, in millionths of your currency.
    cost_per_part: Option<u64>,
}

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
    cost_per_part: Option<u64>,
    enabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Gateways {
    data: Vec<GatewayView>,
}

impl GatewayView {
    fn new(api: &Api, gateway: GatewayRecord) -> Self {
        let GatewayRecord {
            id,
            account: _,
            kind,
            name,
            config,
            token,
            parts_per_second,
            sender_parts_per_second: _,
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
            cost_per_part,
            enabled,
            created,
        }
    }
}

/// Adds a gateway. Campaigns and messages that begin from then on may leave by it.
#[utoipa::path(
    post, path = "/v1/gateways", operation_id = "createGateway", tag = "gateways",
    security(("key" = ["gateways:write"])),
    request_body = GatewayRequest,
    responses((status = 201, description = "The gateway", body = GatewayView)),
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
        cost_per_part,
    } = value;
    who.must_be_live()?;
    let now = time::now();
    let kind: GatewayKind = kind
        .parse()
        .map_err(|error| check::content("/kind", &error))?;
    let name = check::name("/name", &name)?;
    if parts_per_second.is_some_and(|rate| !(1..=FASTEST).contains(&rate)) {
        return Err(check::content(
            "/parts_per_second",
            &format!("expected 1 to {FASTEST}"),
        ));
    }
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
        sender_parts_per_second: None,
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
    let view = GatewayView::new(&api, gateway);
    Ok((StatusCode::CREATED, location, Json(view)).into_response())
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
    let view = |gateway| GatewayView::new(&api, gateway);
    let data = gateways.into_iter().map(view).collect();
    Ok(Json(Gateways { data }).into_response())
}

/// A gateway.
#[utoipa::path(
    get, path = "/v1/gateways/{id}", operation_id = "getGateway", tag = "gateways",
    security(("key" = ["gateways:read"])),
    params(("id" = String, Path, description = "`gwa_…`")),
    responses((status = 200, description = "The gateway", body = GatewayView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadGateways>,
    InPath(id): InPath<GatewayAccountId>,
) -> Result<Response, Problem> {
    let found = api.gateways.find(who.account, id).await?;
    let (gateway, _) = found.ok_or_else(|| Problem::not_found("gateway"))?;
    Ok(Json(GatewayView::new(&api, gateway)).into_response())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayTest {
    /// A number in E.164.
    to: String,
    /// A number, a short code, or a name of up to 11 characters.
    sender: Option<String>,
}

/// Sends one SMS by this gateway, and by no other: "Carillon test".
#[utoipa::path(
    post, path = "/v1/gateways/{id}/test", operation_id = "testGateway", tag = "gateways",
    security(("key" = ["messages:send"])),
    params(("id" = String, Path, description = "`gwa_…`"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = GatewayTest,
    responses((status = 202, description = "On its way; the message tells what came of it", body = Accepted)),
)]
pub async fn test(
    State(api): State<Api>,
    who: May<SendMessages>,
    InPath(id): InPath<GatewayAccountId>,
    once: Once,
    Input { value, raw }: Input<GatewayTest>,
) -> Result<Response, Problem> {
    let GatewayTest { to, sender } = value;
    let sender = check::sender("/sender", sender)?;
    let template = check::text("/text", TEST_TEXT)?;
    let place = check::Place {
        pointer: "/to",
        most: 1,
        country: None,
    };
    let recipients = check::to(To::One(to), &place, &template)?;
    let found = api.gateways.find(who.account, id).await?;
    let (gateway, _) = found.ok_or_else(|| Problem::not_found("gateway"))?;
    let entry = pin::entry(&gateway, sender.as_ref());
    let unusable = || {
        Problem::new(
            Code::InvalidState,
            "The gateway's configuration can't be used any more. Add the gateway anew.",
        )
    };
    let sending = Sending {
        account: who.account,
        campaign: None,
        test: who.mode == Mode::Test,
        recipients,
        text: TEST_TEXT.to_owned(),
        template,
        routes: vec![entry.ok_or_else(unusable)?],
        lane: Lane::High,
        policy: DoubtPolicy::AtMostOnce,
        valid_for: TEST_VALID_FOR,
        send_at: None,
    };
    let work = async |drawn: Drawn| {
        let taken = deliver(&api, sending, drawn).await?;
        let accepted = Accepted::new(drawn.batch, taken, None);
        Ok(Answer::new(StatusCode::ACCEPTED, &accepted))
    };
    once.run(&api, &who, &raw, Drawn::now(time::now()), work)
        .await
}
