//! Holding a campaign, letting it go on, ending it.

use axum::{extract::State, response::Response};
use carillon_core::{
    batch::{Batch, Control},
    campaign::{Campaign, Plan},
    event::CampaignTurn,
    id::CampaignId,
};
use carillon_runtime::{
    input::InPath,
    principal::{May, Principal, WriteCampaigns},
    problem::{Code, Problem},
};
use carillon_store::campaigns::Stale;

use super::{
    CampaignView, answer, batch_of,
    draft::stale,
    find, recurring,
    start::{retire, tell_of_plan},
};
use crate::{act, routes::batches::control_batch, services::Api, time};

/// Holds back what has not left. Acts within 5 seconds. Of a campaign that recurs: its next times, which are missed if they come due in
/// the pause.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/pause", operation_id = "pauseCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The campaign, paused", body = CampaignView)),
)]
pub async fn pause(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    controlled(&api, &who, id, Control::Paused).await
}

/// Goes on after a pause.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/resume", operation_id = "resumeCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The campaign, running", body = CampaignView)),
)]
pub async fn resume(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    controlled(&api, &who, id, Control::Running).await
}

async fn controlled(
    api: &Api,
    who: &Principal,
    id: CampaignId,
    control: Control,
) -> Result<Response, Problem> {
    let campaign = find(api, who, id).await?;
    if let Plan::Recurring { .. } = campaign.plan {
        let campaign = recurring::pause(api, who, campaign, control, time::now()).await?;
        return answer(api, campaign).await;
    }
    let batch = batch_of(api, &campaign).await?;
    let batch = batch.filter(|_| campaign.plan != Plan::Cancelled);
    let batch = batch
        .ok_or_else(|| Problem::new(Code::InvalidState, "The campaign was not started yet."))?;
    control_batch(api, who, &batch, control).await?;
    answer(api, campaign).await
}

/// Cancels what has not left, for good, or a campaign before it begins. Acts within 5 seconds. One that recurs doesn't come again.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/cancel", operation_id = "cancelCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The campaign, cancelled or about to be", body = CampaignView)),
)]
pub async fn cancel(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    match campaign.plan {
        Plan::Cancelled => answer(&api, campaign).await,
        Plan::Started { .. } => controlled(&api, &who, id, Control::Cancelled).await,
        Plan::Recurring { .. } => {
            let campaign = recurring::stop(&api, &who, campaign).await?;
            answer(&api, campaign).await
        }
        // One that has begun keeps its batch, and what was sent of it.
        Plan::Scheduled { .. } if has_begun(&api, &campaign).await? => {
            controlled(&api, &who, id, Control::Cancelled).await
        }
        Plan::Draft | Plan::Scheduled { .. } => {
            let campaign = cancel_plan(&api, &who, campaign).await?;
            answer(&api, campaign).await
        }
    }
}

async fn has_begun(api: &Api, campaign: &Campaign) -> Result<bool, Problem> {
    let batch = batch_of(api, campaign).await?;
    Ok(batch.as_ref().is_some_and(Batch::has_begun))
}

/// Stops the batch first, so that a crash in between leaves nothing that could go out.
pub async fn cancel_plan(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
) -> Result<Campaign, Problem> {
    let now = time::now();
    if let Some(batch) = campaign.plan.batch() {
        tell_of_plan(api, &campaign, batch, CampaignTurn::Cancelled, now).await?;
        let ended = retire(api, &campaign, batch).await?;
        api.schedules.remove(campaign.id).await?;
        if ended.as_ref().is_some_and(Batch::has_begun) {
            // Its time came first: it follows its batch, which ends.
            let audit = act::audit(who, "campaign.cancel", campaign.id, now);
            api.audit.record(&audit).await?;
            api.queues.wake_dispatcher(batch).await?;
            return Ok(campaign);
        }
    }
    campaign.plan = Plan::Cancelled;
    campaign.changed = now;
    campaign.version += 1;
    let audit = act::audit(who, "campaign.cancel", campaign.id, now);
    api.campaigns
        .change(&campaign, &audit)
        .await?
        .map_err(|Stale| stale())?;
    Ok(campaign)
}
