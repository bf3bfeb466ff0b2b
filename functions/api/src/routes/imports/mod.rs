//! `/v1/imports`: contacts out of files. The function `import` does it; here it is asked for, looked at, stopped and taken back.

pub mod create;
mod file;
mod mapping;
pub mod preview;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    contact::Tag,
    id::{ImportId, ListId, UploadId},
    import::{Blank, Counts, OnConflict, Stage, Undo},
    phone::Country,
};
use carillon_runtime::{
    input::{InPath, Query},
    logs::chain,
    principal::{May, Principal, ReadContacts, WriteContacts},
    problem::{Code, Problem},
};
use carillon_store::{
    import_files::Download,
    imports::{AGAIN, Import, ImportRequest, NotNow},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::mapping::{ColumnView, DelimiterWord};
use crate::{
    act,
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
};

/// What became of each row is kept for 30 days.
const UNDO_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 29);

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OnConflict)]
pub enum OnConflictWord {
    /// The file is right.
    Update,
    /// The contact is right, and gets what it lacks.
    Fill,
    /// The contact stays as it is.
    Skip,
}

impl From<OnConflictWord> for OnConflict {
    fn from(word: OnConflictWord) -> Self {
        match word {
            OnConflictWord::Update => Self::Update,
            OnConflictWord::Fill => Self::Fill,
            OnConflictWord::Skip => Self::Skip,
        }
    }
}

impl From<OnConflict> for OnConflictWord {
    fn from(mode: OnConflict) -> Self {
        match mode {
            OnConflict::Update => Self::Update,
            OnConflict::Fill => Self::Fill,
            OnConflict::Skip => Self::Skip,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EmptyCells)]
pub enum BlankWord {
    /// An empty cell says nothing.
    Keep,
    /// An empty cell takes back what there is.
    Clear,
}

impl From<BlankWord> for Blank {
    fn from(word: BlankWord) -> Self {
        match word {
            BlankWord::Keep => Self::Keep,
            BlankWord::Clear => Self::Clear,
        }
    }
}

impl From<Blank> for BlankWord {
    fn from(blank: Blank) -> Self {
        match blank {
            Blank::Keep => Self::Keep,
            Blank::Clear => Self::Clear,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ImportStatus {
    /// It waits, or is on its way.
    Importing,
    /// It is about to stop.
    Cancelling,
    Done,
    /// It stopped; `problem` says why. What `counts` says is done.
    Failed,
    /// It stopped when it was asked to. What `counts` says is done.
    Cancelled,
    Undoing,
    Undone,
}

/// `rows` is the sum of the six after it.
#[derive(Debug, Serialize, ToSchema)]
struct ImportCounts {
    /// Read so far.
    rows: u64,
    created: u64,
    updated: u64,
    /// The contact was so already.
    unchanged: u64,
    /// The contact was there, and `on_conflict` is `skip`.
    skipped: u64,
    /// The number came in an earlier row of the file, which counts.
    duplicates: u64,
    /// Made no contact: `GET /v1/imports/{id}/rejected` says why, row by row.
    rejected: u64,
    /// Have opted out: they are contacts, and get no messages, before as after.
    suppressed: u64,
    /// Consent records, where they were asked for.
    consents: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct UndoCounts {
    /// Looked at, of `counts.rows`.
    rows: u64,
    /// Contacts that the import created: gone.
    removed: u64,
    /// Contacts that it updated: as they were before.
    restored: u64,
    /// Left as they are, since somebody changed them after the import, or another import did.
    changed_since: u64,
    /// Of those that it updated, somebody deleted them.
    deleted_since: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    #[schema(value_type = String)]
    id: ImportId,
    #[schema(value_type = String)]
    upload: UploadId,
    status: ImportStatus,
    /// Why it failed, and the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    dry_run: bool,
    counts: ImportCounts,
    /// Of the file, read so far.
    bytes_read: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<UndoCounts>,
    delimiter: DelimiterWord,
    header: bool,
    mapping: Vec<ColumnView>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    default_country: Option<Country>,
    on_conflict: OnConflictWord,
    empty_cells: BlankWord,
    #[schema(value_type = Vec<String>)]
    lists: BTreeSet<ListId>,
    #[schema(value_type = Vec<String>)]
    tags: BTreeSet<Tag>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<Timestamp>,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let Import {
            terms,
            stage,
            progress,
            cancelled,
            problem,
            tries: _,
            finished,
        } = import;
        let is_undone = matches!(stage, Stage::Undoing | Stage::Undone) || progress.undo.rows > 0;
        Self {
            id: terms.id,
            upload: terms.upload,
            status: status(stage, cancelled),
            problem,
            dry_run: terms.dry_run,
            counts: progress.counts.into(),
            bytes_read: progress.counts.bytes,
            bytes: terms.bytes,
            undo: is_undone.then(|| progress.undo.into()),
            delimiter: DelimiterWord::of(terms.layout.delimiter),
            header: terms.layout.header,
            mapping: terms.layout.columns.iter().map(ColumnView::from).collect(),
            default_country: terms.default_country,
            on_conflict: terms.on_conflict.into(),
            empty_cells: terms.blank.into(),
            lists: terms.lists,
            tags: terms.tags,
            created: terms.created,
            finished,
        }
    }
}

fn status(stage: Stage, is_cancelled: bool) -> ImportStatus {
    match stage {
        Stage::Importing if is_cancelled => ImportStatus::Cancelling,
        Stage::Importing => ImportStatus::Importing,
        Stage::Done => ImportStatus::Done,
        Stage::Failed => ImportStatus::Failed,
        Stage::Cancelled => ImportStatus::Cancelled,
        Stage::Undoing => ImportStatus::Undoing,
        Stage::Undone => ImportStatus::Undone,
    }
}

impl From<Counts> for ImportCounts {
    fn from(counts: Counts) -> Self {
        let Counts {
            rows,
            created,
            updated,
            unchanged,
            skipped,
            duplicates,
            rejected,
            suppressed,
            consents,
            bytes: _,
        } = counts;
        Self {
            rows,
            created,
            updated,
            unchanged,
            skipped,
            duplicates,
            rejected,
            suppressed,
            consents,
        }
    }
}

impl From<Undo> for UndoCounts {
    fn from(undo: Undo) -> Self {
        let Undo {
            rows,
            removed,
            restored,
            changed_since,
            deleted_since,
        } = undo;
        Self {
            rows,
            removed,
            restored,
            changed_since,
            deleted_since,
        }
    }
}

/// Imports, newest first.
#[utoipa::path(
    get, path = "/v1/imports", operation_id = "listImports", tag = "imports",
    security(("key" = ["contacts:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<ImportView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadContacts>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/imports", query)?;
    let imports = api
        .imports
        .page(who.account, asked.place()?, asked.reads())
        .await?;
    let place = |import: &Import| import.terms.id.to_string();
    Ok(asked.answer(&api, &who, imports, place, |import| {
        Some(ImportView::from(import))
    }))
}

/// An import, and how far it is.
#[utoipa::path(
    get, path = "/v1/imports/{id}", operation_id = "getImport", tag = "imports",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`imp_…`")),
    responses((status = 200, description = "The import as it is now", body = ImportView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<ImportId>,
) -> Result<Response, Problem> {
    let import = find(&api, &who, id).await?;
    Ok(Json(ImportView::from(import)).into_response())
}

/// Stops an import after the rows that are on their way. What is imported by then stays, until it is undone.
#[utoipa::path(
    post, path = "/v1/imports/{id}/cancel", operation_id = "cancelImport", tag = "imports",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`imp_…`")),
    responses((status = 202, description = "It will stop", body = ImportView)),
)]
pub async fn cancel(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ImportId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    find(&api, &who, id).await?;
    let audit = act::audit(&who, "import.cancel", id, time::now());
    let cancelled = api.imports.cancel(request(&who, id), &audit).await?;
    cancelled.map_err(|NotNow| {
        let detail = "The import isn't on its way any more. What it did can be undone.";
        Problem::new(Code::InvalidState, detail)
    })?;
    accepted(&api, &who, id).await
}

/// Takes back what an import did: contacts that it created are deleted, contacts that it updated are as they were before. A contact that
/// somebody changed since stays as it is, and is counted. Consent records stay: they are never changed.
#[utoipa::path(
    post, path = "/v1/imports/{id}/undo", operation_id = "undoImport", tag = "imports",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path, description = "`imp_…`")),
    responses((status = 202, description = "It is being undone", body = ImportView)),
)]
pub async fn undo(
    State(api): State<Api>,
    who: May<WriteContacts>,
    InPath(id): InPath<ImportId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let now = time::now();
    let import = find(&api, &who, id).await?;
    let refused = |detail: &str| Problem::new(Code::InvalidState, detail);
    if import.terms.dry_run {
        return Err(refused("A dry run changed nothing that could be undone."));
    }
    if import.finished.is_some_and(|at| at + UNDO_WITHIN < now) {
        return Err(refused(
            "An import can be undone for 29 days. Change its contacts by their tag or list instead.",
        ));
    }
    let audit = act::audit(&who, "import.undo", id, now);
    let request = request(&who, id);
    let begun = api.imports.undo(request, now + AGAIN, &audit).await?;
    begun.map_err(|NotNow| {
        refused(
            "The import is on its way, or it is undone already. Cancel it first, if it is to stop.",
        )
    })?;
    ask(&api, request).await;
    accepted(&api, &who, id).await
}

/// Where to fetch the rejected rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedDownload {
    /// A CSV: line, code, column and reason of each row, then its cells. Whoever has the URL can fetch it, so don't pass it on.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// Rejected and duplicate rows in it.
    rows: u64,
}

/// The rows that made no contact, with the reasons and the ways out. Mended, the file can be uploaded and imported as it is.
#[utoipa::path(
    get, path = "/v1/imports/{id}/rejected", operation_id = "getRejectedRows", tag = "imports",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`imp_…`")),
    responses((status = 200, description = "Where to fetch them, for 15 minutes", body = RejectedDownload)),
)]
pub async fn rejected(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<ImportId>,
) -> Result<Response, Problem> {
    let import = find(&api, &who, id).await?;
    if import.stage == Stage::Importing {
        let detail =
            "The import is on its way. The list of its rejected rows is there when it is done.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let counts = import.progress.counts;
    let rows = counts.rejected + counts.duplicates;
    if rows == 0 {
        let detail = "No row of this import was rejected.";
        return Err(Problem::new(Code::NotFound, detail));
    }
    let signed = api.files.rejected_rows_url(who.account, id, time::now());
    let Download { url, expires } = signed.await?;
    Ok(Json(RejectedDownload { url, expires, rows }).into_response())
}

async fn find(api: &Api, who: &Principal, id: ImportId) -> Result<Import, Problem> {
    let found = api.imports.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("import"))
}

async fn accepted(api: &Api, who: &Principal, id: ImportId) -> Result<Response, Problem> {
    let view = ImportView::from(find(api, who, id).await?);
    Ok((StatusCode::ACCEPTED, Json(view)).into_response())
}

fn request(who: &Principal, import: ImportId) -> ImportRequest {
    ImportRequest {
        account: who.account,
        import,
    }
}

/// What is written is found within minutes, whether the queue takes it or not.
async fn ask(api: &Api, request: ImportRequest) {
    if let Err(error) = api.queues.import(&request).await {
        tracing::warn!(
            error = chain(&error),
            "an import waits for the minute that asks for it"
        );
    }
}
