//! A campaign before it begins: made, changed, deleted.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    batch::{self, DoubtPolicy},
    campaign::{self, Campaign, Plan},
    id::{CampaignId, UploadId},
    rules,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, WriteCampaigns},
    problem::{Code, Problem},
    random,
};
use carillon_store::campaigns::Stale;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    CampaignView, Content, Policies, Schedule, answer,
    audience::{AudienceInput, keep},
    etag, find, ready,
    schedule::beside_pace,
};
use crate::{
    act, check, edit,
    fields::{Class, Lane, given},
    once::{Answer, Once},
    services::Api,
    time, wording,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    audience: AudienceInput,
    content: Content,
    /// A number, a short code, or a name of up to 11 characters; left out, the gateway's own.
    sender: Option<String>,
    /// Left out: `low`.
    lane: Option<Lane>,
    /// Left out: `marketing`.
    class: Option<Class>,
    /// When you mean to send it. `POST …/schedule` sets it.
    schedule: Option<Schedule>,
    policies: Option<Policies>,
}

/// Drawn once for a request, however often it is tried.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Drawn {
    campaign: CampaignId,
    upload: UploadId,
    at: Timestamp,
}

/// Makes a draft. Nothing is sent until it is started or scheduled.
#[utoipa::path(
    post, path = "/v1/campaigns", operation_id = "createCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = CampaignRequest,
    responses((status = 201, description = "The draft", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    once: Once,
    Input { value, raw }: Input<CampaignRequest>,
) -> Result<Response, Problem> {
    let CampaignRequest {
        name,
        audience,
        content,
        sender,
        lane,
        class,
        schedule,
        policies,
    } = value;
    let now = time::now();
    let content = content.check()?;
    let wording = wording::find(&api, who.account, "/content", &content).await?;
    let drawn = Drawn {
        campaign: random::id(now),
        upload: random::id(now),
        at: now,
    };
    let mut checked = audience.check(&wording.texts, drawn.upload)?;
    let campaign = Campaign {
        id: drawn.campaign,
        account: who.account,
        test: who.mode == Mode::Test,
        name: check::name("/name", &name)?,
        audience: checked.audience.clone(),
        content,
        sender: check::sender("/sender", sender)?,
        lane: lane.map_or(batch::Lane::Low, Into::into),
        class: class.map_or(rules::Class::Marketing, Into::into),
        policies: checked_policies(policies)?,
        wanted_at: None,
        series: None,
        occurrence: None,
        plan: Plan::Draft,
        created: now,
        changed: now,
        version: 1,
    };
    let work = async |Drawn {
                          campaign: id,
                          upload,
                          at: now,
                      }: Drawn| {
        let wanted_at = schedule
            .as_ref()
            .map(|schedule| schedule.check("/schedule", now))
            .transpose()?;
        let mut campaign = Campaign {
            id,
            wanted_at,
            created: now,
            changed: now,
            ..campaign
        };
        beside_pace("/schedule/local", campaign.wanted_at, &campaign.policies)?;
        ready::file_if_arrived(&api, &campaign, &wording.texts).await?;
        if let campaign::Audience::Inline { upload: kept, .. } = &mut campaign.audience {
            *kept = upload;
        }
        checked.audience = campaign.audience.clone();
        keep(&api, &who, &checked, now).await?;
        let audit = act::audit(&who, "campaign.create", id, now);
        api.campaigns.create(&campaign, &audit).await?;
        let tag = etag(&campaign);
        let view = CampaignView::new(campaign, None, now);
        let answer = Answer::new(StatusCode::CREATED, &view);
        Ok(answer.at(format!("/v1/campaigns/{id}")).tagged(tag))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// In seconds.
const LEAST_SPREAD: i64 = 60;

fn checked_policies(policies: Option<Policies>) -> Result<campaign::Policies, Problem> {
    let Policies {
        doubt,
        quiet_hours,
        valid_for,
        spread_over,
    } = policies.unwrap_or_default();
    let valid_for = check::validity("/policies/valid_for", valid_for)?;
    if let Some(over) = spread_over
        && !(LEAST_SPREAD..=valid_for.as_secs()).contains(&over)
    {
        let words = format!(
            "expected {LEAST_SPREAD} to {} seconds, so that the last may leave before `valid_for` is over",
            valid_for.as_secs()
        );
        return Err(check::content("/policies/spread_over", &words));
    }
    Ok(campaign::Policies {
        doubt: doubt.map_or(DoubtPolicy::AtMostOnce, Into::into),
        quiet_hours: quiet_hours.map(Into::into).unwrap_or_default(),
        valid_for: valid_for.as_secs(),
        spread_over,
    })
}

/// What is left out stays; `sender` and `schedule` are taken back by `null`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct CampaignChange {
    name: Option<String>,
    audience: Option<AudienceInput>,
    content: Option<Content>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    sender: Option<Option<String>>,
    lane: Option<Lane>,
    class: Option<Class>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Schedule>)]
    schedule: Option<Option<Schedule>>,
    policies: Option<Policies>,
}

/// Changes a draft.
#[utoipa::path(
    patch, path = "/v1/campaigns/{id}", operation_id = "changeCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(
        ("id" = String, Path, description = "`cmp_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the draft that you read"),
    ),
    request_body = CampaignChange,
    responses((status = 200, description = "The draft as it is now", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    headers: HeaderMap,
    Input { value, .. }: Input<CampaignChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "campaign")?;
    let before = find(&api, &who, id).await?;
    if expected != etag(&before) && expected != "*" {
        return Err(stale());
    }
    let before = editable(before)?;
    let now = time::now();
    let after = changed(&api, &who, before, value, now).await?;
    let audit = act::audit(&who, "campaign.change", id, now);
    api.campaigns
        .change(&after, &audit)
        .await?
        .map_err(|Stale| stale())?;
    answer(&api, after).await
}

async fn changed(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    change: CampaignChange,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let CampaignChange {
        name,
        audience,
        content,
        sender,
        lane,
        class,
        schedule,
        policies,
    } = change;
    if let Some(name) = name {
        campaign.name = check::name("/name", &name)?;
    }
    if let Some(content) = content {
        campaign.content = content.check()?;
    }
    let wording = super::wording(api, &campaign).await?;
    if let Some(sender) = sender {
        campaign.sender = check::sender("/sender", sender)?;
    }
    if let Some(lane) = lane {
        campaign.lane = lane.into();
    }
    campaign.class = class.map_or(campaign.class, Into::into);
    if let Some(schedule) = schedule {
        let moment = schedule.map(|schedule| schedule.check("/schedule", now));
        campaign.wanted_at = moment.transpose()?;
    }
    if policies.is_some() {
        campaign.policies = checked_policies(policies)?;
    }
    beside_pace("/schedule/local", campaign.wanted_at, &campaign.policies)?;
    let checked = audience
        .map(|audience| audience.check(&wording.texts, random::id(now)))
        .transpose()?;
    if let Some(checked) = &checked {
        campaign.audience = checked.audience.clone();
    }
    if let Some(checked) = &checked {
        keep(api, who, checked, now).await?;
    }
    ready::file_if_arrived(api, &campaign, &wording.texts).await?;
    campaign.changed = now;
    campaign.version += 1;
    Ok(campaign)
}

/// Deletes a draft.
#[utoipa::path(
    delete, path = "/v1/campaigns/{id}", operation_id = "deleteCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = editable(find(&api, &who, id).await?)?;
    let audit = act::audit(&who, "campaign.delete", id, time::now());
    api.campaigns
        .delete(&campaign, &audit)
        .await?
        .map_err(|Stale| stale())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn editable(campaign: Campaign) -> Result<Campaign, Problem> {
    if campaign.plan == Plan::Draft {
        return Ok(campaign);
    }
    let detail = "Only a draft can be changed or deleted. Move a scheduled campaign with `POST …/schedule`, stop one with `POST …/cancel`.";
    Err(Problem::new(Code::InvalidState, detail))
}

pub fn stale() -> Problem {
    edit::stale("campaign")
}
