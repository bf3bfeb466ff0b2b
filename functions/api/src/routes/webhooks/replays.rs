//! Events of a time, sent to a webhook again.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::id::{EventId, ReplayId, WebhookId};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadWebhooks, WriteWebhooks},
    problem::{Code, Problem},
    random,
};
use carillon_store::webhooks::{Replay, ReplayState};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{find, wanted};
use crate::{act, check, services::Api, time};

/// The archive's age, by its lifecycle in infra/data.yaml.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 30);
const MOST_EVENTS: usize = 100;
/// That are listed.
const SHOWN: i32 = 100;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Events that were sent first at this time or later: 30 days ago at most.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Left out: until now.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Types or families, among those that the webhook wants. Left out: all of these.
    types: Option<Vec<String>>,
    /// These events only, up to 100.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    events: Vec<EventId>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    #[schema(value_type = String)]
    id: ReplayId,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    status: ReplayStatus,
    /// So far. Those that fail are tried again like others.
    sent: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReplayStatus {
    Running,
    Finished,
    /// The webhook was disabled meanwhile.
    Stopped,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayList {
    data: Vec<ReplayView>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        let Replay {
            id,
            account: _,
            endpoint: _,
            since,
            until,
            wanted: _,
            events: _,
            created,
            state,
            place: _,
            sent,
        } = replay;
        Self {
            id,
            since,
            until,
            created,
            status: match state {
                ReplayState::Running => ReplayStatus::Running,
                ReplayState::Finished => ReplayStatus::Finished,
                ReplayState::Stopped => ReplayStatus::Stopped,
            },
            sent,
        }
    }
}

/// Sends the events of a time to a webhook again, each under its own id, beginning within a minute.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/replays", operation_id = "replayWebhookEvents", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(("id" = String, Path, description = "`whk_…`")),
    request_body = ReplayRequest,
    responses((status = 202, description = "It begins", body = ReplayView)),
)]
pub async fn replay(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
    Input { value, .. }: Input<ReplayRequest>,
) -> Result<Response, Problem> {
    let ReplayRequest {
        since,
        until,
        types,
        events,
    } = value;
    who.must_be_live()?;
    let now = time::now();
    let until = until.unwrap_or(now).min(now);
    if since < now - OLDEST || since > until {
        let words = "expected a time of the last 30 days, before `until`";
        return Err(check::content("/since", &words));
    }
    if events.len() > MOST_EVENTS {
        let words = format!("expected up to {MOST_EVENTS} events");
        return Err(check::content("/events", &words));
    }
    let wanted = types.map(|types| wanted("/types", &types)).transpose()?;
    let endpoint = find(&api, &who, id).await?.endpoint;
    if !endpoint.is_enabled() {
        let detail =
            "The webhook is disabled. Enable it first: `PATCH` it with `\"enabled\": true`.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let replay = Replay {
        id: random::id(now),
        account: who.account,
        endpoint: id,
        since,
        until,
        wanted,
        events,
        created: now,
        state: ReplayState::Running,
        place: None,
        sent: 0,
    };
    let audit = act::audit(&who, "webhook.replay", id, now);
    api.replays.create(&replay, &audit).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayView::from(replay))).into_response())
}

/// The last hundred replays of a webhook, newest first.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/replays", operation_id = "listWebhookReplays", tag = "webhooks",
    security(("key" = ["webhooks:read"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The replays", body = ReplayList)),
)]
pub async fn replays(
    State(api): State<Api>,
    who: May<ReadWebhooks>,
    InPath(id): InPath<WebhookId>,
) -> Result<Response, Problem> {
    find(&api, &who, id).await?;
    let found = api.replays.list(who.account, id, SHOWN).await?;
    let data = found.into_iter().map(ReplayView::from).collect();
    Ok(Json(ReplayList { data }).into_response())
}
