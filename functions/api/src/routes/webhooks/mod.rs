//! `/v1/webhooks`: the URLs that events are posted to, how they are doing, and what is sent there again.

mod deliveries;
mod replays;
mod secrets;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::WebhookId,
    webhook::{Endpoint, EndpointState, Grouping, Wanted},
};
use carillon_runtime::{
    dial::Guard,
    input::{InPath, Input},
    principal::{May, Principal, ReadWebhooks, WriteWebhooks},
    problem::{Code, Problem},
    random,
};
use carillon_store::{
    records::Stale,
    webhooks::{Counts, KeptEndpoint, MOST},
};
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

pub use self::{
    deliveries::{__path_deliveries, __path_retry, deliveries, retry},
    replays::{__path_replay, __path_replays, replay, replays},
    secrets::{__path_rotate, __path_test, rotate, test},
};
use crate::{act, check, edit, services::Api, time};

/// Bytes of a URL.
const LONGEST_URL: usize = 1_024;
/// The health that is shown is of so long.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// `https`, on port 443 or 8443, at a public address.
    #[schema(example = "https://example.com/hooks/carillon")]
    url: String,
    /// Types of events, or families of them such as `message.*`; `*` is all. docs/events.md lists them.
    #[schema(example = json!(["message.*", "inbound.received"]))]
    events: Vec<String>,
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Up to 100 events in a call, as a list, instead of one.
    #[serde(default)]
    batches: bool,
}

/// What is left out stays; what is given replaces what was there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    batches: Option<bool>,
    /// `false`: nothing is sent there. `true`: what waits is tried at once.
    enabled: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    #[schema(value_type = String)]
    id: WebhookId,
    url: String,
    events: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    batches: bool,
    enabled: bool,
    /// Why Carillon disabled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<WhyDisabled>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// Signs every call; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Only where one webhook is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhyDisabled {
    /// It answered 410.
    Gone,
    /// Nothing got through for five days.
    Failing,
}

/// Of the last 24 hours. The last seconds may be missing.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
    delivered: u64,
    /// Calls that failed, counted by their events.
    failed: u64,
    /// What a call took.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_ms: Option<u64>,
    /// Since when nothing has got through.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    /// It is left alone until then, because calls failed one after the other.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Webhooks {
    data: Vec<WebhookView>,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint {
            id,
            account: _,
            url,
            events,
            description,
            grouping,
            state,
            created,
            version: _,
        } = endpoint;
        Self {
            id,
            url,
            events: events.patterns().map(str::to_owned).collect(),
            description,
            batches: grouping == Grouping::Batches,
            enabled: state == EndpointState::Enabled,
            disabled: match state {
                EndpointState::Enabled | EndpointState::Disabled => None,
                EndpointState::Gone => Some(WhyDisabled::Gone),
                EndpointState::Failing => Some(WhyDisabled::Failing),
            },
            created,
            secret: None,
            health: None,
        }
    }
}

/// Adds a webhook. It gets what happens from then on, within a few seconds.
#[utoipa::path(
    post, path = "/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    request_body = WebhookRequest,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    Input { value, .. }: Input<WebhookRequest>,
) -> Result<Response, Problem> {
    let WebhookRequest {
        url,
        events,
        description,
        batches,
    } = value;
    who.must_be_live()?;
    let now = time::now();
    let endpoint = Endpoint {
        id: random::id(now),
        account: who.account,
        url: check_url(&api, &url)?,
        events: wanted("/events", &events)?,
        description: described(description)?,
        grouping: grouping(batches),
        state: EndpointState::Enabled,
        created: now,
        version: 1,
    };
    if api.webhooks.list(who.account).await?.len() >= MOST {
        let detail = format!("An account has at most {MOST} webhooks.");
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let (shown, kept) = secrets::draw(&api, who.account, endpoint.id).await?;
    let kept = KeptEndpoint {
        endpoint,
        secrets: vec![kept],
    };
    let id = kept.endpoint.id;
    let audit = act::audit(&who, "webhook.create", id, now);
    api.webhooks.create(&kept, &audit).await?;
    let view = WebhookView {
        secret: Some(shown),
        ..kept.endpoint.into()
    };
    let headers = [
        (header::LOCATION, format!("/v1/webhooks/{id}")),
        (header::ETAG, edit::etag(1)),
    ];
    Ok((StatusCode::CREATED, headers, Json(view)).into_response())
}

/// All webhooks, oldest first.
#[utoipa::path(
    get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    security(("key" = ["webhooks:read"])),
    responses((status = 200, description = "All of them", body = Webhooks)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadWebhooks>) -> Result<Response, Problem> {
    let kept = api.webhooks.list(who.account).await?.into_iter();
    let data = kept.map(|kept| kept.endpoint.into()).collect();
    Ok(Json(Webhooks { data }).into_response())
}

/// A webhook and how it is doing.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    security(("key" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The webhook", body = WebhookView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadWebhooks>,
    InPath(id): InPath<WebhookId>,
) -> Result<Response, Problem> {
    let endpoint = find(&api, &who, id).await?.endpoint;
    let health = health(&api, &endpoint).await?;
    let tag = [(header::ETAG, edit::etag(endpoint.version))];
    let view = WebhookView {
        health: Some(health),
        ..endpoint.into()
    };
    Ok((tag, Json(view)).into_response())
}

async fn health(api: &Api, endpoint: &Endpoint) -> Result<HealthView, Problem> {
    let Counts {
        delivered,
        failed,
        calls,
        milliseconds,
    } = api
        .delivery_counts
        .since(endpoint.id, time::now() - LATELY)
        .await?;
    let backlogs = api.backlogs.of_account(endpoint.account).await?;
    let backlog = backlogs.iter().find(|it| it.endpoint == endpoint.id);
    let health = backlog.map(|backlog| backlog.health).unwrap_or_default();
    Ok(HealthView {
        delivered,
        failed,
        mean_ms: milliseconds.checked_div(calls),
        failing_since: health.failing_since,
        paused_until: health.open_until,
    })
}

/// Changes a webhook, within a few seconds.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", operation_id = "changeWebhook", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(
        ("id" = String, Path, description = "`whk_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the webhook that you read"),
    ),
    request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now", body = WebhookView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
    headers: HeaderMap,
    Input { value, .. }: Input<WebhookChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "webhook")?;
    who.must_be_live()?;
    let mut kept = find(&api, &who, id).await?;
    if expected != edit::etag(kept.endpoint.version) && expected != "*" {
        return Err(edit::stale("webhook"));
    }
    kept.endpoint = changed(&api, kept.endpoint, value)?;
    kept.endpoint.version += 1;
    let now = time::now();
    let audit = act::audit(&who, "webhook.change", id, now);
    let written = api.webhooks.change(&kept, &audit).await?;
    written.map_err(|Stale| edit::stale("webhook"))?;
    // A new URL or a new start deserves a try now.
    if kept.endpoint.is_enabled() {
        api.backlogs.close(who.account, id, now).await?;
    }
    let tag = [(header::ETAG, edit::etag(kept.endpoint.version))];
    Ok((tag, Json(WebhookView::from(kept.endpoint))).into_response())
}

fn changed(api: &Api, mut endpoint: Endpoint, change: WebhookChange) -> Result<Endpoint, Problem> {
    let WebhookChange {
        url,
        events,
        description,
        batches,
        enabled,
    } = change;
    if let Some(url) = url {
        endpoint.url = check_url(api, &url)?;
    }
    if let Some(events) = events {
        endpoint.events = wanted("/events", &events)?;
    }
    if description.is_some() {
        endpoint.description = described(description)?;
    }
    if let Some(batches) = batches {
        endpoint.grouping = grouping(batches);
    }
    if let Some(enabled) = enabled {
        endpoint.state = if enabled {
            EndpointState::Enabled
        } else {
            EndpointState::Disabled
        };
    }
    Ok(endpoint)
}

/// Deletes a webhook and forgets what waits for it.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let kept = find(&api, &who, id).await?;
    let audit = act::audit(&who, "webhook.delete", id, time::now());
    let deleted = api.webhooks.delete(&kept.endpoint, &audit).await?;
    deleted.map_err(|Stale| edit::stale("webhook"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn find(api: &Api, who: &Principal, id: WebhookId) -> Result<KeptEndpoint, Problem> {
    let found = api.webhooks.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("webhook"))
}

/// What can be said before its name is resolved; the rest is looked at whenever it is called.
fn check_url(api: &Api, url: &str) -> Result<String, Problem> {
    let refused = |words: &dyn std::fmt::Display| check::content("/url", words);
    if url.len() > LONGEST_URL {
        return Err(refused(&format!("a URL has at most {LONGEST_URL} bytes")));
    }
    let parsed: Url = url.parse().map_err(|error| refused(&error))?;
    let guard = Guard::new(api.settings.webhook_hosts.clone());
    guard.check(&parsed).map_err(|error| refused(&error))?;
    Ok(parsed.to_string())
}

fn wanted(pointer: &str, events: &[String]) -> Result<Wanted, Problem> {
    let wanted = Wanted::parse(events.iter().map(String::as_str));
    wanted.map_err(|error| check::content(pointer, &error))
}

fn described(description: Option<String>) -> Result<Option<String>, Problem> {
    let description = description.map(|text| text.trim().to_owned());
    let description = description.filter(|text| !text.is_empty());
    if description
        .as_ref()
        .is_some_and(|text| text.chars().count() > 200)
    {
        return Err(check::content(
            "/description",
            &"expected at most 200 characters",
        ));
    }
    Ok(description)
}

const fn grouping(batches: bool) -> Grouping {
    if batches {
        Grouping::Batches
    } else {
        Grouping::Single
    }
}
