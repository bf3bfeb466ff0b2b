//! `/v1/routes`: which gateways messages leave by, by destination, lane and sender. Without a route, all gateways are tried, oldest first.

pub mod explain;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::MAX_ROUTES,
    id::{GatewayAccountId, RouteId, SenderId},
    originator::Originator,
    routing::{self, Destinations, Route, RouteExit},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadGateways, WriteGateways},
    problem::{Code, Problem},
    random,
};
use carillon_store::records::{Record, Stale};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{act, check, edit, fields::Lane, pin::Ways, services::Api, time};

const USUAL_PRIORITY: u16 = 100;
const MOST_PREFIXES: usize = 200;
const MOST_WEIGHT: u16 = 10_000;
const MOST_SENDERS: usize = 100;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The lowest comes first; of equals the one that names longer prefixes, then countries, then nothing. Left out: 100.
    priority: Option<u16>,
    /// Countries that it is for, two letters each.
    #[serde(default)]
    countries: Vec<String>,
    /// Beginnings of numbers that it is for, `+` and digits. Without countries and prefixes it is for everybody.
    #[serde(default)]
    #[schema(example = json!(["+4477"]))]
    prefixes: Vec<String>,
    /// Left out: every lane.
    #[serde(default)]
    lanes: Vec<Lane>,
    /// Only for messages that name one of these as their `sender`. Left out: for all.
    #[serde(default)]
    senders: Vec<String>,
    /// Left out: in order.
    #[serde(default)]
    choice: Choice,
    gateways: Vec<Exit>,
}

/// What is left out stays; what is given replaces what was there.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteChange {
    name: Option<String>,
    priority: Option<u16>,
    countries: Option<Vec<String>>,
    prefixes: Option<Vec<String>>,
    lanes: Option<Vec<Lane>>,
    senders: Option<Vec<String>>,
    choice: Option<Choice>,
    gateways: Option<Vec<Exit>>,
    /// `false`: nothing that begins from then on goes by it.
    enabled: Option<bool>,
}

/// How it picks among its gateways. Those that are not picked are tried when the others can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The first that works.
    #[default]
    InOrder,
    /// Each gets its share of the numbers, by `weight`; a number always the same.
    Weighted,
    /// The cheapest that works, by `cost_per_part`.
    LeastCost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    #[schema(value_type = String)]
    gateway: GatewayAccountId,
    /// Its share where the route is `weighted`. 0: only when the others can't be used.
    #[schema(maximum = 10_000)]
    #[serde(default = "one")]
    weight: u16,
    /// What an SMS costs by this route, in millionths of your currency; left out, what the gateway says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost_per_part: Option<u64>,
    /// Senders of which messages without a `sender` take one: a number always the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pool: Vec<SenderId>,
}

const fn one() -> u16 {
    1
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RouteView {
    #[schema(value_type = String)]
    id: RouteId,
    name: String,
    priority: u16,
    #[schema(value_type = Vec<String>)]
    countries: Vec<carillon_core::phone::Country>,
    prefixes: Vec<String>,
    lanes: Vec<Lane>,
    #[schema(value_type = Vec<String>)]
    senders: Vec<Originator>,
    choice: Choice,
    gateways: Vec<Exit>,
    enabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Routes {
    data: Vec<RouteView>,
}

impl From<Route> for RouteView {
    fn from(route: Route) -> Self {
        let Route {
            id,
            account: _,
            name,
            priority,
            destinations:
                Destinations {
                    countries,
                    prefixes,
                },
            lanes,
            senders,
            choice,
            exits,
            enabled,
            created,
            version: _,
        } = route;
        Self {
            id,
            name,
            priority,
            countries,
            prefixes: prefixes.iter().map(|digits| format!("+{digits}")).collect(),
            lanes: lanes.into_iter().map(Lane::from).collect(),
            senders,
            choice: choice.into(),
            gateways: exits.into_iter().map(Exit::from).collect(),
            enabled,
            created,
        }
    }
}

impl From<RouteExit> for Exit {
    fn from(exit: RouteExit) -> Self {
        let RouteExit {
            gateway,
            weight,
            cost_per_part,
            pool,
        } = exit;
        Self {
            gateway,
            weight,
            cost_per_part,
            pool,
        }
    }
}

impl From<Choice> for routing::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::InOrder => Self::InOrder,
            Choice::Weighted => Self::Weighted,
            Choice::LeastCost => Self::LeastCost,
        }
    }
}

impl From<routing::Choice> for Choice {
    fn from(choice: routing::Choice) -> Self {
        match choice {
            routing::Choice::InOrder => Self::InOrder,
            routing::Choice::Weighted => Self::Weighted,
            routing::Choice::LeastCost => Self::LeastCost,
        }
    }
}

/// Adds a route, for what begins from then on. With the first one, nothing leaves any more that no route is for.
#[utoipa::path(
    post, path = "/v1/routes", operation_id = "createRoute", tag = "routes",
    security(("key" = ["gateways:write"])),
    request_body = RouteRequest,
    responses((status = 201, description = "The route", body = RouteView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteGateways>,
    Input { value, .. }: Input<RouteRequest>,
) -> Result<Response, Problem> {
    let RouteRequest {
        name,
        priority,
        countries,
        prefixes,
        lanes,
        senders,
        choice,
        gateways,
    } = value;
    who.must_be_live()?;
    let now = time::now();
    let route = Route {
        id: random::id(now),
        account: who.account,
        name: String::new(),
        priority: USUAL_PRIORITY,
        destinations: Destinations::default(),
        lanes: Vec::new(),
        senders: Vec::new(),
        choice: routing::Choice::InOrder,
        exits: Vec::new(),
        enabled: true,
        created: now,
        version: 1,
    };
    let change = RouteChange {
        name: Some(name),
        priority,
        countries: Some(countries),
        prefixes: Some(prefixes),
        lanes: Some(lanes),
        senders: Some(senders),
        choice: Some(choice),
        gateways: Some(gateways),
        enabled: None,
    };
    let ways = Ways::of(&api, who.account).await?;
    if ways.routes.len() >= Route::MOST {
        let detail = format!("An account has at most {} routes.", Route::MOST);
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let route = changed(&ways, route, change)?;
    let audit = act::audit(&who, "route.create", route.id, now);
    api.routes.create(&route, &audit).await?;
    let location = [(header::LOCATION, format!("/v1/routes/{}", route.id))];
    Ok((StatusCode::CREATED, location, answer(route)).into_response())
}

/// All routes, oldest first.
#[utoipa::path(
    get, path = "/v1/routes", operation_id = "listRoutes", tag = "routes",
    security(("key" = ["gateways:read"])),
    responses((status = 200, description = "All of them", body = Routes)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadGateways>) -> Result<Response, Problem> {
    let routes = api.routes.list(who.account).await?;
    let data = routes.into_iter().map(RouteView::from).collect();
    Ok(Json(Routes { data }).into_response())
}

/// A route.
#[utoipa::path(
    get, path = "/v1/routes/{id}", operation_id = "getRoute", tag = "routes",
    security(("key" = ["gateways:read"])),
    params(("id" = String, Path, description = "`rte_…`")),
    responses((status = 200, description = "The route", body = RouteView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadGateways>,
    InPath(id): InPath<RouteId>,
) -> Result<Response, Problem> {
    Ok(answer(find(&api, &who, id).await?))
}

/// Changes a route, for what begins from then on.
#[utoipa::path(
    patch, path = "/v1/routes/{id}", operation_id = "changeRoute", tag = "routes",
    security(("key" = ["gateways:write"])),
    params(
        ("id" = String, Path, description = "`rte_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the route that you read"),
    ),
    request_body = RouteChange,
    responses((status = 200, description = "The route as it is now", body = RouteView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteGateways>,
    InPath(id): InPath<RouteId>,
    headers: HeaderMap,
    Input { value, .. }: Input<RouteChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "route")?;
    who.must_be_live()?;
    let before = find(&api, &who, id).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("route"));
    }
    let ways = Ways::of(&api, who.account).await?;
    let mut after = changed(&ways, before, value)?;
    after.version += 1;
    let audit = act::audit(&who, "route.change", id, time::now());
    let written = api.routes.change(&after, &audit).await?;
    written.map_err(|Stale| edit::stale("route"))?;
    Ok(answer(after))
}

/// Deletes a route. What began with it goes on by it.
#[utoipa::path(
    delete, path = "/v1/routes/{id}", operation_id = "deleteRoute", tag = "routes",
    security(("key" = ["gateways:write"])),
    params(("id" = String, Path, description = "`rte_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteGateways>,
    InPath(id): InPath<RouteId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let route = find(&api, &who, id).await?;
    let audit = act::audit(&who, "route.delete", id, time::now());
    let deleted = api.routes.delete(&route, &audit).await?;
    deleted.map_err(|Stale| edit::stale("route"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn find(api: &Api, who: &Principal, id: RouteId) -> Result<Route, Problem> {
    let found = api.routes.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("route"))
}

fn answer(route: Route) -> Response {
    let tag = [(header::ETAG, edit::etag(route.version))];
    (tag, Json(RouteView::from(route))).into_response()
}

fn changed(ways: &Ways, mut route: Route, change: RouteChange) -> Result<Route, Problem> {
    let RouteChange {
        name,
        priority,
        countries,
        prefixes,
        lanes,
        senders,
        choice,
        gateways,
        enabled,
    } = change;
    if let Some(name) = name {
        route.name = check::name("/name", &name)?;
    }
    route.priority = priority.unwrap_or(route.priority);
    if let Some(codes) = countries {
        route.destinations.countries = check::countries("/countries", &codes)?;
    }
    if let Some(texts) = prefixes {
        route.destinations.prefixes = checked_prefixes(&texts)?;
    }
    if let Some(lanes) = lanes {
        let distinct: BTreeSet<_> = lanes.into_iter().map(Into::into).collect();
        route.lanes = distinct.into_iter().collect();
    }
    if let Some(texts) = senders {
        route.senders = checked_senders(&texts)?;
    }
    route.choice = choice.map_or(route.choice, Into::into);
    if let Some(exits) = gateways {
        route.exits = checked_exits(ways, exits)?;
    }
    route.enabled = enabled.unwrap_or(route.enabled);
    Ok(route)
}

fn checked_prefixes(texts: &[String]) -> Result<Vec<String>, Problem> {
    few("/prefixes", texts.len(), MOST_PREFIXES)?;
    let read = |(place, text): (usize, &String)| {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let fits = (1..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        let words =
            "expected `+` and the first digits of numbers, country code first, such as `+4477`";
        let digits = fits.then(|| digits.to_owned());
        digits.ok_or_else(|| check::content(&format!("/prefixes/{place}"), &words))
    };
    let distinct: Result<BTreeSet<String>, Problem> = texts.iter().enumerate().map(read).collect();
    Ok(distinct?.into_iter().collect())
}

fn checked_senders(texts: &[String]) -> Result<Vec<Originator>, Problem> {
    few("/senders", texts.len(), MOST_SENDERS)?;
    let read = |(place, text): (usize, &String)| {
        let read: Result<Originator, _> = text.parse();
        read.map_err(|error| check::content(&format!("/senders/{place}"), &error))
    };
    texts.iter().enumerate().map(read).collect()
}

fn checked_exits(ways: &Ways, exits: Vec<Exit>) -> Result<Vec<RouteExit>, Problem> {
    few("/gateways", exits.len(), MAX_ROUTES)?;
    if exits.is_empty() {
        return Err(check::content(
            "/gateways",
            &"the route leads nowhere; name at least one gateway",
        ));
    }
    let mut checked: Vec<RouteExit> = Vec::with_capacity(exits.len());
    for (place, exit) in exits.into_iter().enumerate() {
        let at = format!("/gateways/{place}");
        let Exit {
            gateway,
            weight,
            cost_per_part,
            pool,
        } = exit;
        check::gateway(&ways.gateways, &format!("{at}/gateway"), gateway)?;
        if checked.iter().any(|other| other.gateway == gateway) {
            let words = "the route has this gateway already; name each once";
            return Err(check::content(&format!("{at}/gateway"), &words));
        }
        if weight > MOST_WEIGHT {
            let words = format!("expected 0 to {MOST_WEIGHT}");
            return Err(check::content(&format!("{at}/weight"), &words));
        }
        few(&format!("{at}/pool"), pool.len(), MOST_SENDERS)?;
        for (nth, id) in pool.iter().enumerate() {
            if !ways.senders.iter().any(|sender| sender.id == *id) {
                let words = "there is no such sender; `GET /v1/senders` lists them";
                return Err(check::content(&format!("{at}/pool/{nth}"), &words));
            }
        }
        checked.push(RouteExit {
            gateway,
            weight,
            cost_per_part,
            pool,
        });
    }
    Ok(checked)
}

fn few(pointer: &str, given: usize, most: usize) -> Result<(), Problem> {
    if given <= most {
        return Ok(());
    }
    Err(check::content(
        pointer,
        &format!("{given} given; {most} are allowed"),
    ))
}
