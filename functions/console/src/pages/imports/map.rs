//! A file is uploaded, and its columns are told apart: what each becomes, and what becomes of its rows.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Import, MAP, Mapped, UNDER, at};
use crate::{
    assets,
    console::Console,
    form::{self, Form},
    pages::{contact::day_given, error::Refused, exports},
    people,
    respond::{go, leading_to, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

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

pub async fn upload(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
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
pub struct MapAsked {
    #[serde(default)]
    upload: String,
    /// An import whose choices this begins with.
    #[serde(default)]
    like: String,
}

pub async fn show(
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

pub async fn create(
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
            day_given(day, &exports::account_zone(&console, &who).await?)
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
