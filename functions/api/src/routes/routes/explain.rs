//! Which way a number would take, and why.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    batch,
    frame::Recipient,
    id::{GatewayAccountId, RouteId},
    originator::Originator,
    phone::Country,
    rate::RateState,
    routing::{Candidate, Destination, Match, Route},
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadGateways},
    problem::{Code, Problem},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    check,
    fields::Lane,
    pin::{Pinned, Wanted, Ways},
    routes::gateways::health::HealthView,
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// A number in E.164.
    to: String,
    /// Left out: `high`, as of a message to one recipient.
    lane: Option<Lane>,
    /// As a message would name it.
    sender: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    to: String,
    #[schema(value_type = Option<String>)]
    country: Option<Country>,
    /// The first that can be used now. Absent where the message would wait or be refused; `problem` or the ways say why.
    #[serde(skip_serializing_if = "Option::is_none")]
    takes: Option<Taken>,
    /// What is tried, in this order.
    ways: Vec<WayView>,
    /// Every route of the account, and whether it is for this message.
    routes: Vec<RouteLook>,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {
    #[schema(value_type = String)]
    gateway: GatewayAccountId,
    /// Absent: the gateway picks one.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Originator>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WayView {
    #[schema(value_type = String)]
    gateway: GatewayAccountId,
    gateway_name: String,
    /// Absent where the account has no routes.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteId>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Originator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_part: Option<u64>,
    /// Tried after the others, since it delivers less than they do in this country at the moment.
    diverted: bool,
    health: HealthView,
    /// Why it isn't tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RouteLook {
    #[schema(value_type = String)]
    route: RouteId,
    name: String,
    matches: bool,
    /// Half a sentence.
    why: String,
}

/// Tells which way a message to a number would take, and why. Nothing is sent.
#[utoipa::path(
    post, path = "/v1/routes/explain", operation_id = "explainRoute", tag = "routes",
    security(("key" = ["gateways:read"])),
    request_body = ExplainRequest,
    responses((status = 200, description = "What would be tried, in order", body = Explanation)),
)]
pub async fn explain(
    State(api): State<Api>,
    who: May<ReadGateways>,
    Input { value, .. }: Input<ExplainRequest>,
) -> Result<Response, Problem> {
    let ExplainRequest { to, lane, sender } = value;
    let (number, country) = check::located("/to", &to, None)?;
    let sender = check::sender("/sender", sender)?;
    let lane = batch::Lane::from(lane.unwrap_or(Lane::High));
    let recipients =
        [Recipient::new(number, std::collections::BTreeMap::new(), None).in_country(country)];
    let wanted = Wanted {
        mode: Mode::Live,
        lane,
        sender: sender.as_ref(),
        recipients: Some(&recipients),
    };
    let to = Destination {
        number,
        country,
        spread: api.key.spread(who.account, number),
    };
    let account = Ways::of(&api, who.account).await?;
    let routes = account
        .routes
        .iter()
        .map(|route| look(route, wanted, &to))
        .collect();
    let mut explanation = Explanation {
        to: number.e164(),
        country,
        takes: None,
        ways: Vec::new(),
        routes,
        problem: None,
    };
    match account.pin(wanted) {
        Ok(pinned) => explanation.add(&api, &account, &pinned, &to).await?,
        Err(problem)
            if matches!(
                problem.code,
                Code::NoGateway
                    | Code::NoRoute
                    | Code::LimitReached
                    | Code::CountryNotAllowed
                    | Code::SendingStopped
            ) =>
        {
            explanation.problem = Some(problem.detail);
        }
        Err(problem) => return Err(problem),
    }
    Ok(Json(explanation).into_response())
}

impl Explanation {
    async fn add(
        &mut self,
        api: &Api,
        account: &Ways,
        pinned: &Pinned,
        to: &Destination,
    ) -> Result<(), Problem> {
        let mut states: Vec<RateState> = Vec::with_capacity(pinned.routes.len());
        for entry in &pinned.routes {
            states.push(api.rate.look(entry.gateway).await?);
        }
        let away = |entry: u8| {
            let away = &states[usize::from(entry)].away;
            to.country
                .and_then(|country| away.get(&country).copied())
                .unwrap_or_default()
        };
        for candidate in pinned.routing.candidates(to, away) {
            let state = &states[usize::from(candidate.exit.entry)];
            let way = self.way(account, pinned, &candidate, state);
            let usable = way.skipped.is_none() && state.closed_until(time::now()).is_none();
            if usable && self.takes.is_none() {
                self.takes = Some(Taken {
                    gateway: way.gateway,
                    sender: way.sender.clone(),
                });
            }
            self.ways.push(way);
        }
        if self.ways.iter().all(|way| way.skipped.is_some()) {
            self.problem = Some("No way is left: it would be `failed`.".to_owned());
        }
        Ok(())
    }

    fn way(
        &self,
        account: &Ways,
        pinned: &Pinned,
        candidate: &Candidate<'_>,
        state: &RateState,
    ) -> WayView {
        let gateway = pinned.routes[usize::from(candidate.exit.entry)].gateway;
        let mut gateways = account.gateways.iter();
        let name = gateways.find(|record| record.id == gateway);
        let before = self
            .ways
            .iter()
            .any(|way| way.gateway == gateway && way.skipped.is_none());
        let sender = candidate.sender.ok().flatten();
        let sender = sender.map(|place| &pinned.routing.senders[usize::from(place)]);
        WayView {
            gateway,
            gateway_name: name.map(|record| record.name.clone()).unwrap_or_default(),
            route: candidate.rule.route,
            sender: sender.map(|sender| sender.originator.clone()),
            cost_per_part: candidate.exit.cost,
            diverted: candidate.diverted,
            health: state.health(time::now()).into(),
            skipped: match candidate.sender {
                Err(unfit) => Some(unfit.to_string()),
                Ok(_) if before => Some("it is tried before".to_owned()),
                Ok(_) => None,
            },
        }
    }
}

fn look(route: &Route, wanted: Wanted<'_>, to: &Destination) -> RouteLook {
    let matched = route.destinations.matches(to.number, to.country);
    let why = match matched {
        _ if !route.enabled => "it is switched off".to_owned(),
        _ if !route.lanes.is_empty() && !route.lanes.contains(&wanted.lane) => {
            "it is for other lanes".to_owned()
        }
        _ if !route.is_for(wanted.lane, wanted.sender) => "it is for other senders".to_owned(),
        None => "it is for other destinations".to_owned(),
        Some(Match::Prefix(digits)) => format!("{digits} digits of the number are its prefix"),
        Some(Match::Country) => "the number is of its country".to_owned(),
        Some(Match::Everybody) => "it is for everybody".to_owned(),
    };
    RouteLook {
        route: route.id,
        name: route.name.clone(),
        matches: route.is_for(wanted.lane, wanted.sender) && matched.is_some(),
        why,
    }
}
