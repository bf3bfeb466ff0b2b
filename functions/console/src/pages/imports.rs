//! Imports: a file of contacts is uploaded, its columns are told apart, it is tried, it is imported, and it can be taken back.

mod map;

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form,
    pages::error::Refused,
    path, people,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Html, Icon, Part},
    words::{self, Word},
};

const PATH: &str = "/imports";
/// Their entry of the navigation.
const UNDER: &str = "/contacts";
const LIMIT: &str = "25";
/// Where the bucket leads back to.
const MAP: &str = "/imports/map";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(map::create))
        .route("/imports/new", post(map::upload))
        .route(MAP, get(map::show))
        .route("/imports/{id}", get(show))
        .route("/imports/{id}/cancel", post(cancel))
        .route("/imports/{id}/undo", get(confirm).post(undo))
        .route("/imports/{id}/rejected", get(rejected))
}

#[derive(Debug, Clone, Deserialize)]
struct Import {
    id: String,
    upload: String,
    status: String,
    problem: Option<String>,
    dry_run: bool,
    counts: Counts,
    bytes_read: u64,
    bytes: u64,
    undo: Option<UndoCounts>,
    mapping: Vec<Mapped>,
    default_country: Option<String>,
    on_conflict: String,
    lists: Vec<String>,
    tags: Vec<String>,
    created: Timestamp,
    finished: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Counts {
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    duplicates: u64,
    rejected: u64,
    suppressed: u64,
    consents: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct UndoCounts {
    rows: u64,
    removed: u64,
    restored: u64,
    changed_since: u64,
    deleted_since: u64,
}

/// What a column of the file becomes.
#[derive(Debug, Clone, Deserialize)]
struct Mapped {
    column: String,
    to: String,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Mapped {
    /// What it becomes, in the words of the form.
    fn meaning(&self) -> &str {
        match (self.to.as_str(), self.kind.as_deref()) {
            ("attribute", kind) => kind.unwrap_or("text"),
            (to, _) => to,
        }
    }
}

impl Import {
    fn word(&self) -> Word {
        words::import(&self.status, self.dry_run)
    }

    fn badge(&self) -> Html {
        ui::badge(&self.word())
    }

    fn is_active(&self) -> bool {
        matches!(self.status.as_str(), "importing" | "cancelling" | "undoing")
    }

    fn can_be_undone(&self) -> bool {
        let ended = matches!(self.status.as_str(), "done" | "failed" | "cancelled");
        ended && !self.dry_run && self.counts.created + self.counts.updated > 0
    }

    fn has_rejected(&self) -> bool {
        self.status != "importing"
            && self.status != "cancelling"
            && self.counts.rejected + self.counts.duplicates > 0
    }

    /// How much of the file is read.
    fn bar(&self) -> Html {
        let read = self.bytes_read.min(self.bytes);
        ui::bar([Part::new("read", read, "busy")], self.bytes)
    }

    fn parts(&self) -> [Part; 5] {
        let Counts {
            created,
            updated,
            unchanged,
            skipped,
            duplicates,
            rejected,
            ..
        } = self.counts;
        [
            Part::new("new", created, "good"),
            Part::new("changed", updated, "busy"),
            Part::new("as they were", unchanged + skipped, "quiet"),
            Part::new("twice in the file", duplicates, "warn"),
            Part::new("not usable", rejected, "bad"),
        ]
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsPage {
    shell: Shell,
    imports: Vec<Import>,
    pager: Html,
    any_active: bool,
    may_write: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(Asked { cursor }): Query<Asked>,
) -> Result<Response, Refused> {
    let query = [("limit", LIMIT), ("cursor", cursor.as_str())];
    let address = path::with("/v1/imports", &query);
    let Listed { data, next_cursor }: Listed<Import> = console.get(&who, &address).await?;
    Ok(page(&ImportsPage {
        shell: who.shell("Imports", UNDER),
        any_active: data.iter().any(Import::is_active),
        imports: data,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_empty()),
        may_write: may_import(&who),
    }))
}

/// Uploads are of campaigns too, and so is their scope.
fn may_import(who: &SignedIn) -> bool {
    who.may(Scope::ContactsWrite) && who.may(Scope::CampaignsWrite)
}

fn at(id: &str) -> String {
    format!("/v1/imports/{}", path::part(id))
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    import: Import,
    lists: BTreeMap<String, String>,
    problem: Option<String>,
    may_write: bool,
}

impl ImportPage {
    fn on_lists(&self) -> Vec<(&str, &str)> {
        let lists = self.import.lists.iter();
        let named = lists.filter_map(|id| Some((id.as_str(), self.lists.get(id)?.as_str())));
        named.collect()
    }
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    import_page(&console, &who, &id, None).await
}

async fn import_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    problem: Option<String>,
) -> Result<Response, Refused> {
    let address = at(id);
    let (import, lists): (Import, _) =
        futures::try_join!(console.get(who, &address), people::lists(console, who))?;
    let title = if import.dry_run {
        "A trial"
    } else {
        "An import"
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&ImportPage {
        shell: who.shell(title, UNDER),
        import,
        lists: people::names(lists),
        problem,
        may_write: may_import(who),
    });
    Ok((status, shown).into_response())
}

async fn cancel(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    act(&console, &who, &id, "cancel", "import-stops").await
}

async fn undo(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    act(&console, &who, &id, "undo", "import-undone").await
}

async fn act(
    console: &Console,
    who: &SignedIn,
    id: &str,
    act: &str,
    said: &str,
) -> Result<Response, Refused> {
    let address = format!("{}/{act}", at(id));
    let done: Result<Done, Refused> = console.ask(who, Method::POST, &address).answer().await;
    match done {
        Ok(_) => Ok(go(&format!("/imports/{id}?said={said}"))),
        Err(refused) if refused.belongs_to_form() => {
            import_page(console, who, id, Some(form::sentence(&refused.detail))).await
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Template)]
#[template(path = "import_undo.html")]
struct Confirm {
    shell: Shell,
    import: Import,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let import = console.get(&who, &at(&id)).await?;
    let shell = who.shell("Take an import back", UNDER);
    Ok(page(&Confirm { shell, import }))
}

#[derive(Debug, Deserialize)]
struct Download {
    url: String,
}

/// On to the file itself, by a link that holds for minutes.
async fn rejected(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let Download { url } = console.get(&who, &format!("{}/rejected", at(&id))).await?;
    Ok(go(&url))
}
