//! `/v1/reports`: what became of messages, counted of the ledger when it is asked for: of a batch, of a campaign, of all that an account
//! sent in a time, where closed batches are told by what they came to; by country, gateway account, sender, status, reason, campaign, template, lane, day or hour.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::{Batch, Lane},
    breakdown::{Breakdown, Latency, Tally},
    digest::{Kind, Sum},
    id::{BatchId, CampaignId, TemplateId},
    insight::{self, Around, Insight},
    moment::sortable,
    reason::Reason,
    status::Status,
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadMessages},
    problem::{Code, Problem},
};
use carillon_store::counts::{Counted, Of};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{batches, campaigns};
use crate::{
    report::COUNTED,
    responses::Responses,
    services::Api,
    summary::{Statuses, Summary},
    sums, time,
};

/// Campaigns that can be compared.
const COMPARED: usize = 10;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// `bat_…`
    #[param(value_type = Option<String>)]
    batch: Option<BatchId>,
    /// `cmp_…`
    #[param(value_type = Option<String>)]
    campaign: Option<CampaignId>,
    /// Of all that was sent: batches made from this time on.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// And before this time; left out: now.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// What its groups have in common; left out: the country.
    #[serde(default)]
    by: By,
    /// Of days and hours, such as `Europe/Paris`; left out: the account's.
    zone: Option<String>,
    /// With `from`: also the sum of the time of the same length before it.
    #[serde(default)]
    previous: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportBy)]
pub enum By {
    #[default]
    Country,
    Gateway,
    Sender,
    Status,
    Reason,
    Campaign,
    Template,
    Lane,
    /// When batches began, by the clock of the zone.
    Day,
    Hour,
}

/// What became of messages. Every sum over `groups` is what `total` says.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakdownReport {
    total: Figures,
    /// From the audience to its answers.
    funnel: Funnel,
    /// Of the time before, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Figures>,
    by: By,
    groups: Vec<Group>,
    latency: LatencyFigures,
    /// Why messages did not arrive, the most frequent first.
    reasons: Vec<ReasonFigures>,
    /// What somebody should know, and do.
    #[schema(value_type = Vec<String>)]
    insights: Vec<Insight>,
    /// Batches that it is counted of.
    batches: u64,
    /// Of `batches`: told by what they came to when they were closed, three days after their last message or later. What came in since is
    /// in their own reports.
    closed: u64,
    /// Of `batches`: too large to be counted for an answer (together more than two million messages) and not closed, so they are told by their
    /// last count, by status alone. While they are sent it is a minute old, after that of 15 minutes, two hours and a day after the last of
    /// them. What is in flight counts as `sent`; countries, gateways, senders and reasons are `null`, and `latency` knows nothing of them.
    by_last_count: u64,
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
}

/// Each step is of those of the step before, but for `replied` and `opted_out`: whoever did so in the time of the report, or within three
/// days after its batch began.
#[derive(Debug, Serialize, ToSchema)]
struct Funnel {
    /// Rows of audiences, and recipients of API sends.
    audience: u64,
    accepted: u64,
    /// A gateway took it, or may have taken it.
    sent: u64,
    delivered: u64,
    /// Recipients who opened a tracked link.
    clicked: u64,
    /// Numbers that wrote back; `null`: too many to look at.
    replied: Option<u64>,
    /// Numbers that opted out, by a reply or by the link in a message; `null`: too many to look at.
    opted_out: Option<u64>,
}

/// What became of messages.
#[derive(Debug, Serialize, ToSchema)]
struct Figures {
    /// Messages that were accepted: the sum of `counts`.
    accepted: u64,
    /// Of `accepted`: what a gateway took, or may have taken.
    sent: u64,
    delivered: u64,
    clicked: u64,
    read: u64,
    doubted: u64,
    resent: u64,
    /// SMS; a group's are its share by the number of its messages.
    parts: u64,
    /// In millionths of the account's currency, of what left.
    cost_micros: u64,
    /// Messages that left and that have no price: not in `cost_micros`.
    without_price: u64,
    #[schema(value_type = BTreeMap<String, u64>)]
    counts: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Group {
    /// `null`: what has none, such as messages that no gateway was tried for.
    key: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

/// Seconds from when messages were sent to when they were delivered. Coarse: the ledger knows when the last message of a chunk
/// was sent, and shows the upper bound of a step.
#[derive(Debug, Serialize, ToSchema)]
struct LatencyFigures {
    deliveries: u64,
    p50: Option<i64>,
    p90: Option<i64>,
    p99: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ReasonFigures {
    #[schema(value_type = String, example = "handset.absent")]
    code: Reason,
    messages: u64,
    words: &'static str,
    /// What to do about it.
    advice: &'static str,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// `cmp_…,cmp_…`: up to ten.
    campaigns: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    campaigns: Vec<Compared>,
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct Compared {
    #[schema(value_type = String)]
    campaign: CampaignId,
    name: String,
    #[serde(flatten)]
    figures: Figures,
    latency: LatencyFigures,
    /// It is too large to be counted for an answer (together more than two million messages) and not closed, so it is told by its last count.
    by_last_count: bool,
}

/// What became of some messages, and what they have in common beside the cells of a breakdown.
pub struct Told {
    /// When their batches began, or the quarter of an hour in which they did.
    pub starts: Timestamp,
    pub campaign: Option<CampaignId>,
    pub template: Option<TemplateId>,
    pub lane: Lane,
    pub sum: Sum,
    /// Of its batches: told by their last count.
    pub by_last_count: u64,
}

impl From<Counted> for Told {
    fn from(counted: Counted) -> Self {
        let Counted {
            batch,
            breakdown,
            closed,
            last_count,
        } = counted;
        Self {
            by_last_count: u64::from(last_count),
            sum: Sum::of(&batch, breakdown, closed),
            starts: batch.terms.starts(),
            campaign: batch.terms.campaign,
            template: batch.terms.content.template.map(|template| template.id),
            lane: batch.terms.lane,
        }
    }
}

/// Of API sends.
impl From<(Kind, Sum)> for Told {
    fn from((kind, sum): (Kind, Sum)) -> Self {
        let Kind {
            made: _,
            starts,
            test: _,
            lane,
            template,
        } = kind;
        Self {
            starts: starts.begins(),
            campaign: None,
            template,
            lane,
            sum,
            by_last_count: 0,
        }
    }
}

/// What became of messages.
#[utoipa::path(
    get, path = "/v1/reports", operation_id = "report", tag = "reports",
    security(("key" = ["messages:read"])),
    params(ReportQuery),
    responses((status = 200, description = "The count", body = BreakdownReport)),
)]
pub async fn report(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Problem> {
    let now = time::now();
    let zone = zone(&api, &who, query.zone.as_deref()).await?;
    let summary = Summary::new(query.by, zone);
    let (told, responses, previous) = match chosen(&api, &who, &query, now).await? {
        Chosen::Batch(batch) => {
            let batch = batch.map(|batch| *batch);
            let (told, responses) = of_one(&api, &who, batch, summary, now).await?;
            (told, responses, None)
        }
        Chosen::Time(from, until) => {
            let told = sums::of_time(&api, &who, (from, until), summary, now).await?;
            let responses = Responses::in_time(&api, &who, from, until).await?;
            let previous = if query.previous {
                Some(before(&api, &who, (from, until), now).await?)
            } else {
                None
            };
            (told, responses, previous)
        }
    };
    let report = BreakdownReport::new(&told, query.by, now);
    Ok(Json(report.with(&told, responses, previous.as_ref())).into_response())
}

/// Of one batch, or of none.
async fn of_one(
    api: &Api,
    who: &Principal,
    batch: Option<Batch>,
    mut summary: Summary,
    now: Timestamp,
) -> Result<(Summary, Responses), Problem> {
    let Some(batch) = batch else {
        return Ok((summary, Responses::default()));
    };
    let responses = Responses::to_batch(api, who, &batch).await?;
    let mut left = COUNTED;
    let told = counted(api, Some(batch), &mut left, now).await?;
    for told in &told {
        summary.take(told);
    }
    Ok((summary, responses))
}

/// By its chunks, as long as there are any.
async fn counted(
    api: &Api,
    batch: Option<Batch>,
    left: &mut u32,
    now: Timestamp,
) -> Result<Vec<Told>, Problem> {
    let batch = batch.into_iter().collect();
    let counted = sums::count_within(api, batch, Of::Ledger, left, now).await?;
    Ok(counted.into_iter().map(Told::from).collect())
}

/// What was sent in as long a time before.
async fn before(
    api: &Api,
    who: &Principal,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Breakdown, Problem> {
    let earlier = from.checked_sub(until.duration_since(from));
    let earlier = earlier.map_err(|_| invalid("There is no time before `from`."))?;
    let summary = Summary::new(By::Status, TimeZone::UTC);
    let told = sums::of_time(api, who, (earlier, from), summary, now).await?;
    Ok(told.sum)
}

/// Campaigns beside each other, in the order in which they are named.
#[utoipa::path(
    get, path = "/v1/reports/compare", operation_id = "compareCampaigns", tag = "reports",
    security(("key" = ["messages:read"])),
    params(CompareQuery),
    responses((status = 200, description = "The counts", body = Comparison)),
)]
pub async fn compare(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Query(CompareQuery { campaigns }): Query<CompareQuery>,
) -> Result<Response, Problem> {
    let now = time::now();
    let ids: Vec<&str> = campaigns.split(',').collect();
    if ids.len() > COMPARED {
        return Err(invalid("`campaigns` names at most ten."));
    }
    let (mut compared, mut left) = (Vec::new(), COUNTED);
    for id in ids {
        let read = id.parse::<CampaignId>();
        let id = read.map_err(|error| invalid(&format!("`campaigns`: {error}.")))?;
        let campaign = campaigns::find(&api, &who, id).await?;
        let batch = campaigns::batch_of(&api, &campaign).await?;
        let told = counted(&api, batch, &mut left, now).await?;
        let mut summary = Summary::new(By::Status, TimeZone::UTC);
        for told in &told {
            summary.take(told);
        }
        compared.push(Compared {
            campaign: id,
            name: campaign.name,
            figures: Figures::new(&statuses(&summary.sum)),
            latency: LatencyFigures::new(&summary.sum.latency),
            by_last_count: summary.by_last_count > 0,
        });
    }
    let comparison = Comparison {
        campaigns: compared,
        counted: now,
    };
    Ok(Json(comparison).into_response())
}

/// What became of a batch's messages, by country.
#[utoipa::path(
    get, path = "/v1/reports/batches/{id}", operation_id = "reportBatchBreakdown", tag = "reports",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The count", body = BreakdownReport)),
)]
pub async fn of_batch(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    let now = time::now();
    let batch = batches::find(&api, &who, id).await?;
    let summary = Summary::new(By::Country, TimeZone::UTC);
    let (told, responses) = of_one(&api, &who, Some(batch), summary, now).await?;
    let report = BreakdownReport::new(&told, By::Country, now);
    Ok(Json(report.with(&told, responses, None)).into_response())
}

pub async fn zone(api: &Api, who: &Principal, given: Option<&str>) -> Result<TimeZone, Problem> {
    match given {
        Some(name) => TimeZone::get(name)
            .map_err(|_| invalid("`zone` must be a time zone's name, such as `Europe/Paris`.")),
        None => {
            let safeguards = api.safeguards.find(who.account).await?;
            Ok(safeguards.clock())
        }
    }
}

pub fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

/// What a report is of.
enum Chosen {
    /// `None`: of a campaign that has none yet.
    Batch(Option<Box<Batch>>),
    Time(Timestamp, Timestamp),
}

async fn chosen(
    api: &Api,
    who: &Principal,
    query: &ReportQuery,
    now: Timestamp,
) -> Result<Chosen, Problem> {
    if query.previous && query.from.is_none() {
        return Err(invalid("`previous` goes with `from`."));
    }
    match (query.batch, query.campaign, query.from) {
        (Some(batch), None, None) => {
            let batch = batches::find(api, who, batch).await?;
            Ok(Chosen::Batch(Some(Box::new(batch))))
        }
        (None, Some(campaign), None) => {
            let campaign = campaigns::find(api, who, campaign).await?;
            let batch = campaigns::batch_of(api, &campaign).await?;
            Ok(Chosen::Batch(batch.map(Box::new)))
        }
        (None, None, Some(from)) => {
            let until = query.until.unwrap_or(now);
            Ok(Chosen::Time(sortable(from), sortable(until)))
        }
        _ => Err(invalid("Give one of `batch`, `campaign` and `from`.")),
    }
}

/// Of a breakdown as a whole.
fn statuses(breakdown: &Breakdown) -> Statuses {
    breakdown.by(|place| place.status)
}

impl BreakdownReport {
    fn new(told: &Summary, by: By, now: Timestamp) -> Self {
        let groups = told.groups.iter().map(|(key, statuses)| Group {
            key: key.clone(),
            figures: Figures::new(statuses),
        });
        Self {
            total: Figures::new(&statuses(&told.sum)),
            funnel: Funnel::new(told, Responses::default()),
            previous: None,
            by,
            groups: groups.collect(),
            latency: LatencyFigures::new(&told.sum.latency),
            reasons: reasons(&told.sum),
            insights: Vec::new(),
            batches: told.batches,
            closed: told.closed,
            by_last_count: told.by_last_count,
            counted: now,
        }
    }

    /// What stands beside the count.
    fn with(self, told: &Summary, responses: Responses, previous: Option<&Breakdown>) -> Self {
        let around = Around {
            previous: previous.map(Breakdown::total),
            days: &told.settled(self.counted),
            opted_out: responses.opted_out,
        };
        Self {
            funnel: Funnel::new(told, responses),
            previous: previous.map(|previous| Figures::new(&statuses(previous))),
            insights: insight::of(&told.sum, around),
            ..self
        }
    }
}

impl Funnel {
    fn new(told: &Summary, responses: Responses) -> Self {
        let total = told.sum.total();
        let Responses { replied, opted_out } = responses;
        Self {
            audience: told.audience,
            accepted: total.messages,
            sent: total.submitted,
            delivered: total.delivered,
            clicked: total.clicked,
            replied,
            opted_out,
        }
    }
}

fn reasons(sum: &Breakdown) -> Vec<ReasonFigures> {
    let delivered = Status::Delivered;
    let mut failed = sum.clone();
    failed.cells.retain(|place, _| place.status != delivered);
    let reasons = failed.by(|place| place.reason).into_iter();
    let mut reasons: Vec<ReasonFigures> = reasons
        .filter_map(|(code, Tally { messages, .. })| {
            let code = code?;
            Some(ReasonFigures {
                code,
                messages,
                words: code.facts().words,
                advice: code.remedy(),
            })
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.messages));
    reasons
}

impl Figures {
    fn new(statuses: &Statuses) -> Self {
        let mut total = Tally::default();
        let mut counts: BTreeMap<&'static str, u64> = Status::ALL
            .iter()
            .map(|status| (status.as_str(), 0))
            .collect();
        for (status, tally) in statuses {
            total.add(*tally);
            *counts.entry(status.as_str()).or_default() += tally.messages;
        }
        let Tally {
            messages,
            submitted,
            delivered,
            clicked,
            read,
            doubted,
            resent,
            parts,
            cost,
            without_price,
        } = total;
        Self {
            accepted: messages,
            sent: submitted,
            delivered,
            clicked,
            read,
            doubted,
            resent,
            parts,
            cost_micros: cost,
            without_price,
            counts,
        }
    }
}

impl LatencyFigures {
    fn new(latency: &Latency) -> Self {
        Self {
            deliveries: latency.deliveries(),
            p50: latency.percentile(50),
            p90: latency.percentile(90),
            p99: latency.percentile(99),
        }
    }
}
