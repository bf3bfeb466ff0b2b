//! What failed of a campaign, once more: a campaign of its own, by ids that follow from the batch, so that it is retried once.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::Batch,
    campaign::{Audience, Campaign, Plan, Retried},
    id::{BatchId, CampaignId},
    link::STRETCH_OF_A_CAMPAIGN,
    retry,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, WriteCampaigns},
    problem::{Code, Problem},
};
use carillon_store::{campaigns::Stale, ledger::Consistency};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    CampaignView, batch_of, etag, find,
    start::{ask, batch, pinned},
};
use crate::{act, check, services::Api, time, wording};

/// How a message ended that may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadEnd {
    Failed,
    Undelivered,
    Expired,
}

impl From<BadEnd> for retry::BadEnd {
    fn from(end: BadEnd) -> Self {
        match end {
            BadEnd::Failed => Self::Failed,
            BadEnd::Undelivered => Self::Undelivered,
            BadEnd::Expired => Self::Expired,
        }
    }
}

impl From<retry::BadEnd> for BadEnd {
    fn from(end: retry::BadEnd) -> Self {
        match end {
            retry::BadEnd::Failed => Self::Failed,
            retry::BadEnd::Undelivered => Self::Undelivered,
            retry::BadEnd::Expired => Self::Expired,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Left out: all three.
    #[schema(min_items = 1)]
    statuses: Option<Vec<BadEnd>>,
}

/// Sends what failed of a finished campaign once more, to whoever may still get it: as a campaign of its own, at once, with the same
/// words and policies. Messages whose reason says that they can only fail again are left out. A campaign is retried once: the same
/// request again answers with the same campaign. What fails of that can be retried in its turn.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/retry-failed", operation_id = "retryFailedOfCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    request_body = RetryRequest,
    responses((status = 202, description = "The new campaign; its `audience` says what it retries, and how many messages", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn retry_failed(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    Input {
        value: RetryRequest { statuses },
        ..
    }: Input<RetryRequest>,
) -> Result<Response, Problem> {
    let before = find(&api, &who, id).await?;
    let earlier = batch_of(&api, &before).await?;
    let earlier = earlier.filter(retry::can_be_retried).ok_or_else(not_over)?;
    let ends = wanted(statuses)?;
    let (new, drawn) = retry::ids(earlier.terms.id);
    let now = time::now();
    let campaign = match api.campaigns.find(who.account, new).await? {
        Some(campaign) => campaign,
        None => create(&api, &who, new, &before, &earlier, ends.clone(), now).await?,
    };
    same(&campaign, &ends)?;
    let campaign = match campaign.plan {
        Plan::Draft => begin(&api, &who, campaign, &earlier, drawn, now).await?,
        _ => campaign,
    };
    accepted(&api, campaign, drawn, now).await
}

fn not_over() -> Problem {
    let detail = "Only a campaign that has finished can be retried: until then its messages may still get through. Wait for the \
                  status `finished`, or end it with `POST …/cancel`.";
    Problem::new(Code::InvalidState, detail)
}

/// Each once.
fn wanted(statuses: Option<Vec<BadEnd>>) -> Result<Vec<retry::BadEnd>, Problem> {
    let Some(statuses) = statuses else {
        return Ok(retry::BadEnd::ALL.to_vec());
    };
    if statuses.is_empty() {
        let words = "it names no status; leave it out for all, or name one";
        return Err(check::content("/statuses", &words));
    }
    let mut ends: Vec<retry::BadEnd> = statuses.into_iter().map(Into::into).collect();
    ends.sort_unstable();
    ends.dedup();
    Ok(ends)
}

/// Retried before, and for the same messages.
fn same(campaign: &Campaign, ends: &[retry::BadEnd]) -> Result<(), Problem> {
    match &campaign.audience {
        Audience::FailedOf(retried) if retried.ends == ends => Ok(()),
        _ => {
            let detail = format!(
                "The campaign was retried before, for other statuses, as `{}`. It is retried once; retry what fails of that one.",
                campaign.id
            );
            Err(Problem::new(Code::InvalidState, detail))
        }
    }
}

/// A draft; written twice it is the same.
async fn create(
    api: &Api,
    who: &Principal,
    id: CampaignId,
    before: &Campaign,
    earlier: &Batch,
    ends: Vec<retry::BadEnd>,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let messages = count(api, earlier, &ends, now).await?;
    if messages == 0 {
        let detail = "None of its messages ended in a way that may end better: nothing is retried. `GET …/messages` says how each \
                      ended, and why.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let batch = earlier.terms.id;
    let batches = std::iter::once(&batch).chain(before.audience.retried());
    let campaign = Campaign {
        id,
        audience: Audience::FailedOf(Retried {
            campaign: before.id,
            batch,
            ends,
            messages,
            batches: batches.copied().collect(),
        }),
        wanted_at: None,
        series: None,
        occurrence: None,
        plan: Plan::Draft,
        created: now,
        changed: now,
        version: 1,
        ..before.clone()
    };
    let audit = act::audit(who, "campaign.retry_failed", id, now);
    api.campaigns.create(&campaign, &audit).await?;
    Ok(campaign)
}

async fn count(
    api: &Api,
    earlier: &Batch,
    ends: &[retry::BadEnd],
    now: Timestamp,
) -> Result<u64, Problem> {
    let view = earlier.view(now);
    let mut messages = 0;
    let each = |_, chunk| messages += retry::slots(&chunk, ends, view).len() as u64;
    let id = earlier.terms.id;
    api.ledger.each_chunk(id, Consistency::Strong, each).await?;
    Ok(messages)
}

/// With the very words of the earlier batch: its recipients' values were kept for those.
async fn begin(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    earlier: &Batch,
    drawn: BatchId,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let pinned = pinned(api, &campaign).await?;
    let mut content = earlier.terms.content.clone();
    let (account, length) = (campaign.account, STRETCH_OF_A_CAMPAIGN);
    wording::number_links(api, &mut content, account, drawn, length, now).await?;
    campaign.plan = Plan::Started { batch: drawn };
    campaign.changed = now;
    campaign.version += 1;
    let batch = batch(&campaign, drawn, content, pinned, now);
    let audit = act::audit(who, "campaign.start", campaign.id, now);
    let begun = api.campaigns.begin(&campaign, &batch, None, &audit);
    begun.await?.map_err(|Stale| super::draft::stale())?;
    Ok(campaign)
}

async fn accepted(
    api: &Api,
    campaign: Campaign,
    drawn: BatchId,
    now: Timestamp,
) -> Result<Response, Problem> {
    ask(api, &campaign, drawn, None, now).await?;
    let batch = batch_of(api, &campaign).await?;
    let tag = [(header::ETAG, etag(&campaign))];
    let view = CampaignView::new(campaign, batch.as_ref(), now);
    Ok((StatusCode::ACCEPTED, tag, axum::Json(view)).into_response())
}
