//! `/v1/inbound`: what handsets wrote to the account's numbers.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::{EventId, GatewayAccountId},
    keyword::{Meaning, Wish},
};
use carillon_runtime::{
    input::{Input, Query},
    principal::{May, ReadInbound},
    problem::Problem,
};
use carillon_store::inbound_log::LoggedInbound;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    check,
    list::{Asked, Page, PageQuery},
    services::Api,
};

/// As many of a number are found at most.
const FOUND: u16 = 100;

#[derive(Debug, Serialize, ToSchema)]
pub struct InboundView {
    /// The same as that of the event `message.received`.
    #[schema(value_type = String)]
    id: EventId,
    /// When we got it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The handset's number.
    from: String,
    /// The number or short code that it was written to, as the gateway says it.
    to: String,
    text: String,
    /// The gateway that brought it; none where the simulated gateway of test keys did.
    #[schema(value_type = Option<String>)]
    gateway: Option<GatewayAccountId>,
    /// `stop`, `start` or `help`, where it was read as one of them. What follows from that was done before it was listed.
    #[schema(value_type = Option<String>, example = "stop")]
    meaning: Option<Wish>,
}

impl InboundView {
    fn new(logged: LoggedInbound) -> Self {
        let LoggedInbound { message, meaning } = logged;
        Self {
            id: message.id(),
            at: message.at,
            from: message.from.e164(),
            to: message.to,
            text: message.text,
            gateway: message.gateway,
            meaning: meaning.map(|Meaning { wish, .. }| wish),
        }
    }
}

/// A test key sees what the simulated gateway brought, and nothing else.
fn seen(who: &May<ReadInbound>, logged: &LoggedInbound) -> bool {
    who.sees(logged.message.gateway.is_none())
}

/// What handsets wrote, newest first. Kept for 400 days.
#[utoipa::path(
    get, path = "/v1/inbound", operation_id = "listInbound", tag = "inbound",
    security(("key" = ["inbound:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<InboundView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadInbound>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/inbound", query)?;
    let before = asked.after.as_deref();
    let logged = api
        .inbound
        .newest(who.account, before, asked.reads())
        .await?;
    let place = LoggedInbound::place;
    Ok(asked.answer(&api, &who, logged, place, |logged| {
        seen(&who, &logged).then(|| InboundView::new(logged))
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundSearch {
    /// The handset's number in E.164.
    from: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct InboundFound {
    /// Newest first, 100 at most.
    data: Vec<InboundView>,
}

/// What one number wrote. A POST, since numbers don't belong into URLs.
#[utoipa::path(
    post, path = "/v1/inbound/search", operation_id = "searchInbound", tag = "inbound",
    security(("key" = ["inbound:read"])),
    request_body = InboundSearch,
    responses((status = 200, description = "Its messages", body = InboundFound)),
)]
pub async fn search(
    State(api): State<Api>,
    who: May<ReadInbound>,
    Input { value, .. }: Input<InboundSearch>,
) -> Result<Response, Problem> {
    let InboundSearch { from } = value;
    let number = check::number("/from", &from, None)?;
    let hash = api.key.number(who.account, number);
    let logged = api
        .inbound
        .newest_of(who.account, &hash, None, FOUND.into())
        .await?;
    let own = logged.into_iter().filter(|logged| seen(&who, logged));
    let data = own.map(InboundView::new).collect();
    Ok(Json(InboundFound { data }).into_response())
}
