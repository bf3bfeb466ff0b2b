//! Secrets of webhooks, and whether their owner's code can read what they sign.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    event::Event,
    id::{AccountId, EventId, WebhookId},
    webhook::{EndpointSecret, secret},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, WriteWebhooks},
    problem::Problem,
    random,
};
use carillon_store::{records::Stale, webhooks::KeptSecret};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::find;
use crate::{act, check, edit, services::Api, time};

/// For how long an old secret signs beside the new one.
const OVERLAP_HOURS: u8 = 24;
const LONGEST_OVERLAP_HOURS: u8 = 168;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// For how long the old secrets sign beside the new one: 0 to 168, 24 when not given. 0 is for one that got out.
    #[schema(minimum = 0, maximum = 168)]
    overlap_hours: Option<u8>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NewSecret {
    /// Shown this once.
    secret: String,
    /// Until when the old ones sign too.
    #[schema(value_type = String, format = DateTime)]
    old_until: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Tested {
    /// Its delivery is in the webhook's log a moment later.
    #[schema(value_type = String)]
    event: EventId,
}

/// A new secret as it is shown, and as it is kept.
pub async fn draw(
    api: &Api,
    account: AccountId,
    endpoint: WebhookId,
) -> Result<(String, KeptSecret), Problem> {
    let secret = EndpointSecret::from_random(random::bytes::<{ secret::BYTES }>());
    let shown = secret.expose();
    let sealed = api.vault.seal(account, endpoint, shown.as_bytes()).await?;
    let kept = KeptSecret {
        sealed,
        until: None,
    };
    Ok((shown, kept))
}

/// Draws a new secret. Until the old ones end, every call is signed by all of them, so that no call is refused while you change yours.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(("id" = String, Path, description = "`whk_…`")),
    request_body = RotateRequest,
    responses((status = 200, description = "The new secret", body = NewSecret, headers(("ETag" = String)))),
)]
pub async fn rotate(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
    Input { value, .. }: Input<RotateRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let hours = value.overlap_hours.unwrap_or(OVERLAP_HOURS);
    if hours > LONGEST_OVERLAP_HOURS {
        let words = format!("expected 0 to {LONGEST_OVERLAP_HOURS}");
        return Err(check::content("/overlap_hours", &words));
    }
    let mut kept = find(&api, &who, id).await?;
    let now = time::now();
    let old_until = now + SignedDuration::from_hours(i64::from(hours));
    let (shown, new) = draw(&api, who.account, id).await?;
    kept.secrets = rotated(kept.secrets, new, old_until, now);
    kept.endpoint.version += 1;
    let audit = act::audit(&who, "webhook.rotate_secret", id, now);
    let written = api.webhooks.change(&kept, &audit).await?;
    written.map_err(|Stale| edit::stale("webhook"))?;
    let view = NewSecret {
        secret: shown,
        old_until,
    };
    let tag = [(header::ETAG, edit::etag(kept.endpoint.version))];
    Ok((tag, Json(view)).into_response())
}

/// The new one first, and of the old ones those that still sign, none for longer than it would have.
fn rotated(
    old: Vec<KeptSecret>,
    new: KeptSecret,
    old_until: Timestamp,
    now: Timestamp,
) -> Vec<KeptSecret> {
    let old = old.into_iter().map(|secret| KeptSecret {
        until: Some(secret.until.map_or(old_until, |until| until.min(old_until))),
        ..secret
    });
    let old = old.filter(|secret| secret.until.is_some_and(|until| until > now));
    std::iter::once(new).chain(old).take(secret::MOST).collect()
}

/// Sends the event `webhook.test` to this webhook, whatever it wants.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    security(("key" = ["webhooks:write"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 202, description = "It is on its way", body = Tested)),
)]
pub async fn test(
    State(api): State<Api>,
    who: May<WriteWebhooks>,
    InPath(id): InPath<WebhookId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    find(&api, &who, id).await?;
    let now = time::now();
    let event = Event::of_test(who.account, id, random::id(now), now);
    let audit = act::audit(&who, "webhook.test", id, now);
    api.audit.record(&audit).await?;
    let told = Tested { event: event.id };
    api.queues.send_events(vec![event]).await?;
    Ok((StatusCode::ACCEPTED, Json(told)).into_response())
}

#[cfg(test)]
mod tests {
    use carillon_store::credentials::Sealed;

    use super::*;

    fn secret(name: u8, until: Option<i64>) -> KeptSecret {
        let sealed = Sealed {
            data_key: vec![name],
            content: vec![name],
        };
        KeptSecret {
            sealed,
            until: until.map(|second| Timestamp::from_second(second).unwrap()),
        }
    }

    #[test]
    fn old_secrets_sign_until_their_time_is_over_and_no_longer() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let old = || vec![secret(2, None), secret(1, Some(50)), secret(0, Some(9))];

        let soft = rotated(old(), secret(3, None), at(100), at(10));
        let hard = rotated(old(), secret(3, None), at(10), at(10));

        assert_eq!(
            soft,
            [secret(3, None), secret(2, Some(100)), secret(1, Some(50))]
        );
        assert_eq!(hard, [secret(3, None)]);
    }
}
