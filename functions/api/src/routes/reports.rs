//! `/v1/reports`: what became of messages, counted of the ledger when it is asked for: of a batch, of a campaign, of all that an account
//! sent in a time, where closed batches are told by what they came to; by country, gateway account, sender, status, reason, campaign, template, lane, day or hour.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::Batch,
    breakdown::{Breakdown, Counter, Latency, Place, Tally},
    id::{BatchId, CampaignId},
    insight::{self, Around, Insight},
    reason::Reason,
    status::Status,
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadMessages},
    problem::{Code, Problem},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{batches, campaigns};
use crate::{responses::Responses, services::Api, time};

/// Chunks that are counted for an answer at most: two million messages, about 0.05 US cents of reads.
const CHUNKS: u32 = 20_000;
/// Chunks read together.
const TOGETHER: u32 = 1_024;
/// Batches counted at once, and read at once.
const CONCURRENT: usize = 16;
const BATCHES: i32 = 200;
/// Batches that are told of in one answer.
const MOST: usize = 40_000;
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
enum By {
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
}

/// A batch with what was counted of it.
struct Counted {
    batch: Batch,
    breakdown: Breakdown,
    /// It is what the batch came to when it was closed.
    closed: bool,
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
    let chosen = chosen(&api, &who, &query, now).await?;
    let counted = count(&api, chosen.batches, chosen.by, now).await?;
    let responses = match chosen.time {
        Some((from, until)) => Responses::in_time(&api, &who, from, until).await?,
        None => responses(&api, &who, &counted).await?,
    };
    let previous = match chosen.time.filter(|_| query.previous) {
        Some(time) => Some(before(&api, &who, time, now).await?),
        None => None,
    };
    let report = BreakdownReport::new(&counted, query.by, &zone, now);
    Ok(Json(report.with(&counted, responses, previous.as_ref())).into_response())
}

/// Of one batch, or of none.
async fn responses(api: &Api, who: &Principal, counted: &[Counted]) -> Result<Responses, Problem> {
    match counted {
        [Counted { batch, .. }] => Responses::to_batch(api, who, batch).await,
        _ => Ok(Responses::default()),
    }
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
    let batches = of_time(api, who, earlier, from).await?;
    Ok(sum(&count(api, batches, Of::Kept, now).await?))
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
    let mut compared = Vec::new();
    for id in ids {
        let read = id.parse::<CampaignId>();
        let id = read.map_err(|error| invalid(&format!("`campaigns`: {error}.")))?;
        let campaign = campaigns::find(&api, &who, id).await?;
        let batch = campaigns::batch_of(&api, &campaign).await?;
        let counted = count(&api, batch.into_iter().collect(), Of::Ledger, now).await?;
        let sum = sum(&counted);
        compared.push(Compared {
            campaign: id,
            name: campaign.name,
            figures: Figures::new(&sum),
            latency: LatencyFigures::new(&sum.latency),
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
    let counted = count(&api, vec![batch], Of::Ledger, now).await?;
    let responses = responses(&api, &who, &counted).await?;
    let report = BreakdownReport::new(&counted, By::Country, &TimeZone::UTC, now);
    Ok(Json(report.with(&counted, responses, None)).into_response())
}

async fn zone(api: &Api, who: &Principal, given: Option<&str>) -> Result<TimeZone, Problem> {
    match given {
        Some(name) => TimeZone::get(name)
            .map_err(|_| invalid("`zone` must be a time zone's name, such as `Europe/Paris`.")),
        None => {
            let safeguards = api.safeguards.find(who.account).await?;
            Ok(safeguards.clock())
        }
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

/// What a batch is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// By its chunks, as long as there are any.
    Ledger,
    /// By what it came to when it was closed; one that isn't, by its chunks.
    Kept,
}

/// What a report is of: batches, oldest first, and the time that they are all of.
struct Chosen {
    batches: Vec<Batch>,
    by: Of,
    time: Option<(Timestamp, Timestamp)>,
}

async fn chosen(
    api: &Api,
    who: &Principal,
    query: &ReportQuery,
    now: Timestamp,
) -> Result<Chosen, Problem> {
    let chosen = |batches| Chosen {
        batches,
        by: Of::Ledger,
        time: None,
    };
    if query.previous && query.from.is_none() {
        return Err(invalid("`previous` goes with `from`."));
    }
    match (query.batch, query.campaign, query.from) {
        (Some(batch), None, None) => Ok(chosen(vec![batches::find(api, who, batch).await?])),
        (None, Some(campaign), None) => {
            let campaign = campaigns::find(api, who, campaign).await?;
            let batch = campaigns::batch_of(api, &campaign).await?;
            Ok(chosen(batch.into_iter().collect()))
        }
        (None, None, Some(from)) => {
            let until = query.until.unwrap_or(now);
            Ok(Chosen {
                batches: of_time(api, who, from, until).await?,
                by: Of::Kept,
                time: Some((from, until)),
            })
        }
        _ => Err(invalid("Give one of `batch`, `campaign` and `from`.")),
    }
}

async fn of_time(
    api: &Api,
    who: &Principal,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Batch>, Problem> {
    if from >= until {
        return Err(invalid("`until` must be after `from`."));
    }
    let (mut batches, mut chunks, mut after) = (Vec::new(), 0, None);
    // Newest first, since a campaign's id is drawn before its batch is made.
    loop {
        let page = api.batches.list(who.account, after, BATCHES).await?;
        // A page may be short because it is large; only an empty one is the end.
        let full = !page.is_empty();
        after = page.last().map(|batch| batch.terms.id);
        let over = page.last().is_none_or(|batch| batch.terms.began < from);
        for batch in page {
            let terms = &batch.terms;
            if terms.began >= from && terms.began < until && who.sees(terms.test) {
                let closed = batch.progress.snapshot.is_some();
                chunks += batch.progress.chunks.filter(|_| !closed).unwrap_or(0);
                batches.push(batch);
            }
        }
        if chunks > CHUNKS || batches.len() > MOST {
            let detail = "Too much was sent in this time: two million messages of the last days, or more than 40,000 batches. Ask for less of it.";
            return Err(invalid(detail));
        }
        if over || !full {
            batches.reverse();
            return Ok(batches);
        }
    }
}

async fn count(
    api: &Api,
    batches: Vec<Batch>,
    by: Of,
    now: Timestamp,
) -> Result<Vec<Counted>, Problem> {
    let counted = stream::iter(batches)
        .map(async |batch| {
            let kept = api.batches.snapshot(&batch).await?;
            let (breakdown, closed) = match (kept, by) {
                (Some(kept), Of::Kept) => (kept, true),
                (kept, _) => {
                    let counted = count_batch(api, &batch, now).await?;
                    longer(counted, kept)
                }
            };
            Ok::<_, Problem>(Counted {
                batch,
                breakdown,
                closed,
            })
        })
        .buffered(CONCURRENT);
    counted.try_collect().await
}

/// What was counted, or what was kept, where the ledger has forgotten chunks; and whether it was kept.
fn longer(counted: Breakdown, kept: Option<Breakdown>) -> (Breakdown, bool) {
    let messages = counted.total().messages;
    match kept.filter(|kept| kept.total().messages > messages) {
        Some(kept) => (kept, true),
        None => (counted, false),
    }
}

async fn count_batch(api: &Api, batch: &Batch, now: Timestamp) -> Result<Breakdown, Problem> {
    let chunks = batch.progress.chunks.unwrap_or(0);
    let mut counter = Counter::new(batch, now);
    for first in (0..chunks).step_by(TOGETHER as usize) {
        let end = chunks.min(first + TOGETHER);
        let read = api
            .ledger
            .chunks_between(batch.terms.id, first, end)
            .await?;
        for (_, chunk) in &read {
            counter.count(chunk);
        }
    }
    Ok(counter.breakdown())
}

fn sum(counted: &[Counted]) -> Breakdown {
    let mut sum = Breakdown::default();
    for Counted { breakdown, .. } in counted {
        sum.add(breakdown);
    }
    sum
}

impl BreakdownReport {
    fn new(counted: &[Counted], by: By, zone: &TimeZone, now: Timestamp) -> Self {
        let sum = sum(counted);
        let mut groups: BTreeMap<Option<String>, Breakdown> = BTreeMap::new();
        for Counted {
            batch, breakdown, ..
        } in counted
        {
            for (place, tally) in &breakdown.cells {
                let group = groups.entry(key(by, batch, place, zone)).or_default();
                let cell = group.cells.entry(place.clone()).or_default();
                cell.add(*tally);
            }
        }
        let groups = groups.into_iter().map(|(key, breakdown)| Group {
            key,
            figures: Figures::new(&breakdown),
        });
        Self {
            total: Figures::new(&sum),
            funnel: Funnel::new(counted, Responses::default()),
            previous: None,
            by,
            groups: groups.collect(),
            latency: LatencyFigures::new(&sum.latency),
            reasons: reasons(&sum),
            insights: Vec::new(),
            batches: counted.len() as u64,
            closed: counted.iter().filter(|counted| counted.closed).count() as u64,
            counted: now,
        }
    }

    /// What stands beside the count.
    fn with(self, counted: &[Counted], responses: Responses, previous: Option<&Breakdown>) -> Self {
        let around = Around {
            previous: previous.map(Breakdown::total),
            opted_out: responses.opted_out,
        };
        Self {
            funnel: Funnel::new(counted, responses),
            previous: previous.map(Figures::new),
            insights: insight::of(&sum(counted), around),
            ..self
        }
    }
}

impl Funnel {
    fn new(counted: &[Counted], responses: Responses) -> Self {
        let total = sum(counted).total();
        let audience = counted.iter().map(|counted| {
            let prepared = counted.batch.progress.prepared;
            let rows = prepared.map_or(0, |prepared| prepared.rows);
            rows.max(counted.breakdown.total().messages)
        });
        let Responses { replied, opted_out } = responses;
        Self {
            audience: audience.sum(),
            accepted: total.messages,
            sent: total.submitted,
            delivered: total.delivered,
            clicked: total.clicked,
            replied,
            opted_out,
        }
    }
}

fn key(by: By, batch: &Batch, place: &Place, zone: &TimeZone) -> Option<String> {
    let terms = &batch.terms;
    let began = || terms.starts().to_zoned(zone.clone());
    match by {
        By::Country => place.country.map(|country| country.as_str().to_owned()),
        By::Gateway => place.gateway.map(|gateway| gateway.to_string()),
        By::Sender => place.sender.clone(),
        By::Status => Some(place.status.as_str().to_owned()),
        By::Reason => place.reason.map(|reason| reason.code().to_owned()),
        By::Campaign => terms.campaign.map(|campaign| campaign.to_string()),
        By::Template => terms
            .content
            .template
            .map(|template| template.id.to_string()),
        By::Lane => Some(terms.lane.as_str().to_owned()),
        By::Day => Some(began().strftime("%Y-%m-%d").to_string()),
        By::Hour => Some(began().strftime("%Y-%m-%dT%H:00%:z").to_string()),
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
                advice: insight::advice(code),
            })
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.messages));
    reasons
}

impl Figures {
    fn new(breakdown: &Breakdown) -> Self {
        let mut total = Tally::default();
        let mut counts: BTreeMap<&'static str, u64> = Status::ALL
            .iter()
            .map(|status| (status.as_str(), 0))
            .collect();
        for (place, tally) in &breakdown.cells {
            total.add(*tally);
            *counts.entry(place.status.as_str()).or_default() += tally.messages;
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
