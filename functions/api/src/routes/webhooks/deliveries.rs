//! The log of a webhook: what did not get through at once, and tests. What got through at once is only counted.

use std::str::FromStr;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::{EventId, WebhookId},
    webhook::{DeliveryState, Trouble, retry::GIVE_UP_AFTER},
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    principal::{May, ReadWebhooks, WriteWebhooks},
    problem::Problem,
};
use carillon_store::webhooks::Parked;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::find;
use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
};

/// Deliveries of one request.
const MOST: usize = 100;

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// For `/retry`.
    id: String,
    #[schema(value_type = String)]
    event: EventId,
    #[serde(rename = "type")]
    #[schema(example = "message.delivered")]
    kind: String,
    /// The event's own time.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    status: DeliveryStatus,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<AttemptView>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DeliveryStatus {
    /// It is tried (again) at `next_attempt`, or when the webhook answers again.
    Waiting,
    Delivered,
    /// Ten attempts failed, or three days are over. `/retry` begins again.
    GivenUp,
}

#[derive(Debug, Serialize, ToSchema)]
struct AttemptView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    took_ms: u32,
    /// What your server answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<TroubleView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TroubleView {
    /// 4xx.
    Refused,
    /// 5xx.
    Broken,
    /// 3xx is not followed.
    Redirected,
    /// 429, 502, 503, 504.
    Busy,
    /// No answer within 20 seconds.
    TimedOut,
    /// No connection, or one that ended before the answer.
    Unreachable,
    /// Not a public address.
    Forbidden,
    /// 410: the webhook is disabled.
    Gone,
}

/// Which deliveries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDeliveries {
    /// 1 to 100 `id`s of the log.
    #[schema(min_items = 1, max_items = 100)]
    deliveries: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Retried {
    /// These are tried again.
    retried: Vec<String>,
    /// These are not there any more, or were delivered: a replay sends those again.
    left: Vec<String>,
}

/// A place in the log as its readers see it: milliseconds and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DeliveryId {
    at: Timestamp,
    event: EventId,
}

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.as_millisecond(), self.event)
    }
}

impl FromStr for DeliveryId {
    type Err = NotADelivery;

    fn from_str(given: &str) -> Result<Self, NotADelivery> {
        let (at, event) = given.split_once('.').ok_or(NotADelivery)?;
        let at = at.parse().ok();
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(Self {
            at: at.ok_or(NotADelivery)?,
            event: event.parse().map_err(|_| NotADelivery)?,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this is not the `id` of a delivery; `GET /v1/webhooks/{{id}}/deliveries` lists them")]
struct NotADelivery;

impl DeliveryId {
    const fn of(parked: &Parked) -> Self {
        Self {
            at: parked.delivery.at,
            event: parked.delivery.event,
        }
    }
}

impl From<Parked> for DeliveryView {
    fn from(parked: Parked) -> Self {
        let id = DeliveryId::of(&parked).to_string();
        let Parked {
            delivery,
            event: _,
            due,
        } = parked;
        let last_attempt = delivery.last.map(|last| AttemptView {
            at: last.at,
            took_ms: last.took_ms,
            response_code: last.code,
            trouble: last.trouble.map(TroubleView::from),
        });
        Self {
            id,
            event: delivery.event,
            kind: delivery.kind,
            timestamp: delivery.at,
            status: match delivery.state {
                DeliveryState::Waiting => DeliveryStatus::Waiting,
                DeliveryState::Delivered => DeliveryStatus::Delivered,
                DeliveryState::GivenUp => DeliveryStatus::GivenUp,
            },
            attempts: delivery.attempts,
            last_attempt,
            next_attempt: due,
        }
    }
}

impl From<Trouble> for TroubleView {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused => Self::Refused,
            Trouble::Broken => Self::Broken,
            Trouble::Redirected => Self::Redirected,
            Trouble::Busy => Self::Busy,
            Trouble::TimedOut => Self::TimedOut,
            Trouble::Unreachable => Self::Unreachable,
            Trouble::Forbidden => Self::Forbidden,
            Trouble::Gone => Self::Gone,
        }
    }
}

/// What did not get through at the first attempt, and tests; the newest events first, of thirty days.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    security(("key" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whk_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<DeliveryView>)),
)]
pub async fn deliveries(
    State(api): State<Api>,
    who: May<ReadWebhooks>,
    InPath(id): InPath<WebhookId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    find(&api, &who, id).await?;
    let path = format!("/v1/webhooks/{id}/deliveries");
    let asked = Asked::new(&api, &who, &path, query)?;
    let after = asked.after.as_deref();
    let found = api.deliveries.list(id, after, asked.reads()).await?;
    Ok(asked.answer(&api, &who, found, Parked::place, |parked| {
        Some(DeliveryView::from(parked))
    }))
}

/// Begins again with deliveries that wait or were given up: tried at once, with ten attempts to come.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/retry", operation_id = "retryWebhookDeliveries", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(("id" = String, Path, description = "`whk_…`")),
    request_body = RetryDeliveries,
    responses((status = 202, description = "They are tried within a minute", body = Retried)),
)]
pub async fn retry(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
    Input { value, .. }: Input<RetryDeliveries>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let asked = ids(&value.deliveries)?;
    find(&api, &who, id).await?;
    let now = time::now();
    let audit = act::audit(&who, "webhook.retry", id, now);
    api.audit.record(&audit).await?;
    api.backlogs.touch(who.account, id, now).await?;
    let (mut retried, mut left) = (Vec::new(), Vec::new());
    for asked in asked {
        let again = again(&api, id, asked, now).await?;
        let list = if again { &mut retried } else { &mut left };
        list.push(asked.to_string());
    }
    api.backlogs.close(who.account, id, now).await?;
    Ok((StatusCode::ACCEPTED, Json(Retried { retried, left })).into_response())
}

fn ids(given: &[String]) -> Result<Vec<DeliveryId>, Problem> {
    if !(1..=MOST).contains(&given.len()) {
        let words = format!("expected 1 to {MOST} deliveries");
        return Err(check::content("/deliveries", &words));
    }
    let read = |(place, id): (usize, &String)| {
        let refused = |error| check::content(&format!("/deliveries/{place}"), &error);
        id.parse::<DeliveryId>()
            .map_err(|error: NotADelivery| refused(error))
    };
    given.iter().enumerate().map(read).collect()
}

/// Whether there is something to try again.
async fn again(
    api: &Api,
    id: WebhookId,
    asked: DeliveryId,
    now: Timestamp,
) -> Result<bool, Problem> {
    let found = api.deliveries.find(id, asked.at, asked.event).await?;
    let Some(mut parked) = found.filter(|parked| parked.event.is_some()) else {
        return Ok(false);
    };
    let attempts = parked.delivery.attempts;
    parked.delivery.state = DeliveryState::Waiting;
    parked.delivery.attempts = 0;
    parked.delivery.until = now + GIVE_UP_AFTER;
    parked.due = Some(now);
    // Who loses to an attempt that is just made has what was asked for.
    api.deliveries.settle(&parked, attempts).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let text = "1790000000123.evt_01h455vb4pex5vsknk084sn02q";

        let id: DeliveryId = text.parse().unwrap();

        assert_eq!(id.to_string(), text);
        for wrong in [
            "",
            "1790000000123",
            "evt_01h455vb4pex5vsknk084sn02q",
            "x.evt_01h455vb4pex5vsknk084sn02q",
        ] {
            assert!(wrong.parse::<DeliveryId>().is_err(), "{wrong}");
        }
    }
}
