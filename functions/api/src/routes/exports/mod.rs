//! `/v1/exports`: what the account has, as files. Function `export` writes them; this asks for them, tells how far they are, and
//! gives links that end soon.

mod view;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    export::{Dataset, Export, Filter, Part, Progress, Purpose, Stage},
    id::{BatchId, CampaignId, ExportId},
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
use jiff::Timestamp;

pub use self::view::{
    CsvWord, DatasetWord, Download, DownloadFile, ExportRequest, ExportView, FormatWord,
    NumbersWord, format_of, words_of,
};
use crate::{
    act,
    list::{Asked, Page, PageQuery},
    once::{Answer, Once},
    services::Api,
    time,
};

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
