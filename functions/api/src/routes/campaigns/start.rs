//! Beginning a campaign, at once or at a time: the plan and the batch are written together, then `prepare` is asked for it.

use axum::{extract::State, response::Response};
use carillon_core::{
    api_key::Mode,
    batch::{Batch, BatchTerms, Control, PREPARED_EARLY, Stage},
    campaign::{Campaign, Plan},
    content::Content,
    event::{CampaignEvent, CampaignTurn, Event},
    id::{BatchId, CampaignId},
    link::STRETCH_OF_A_CAMPAIGN,
    moment::Moment,
};
use carillon_runtime::{
    input::{InPath, Input},
    logs::chain,
    principal::{May, Principal, WriteCampaigns},
    problem::{Code, Problem},
    random,
};
use carillon_store::{
    batches::Replaced, campaigns::Stale, queues::PrepareRequest, sent_before::SentBefore,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    CampaignView, etag, find,
    ready::{self, Ready},
    recurrence::Recurrence,
    recurring,
    schedule::{Schedule, beside_pace},
};
use crate::{
    act, check,
    once::{Answer, Once},
    pin::{self, Pinned},
    services::Api,
    time,
    warnings::{self, ContentWarning},
    wording,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {}

/// Starts a draft, or a scheduled campaign before its time.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/start", operation_id = "startCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`"), ("Idempotency-Key" = String, Header)),
    request_body = StartRequest,
    responses((status = 202, description = "It is being prepared", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn start(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    once: Once,
    Input {
        value: StartRequest {},
        raw,
    }: Input<StartRequest>,
) -> Result<Response, Problem> {
    once.require_key()?;
    let now = time::now();
    let work = async |drawn: BatchId| {
        let campaign = find(&api, &who, id).await?;
        let before = campaign.plan;
        let begun = match before {
            Plan::Started { batch } if batch == drawn => campaign.into(),
            Plan::Started { .. } | Plan::Recurring { .. } | Plan::Cancelled => {
                return Err(begun_before());
            }
            Plan::Draft | Plan::Scheduled { .. } => {
                let ready = ready::to_begin(&api, &campaign).await?;
                let plan = Plan::Started { batch: drawn };
                let beginning = Beginning {
                    plan,
                    ready,
                    action: "campaign.start",
                    now,
                };
                begin(&api, &who, campaign, beginning).await?
            }
        };
        if let Plan::Scheduled { batch, .. } = before {
            api.schedules.remove(id).await?;
            retire(&api, &begun.campaign, batch).await?;
        }
        ask(&api, &begun.campaign, drawn, None, now).await?;
        accepted(&api, begun).await
    };
    once.run(&api, &who, &raw, random::id(now), work).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// With `Z` or an offset, or with `time_zone` without. If nothing is given, the draft's `schedule` counts.
    at: Option<String>,
    /// The clock of `at`.
    time_zone: Option<String>,
    /// By each recipient's clock, instead of `at`.
    local: Option<String>,
    /// Again and again, instead of `at`. Each time becomes a campaign of its own, to the contacts and with the template of that time.
    recurrence: Option<Recurrence>,
}

/// Schedules a draft, or moves a scheduled campaign that has not begun. It is prepared 15 minutes early and begins on the second.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/schedule", operation_id = "scheduleCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ScheduleRequest,
    responses((status = 202, description = "It is scheduled", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn schedule(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    once: Once,
    Input {
        value:
            ScheduleRequest {
                at,
                time_zone,
                local,
                recurrence,
            },
        raw,
    }: Input<ScheduleRequest>,
) -> Result<Response, Problem> {
    let now = time::now();
    let asked = Schedule {
        at,
        time_zone,
        local,
    };
    let work = async |drawn: BatchId| {
        let campaign = find(&api, &who, id).await?;
        if let Some(recurrence) = &recurrence {
            return recur(&api, &who, campaign, &asked, recurrence, now).await;
        }
        let before = campaign.plan;
        let (begun, at) = match before {
            Plan::Scheduled { at, batch } if batch == drawn => (campaign.into(), at),
            Plan::Started { .. } | Plan::Recurring { .. } | Plan::Cancelled => {
                return Err(begun_before());
            }
            Plan::Draft | Plan::Scheduled { .. } => {
                let moment = wanted(&asked, &campaign, now)?;
                let ready = ready::to_begin(&api, &campaign).await?;
                let mut campaign = campaign;
                campaign.wanted_at = Some(moment);
                let at = first(moment)?;
                let plan = Plan::Scheduled { at, batch: drawn };
                let beginning = Beginning {
                    plan,
                    ready,
                    action: "campaign.schedule",
                    now,
                };
                (begin(&api, &who, campaign, beginning).await?, at)
            }
        };
        if let Plan::Scheduled { batch, .. } = before
            && batch != drawn
        {
            retire(&api, &begun.campaign, batch).await?;
        }
        tell_of_plan(&api, &begun.campaign, drawn, CampaignTurn::Scheduled, now).await?;
        ask(&api, &begun.campaign, drawn, Some(at), now).await?;
        accepted(&api, begun).await
    };
    once.run(&api, &who, &raw, random::id(now), work).await
}

/// From a draft; the same again is the same.
async fn recur(
    api: &Api,
    who: &Principal,
    campaign: Campaign,
    asked: &Schedule,
    recurrence: &Recurrence,
    now: Timestamp,
) -> Result<Answer, Problem> {
    if *asked != Schedule::default() {
        let words = "give `recurrence` or a time, not both";
        return Err(check::content("/recurrence", &words));
    }
    let wanted = recurrence.check(now)?;
    let campaign = match campaign.plan {
        Plan::Draft => recurring::plan(api, who, campaign, wanted, now).await?,
        Plan::Recurring { .. }
            if campaign.series.as_ref().map(|it| &it.recurrence) == Some(&wanted) =>
        {
            campaign
        }
        _ => return Err(begun_before()),
    };
    recurring::make_next(api, who.account, campaign.id, now).await?;
    let campaign = find(api, who, campaign.id).await?;
    accepted(api, campaign.into()).await
}

/// The batch has not begun: who begins, holds or ends one tells of it there.
pub async fn tell_of_plan(
    api: &Api,
    campaign: &Campaign,
    batch: BatchId,
    turn: CampaignTurn,
    now: Timestamp,
) -> Result<(), Problem> {
    let data = CampaignEvent {
        campaign: campaign.id,
        batch,
    };
    let told = Event::of_campaign(campaign.account, turn, data, now);
    Ok(api.queues.send_events(vec![told]).await?)
}

/// What the request asks for; else what the draft says.
fn wanted(asked: &Schedule, campaign: &Campaign, now: Timestamp) -> Result<Moment, Problem> {
    let nothing = Schedule::default();
    let schedule = match campaign.wanted_at {
        Some(moment) if asked == &nothing => moment.into(),
        None if asked == &nothing => {
            return Err(check::content(
                "/at",
                &"the campaign has no time yet; give one",
            ));
        }
        _ => asked.clone(),
    };
    let moment = schedule.check("", now)?;
    beside_pace("/local", Some(moment), &campaign.policies)?;
    Ok(moment)
}

/// `Schedule::check` lets only times pass that there are.
fn first(moment: Moment) -> Result<Timestamp, Problem> {
    let beyond = || check::content("/local", &"no calendar has that time");
    moment.first().ok_or_else(beyond)
}

pub async fn pinned(api: &Api, campaign: &Campaign) -> Result<Pinned, Problem> {
    let mode = if campaign.test {
        Mode::Test
    } else {
        Mode::Live
    };
    let wanted = pin::Wanted {
        mode,
        lane: campaign.lane,
        sender: campaign.sender.as_ref(),
        recipients: None,
    };
    pin::pin(api, campaign.account, wanted).await
}

struct Beginning {
    plan: Plan,
    ready: Ready,
    action: &'static str,
    now: Timestamp,
}

/// A campaign that has begun, and that the same went to the same audience lately.
struct Begun {
    campaign: Campaign,
    repeated: Option<ContentWarning>,
}

impl From<Campaign> for Begun {
    /// Of an earlier attempt.
    fn from(campaign: Campaign) -> Self {
        Self {
            campaign,
            repeated: None,
        }
    }
}

/// Draws the batch's id into the campaign, under the version that was read, and writes the batch with it. The batch of an earlier plan is
/// cancelled in the same transaction: a campaign never has two.
async fn begin(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    beginning: Beginning,
) -> Result<Begun, Problem> {
    let Beginning {
        plan,
        ready,
        action,
        now,
    } = beginning;
    let replaced = replaced(api, &campaign).await?;
    campaign.plan = plan;
    campaign.changed = now;
    campaign.version += 1;
    let pinned = pinned(api, &campaign).await?;
    let at = planned(plan).unwrap_or(now);
    let repeated = warnings::repeated(api, &campaign, &ready.fingerprint, at).await?;
    let mut content = ready.wording.content;
    let id = plan.batch().ok_or_else(begun_before)?;
    let (account, stretch) = (campaign.account, STRETCH_OF_A_CAMPAIGN);
    wording::number_links(api, &mut content, account, id, stretch, now).await?;
    let mut batch = batch(&campaign, id, content, pinned, now);
    if let Some(Replaced {
        control: Control::Paused,
        ..
    }) = replaced
    {
        // Who held it didn't hold a time.
        batch.progress.control = Control::Paused;
    }
    let audit = act::audit(who, action, campaign.id, now);
    let begun = api.campaigns.begin(&campaign, &batch, replaced, &audit);
    if let Err(Stale) = begun.await? {
        return Err(lost(api, replaced.map(|it| it.batch)).await?);
    }
    let sent = SentBefore {
        campaign: campaign.id,
        at,
    };
    let remembered = api.sent_lately.record(account, &ready.fingerprint, sent);
    if let Err(error) = remembered.await {
        // It only warns of the next one.
        tracing::warn!(campaign = %campaign.id, error = chain(&error), "what a campaign says is not remembered");
    }
    Ok(Begun { campaign, repeated })
}

/// The batch of its plan so far.
async fn replaced(api: &Api, campaign: &Campaign) -> Result<Option<Replaced>, Problem> {
    let Some(batch) = campaign.plan.batch() else {
        return Ok(None);
    };
    let found = api.batches.find(batch).await?;
    let control = found.map_or(Control::Running, |found| found.progress.control);
    Ok(Some(Replaced { batch, control }))
}

/// Why a campaign could not begin anew: its time came first, or somebody changed it.
async fn lost(api: &Api, replaced: Option<BatchId>) -> Result<Problem, Problem> {
    let batch = match replaced {
        Some(batch) => api.batches.find(batch).await?,
        None => None,
    };
    let Some(batch) = batch.filter(Batch::has_begun) else {
        return Ok(super::draft::stale());
    };
    let detail = if batch.is_over() {
        "The campaign has been sent. Make a new one to send again."
    } else {
        "The campaign has begun, so its time can't be changed any more. Pause or cancel it instead."
    };
    Ok(Problem::new(Code::InvalidState, detail))
}

const fn planned(plan: Plan) -> Option<Timestamp> {
    match plan {
        Plan::Scheduled { at, .. } => Some(at),
        Plan::Draft | Plan::Started { .. } | Plan::Recurring { .. } | Plan::Cancelled => None,
    }
}

/// The batch that the plan names.
pub fn batch(
    campaign: &Campaign,
    id: BatchId,
    content: Content,
    pinned: Pinned,
    now: Timestamp,
) -> Batch {
    let (at, moment) = match campaign.plan {
        Plan::Scheduled { at, .. } => (Some(at), campaign.wanted_at),
        Plan::Draft | Plan::Started { .. } | Plan::Recurring { .. } | Plan::Cancelled => {
            (None, None)
        }
    };
    let last = moment.and_then(Moment::last).or(at).unwrap_or(now);
    let valid_for = SignedDuration::from_secs(campaign.policies.valid_for);
    let terms = BatchTerms {
        id,
        account: campaign.account,
        campaign: Some(campaign.id),
        test: campaign.test,
        lane: campaign.lane,
        policy: campaign.policies.doubt,
        class: campaign.class,
        quiet_hours: campaign.policies.quiet_hours,
        content,
        routes: pinned.routes,
        routing: pinned.routing,
        answers: None,
        began: now,
        not_before: at,
        local: moment.and_then(Moment::local),
        spread_over: campaign.policies.spread_over,
        expires_at: last + valid_for,
    };
    Batch::new(terms, Stage::Preparing, None)
}

/// Asks for the batch's preparation, now or 15 minutes before its time. If nobody comes to this, the dispatcher asks.
pub async fn ask(
    api: &Api,
    campaign: &Campaign,
    batch: BatchId,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Problem> {
    let (campaign, account) = (campaign.id, campaign.account);
    let request = PrepareRequest {
        batch,
        campaign,
        account,
    };
    if let Some(early) = at
        .map(|at| at - PREPARED_EARLY)
        .filter(|early| *early > now)
    {
        api.schedules.set(&request, early).await?;
        return Ok(());
    }
    if at.is_some() {
        // An entry for an earlier plan would ask for a batch that is no more.
        api.schedules.remove(campaign).await?;
    }
    Ok(api.queues.prepare(&request).await?)
}

/// Ends a batch whose time has not come: nothing of it may leave. The batch as it is then.
pub async fn retire(
    api: &Api,
    campaign: &Campaign,
    batch: BatchId,
) -> Result<Option<Batch>, Problem> {
    api.batches.control(batch, Control::Cancelled).await?;
    let found = api.batches.find(batch).await?;
    let prepares = |batch: &Batch| batch.progress.stage == Stage::Preparing;
    if found.as_ref().is_some_and(prepares) {
        // No entry asks for it any more, and only `prepare` can end it.
        let (account, campaign) = (campaign.account, campaign.id);
        let request = PrepareRequest {
            batch,
            campaign,
            account,
        };
        api.queues.prepare(&request).await?;
    }
    Ok(found)
}

fn begun_before() -> Problem {
    let detail = "The campaign was started, planned as one that recurs, or cancelled before. Make a new one to send again.";
    Problem::new(Code::InvalidState, detail)
}

async fn accepted(api: &Api, Begun { campaign, repeated }: Begun) -> Result<Answer, Problem> {
    let batch = super::batch_of(api, &campaign).await?;
    let tag = etag(&campaign);
    let mut view = CampaignView::new(campaign, batch.as_ref(), time::now());
    view.warnings.extend(repeated);
    Ok(Answer::new(StatusCode::ACCEPTED, &view).tagged(tag))
}
