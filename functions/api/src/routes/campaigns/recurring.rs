//! Campaigns that come again. Each minute the function is asked for the occurrences that are due: each becomes a campaign and a batch of
//! its own, 15 minutes early, with the words, the routes and the people of that time.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::Control,
    campaign::{Audience, Campaign, CampaignStatus, Plan},
    id::{AccountId, CampaignId},
    link::STRETCH_OF_A_CAMPAIGN,
    moment::Moment,
    recurrence::{self, Due, Occurrence, OccurrenceOf, Series},
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    logs::chain,
    principal::{May, Principal, ReadCampaigns, WriteCampaigns},
    problem::{Code, Problem},
    random,
};
use carillon_store::{
    StoreError,
    audit::{Actor, Audit},
    campaigns::Stale,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    CampaignStatusWord, batch_of, control, draft, find, ready,
    start::{ask, batch, pinned},
};
use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    services::Api,
    time, wording,
};

/// Campaigns that are looked at, or read for a page, at once.
const CONCURRENT: usize = 8;

/// Plans a draft as one that recurs. Its first occurrence is made at once if it is so near.
pub async fn plan(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    recurrence: recurrence::Recurrence,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let Audience::Contacts { .. } = campaign.audience else {
        let words = "a campaign that recurs goes to `contacts`, who they are at each time: files are kept for a week only";
        return Err(check::content("/recurrence", &words));
    };
    ready::to_begin(api, &campaign).await?;
    let series = Series {
        recurrence,
        skipped: Vec::new(),
        problem: None,
    };
    campaign.plan = Plan::Recurring {
        next: series.next(now),
        last: None,
        paused: false,
    };
    campaign.wanted_at = None;
    campaign.series = Some(series);
    changed(api, who, campaign, "campaign.schedule", now).await
}

async fn changed(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    action: &str,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    campaign.changed = now;
    campaign.version += 1;
    let audit = act::audit(who, action, campaign.id, now);
    let written = api.campaigns.change(&campaign, &audit).await?;
    written.map_err(|Stale| draft::stale())?;
    Ok(campaign)
}

/// Makes what is due of all campaigns, and says how many that was. One that can't be made is tried again each minute, until it would
/// be stale.
pub async fn make_due(api: &Api, now: Timestamp) -> Result<usize, StoreError> {
    let due = api.campaigns.recurring(now).await?;
    let made = stream::iter(due)
        .map(async |(account, id)| {
            let made = make_next(api, account, id, now).await;
            made.unwrap_or_else(|error| {
                tracing::error!(campaign = %id, error = chain(&error), "an occurrence could not be made");
                false
            })
        })
        .buffer_unordered(CONCURRENT);
    Ok(made.filter(|made| std::future::ready(*made)).count().await)
}

/// Whether the next occurrence of a campaign was made now.
pub async fn make_next(
    api: &Api,
    account: AccountId,
    id: CampaignId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let campaign = api.campaigns.find(account, id).await?;
    let planned = campaign.as_ref().map(|it| (it.plan, it.series.clone()));
    let (
        Some(campaign),
        Some((
            Plan::Recurring {
                next: Some(next),
                paused,
                ..
            },
            Some(series),
        )),
    ) = (campaign, planned)
    else {
        return Ok(false);
    };
    match next.due(paused, now) {
        Due::NotYet => Ok(false),
        Due::Missed => miss(api, campaign, &series, next, paused, now).await,
        Due::Make => match make(api, &campaign, &series, next, now).await {
            Ok(made) => Ok(made),
            Err(problem) if problem.code.facts().status.is_server_error() => {
                tracing::error!(campaign = %id, code = problem.code.as_str(), "an occurrence can't be made for now");
                Ok(false)
            }
            Err(problem) => cannot(api, campaign, series, problem.detail, now).await,
        },
    }
}

/// Goes on to the next one.
async fn miss(
    api: &Api,
    mut campaign: Campaign,
    series: &Series,
    missed: Occurrence,
    paused: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !paused {
        tracing::warn!(metric = "occurrences.missed", campaign = %campaign.id, on = %missed.on, "nobody made an occurrence in time; it isn't sent late");
    }
    if let Plan::Recurring { next, .. } = &mut campaign.plan {
        *next = series.after_missed(missed, paused, now);
    }
    by_plan(api, campaign, "campaign.occurrence_missed", now).await
}

/// Remembers why, once for each reason.
async fn cannot(
    api: &Api,
    mut campaign: Campaign,
    series: Series,
    problem: String,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if series.problem.as_ref() == Some(&problem) {
        return Ok(false);
    }
    campaign.series = Some(Series {
        problem: Some(problem),
        ..series
    });
    by_plan(api, campaign, "campaign.occurrence_failed", now).await
}

/// Whoever changed it in the meantime knows better.
async fn by_plan(
    api: &Api,
    mut campaign: Campaign,
    action: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    campaign.changed = now;
    campaign.version += 1;
    let audit = entry(&campaign, action, now);
    let written = api.campaigns.change(&campaign, &audit).await?;
    Ok(written.is_ok_and(|()| false))
}

fn entry(campaign: &Campaign, action: &str, now: Timestamp) -> Audit {
    Audit {
        id: random::id(now),
        at: now,
        account: campaign.account,
        actor: Actor::Plan,
        action: action.to_owned(),
        target: campaign.id.to_string(),
    }
}

async fn make(
    api: &Api,
    campaign: &Campaign,
    series: &Series,
    next: Occurrence,
    now: Timestamp,
) -> Result<bool, Problem> {
    let of = OccurrenceOf {
        campaign: campaign.id,
        on: next.on,
    };
    let (id, drawn) = of.ids(next.at);
    let ready = ready::to_begin(api, campaign).await?;
    let made = Campaign {
        id,
        wanted_at: Some(Moment::At(next.at)),
        plan: Plan::Scheduled {
            at: next.at,
            batch: drawn,
        },
        series: None,
        occurrence: Some(of),
        created: now,
        changed: now,
        version: 1,
        ..campaign.clone()
    };
    let pinned = pinned(api, &made).await?;
    let mut content = ready.wording.content;
    let (account, length) = (campaign.account, STRETCH_OF_A_CAMPAIGN);
    wording::number_links(api, &mut content, account, drawn, length, now).await?;
    let batch = batch(&made, drawn, content, pinned, now);
    let recurring = Campaign {
        plan: Plan::Recurring {
            next: series.next(next.at),
            last: Some(next),
            paused: false,
        },
        series: Some(Series {
            problem: None,
            ..series.clone()
        }),
        changed: now,
        version: campaign.version + 1,
        ..campaign.clone()
    };
    let audit = entry(&made, "campaign.schedule", now);
    let begun = api
        .campaigns
        .begin_occurrence(&recurring, &made, &batch, &audit);
    if begun.await? == Err(Stale) {
        return Ok(false);
    }
    // If this is lost, the dispatcher asks.
    ask(api, &made, drawn, Some(next.at), now).await?;
    Ok(true)
}

/// Pauses it or lets it go on. What comes due in a pause is missed; what was made before is a campaign of its own.
pub async fn pause(
    api: &Api,
    who: &Principal,
    mut campaign: Campaign,
    control: Control,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let wanted = control == Control::Paused;
    let series = campaign.series.clone();
    let Plan::Recurring { next, paused, .. } = &mut campaign.plan else {
        return Ok(campaign);
    };
    if *paused == wanted {
        return Ok(campaign);
    }
    *paused = wanted;
    if let (Some(series), Some(missed)) = (series, next.filter(|next| next.at <= now)) {
        *next = series.after_missed(missed, true, now);
    }
    let action = if wanted {
        "campaign.pause"
    } else {
        "campaign.resume"
    };
    changed(api, who, campaign, action, now).await
}

/// Ends it, and the occurrence that was made and hasn't begun.
pub async fn stop(api: &Api, who: &Principal, mut campaign: Campaign) -> Result<Campaign, Problem> {
    let now = time::now();
    if let Plan::Recurring {
        last: Some(last), ..
    } = campaign.plan
        && last.at > now
    {
        let made = find(api, who, of(&campaign, last)).await?;
        if matches!(made.plan, Plan::Scheduled { .. }) {
            control::cancel_plan(api, who, made).await?;
        }
    }
    campaign.plan = Plan::Cancelled;
    changed(api, who, campaign, "campaign.cancel", now).await
}

/// What an occurrence of a campaign becomes.
fn of(campaign: &Campaign, Occurrence { on, at }: Occurrence) -> CampaignId {
    let of = OccurrenceOf {
        campaign: campaign.id,
        on,
    };
    of.ids(at).0
}

/// One time of a campaign that recurs.
#[derive(Debug, Serialize, ToSchema)]
pub struct OccurrenceView {
    #[schema(value_type = String, format = Date)]
    on: Date,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    state: OccurrenceState,
    /// What it became.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignId>,
    /// And how far that is.
    #[schema(value_type = Option<CampaignStatusWord>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<CampaignStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OccurrenceState {
    Planned,
    /// Left out by `POST …/occurrences/skip`.
    Skipped,
    /// It became a campaign.
    Made,
    /// Its time went by, in a pause or because it could not be made. It isn't sent late.
    Missed,
    /// The campaign was cancelled before.
    Stopped,
}

/// The times of a campaign that recurs, in their order, and what became of those that are over.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/occurrences", operation_id = "listOccurrencesOfCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<OccurrenceView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/campaigns/{id}/occurrences");
    let asked = Asked::new(&api, &who, &path, query)?;
    let campaign = find(&api, &who, id).await?;
    let after: Option<Date> = asked.place()?;
    let series = campaign.series.as_ref();
    let all = series
        .into_iter()
        .flat_map(|it| it.recurrence.occurrences());
    let left = all.filter(|it| after.is_none_or(|after| it.on > after));
    let page: Vec<Occurrence> = left.take(asked.limit + 1).collect();
    let views = stream::iter(page).map(|it| view(&api, &campaign, it));
    let views: Vec<OccurrenceView> = views.buffered(CONCURRENT).try_collect().await?;
    Ok(asked.answer(&api, &who, views, |it| it.on.to_string(), Some))
}

async fn view(
    api: &Api,
    campaign: &Campaign,
    occurrence: Occurrence,
) -> Result<OccurrenceView, Problem> {
    let Occurrence { on, at } = occurrence;
    let (next, last) = match campaign.plan {
        Plan::Recurring { next, last, .. } => (next, last),
        _ => (None, None),
    };
    let skipped = campaign.series.as_ref();
    let skipped = skipped.is_some_and(|series| series.skipped.contains(&on));
    let mut view = OccurrenceView {
        on,
        at,
        state: OccurrenceState::Missed,
        campaign: None,
        status: None,
    };
    if skipped {
        view.state = OccurrenceState::Skipped;
    } else if next.is_some_and(|next| at >= next.at) {
        view.state = OccurrenceState::Planned;
    } else if last.is_none_or(|last| at <= last.at) {
        let id = of(campaign, occurrence);
        if let Some(made) = api.campaigns.find(campaign.account, id).await? {
            let batch = batch_of(api, &made).await?;
            let status = carillon_core::campaign::status(made.plan, batch.as_ref(), time::now());
            view.state = OccurrenceState::Made;
            view.campaign = Some(id);
            view.status = Some(status);
        } else if campaign.plan == Plan::Cancelled && at > campaign.changed {
            view.state = OccurrenceState::Stopped;
        }
    }
    Ok(view)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipRequest {
    /// The day of an occurrence that is still planned.
    #[schema(value_type = String, format = Date)]
    on: Date,
    /// `false` takes it back. Left out: `true`.
    skipped: Option<bool>,
}

/// Leaves one time of a campaign that recurs out, or takes that back.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/occurrences/skip", operation_id = "skipOccurrenceOfCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    request_body = SkipRequest,
    responses((status = 200, description = "The time", body = OccurrenceView)),
)]
pub async fn skip(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    Input {
        value: SkipRequest { on, skipped },
        ..
    }: Input<SkipRequest>,
) -> Result<Response, Problem> {
    let now = time::now();
    let mut campaign = find(&api, &who, id).await?;
    let recurring = matches!(campaign.plan, Plan::Recurring { .. });
    let series = campaign.series.as_mut().filter(|_| recurring);
    let series = series.ok_or_else(|| {
        Problem::new(
            Code::InvalidState,
            "The campaign does not recur, or was stopped.",
        )
    })?;
    let occurrence = series.on(on).ok_or_else(|| {
        let words = "the campaign doesn't come on that day; `GET …/occurrences` lists its days";
        check::content("/on", &words)
    })?;
    let changes = series.skip(on, skipped.unwrap_or(true));
    let series = series.clone();
    if changes {
        let Plan::Recurring { next, last, .. } = &mut campaign.plan else {
            return Err(Problem::unexplained());
        };
        let made = last.is_some_and(|last| occurrence.at <= last.at);
        *next = match series.next_with(*next, occurrence, now) {
            Some(next) if !made => next,
            _ => return Err(over()),
        };
        campaign = changed(&api, &who, campaign, "campaign.skip", now).await?;
    }
    Ok(Json(view(&api, &campaign, occurrence).await?).into_response())
}

fn over() -> Problem {
    let detail = "That time is over, or was made into a campaign already: pause or cancel that one. `GET …/occurrences` names it.";
    Problem::new(Code::InvalidState, detail)
}
