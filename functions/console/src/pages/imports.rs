//! Imports: a file of contacts is uploaded, its columns are told apart, it is tried, it is imported, and it can be taken back.

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
use serde_json::{Value, json};

use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path, people,
    respond::{go, leading_to, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon, Part},
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
        .route(PATH, get(list).post(create))
        .route("/imports/new", post(upload))
        .route(MAP, get(map))
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

/// Where the file is put: the bucket's own form, without us in between.
#[derive(Debug, Deserialize)]
struct Slot {
    url: String,
    fields: BTreeMap<String, String>,
}

#[derive(Template)]
#[template(path = "import_upload.html")]
struct UploadPage {
    shell: Shell,
    slot: Slot,
    form: Form,
}

fn file_hint() -> Html {
    Html::new(
        "From a spreadsheet: save it as CSV. Any separator and any encoding that spreadsheets write will do. Keep the page open until the \
         next one comes.",
    )
}

async fn upload(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let slot: Slot = console
        .post(&who, "/v1/uploads", &json!({"then": MAP}))
        .await?;
    let url = slot.url.clone();
    let shell = who.shell("Import a file", UNDER);
    let form = Form::default();
    Ok(leading_to(&url, page(&UploadPage { shell, slot, form })))
}

#[derive(Debug, Deserialize)]
struct Preview {
    columns: Vec<PreviewColumn>,
    rows: Vec<Vec<String>>,
    problems: Vec<Mistake>,
    sample: Sample,
    estimated_rows: u64,
}

#[derive(Debug, Deserialize)]
struct PreviewColumn {
    #[serde(flatten)]
    mapped: Mapped,
    position: usize,
    warning: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Mistake {
    line: u64,
    column: Option<String>,
    detail: String,
}

impl Mistake {
    fn sentence(&self) -> String {
        let words = form::sentence(&self.detail);
        match &self.column {
            Some(column) => format!("Line {}, {column}: {words}", self.line),
            None => format!("Line {}: {words}", self.line),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Sample {
    rows: u64,
    rejected: u64,
    complete: bool,
}

/// What a column can become: the word of the form, and of people.
const MEANINGS: [(&str, &str); 12] = [
    ("ignore", "Leave it out"),
    ("phone", "The number"),
    ("text", "A text"),
    ("number", "A number, as 1234.5"),
    ("number_with_comma", "A number, as 1234,5"),
    ("boolean", "Yes or no"),
    ("date", "A date, as 2026-12-31"),
    ("date_day_first", "A date, as 31/12/2026"),
    ("date_month_first", "A date, as 12/31/2026"),
    ("language", "The language"),
    ("time_zone", "The time zone"),
    ("tags", "Tags"),
];

/// A row of the form that tells columns apart.
struct Told {
    column: PreviewColumn,
    /// Of the first rows.
    examples: String,
    meaning: String,
    name: String,
}

impl Told {
    fn choices(&self) -> Html {
        let option = |(word, label): (&str, &str)| {
            let chosen = if word == self.meaning {
                " selected"
            } else {
                ""
            };
            format!("<option value=\"{word}\"{chosen}>{label}</option>")
        };
        Html::new(MEANINGS.into_iter().map(option).collect::<String>())
    }
}

#[derive(Template)]
#[template(path = "import_map.html")]
struct MapPage {
    shell: Shell,
    upload: String,
    /// `None`: the file can't be read, or the mapping doesn't fit it.
    preview: Option<Preview>,
    told: Vec<Told>,
    lists: Vec<Choice>,
    form: Form,
}

impl MapPage {
    fn conflicts() -> [Choice; 3] {
        [
            Choice::new("update", "The file is right")
                .hint("What the file says replaces what you knew."),
            Choice::new("fill", "What you know is right")
                .hint("The file adds what you didn't know."),
            Choice::new("skip", "Leave them as they are")
                .hint("Only new numbers are taken from the file."),
        ]
    }

    fn scopes() -> [Choice; 4] {
        [
            Choice::new("", "Record no consent"),
            Choice::new("marketing", "Marketing"),
            Choice::new(
                "transactional",
                "Messages about their own business with you",
            ),
            Choice::new("all", "All of these"),
        ]
    }
}

#[derive(Deserialize)]
struct MapAsked {
    #[serde(default)]
    upload: String,
    /// An import whose choices this begins with.
    #[serde(default)]
    like: String,
}

async fn map(
    State(console): State<Console>,
    who: SignedIn,
    Query(MapAsked { upload, like }): Query<MapAsked>,
) -> Result<Response, Refused> {
    let mut fields = vec![
        ("upload".to_owned(), upload),
        ("conflict".to_owned(), "update".to_owned()),
    ];
    if !like.is_empty() {
        let before: Import = console.get(&who, &at(&like)).await?;
        fields = chosen_before(before);
    }
    map_page(&console, &who, Form::of(fields)).await
}

/// Columns are told by their names; `map_page` finds those again.
fn chosen_before(import: Import) -> Vec<(String, String)> {
    let mut fields = vec![
        ("upload", import.upload),
        ("conflict", import.on_conflict),
        ("country", import.default_country.unwrap_or_default()),
        ("tags", import.tags.join(", ")),
    ];
    fields.extend(import.lists.into_iter().map(|id| ("lists", id)));
    for column in import.mapping {
        let meaning = column.meaning().to_owned();
        fields.push(("column", column.column));
        fields.push(("to", meaning));
        fields.push(("name", column.name.unwrap_or_default()));
    }
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What the form says of the file, for the preview as for the import.
fn of_file(form: &Form) -> Value {
    let mut body = json!({"upload": form.get("upload")});
    if let Some(country) = form.given("country") {
        body["default_country"] = country.to_uppercase().into();
    }
    let mapping: Vec<Value> = mapping(form).collect();
    if !mapping.is_empty() {
        body["mapping"] = mapping.into();
    }
    body
}

/// Each column as the API wants it, those that are left out too: its pointers count the columns of the form.
fn mapping(form: &Form) -> impl Iterator<Item = Value> + '_ {
    let columns = form.all("column").zip(form.all("to")).zip(form.all("name"));
    columns.map(|((column, to), name)| match to {
        "ignore" | "phone" | "language" | "time_zone" | "tags" => {
            json!({"column": column, "to": to})
        }
        kind => json!({"column": column, "to": "attribute", "name": name.trim(), "type": kind}),
    })
}

const FIELDS: [(&str, &str); 8] = [
    ("/default_country", "country"),
    ("/mapping", "mapping"),
    ("/lists", "lists"),
    ("/tags", "tags"),
    ("/consent/scope", "scope"),
    ("/consent/given", "given"),
    ("/consent/source", "source"),
    ("/consent/text", "words"),
];

async fn map_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let lists = people::choices(&people::lists(console, who).await?);
    let body = of_file(&form);
    let looked: Result<Preview, Refused> = console.post(who, "/v1/imports/preview", &body).await;
    let (form, preview) = match looked {
        Ok(preview) => (form, Some(preview)),
        Err(refused) if refused.belongs_to_form() => {
            let form = named(form, &refused);
            // The file without the choices, so that they can be mended.
            let plain = json!({"upload": form.get("upload")});
            let plain = console.post(who, "/v1/imports/preview", &plain).await;
            (form, plain.ok())
        }
        Err(refused) => return Err(refused),
    };
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let mut preview = preview;
    let told = preview.as_mut().map(|preview| told(preview, &form));
    let shown = page(&MapPage {
        shell: who.shell("What the columns mean", UNDER),
        upload: form.get("upload").to_owned(),
        told: told.unwrap_or_default(),
        preview,
        lists,
        form,
    });
    Ok((status, shown).into_response())
}

/// A mistake in the mapping names the column that it is about.
fn named(mut form: Form, refused: &Refused) -> Form {
    for error in &refused.errors {
        let place = error.pointer.strip_prefix("/mapping/");
        let place = place.and_then(|rest| rest.split('/').next()?.parse().ok());
        let column = place.and_then(|place: usize| form.all("column").nth(place));
        if let Some(column) = column {
            let words = format!(
                "Column {}: {}",
                column.trim_start_matches('#'),
                form::sentence(&error.detail)
            );
            form.refuse("mapping", words);
        }
    }
    form.refused_by(refused, &FIELDS)
}

/// What was chosen in the form, or what the file suggests.
fn told(preview: &mut Preview, form: &Form) -> Vec<Told> {
    let columns = std::mem::take(&mut preview.columns);
    let chosen: Vec<_> = form
        .all("column")
        .zip(form.all("to"))
        .zip(form.all("name"))
        .collect();
    let tell = |column: PreviewColumn| {
        let place = format!("#{}", column.position);
        let of_column = |((name, _), _): &&((&str, &str), &str)| {
            *name == place || *name == column.mapped.column
        };
        let chosen_one = chosen.iter().find(of_column);
        let (meaning, name) = match chosen_one {
            Some(((_, to), name)) => ((*to).to_owned(), (*name).to_owned()),
            None if chosen.is_empty() => (
                column.mapped.meaning().to_owned(),
                column.mapped.name.clone().unwrap_or_default(),
            ),
            None => ("ignore".to_owned(), String::new()),
        };
        let cells = preview
            .rows
            .iter()
            .filter_map(|row| row.get(column.position - 1));
        let cells = cells.filter(|cell| !cell.trim().is_empty()).take(3);
        Told {
            examples: cells.map(String::as_str).collect::<Vec<_>>().join(" · "),
            meaning,
            name,
            column,
        }
    };
    columns.into_iter().map(tell).collect()
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    if form.get("act") == "look" {
        return map_page(&console, &who, form).await;
    }
    let mut body = of_file(&form);
    let tags: Vec<&str> = form.get("tags").split(',').map(str::trim).collect();
    let tags: Vec<&str> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
    body["tags"] = tags.into();
    body["lists"] = form.all("lists").collect::<Vec<_>>().into();
    body["dry_run"] = (form.get("act") == "try").into();
    if let Some(conflict) = form.given("conflict") {
        body["on_conflict"] = conflict.into();
    }
    if let Some(scope) = form.given("scope") {
        let day = form.get("given");
        let given = if day.is_empty() {
            Timestamp::now().to_string()
        } else {
            format!("{day}T00:00:00Z")
        };
        body["consent"] = json!({
            "scope": scope,
            "given": given,
            "source": form.get("source"),
            "text": form.get("words"),
        });
    }
    let ask = console.ask(&who, Method::POST, "/v1/imports").json(&body);
    // The three buttons of a page are three requests.
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(&format!("{once}-{}", form.get("act"))),
        None => ask,
    };
    match ask.answer::<Import>().await {
        Ok(Import { id, .. }) => Ok(go(&format!("/imports/{id}"))),
        Err(refused) if refused.belongs_to_form() => {
            map_page(&console, &who, named(form, &refused)).await
        }
        Err(refused) => Err(refused),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_of_the_form_is_one_of_the_request() {
        let form = Form::of([
            ("column", "#1"),
            ("to", "phone"),
            ("name", ""),
            ("column", "#2"),
            ("to", "date_day_first"),
            ("name", " birthday "),
            ("column", "#3"),
            ("to", "ignore"),
            ("name", "notes"),
        ]);

        let mapping: Vec<Value> = mapping(&form).collect();

        assert_eq!(
            Value::from(mapping),
            json!([
                {"column": "#1", "to": "phone"},
                {"column": "#2", "to": "attribute", "name": "birthday", "type": "date_day_first"},
                {"column": "#3", "to": "ignore"},
            ])
        );
    }
}
