//! An endpoint is switched off by a rule of ours: audited, told to the account's other endpoints, and an alarm's business.

use carillon_core::{
    event::{DisabledEvent, Event, WhyDisabled},
    id::WebhookId,
    webhook::{Endpoint, EndpointState},
};
use carillon_runtime::random;
use carillon_store::{
    StoreError,
    audit::{Actor, Audit},
    records::Stale,
};
use jiff::Timestamp;

use crate::{deliver::wants, park, state::State};

/// It answered 410.
pub async fn gone(state: &State, endpoint: &Endpoint, now: Timestamp) -> Result<(), StoreError> {
    disable(state, endpoint, WhyDisabled::Gone, now).await
}

/// Nothing got through for days.
pub async fn hopeless(
    state: &State,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<(), StoreError> {
    disable(state, endpoint, WhyDisabled::Failing, now).await
}

/// Left for their backlogs: a queue that this function reads is not one that it writes to.
async fn tell_others(
    state: &State,
    event: &Event,
    but: WebhookId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let endpoints = state.endpoints.of_now(event.account, now).await?;
    let others = endpoints.iter().filter(|ready| ready.endpoint.id != but);
    for ready in others.filter(|ready| wants(ready, event)) {
        park::untried(state, ready, std::slice::from_ref(event), now).await?;
    }
    Ok(())
}

async fn disable(
    state: &State,
    endpoint: &Endpoint,
    why: WhyDisabled,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (account, id) = (endpoint.account, endpoint.id);
    let endpoints = &state.endpoints.endpoints;
    let Some(mut kept) = endpoints.find(account, id).await? else {
        return Ok(());
    };
    // Its owner was faster, or another worker saw the same.
    if !kept.endpoint.is_enabled() || kept.endpoint.url != endpoint.url {
        return Ok(());
    }
    let data = DisabledEvent { webhook: id, why };
    tell_others(state, &Event::of_disabled(account, data, now), id, now).await?;
    kept.endpoint.version += 1;
    kept.endpoint.state = match why {
        WhyDisabled::Gone => EndpointState::Gone,
        WhyDisabled::Failing => EndpointState::Failing,
    };
    let audit = Audit {
        id: random::id(now),
        at: now,
        account,
        actor: Actor::System,
        action: "webhook.disable".to_owned(),
        target: id.to_string(),
    };
    let changed = endpoints.change(&kept, &audit).await?;
    state.endpoints.forget(account);
    match changed {
        Ok(()) => {
            tracing::warn!(metric = "hooks.disabled", webhook = %id, ?why, "a webhook endpoint was disabled");
            Ok(())
        }
        // Whoever changed it has decided; the next call sees what.
        Err(Stale) => Ok(()),
    }
}
