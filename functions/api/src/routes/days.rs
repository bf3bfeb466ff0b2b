//! `/v1/reports/days`: what was sent day by day, for a page that is looked at all day. Of a campaign that runs it tells the dispatcher's last
//! count, of API sends the digests of their hours: a campaign to a million costs it one read.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::{Batch, Stage},
    status::Totals,
};
use carillon_runtime::{
    input::Query,
    principal::{May, Principal, ReadMessages},
    problem::{Code, Problem},
};
use carillon_store::ledger::Consistency;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reports::{self, Told, invalid};
use crate::{services::Api, sums, time};

const USUAL: u8 = 14;
const MOST: u8 = 31;
/// Days between when a campaign is planned and when it begins: of more, it is told by `GET /v1/reports` only.
const PLANNED: SignedDuration = SignedDuration::from_hours(35 * 24);
/// Batches of campaigns that are read for one answer.
const CAMPAIGNS: usize = 20_000;
/// Batches that are read together.
const TOGETHER: usize = 500;
/// Chunks that are counted for an answer: of campaigns that have been sent and wait for their reports, the newest first. Of the others
/// it tells what was counted when they finished.
const FRESH: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DaysQuery {
    /// Up to today; 1 to 31, left out: 14.
    #[param(minimum = 1, maximum = 31)]
    days: Option<u8>,
    /// Such as `Europe/Paris`; left out: the account's.
    zone: Option<String>,
}

/// Every day of the time, oldest first, also one on which nothing was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct DaysReport {
    #[schema(max_items = 31)]
    days: Vec<DayFigures>,
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
}

/// `accepted` is the sum of `in_flight` and the ends.
#[derive(Debug, Serialize, ToSchema)]
struct DayFigures {
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Campaigns that began on it.
    campaigns: u64,
    accepted: u64,
    /// Of `accepted`: what the API was asked to send, without a campaign. `null`: so much in the last hour that it is counted when that
    /// is over, and not in this answer.
    by_api: Option<u64>,
    /// Of `accepted`: what a gateway took, or may have taken.
    sent: u64,
    /// Those that have no end yet.
    in_flight: u64,
    delivered: u64,
    undelivered: u64,
    failed: u64,
    expired: u64,
    suppressed: u64,
    cancelled: u64,
    unknown: u64,
}

#[derive(Clone, Copy, Default)]
struct Day {
    campaigns: u64,
    by_api: u64,
    totals: Totals,
}

/// What was sent on the days before and today, as of a few seconds ago.
#[utoipa::path(
    get, path = "/v1/reports/days", operation_id = "reportDays", tag = "reports",
    security(("key" = ["messages:read"])),
    params(DaysQuery),
    responses((status = 200, description = "The days", body = DaysReport)),
)]
pub async fn days(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Query(DaysQuery { days, zone }): Query<DaysQuery>,
) -> Result<Response, Problem> {
    let now = time::now();
    let days = days.unwrap_or(USUAL);
    if !(1..=MOST).contains(&days) {
        return Err(invalid("`days` is from 1 to 31."));
    }
    let zone = reports::zone(&api, &who, zone.as_deref()).await?;
    let today = now.to_zoned(zone.clone()).date();
    let first = today.saturating_sub((i64::from(days) - 1).days());
    let from = midnight(first, &zone);
    let (batches, sends) = futures::try_join!(
        of_campaigns(&api, &who, from, now, (TOGETHER, CAMPAIGNS)),
        of_sends(&api, &who, from, now)
    )?;
    let mut counted: BTreeMap<Date, Day> = (0..i64::from(days))
        .map(|ago| (today.saturating_sub(ago.days()), Day::default()))
        .collect();
    for (starts, totals) in batches {
        let date = starts.to_zoned(zone.clone()).date();
        if let Some(day) = counted.get_mut(&date) {
            day.campaigns += 1;
            day.totals.add(&totals);
        }
    }
    let by_api = sends.is_some();
    for (starts, totals) in sends.unwrap_or_default() {
        let date = starts.to_zoned(zone.clone()).date();
        if let Some(day) = counted.get_mut(&date) {
            day.by_api += totals.accepted;
            day.totals.add(&totals);
        }
    }
    let report = DaysReport {
        days: counted
            .into_iter()
            .map(|(date, day)| DayFigures::new(date, day, by_api))
            .collect(),
        counted: now,
    };
    Ok(Json(report).into_response())
}

fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = date.to_zoned(zone.clone());
    midnight.map_or(Timestamp::MIN, |midnight| midnight.timestamp())
}

/// By when they began. `None`: more than can be counted for an answer.
async fn of_sends(
    api: &Api,
    who: &Principal,
    from: Timestamp,
    now: Timestamp,
) -> Result<Option<BTreeMap<Timestamp, Totals>>, Problem> {
    let mut told: BTreeMap<Timestamp, Totals> = BTreeMap::new();
    let tell = |Told { starts, sum, .. }| {
        let totals = told.entry(starts).or_default();
        totals.add(&sum.breakdown.totals());
    };
    match sums::of_sends(api, who, from..now, now, tell).await {
        Ok(()) => Ok(Some(told)),
        Err(problem) if problem.code == Code::InvalidRequest => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// When those begin that begin in the time, with what each came to so far. A day without some of them would be a wrong one.
pub async fn of_campaigns(
    api: &Api,
    who: &Principal,
    from: Timestamp,
    now: Timestamp,
    (together, most): (usize, usize),
) -> Result<Vec<(Timestamp, Totals)>, Problem> {
    let planned = from.checked_sub(PLANNED).unwrap_or(Timestamp::MIN);
    let ids = api
        .batches
        .of_campaigns(who.account, planned, now, most)
        .await?;
    if ids.len() >= most {
        return Err(invalid(
            "So many campaigns were planned for this time, or in the five weeks before it, that they can't be told of in one answer. Ask for fewer days.",
        ));
    }
    let (mut told, mut left) = (Vec::new(), FRESH);
    for ids in ids.rchunks(together) {
        let mut batches = api.batches.find_all(ids).await?;
        batches.retain(|batch| {
            let starts = batch.terms.starts();
            starts >= from && starts <= now && who.sees(batch.terms.test)
        });
        for batch in batches.into_iter().rev() {
            let chunks = batch.progress.chunks.unwrap_or(0);
            let totals = if waits_for_reports(&batch) && chunks <= left {
                left -= chunks;
                count(api, &batch, now).await?
            } else {
                batch.last_count()
            };
            told.push((batch.terms.starts(), totals));
        }
    }
    Ok(told)
}

/// It was counted when its last message had left, and reports came in since.
fn waits_for_reports(batch: &Batch) -> bool {
    let progress = &batch.progress;
    let waits = progress.totals.is_some_and(|totals| totals.in_flight > 0);
    progress.stage == Stage::Finished && waits
}

async fn count(api: &Api, batch: &Batch, now: Timestamp) -> Result<Totals, Problem> {
    let (view, mut totals) = (batch.view(now), Totals::default());
    let count = |_, chunk| totals.count(&chunk, view);
    api.ledger
        .each_chunk(batch.terms.id, Consistency::Eventual, count)
        .await?;
    Ok(totals)
}

impl DayFigures {
    fn new(date: Date, day: Day, counts_api: bool) -> Self {
        let Day {
            campaigns,
            by_api,
            totals,
        } = day;
        Self {
            date,
            campaigns,
            accepted: totals.accepted,
            by_api: counts_api.then_some(by_api),
            sent: totals.submitted,
            in_flight: totals.in_flight,
            delivered: totals.delivered,
            undelivered: totals.undelivered,
            failed: totals.failed,
            expired: totals.expired,
            suppressed: totals.suppressed,
            cancelled: totals.cancelled,
            unknown: totals.unknown,
        }
    }
}
