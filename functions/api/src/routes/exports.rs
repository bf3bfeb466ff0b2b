//! `/v1/exports`: what the account has, as files. Function `export` writes them; this asks for them, tells how far they are, and
//! gives links that end soon.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    export::{CsvCells, Dataset, Export, Filter, Format, Numbers, Part, Progress, Purpose, Stage},
    id::{BatchId, CampaignId, ExportId, ExportScheduleId},
    moment::sortable,
    status::Status,
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    principal::{May, Principal, ReadExports, WriteExports},
    problem::{Code, FieldError, Problem},
    random,
};
use carillon_store::{export_files::LINK_VALID, queues::ExportRequest as Request};
use http::StatusCode;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act,
    list::{Asked, Page, PageQuery},
    messages::StatusWord,
    once::{Answer, Once},
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
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
    /// `bat_…`: only of this batch. Of messages and clicks.
    #[schema(value_type = Option<String>)]
    batch: Option<BatchId>,
    /// `cmp_…`: only of this campaign. Of messages and clicks.
    #[schema(value_type = Option<String>)]
    campaign: Option<CampaignId>,
    /// Not before. Of messages and clicks, when their batch was made; of the others, their own time.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// And before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only messages that stand there, and of no other dataset. None: all.
    #[serde(default)]
    #[schema(value_type = Vec<StatusWord>)]
    statuses: Vec<Status>,
    /// A day, by UTC: all messages of batches that begin on it, as Parquet, into the account's lake. Asked for again it replaces what is
    /// there, so ask for a day once it is over, and once more when its messages have come to their ends, four days later.
    #[schema(value_type = Option<String>, format = Date)]
    lake: Option<Date>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Dataset)]
pub enum DatasetWord {
    Messages,
    Campaigns,
    /// Each time that somebody, or a program, opened a tracked link.
    Clicks,
    Inbound,
    OptOuts,
    Contacts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportFormat)]
pub enum FormatWord {
    #[default]
    Csv,
    /// Compressed by ZSTD.
    Parquet,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CsvCells)]
pub enum CsvWord {
    /// With a byte order mark, and `'` before what a spreadsheet would take for a formula, such as a number's `+`.
    SpreadsheetSafe,
    /// As it is, for machines. Don't open it in a spreadsheet.
    Raw,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShownNumbers)]
pub enum NumbersWord {
    #[default]
    Full,
    /// The country and the last digits.
    Masked,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExportStatus {
    Queued,
    Running,
    Finished,
    Cancelled,
    Failed,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    #[schema(value_type = String)]
    id: ExportId,
    status: ExportStatus,
    dataset: DatasetWord,
    format: FormatWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<CsvWord>,
    gzip: bool,
    numbers: NumbersWord,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[schema(value_type = Vec<StatusWord>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<Status>,
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    lake: Option<Date>,
    /// `exs_…`: what made it, of the time from `from` to `until`.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ExportScheduleId>,
    /// How far it is: of messages in chunks of up to 100, of anything else in pages.
    progress: ExportProgress,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ExportProgress {
    done: u64,
    /// Where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    rows: u64,
    bytes: u64,
    /// Files that are complete.
    files: usize,
}

/// The files of an export. Each link works for 15 minutes, for whoever has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Download {
    /// What is in the files: rows, bytes and SHA-256 of each.
    manifest: DownloadFile,
    files: Vec<DownloadFile>,
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct DownloadFile {
    name: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// In hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// Asks for an export. It is written in the background: look at it until it is `finished`, then get its files.
#[utoipa::path(
    post, path = "/v1/exports", operation_id = "createExport", tag = "exports",
    security(("key" = ["exports:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ExportRequest,
    responses((status = 202, description = "The export", body = ExportView)),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteExports>,
    once: Once,
    Input { value, raw }: Input<ExportRequest>,
) -> Result<Response, Problem> {
    let now = time::now();
    let drawn = (random::id(now), now);
    let wanted = wanted(&api, &who, value, drawn).await?;
    let work = async |(id, created): (ExportId, Timestamp)| {
        // Another attempt may have drawn them before.
        let export = Export {
            id,
            created,
            ..wanted
        };
        let audit = act::audit(&who, "export.create", id, now);
        api.exports.create(&export, Some(&audit)).await?;
        // Lost, the dispatcher asks again.
        api.queues.export(&request(&export)).await?;
        let view = ExportView::new(export, Progress::queued());
        Ok(Answer::new(StatusCode::ACCEPTED, &view).at(format!("/v1/exports/{id}")))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// What was asked for, once it is known to make sense.
async fn wanted(
    api: &Api,
    who: &Principal,
    asked: ExportRequest,
    (id, created): (ExportId, Timestamp),
) -> Result<Export, Problem> {
    let ExportRequest {
        dataset,
        format,
        csv,
        gzip,
        numbers,
        batch,
        campaign,
        from,
        until,
        statuses,
        lake,
    } = asked;
    let dataset = Dataset::from(dataset);
    may_read(who, dataset)?;
    if let Some(day) = lake {
        let narrowed = narrowed(batch, campaign, &statuses).is_some();
        let all = !narrowed && from.or(until).is_none();
        let whole = dataset == Dataset::Messages && format == FormatWord::Parquet && all;
        if !whole {
            let detail = "is of all messages of a day, as Parquet; leave out what narrows it";
            return Err(refused("/lake", detail));
        }
        who.must_be_live()?;
        let numbers = numbers.into();
        return Ok(Export::of_lake(id, who.account, day, numbers, created));
    }
    if let Some(pointer) = narrowed(batch, campaign, &statuses)
        && !matches!(dataset, Dataset::Messages | Dataset::Clicks)
    {
        let detail = "only messages and clicks are of a batch; leave it out";
        return Err(refused(pointer, detail));
    }
    may_have_statuses(dataset, &statuses)?;
    let (from, until) = (from.map(sortable), until.map(sortable));
    if matches!((from, until), (Some(from), Some(until)) if from >= until) {
        return Err(refused("/until", "must be after `from`"));
    }
    let format = format_of(format, csv, gzip)?;
    let batch = batch_of(api, who, batch, campaign).await?;
    Ok(Export {
        id,
        account: who.account,
        dataset,
        filter: Filter {
            batch,
            campaign,
            from,
            until,
            statuses,
        },
        format,
        numbers: numbers.into(),
        purpose: Purpose::Download,
        test: !who.sees(false),
        created,
    })
}

/// How it is written, once it is known to make sense.
pub(super) fn format_of(
    format: FormatWord,
    csv: Option<CsvWord>,
    gzip: bool,
) -> Result<Format, Problem> {
    match format {
        FormatWord::Parquet if gzip => Err(refused("/gzip", "is of CSV; leave it out")),
        FormatWord::Parquet if csv.is_some() => Err(refused("/csv", "is of CSV; leave it out")),
        FormatWord::Parquet => Ok(Format::Parquet),
        FormatWord::Csv => Ok(Format::Csv {
            cells: csv.map_or_else(CsvCells::default, CsvCells::from),
            gzip,
        }),
    }
}

/// The words for it, and whether it is in one gzip stream.
pub(super) fn words_of(format: Format) -> (FormatWord, Option<CsvWord>, bool) {
    match format {
        Format::Parquet => (FormatWord::Parquet, None, false),
        Format::Csv { cells, gzip } => (FormatWord::Csv, Some(cells.into()), gzip),
    }
}

pub(super) fn may_have_statuses(dataset: Dataset, statuses: &[Status]) -> Result<(), Problem> {
    if statuses.is_empty() || dataset == Dataset::Messages {
        return Ok(());
    }
    let detail = "only messages have a status; leave it out";
    Err(refused("/statuses", detail))
}

/// What makes messages fewer, as a pointer to it.
fn narrowed(
    batch: Option<BatchId>,
    campaign: Option<CampaignId>,
    statuses: &[Status],
) -> Option<&'static str> {
    match (batch, campaign) {
        (Some(_), _) => Some("/batch"),
        (None, Some(_)) => Some("/campaign"),
        (None, None) => (!statuses.is_empty()).then_some("/statuses"),
    }
}

/// The batch that is meant, which must be the caller's.
async fn batch_of(
    api: &Api,
    who: &Principal,
    batch: Option<BatchId>,
    campaign: Option<CampaignId>,
) -> Result<Option<BatchId>, Problem> {
    if let Some(batch) = batch {
        let found = super::batches::find(api, who, batch).await?;
        if campaign.is_some() && found.terms.campaign != campaign {
            return Err(refused(
                "/batch",
                "is of another campaign; give one of them",
            ));
        }
        return Ok(Some(found.terms.id));
    }
    let Some(campaign) = campaign else {
        return Ok(None);
    };
    let campaign = super::campaigns::find(api, who, campaign).await?;
    let Some(batch) = campaign.plan.batch() else {
        return Err(refused("/campaign", "has not been started; start it first"));
    };
    Ok(Some(batch))
}

pub(super) fn refused(pointer: &str, detail: &str) -> Problem {
    let error = FieldError::new(pointer, "invalid", detail);
    Problem::of_fields(Code::InvalidContent, vec![error])
}

/// An export shows nothing that its reader could not see otherwise.
pub(super) fn may_read(who: &Principal, dataset: Dataset) -> Result<(), Problem> {
    let scope = dataset.needs();
    if who.scopes.contains(&scope) {
        return Ok(());
    }
    let detail = format!("An export of this dataset needs the scope `{scope}` too.");
    Err(Problem::new(Code::ForbiddenScope, detail))
}

/// Exports, newest first.
#[utoipa::path(
    get, path = "/v1/exports", operation_id = "listExports", tag = "exports",
    security(("key" = ["exports:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<ExportView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadExports>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/exports", query)?;
    let exports = api
        .exports
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let place = |(export, _): &(Export, Progress)| export.id.to_string();
    Ok(
        asked.answer(&api, &who, exports, place, |(export, progress)| {
            who.sees(export.test)
                .then(|| ExportView::new(export, progress))
        }),
    )
}

/// An export, and how far it is.
#[utoipa::path(
    get, path = "/v1/exports/{id}", operation_id = "getExport", tag = "exports",
    security(("key" = ["exports:read"])),
    params(("id" = String, Path, description = "`exp_…`")),
    responses((status = 200, description = "The export as it is now", body = ExportView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadExports>,
    InPath(id): InPath<ExportId>,
) -> Result<Response, Problem> {
    let (export, progress) = find(&api, &who, id).await?;
    Ok(Json(ExportView::new(export, progress)).into_response())
}

/// Stops an export that isn't over. What was written of it can't be downloaded.
#[utoipa::path(
    post, path = "/v1/exports/{id}/cancel", operation_id = "cancelExport", tag = "exports",
    security(("key" = ["exports:write"])),
    params(("id" = String, Path, description = "`exp_…`")),
    responses((status = 200, description = "The export, cancelled", body = ExportView)),
)]
pub async fn cancel(
    State(api): State<Api>,
    who: May<WriteExports>,
    InPath(id): InPath<ExportId>,
) -> Result<Response, Problem> {
    let (export, mut progress) = find(&api, &who, id).await?;
    let now = time::now();
    api.audit
        .record(&act::audit(&who, "export.cancel", id, now))
        .await?;
    progress.stage = Stage::Cancelled;
    progress.finished = Some(now);
    if !api.exports.cancel(request(&export), &progress).await? {
        let detail = "It is over, and stays as it is.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    Ok(Json(ExportView::new(export, progress)).into_response())
}

/// Links to the files of a finished export. They are kept for 7 days.
#[utoipa::path(
    post, path = "/v1/exports/{id}/download", operation_id = "downloadExport", tag = "exports",
    security(("key" = ["exports:read"])),
    params(("id" = String, Path, description = "`exp_…`")),
    responses((status = 200, description = "The links", body = Download)),
)]
pub async fn download(
    State(api): State<Api>,
    who: May<ReadExports>,
    InPath(id): InPath<ExportId>,
) -> Result<Response, Problem> {
    let (export, progress) = find(&api, &who, id).await?;
    may_read(&who, export.dataset)?;
    let (Stage::Finished, Some(manifest)) = (progress.stage, &progress.manifest) else {
        let detail = "It isn't finished. Look at it until its `status` is `finished`.";
        return Err(Problem::new(Code::InvalidState, detail));
    };
    let now = time::now();
    api.audit
        .record(&act::audit(&who, "export.download", id, now))
        .await?;
    let (word, extension) = (export.dataset.as_str(), export.format.extension());
    let mut files = Vec::new();
    for (number, part) in progress.parts.iter().enumerate() {
        let name = format!("{word}-{number:05}.{extension}");
        let Part {
            key,
            rows,
            bytes,
            sha256,
        } = part;
        files.push(DownloadFile {
            url: api.export_files.link(key, &name).await?,
            name,
            rows: Some(*rows),
            bytes: Some(*bytes),
            sha256: Some(sha256.clone()),
        });
    }
    let name = "manifest.json".to_owned();
    let manifest = DownloadFile {
        url: api.export_files.link(manifest, &name).await?,
        name,
        rows: None,
        bytes: None,
        sha256: None,
    };
    let expires = now + LINK_VALID;
    let download = Download {
        manifest,
        files,
        expires,
    };
    Ok(Json(download).into_response())
}

/// An export of the caller's account.
async fn find(api: &Api, who: &Principal, id: ExportId) -> Result<(Export, Progress), Problem> {
    let found = api.exports.find(who.account, id).await?;
    let seen = found.filter(|(export, _)| who.sees(export.test));
    seen.ok_or_else(|| Problem::not_found("export"))
}

fn request(export: &Export) -> Request {
    Request {
        export: export.id,
        account: export.account,
    }
}

impl ExportView {
    fn new(export: Export, progress: Progress) -> Self {
        let schedule = export.schedule();
        let Export {
            id,
            account: _,
            dataset,
            filter,
            format,
            numbers,
            purpose,
            test: _,
            created,
        } = export;
        let Filter {
            batch,
            campaign,
            from,
            until,
            statuses,
        } = filter;
        let (format, csv, gzip) = words_of(format);
        let Progress {
            stage,
            parts,
            next: _,
            done,
            settled: _,
            of,
            rows,
            bytes,
            failures: _,
            manifest: _,
            finished,
            problem,
        } = progress;
        let progress = ExportProgress {
            done,
            total: of,
            rows,
            bytes,
            files: parts.len(),
        };
        Self {
            id,
            status: stage.into(),
            dataset: dataset.into(),
            format,
            csv,
            gzip,
            numbers: numbers.into(),
            batch,
            campaign,
            from,
            until,
            statuses,
            lake: match purpose {
                Purpose::Lake { day } => Some(day),
                Purpose::Download | Purpose::Schedule { .. } => None,
            },
            schedule,
            progress,
            created,
            finished,
            problem,
        }
    }
}

impl From<Stage> for ExportStatus {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Queued => Self::Queued,
            Stage::Running => Self::Running,
            Stage::Finished => Self::Finished,
            Stage::Cancelled => Self::Cancelled,
            Stage::Failed => Self::Failed,
        }
    }
}

impl From<DatasetWord> for Dataset {
    fn from(word: DatasetWord) -> Self {
        match word {
            DatasetWord::Messages => Self::Messages,
            DatasetWord::Campaigns => Self::Campaigns,
            DatasetWord::Clicks => Self::Clicks,
            DatasetWord::Inbound => Self::Inbound,
            DatasetWord::OptOuts => Self::OptOuts,
            DatasetWord::Contacts => Self::Contacts,
        }
    }
}

impl From<Dataset> for DatasetWord {
    fn from(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Messages => Self::Messages,
            Dataset::Campaigns => Self::Campaigns,
            Dataset::Clicks => Self::Clicks,
            Dataset::Inbound => Self::Inbound,
            Dataset::OptOuts => Self::OptOuts,
            Dataset::Contacts => Self::Contacts,
        }
    }
}

impl From<CsvWord> for CsvCells {
    fn from(word: CsvWord) -> Self {
        match word {
            CsvWord::SpreadsheetSafe => Self::SpreadsheetSafe,
            CsvWord::Raw => Self::Raw,
        }
    }
}

impl From<CsvCells> for CsvWord {
    fn from(cells: CsvCells) -> Self {
        match cells {
            CsvCells::SpreadsheetSafe => Self::SpreadsheetSafe,
            CsvCells::Raw => Self::Raw,
        }
    }
}

impl From<NumbersWord> for Numbers {
    fn from(word: NumbersWord) -> Self {
        match word {
            NumbersWord::Full => Self::Full,
            NumbersWord::Masked => Self::Masked,
        }
    }
}

impl From<Numbers> for NumbersWord {
    fn from(numbers: Numbers) -> Self {
        match numbers {
            Numbers::Full => Self::Full,
            Numbers::Masked => Self::Masked,
        }
    }
}
