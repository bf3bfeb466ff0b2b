//! `/v1/campaigns`: planned sends to an audience.

pub mod audience;
pub mod control;
pub mod draft;
pub mod estimate;
pub mod preview;
mod ready;
pub(crate) mod recurrence;
pub mod recurring;
pub mod results;
pub mod retry;
mod sample;
mod schedule;
pub mod start;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::Batch,
    campaign::{self, Campaign, CampaignStatus, Plan, Words, status},
    id::{BatchId, CampaignId},
    status::Totals,
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadCampaigns},
    problem::Problem,
};
use futures::{StreamExt, TryStreamExt, stream};
use http::header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::{audience::AudienceView, recurrence::Recurrence, schedule::Schedule};
use crate::{
    fields::{Class, Lane, Policy, QuietHours},
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
    warnings::ContentWarning,
    wording::{self, EncodingPolicy, LinkTracking, TemplateInput, Wording},
};

/// Batches of a page of campaigns read at once.
const CONCURRENT: usize = 16;

#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignView {
    #[schema(value_type = String)]
    id: CampaignId,
    name: String,
    #[schema(value_type = CampaignStatusWord)]
    status: CampaignStatus,
    audience: AudienceView,
    content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    lane: Lane,
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    /// How it recurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    recurrence: Option<Recurrence>,
    /// Of one that recurs: the next time.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Timestamp>,
    /// The campaign that recurs whose time it is.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrence_of: Option<CampaignId>,
    policies: Policies,
    /// What it became.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    /// Made by a test key: nothing of it reaches a phone.
    test: bool,
    /// How far it is, once its audience is prepared. As it was last counted, seconds ago; `report` counts anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
    /// Why it failed, or why the next time of one that recurs could not be made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When it is started or scheduled: that the same went to the same audience lately.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<ContentWarning>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    changed: Timestamp,
}

/// A text or a template.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// With placeholders, as `{{name}}` or `{{name|default}}`.
    #[schema(example = "Hi {{name}}, your table is free from 8.")]
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The recipient's value `language` chooses among its texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateInput>,
    /// Left out: the template's own, else `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<EncodingPolicy>,
    /// Left out: addresses in the text stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<LinkTracking>,
}

impl Content {
    pub fn check(self) -> Result<campaign::Content, Problem> {
        let Self {
            text,
            template,
            encoding,
            links,
        } = self;
        wording::words("/content", text, template, encoding, links)
    }
}

impl From<campaign::Content> for Content {
    fn from(content: campaign::Content) -> Self {
        let campaign::Content {
            words,
            encoding,
            tracking,
        } = content;
        let (text, template) = match words {
            Words::Text { text } => (Some(text), None),
            Words::Template { template, version } => {
                let id = template;
                (None, Some(TemplateInput { id, version }))
            }
        };
        Self {
            text,
            template,
            encoding: encoding.map(Into::into),
            links: tracking.map(Into::into),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Left out: `at_most_once`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Policy>,
    /// Of marketing; left out, `hold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Seconds from its start after which nothing of it is sent, 60 to 604,800; left out, three days.
    #[schema(minimum = 60, maximum = 604_800)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<i64>,
    /// Seconds over which it is spread evenly: 60 to `valid_for`. It leaves in groups: as small as it takes for one each
    /// minute or for sixty, and of a hundred messages at most. Left out, it goes as fast as the gateways take it.
    #[schema(minimum = 60, maximum = 604_800)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_over: Option<i64>,
}

/// Messages by what became of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignProgress)]
pub struct ProgressView {
    /// All of them.
    accepted: u64,
    /// Those that a gateway has, or may have.
    submitted: u64,
    /// Those that have no end yet.
    in_flight: u64,
    /// Of `in_flight`: those that have not left.
    waiting: u64,
    delivered: u64,
    undelivered: u64,
    failed: u64,
    expired: u64,
    suppressed: u64,
    cancelled: u64,
    unknown: u64,
    /// When the first of them could leave.
    #[schema(value_type = String, format = DateTime)]
    began: Timestamp,
}

impl ProgressView {
    fn new(batch: &Batch) -> Option<Self> {
        let prepared = batch.progress.prepared?;
        let nothing = Totals {
            accepted: prepared.accepted,
            in_flight: prepared.accepted,
            waiting: prepared.accepted,
            ..Totals::default()
        };
        let totals = batch.progress.totals.unwrap_or(nothing);
        Some(Self {
            accepted: totals.accepted,
            submitted: totals.submitted,
            in_flight: totals.in_flight,
            waiting: totals.waiting,
            delivered: totals.delivered,
            undelivered: totals.undelivered,
            failed: totals.failed,
            expired: totals.expired,
            suppressed: totals.suppressed,
            cancelled: totals.cancelled,
            unknown: totals.unknown,
            began: batch.terms.starts(),
        })
    }
}

/// How far a campaign is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its description is used")]
enum CampaignStatusWord {
    Draft,
    Scheduled,
    /// There are times of it to come.
    Recurring,
    Preparing,
    Running,
    Paused,
    Cancelling,
    Cancelled,
    Finished,
    Failed,
}

impl CampaignView {
    pub fn new(campaign: Campaign, batch: Option<&Batch>, now: Timestamp) -> Self {
        let status = status(campaign.plan, batch, now);
        let Campaign {
            id,
            account: _,
            test,
            name,
            audience,
            content,
            sender,
            lane,
            class,
            policies,
            wanted_at,
            series,
            occurrence,
            plan,
            created,
            changed,
            version: _,
        } = campaign;
        let next = match plan {
            Plan::Recurring { next, .. } => next.map(|next| next.at),
            _ => None,
        };
        let (recurrence, problem) = series.map(|it| (it.recurrence, it.problem)).unzip();
        Self {
            id,
            name,
            status,
            audience: AudienceView::from(audience),
            content: content.into(),
            sender: sender.map(|sender| sender.to_string()),
            lane: lane.into(),
            class: class.into(),
            schedule: wanted_at.map(Schedule::from),
            recurrence: recurrence.map(Recurrence::from),
            next,
            occurrence_of: occurrence.map(|of| of.campaign),
            policies: Policies {
                doubt: Some(policies.doubt.into()),
                quiet_hours: Some(policies.quiet_hours.into()),
                valid_for: Some(policies.valid_for),
                spread_over: policies.spread_over,
            },
            batch: plan.batch(),
            test,
            progress: batch.and_then(ProgressView::new),
            problem: batch
                .and_then(|batch| batch.progress.problem.clone())
                .or(problem.flatten()),
            warnings: Vec::new(),
            created,
            changed,
        }
    }
}

pub fn etag(campaign: &Campaign) -> String {
    crate::edit::etag(campaign.version)
}

/// A campaign of the caller's account.
pub async fn find(api: &Api, who: &Principal, id: CampaignId) -> Result<Campaign, Problem> {
    let campaign = api.campaigns.find(who.account, id).await?;
    let seen = campaign.filter(|campaign| who.sees(campaign.test));
    seen.ok_or_else(|| Problem::not_found("campaign"))
}

/// What a campaign says, as it is now.
pub async fn wording(api: &Api, campaign: &Campaign) -> Result<Wording, Problem> {
    wording::find(api, campaign.account, "/content", &campaign.content).await
}

pub async fn batch_of(api: &Api, campaign: &Campaign) -> Result<Option<Batch>, Problem> {
    match campaign.plan.batch() {
        Some(batch) => Ok(api.batches.find(batch).await?),
        None => Ok(None),
    }
}

/// The campaign as it is now, with its `ETag`.
pub async fn answer(api: &Api, campaign: Campaign) -> Result<Response, Problem> {
    let batch = batch_of(api, &campaign).await?;
    let tag = [(header::ETAG, etag(&campaign))];
    let view = CampaignView::new(campaign, batch.as_ref(), time::now());
    Ok((tag, Json(view)).into_response())
}

/// A campaign.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", operation_id = "getCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The campaign as it is now", body = CampaignView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    answer(&api, campaign).await
}

/// Campaigns, newest first.
#[utoipa::path(
    get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<CampaignView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/campaigns", query)?;
    let campaigns = api
        .campaigns
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let with_batches = stream::iter(campaigns).map(async |campaign| {
        let batch = batch_of(&api, &campaign).await?;
        Ok::<_, Problem>((campaign, batch))
    });
    let campaigns = with_batches.buffered(CONCURRENT).try_collect().await?;
    let now = time::now();
    let place = |(campaign, _): &(Campaign, Option<Batch>)| campaign.id.to_string();
    let view = |(campaign, batch): (Campaign, Option<Batch>)| {
        let seen = who.sees(campaign.test);
        seen.then(|| CampaignView::new(campaign, batch.as_ref(), now))
    };
    Ok(asked.answer(&api, &who, campaigns, place, view))
}
