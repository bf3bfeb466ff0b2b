//! Asking for an import.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use carillon_core::{
    contact::Tag,
    id::{AccountId, ImportId, ListId, UploadId},
    import::{Blank, ConsentBasis, Layout, OnConflict, Stage, Terms},
    language::InvalidLanguage,
};
use carillon_runtime::{
    input::Input,
    principal::{May, WriteContacts},
    problem::Problem,
    random,
};
use carillon_store::imports::{AGAIN, Import};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    BlankWord, ImportView, OnConflictWord, ask,
    file::{Beginning, Told},
    mapping::{ColumnInput, DelimiterWord, targets},
    request,
};
use crate::{
    act, check,
    once::{Answer, Once},
    routes::{
        consents::ScopeWord,
        contacts::{KnownLists, listed, tagged},
    },
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactImportRequest {
    /// Of `POST /v1/uploads`, with its file.
    #[schema(value_type = String)]
    upload: UploadId,
    /// Whether the first row names the columns. Left out: it does, unless there is a number in it.
    header: Option<bool>,
    /// Left out: found out.
    delimiter: Option<DelimiterWord>,
    /// The country of numbers without `+`, two letters. Left out: such rows are rejected.
    #[schema(example = "GB")]
    default_country: Option<String>,
    /// Left out: what `POST /v1/imports/preview` suggests.
    mapping: Option<Vec<ColumnInput>>,
    /// What becomes of a contact that is there already. Left out: `update`.
    on_conflict: Option<OnConflictWord>,
    /// What an empty cell says. Left out: `keep`.
    empty_cells: Option<BlankWord>,
    /// Lists that every contact of the file is put on.
    #[schema(value_type = Vec<String>)]
    #[serde(default)]
    lists: Vec<ListId>,
    /// Tags that every contact of the file gets.
    #[serde(default)]
    tags: Vec<String>,
    /// Writes a consent record for every contact of the file, but for those who have opted out. Left out: none.
    consent: Option<ConsentInput>,
    /// Counts what the import would do, lists the rows that it would reject, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// On what everybody in the file agreed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportConsent)]
pub struct ConsentInput {
    scope: ScopeWord,
    /// When they agreed.
    #[schema(value_type = String, format = DateTime)]
    given: Timestamp,
    /// Where: a page, a form, a shop.
    #[schema(min_length = 1, max_length = 1_000)]
    source: String,
    /// What they read or heard before they agreed, word for word.
    #[schema(min_length = 1, max_length = 5_000)]
    text: String,
    /// Of `text`.
    language: Option<String>,
    /// Where what proves it is kept.
    #[schema(min_length = 1, max_length = 1_000)]
    evidence: Option<String>,
}

impl std::fmt::Debug for ConsentInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsentInput").finish_non_exhaustive()
    }
}

/// Imports the contacts of a file. Whatever happens on the way, each row counts once. Rows of numbers that have opted out become contacts
/// and stay opted out.
#[utoipa::path(
    post, path = "/v1/imports", operation_id = "createImport", tag = "imports",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ContactImportRequest,
    responses((status = 202, description = "It is on its way", body = ImportView, headers(("Location" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input { value, raw }: Input<ContactImportRequest>,
) -> Result<Response, Problem> {
    let ContactImportRequest {
        upload,
        header,
        delimiter,
        default_country,
        mapping,
        on_conflict,
        empty_cells,
        lists,
        tags,
        consent,
        dry_run,
    } = value;
    who.must_be_live()?;
    let default_country = check::country("/default_country", default_country.as_deref())?;
    let given = mapping.map(targets).transpose()?;
    let tags: BTreeSet<Tag> = tagged(&tags, "/tags")?;
    let now = time::now();
    let consent = consent.map(|consent| basis(consent, now)).transpose()?;
    let told = Told { header, delimiter };
    let work = async |(id, created): (ImportId, Timestamp)| {
        let known = match lists.as_slice() {
            [] => KnownLists::none(),
            _ => KnownLists::of(&api, &who).await?,
        };
        let lists = listed(&lists, "/lists", &known)?;
        let file = Beginning::read(&api, &who, upload, told).await?;
        let terms = Terms {
            etag: file.etag.clone(),
            bytes: file.size,
            layout: file.layout(given, default_country)?,
            default_country,
            on_conflict: on_conflict.map_or(OnConflict::Update, OnConflict::from),
            blank: empty_cells.map_or(Blank::Keep, Blank::from),
            lists,
            tags,
            consent,
            dry_run,
            created,
            ..unnamed(who.account, upload, id)
        };
        let audit = act::audit(&who, "import.create", id, created);
        api.imports.create(&terms, created + AGAIN, &audit).await?;
        ask(&api, request(&who, id)).await;
        let import = Import {
            terms,
            stage: Stage::Importing,
            progress: carillon_core::import::Progress::default(),
            cancelled: false,
            problem: None,
            tries: 0,
            finished: None,
        };
        let answer = Answer::new(StatusCode::ACCEPTED, &ImportView::from(import));
        Ok(answer.at(format!("/v1/imports/{id}")))
    };
    once.run(&api, &who, &raw, (random::id(now), now), work)
        .await
}

/// Terms of a file of which nothing is known yet.
pub fn unnamed(account: AccountId, upload: UploadId, id: ImportId) -> Terms {
    Terms {
        id,
        account,
        upload,
        etag: String::new(),
        bytes: 0,
        layout: Layout {
            delimiter: b',',
            header: true,
            names: Vec::new(),
            columns: Vec::new(),
        },
        default_country: None,
        on_conflict: OnConflict::Update,
        blank: Blank::Keep,
        lists: BTreeSet::new(),
        tags: BTreeSet::new(),
        consent: None,
        dry_run: false,
        created: Timestamp::UNIX_EPOCH,
    }
}

fn basis(input: ConsentInput, now: Timestamp) -> Result<ConsentBasis, Problem> {
    let ConsentInput {
        scope,
        given,
        source,
        text,
        language,
        evidence,
    } = input;
    if given > now {
        let words = "nobody can have agreed in the future; say when they did";
        return Err(check::content("/consent/given", &words));
    }
    let language = language.map(|language| language.parse()).transpose();
    let language =
        language.map_err(|error: InvalidLanguage| check::content("/consent/language", &error))?;
    let filled = |field: &str, words: String, most: usize| {
        let words = words.trim().to_owned();
        if (1..=most).contains(&words.chars().count()) {
            return Ok(words);
        }
        let expected = format!("expected 1 to {most} characters");
        Err(check::content(&format!("/consent/{field}"), &expected))
    };
    let evidence = evidence.map(|words| filled("evidence", words, 1_000));
    Ok(ConsentBasis {
        scope: scope.into(),
        given,
        source: filled("source", source, 1_000)?,
        text: filled("text", text, 5_000)?,
        language,
        evidence: evidence.transpose()?,
    })
}
