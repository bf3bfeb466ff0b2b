//! `/v1/export-schedules`: exports that come each day, week or month. The dispatcher makes them; each is an ordinary export of
//! `/v1/exports`, with the id of its schedule.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    export::{
        Dataset,
        schedule::{ExportSchedule, What, When},
    },
    id::{ExportId, ExportScheduleId},
    recurrence::Every,
    status::Status,
    zones::Zone,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadExports, WriteExports},
    problem::{Code, Problem},
    random,
};
use carillon_store::{export_schedules::MOST, records::Stale};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    campaigns::recurrence::{Period, Weekday, time_of_day},
    exports::{
        CsvWord, DatasetWord, FormatWord, NumbersWord, format_of, may_have_statuses, may_read,
        words_of,
    },
};
use crate::{
    act, check, edit,
    messages::StatusWord,
    once::{Answer, Once},
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportScheduleRequest {
    dataset: DatasetWord,
    /// Left out: `csv`.
    #[serde(default)]
    format: FormatWord,
    /// Of CSV; left out: `spreadsheet_safe`.
    csv: Option<CsvWord>,
    /// Of CSV: in one gzip stream.
    #[serde(default)]
    gzip: bool,
    #[serde(default)]
    numbers: NumbersWord,
    /// Only messages that stand there, and of no other dataset. None: all.
    #[serde(default)]
    #[schema(value_type = Vec<StatusWord>)]
    statuses: Vec<Status>,
    /// Each export is of the day, the week from Monday to Sunday, or the month before, from one midnight to the other.
    every: Period,
    /// Of `week`.
    weekday: Option<Weekday>,
    /// Of `month`: 1 to 31. A month that is shorter has it on its last day.
    #[schema(minimum = 1, maximum = 31)]
    day: Option<i8>,
    /// By the clock of `time_zone`: `06:00`. A time that the clock leaves out in spring comes an hour later; one that it has twice in
    /// autumn comes once, the first time.
    #[schema(example = "06:00")]
    time: String,
    /// Left out: the account's.
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
}

/// What is left out stays as it is; of what the exports are, that can't be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportScheduleChange {
    format: Option<FormatWord>,
    csv: Option<CsvWord>,
    gzip: Option<bool>,
    numbers: Option<NumbersWord>,
    #[schema(value_type = Option<Vec<StatusWord>>)]
    statuses: Option<Vec<Status>>,
    every: Option<Period>,
    weekday: Option<Weekday>,
    #[schema(minimum = 1, maximum = 31)]
    day: Option<i8>,
    time: Option<String>,
    time_zone: Option<String>,
    /// `true`: nothing is made until it is `false` again; times in between are left out.
    paused: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportScheduleView {
    #[schema(value_type = String)]
    id: ExportScheduleId,
    dataset: DatasetWord,
    format: FormatWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<CsvWord>,
    gzip: bool,
    numbers: NumbersWord,
    #[schema(value_type = Vec<StatusWord>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<Status>,
    every: Period,
    #[serde(skip_serializing_if = "Option::is_none")]
    weekday: Option<Weekday>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<i8>,
    time: String,
    time_zone: String,
    paused: bool,
    /// When the next export is made; none while it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Timestamp>,
    /// The newest export that it made.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_export: Option<ExportId>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportSchedules {
    data: Vec<ExportScheduleView>,
}

/// When exports are made, in the words of requests.
struct Asked {
    every: Period,
    weekday: Option<Weekday>,
    day: Option<i8>,
    time: String,
    zone: Zone,
}

impl From<ExportSchedule> for ExportScheduleView {
    fn from(schedule: ExportSchedule) -> Self {
        let last_export = schedule.last.map(|last| schedule.export_id(last));
        let ExportSchedule {
            id,
            account: _,
            what,
            when,
            test: _,
            paused,
            next,
            last: _,
            created,
            version: _,
        } = schedule;
        let What {
            dataset,
            format,
            numbers,
            statuses,
        } = what;
        let (format, csv, gzip) = words_of(format);
        let Asked {
            every,
            weekday,
            day,
            time,
            zone,
        } = when.into();
        Self {
            id,
            dataset: dataset.into(),
            format,
            csv,
            gzip,
            numbers: numbers.into(),
            statuses,
            every,
            weekday,
            day,
            time,
            time_zone: zone.to_string(),
            paused,
            next: (!paused).then_some(next.at),
            last_export,
            created,
        }
    }
}

impl From<When> for Asked {
    fn from(when: When) -> Self {
        let When { every, time, zone } = when;
        let (every, weekday, day) = match every {
            Every::Day => (Period::Day, None, None),
            Every::Week(days) => (Period::Week, days.first().map(|day| (*day).into()), None),
            Every::Month(day) => (Period::Month, None, Some(day)),
        };
        Self {
            every,
            weekday,
            day,
            time: time.strftime("%H:%M:%S").to_string(),
            zone,
        }
    }
}

impl Asked {
    fn check(self) -> Result<When, Problem> {
        Ok(When {
            every: self.every()?,
            time: time_of_day("/time", &self.time)?,
            zone: self.zone,
        })
    }

    fn every(&self) -> Result<Every, Problem> {
        let refused = |pointer: &str, words: &str| Err(check::content(pointer, &words));
        match (self.every, self.weekday, self.day) {
            (Period::Day, None, None) => Ok(Every::Day),
            (Period::Week, Some(day), None) => Ok(Every::Week(vec![day.into()])),
            (Period::Month, None, Some(day)) if (1..=31).contains(&day) => Ok(Every::Month(day)),
            (Period::Month, None, Some(_)) => refused("/day", "expected 1 to 31"),
            (Period::Week, None, _) => {
                refused("/weekday", "a week needs its day, such as `monday`")
            }
            (Period::Month, _, None) => {
                refused("/day", "a month needs the number of its day, 1 to 31")
            }
            (_, Some(_), _) => refused("/weekday", "is of `week`; leave it out"),
            (_, _, Some(_)) => refused("/day", "is of `month`; leave it out"),
        }
    }
}

fn parse_zone(given: &str) -> Result<Zone, Problem> {
    Zone::parse(given).map_err(|error| check::content("/time_zone", &error))
}

async fn zone(api: &Api, who: &Principal, given: Option<&str>) -> Result<Zone, Problem> {
    if let Some(given) = given {
        return parse_zone(given);
    }
    let own = api.safeguards.find(who.account).await?.time_zone;
    own.map_or_else(|| parse_zone("UTC"), Ok)
}

/// Makes an export each day, week or month, from its next time on, by its own right: whoever makes it may leave. Needs the scope of the dataset too,
/// as an export does.
#[utoipa::path(
    post, path = "/v1/export-schedules", operation_id = "createExportSchedule", tag = "exports",
    security(("key" = ["exports:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ExportScheduleRequest,
    responses((status = 201, description = "The schedule", body = ExportScheduleView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteExports>,
    once: Once,
    Input { value, raw }: Input<ExportScheduleRequest>,
) -> Result<Response, Problem> {
    let now = time::now();
    let ExportScheduleRequest {
        dataset,
        format,
        csv,
        gzip,
        numbers,
        statuses,
        every,
        weekday,
        day,
        time,
        time_zone,
    } = value;
    let dataset = Dataset::from(dataset);
    may_read(&who, dataset)?;
    may_have_statuses(dataset, &statuses)?;
    let what = What {
        dataset,
        format: format_of(format, csv, gzip)?,
        numbers: numbers.into(),
        statuses,
    };
    let asked = Asked {
        every,
        weekday,
        day,
        time,
        zone: zone(&api, &who, time_zone.as_deref()).await?,
    };
    let when = asked.check()?;
    let work = async |(id, created): (ExportScheduleId, Timestamp)| {
        let there = api.export_schedules.list(who.account).await?;
        let is_new = there.iter().all(|other| other.id != id);
        if is_new && there.len() >= MOST {
            let detail = format!("An account has at most {MOST} schedules of exports; delete one.");
            return Err(Problem::new(Code::LimitReached, detail));
        }
        let schedule = ExportSchedule {
            id,
            account: who.account,
            what,
            test: !who.sees(false),
            paused: false,
            next: when.next(None, created).ok_or_else(Problem::unexplained)?,
            when,
            last: None,
            created,
            version: 1,
        };
        let audit = act::audit(&who, "export_schedule.create", id, now);
        api.export_schedules.create(&schedule, &audit).await?;
        let view = ExportScheduleView::from(schedule);
        let location = format!("/v1/export-schedules/{id}");
        Ok(Answer::new(StatusCode::CREATED, &view).at(location))
    };
    once.run(&api, &who, &raw, (random::id(now), now), work)
        .await
}

/// All schedules of exports, oldest first.
#[utoipa::path(
    get, path = "/v1/export-schedules", operation_id = "listExportSchedules", tag = "exports",
    security(("key" = ["exports:read"])),
    responses((status = 200, description = "All of them", body = ExportSchedules)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadExports>) -> Result<Response, Problem> {
    let schedules = api.export_schedules.list(who.account).await?.into_iter();
    let seen = schedules.filter(|schedule| who.sees(schedule.test));
    let data = seen.map(ExportScheduleView::from).collect();
    Ok(Json(ExportSchedules { data }).into_response())
}

/// A schedule of exports.
#[utoipa::path(
    get, path = "/v1/export-schedules/{id}", operation_id = "getExportSchedule", tag = "exports",
    security(("key" = ["exports:read"])),
    params(("id" = String, Path, description = "`exs_…`")),
    responses((status = 200, description = "The schedule", body = ExportScheduleView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadExports>,
    InPath(id): InPath<ExportScheduleId>,
) -> Result<Response, Problem> {
    Ok(answer(find(&api, &who, id).await?))
}

/// Changes a schedule, for the exports that it makes from then on, or pauses and resumes it. Needs the scope of the dataset too.
#[utoipa::path(
    patch, path = "/v1/export-schedules/{id}", operation_id = "changeExportSchedule", tag = "exports",
    security(("key" = ["exports:write"])),
    params(
        ("id" = String, Path, description = "`exs_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the schedule that you read"),
    ),
    request_body = ExportScheduleChange,
    responses((status = 200, description = "The schedule as it is now", body = ExportScheduleView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteExports>,
    InPath(id): InPath<ExportScheduleId>,
    headers: HeaderMap,
    Input { value, .. }: Input<ExportScheduleChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "schedule")?;
    let before = find(&api, &who, id).await?;
    may_read(&who, before.what.dataset)?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("schedule"));
    }
    let now = time::now();
    let schedule = changed(&before, value, now)?;
    let audit = act::audit(&who, "export_schedule.change", id, now);
    let written = api.export_schedules.change(&schedule, &audit).await?;
    written.map_err(|Stale| edit::stale("schedule"))?;
    Ok(answer(schedule))
}

/// Its next time is one that is to come: what a pause left out isn't made up, and no day comes twice.
fn changed(
    before: &ExportSchedule,
    change: ExportScheduleChange,
    now: Timestamp,
) -> Result<ExportSchedule, Problem> {
    let ExportScheduleChange {
        format,
        csv,
        gzip,
        numbers,
        statuses,
        every,
        weekday,
        day,
        time,
        time_zone,
        paused,
    } = change;
    let mut after = before.clone();
    after.version += 1;
    let (own_format, own_csv, own_gzip) = words_of(before.what.format);
    // What is of CSV goes with it.
    let (own_csv, own_gzip) = match format {
        Some(FormatWord::Parquet) => (None, false),
        _ => (own_csv, own_gzip),
    };
    let format = format.unwrap_or(own_format);
    after.what.format = format_of(format, csv.or(own_csv), gzip.unwrap_or(own_gzip))?;
    if let Some(numbers) = numbers {
        after.what.numbers = numbers.into();
    }
    if let Some(statuses) = statuses {
        may_have_statuses(after.what.dataset, &statuses)?;
        after.what.statuses = statuses;
    }
    let mut asked = Asked::from(before.when.clone());
    if let Some(every) = every.filter(|every| *every != asked.every) {
        (asked.every, asked.weekday, asked.day) = (every, None, None);
    }
    asked.weekday = weekday.or(asked.weekday);
    asked.day = day.or(asked.day);
    asked.time = time.unwrap_or(asked.time);
    if let Some(name) = time_zone {
        asked.zone = parse_zone(&name)?;
    }
    after.when = asked.check()?;
    after.paused = paused.unwrap_or(after.paused);
    let resumed = before.paused && !after.paused;
    if after.when != before.when || resumed {
        let next = after.when.next(after.last, now);
        after.next = next.ok_or_else(Problem::unexplained)?;
    }
    Ok(after)
}

/// Deletes a schedule. What it made stays.
#[utoipa::path(
    delete, path = "/v1/export-schedules/{id}", operation_id = "deleteExportSchedule", tag = "exports",
    security(("key" = ["exports:write"])),
    params(("id" = String, Path, description = "`exs_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteExports>,
    InPath(id): InPath<ExportScheduleId>,
) -> Result<Response, Problem> {
    let schedule = find(&api, &who, id).await?;
    let audit = act::audit(&who, "export_schedule.delete", id, time::now());
    let deleted = api.export_schedules.delete(&schedule, &audit).await?;
    deleted.map_err(|Stale| edit::stale("schedule"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn find(api: &Api, who: &Principal, id: ExportScheduleId) -> Result<ExportSchedule, Problem> {
    let found = api.export_schedules.find(who.account, id).await?;
    let seen = found.filter(|schedule| who.sees(schedule.test));
    seen.ok_or_else(|| Problem::not_found("schedule"))
}

fn answer(schedule: ExportSchedule) -> Response {
    let tag = [(header::ETAG, edit::etag(schedule.version))];
    (tag, Json(ExportScheduleView::from(schedule))).into_response()
}
