//! Templates: texts with a name, in several languages, seen as people get them while they are written.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::{api_key::Scope, template};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Listed,
    assets,
    confirm::Confirm,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

const PATH: &str = "/templates";
const LIMIT: u16 = 25;
/// Of the API: languages of a template at most.
const MOST_LANGUAGES: usize = 20;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/templates/new", get(new).post(create))
        .route("/templates/{id}", get(edit).post(change))
        .route("/templates/{id}/versions", get(versions))
        .route("/templates/{id}/delete", get(confirm).post(delete))
}

/// As the API tells of it.
#[derive(Debug, Clone, Deserialize)]
struct Saved {
    id: String,
    version: u32,
    name: String,
    text: String,
    languages: BTreeMap<String, String>,
    encoding: String,
    placeholders: Vec<Placeholder>,
    changed: Timestamp,
}

#[derive(Debug, Clone, Deserialize)]
struct Placeholder {
    name: String,
    default: Option<String>,
}

impl Saved {
    fn spoken(&self) -> String {
        let tags: Vec<_> = self.languages.keys().map(String::as_str).collect();
        match tags.as_slice() {
            [] => "one text".to_owned(),
            tags => format!("one text, and {}", tags.join(", ")),
        }
    }

    fn values(&self) -> String {
        let value = |it: &Placeholder| match &it.default {
            Some(default) => format!("{} (else “{default}”)", it.name),
            None => it.name.clone(),
        };
        let values: Vec<_> = self.placeholders.iter().map(value).collect();
        values.join(", ")
    }
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
    version: Option<u32>,
}

#[derive(Template)]
#[template(path = "templates.html")]
struct TemplatesPage {
    shell: Shell,
    templates: Vec<Saved>,
    pager: Html,
    may_write: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let cursor = asked.cursor.as_deref();
    let Listed { data, next_cursor } = page_of(&console, &who, "/v1/templates", cursor).await?;
    Ok(page(&TemplatesPage {
        shell: who.shell("Templates", PATH),
        templates: data,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_none()),
        may_write: who.may(Scope::TemplatesWrite),
    }))
}

async fn page_of(
    console: &Console,
    who: &SignedIn,
    path: &str,
    cursor: Option<&str>,
) -> Result<Listed<Saved>, Refused> {
    let more = cursor.map(|cursor| format!("&cursor={}", part(cursor)));
    let more = more.unwrap_or_default();
    console
        .get(who, &format!("{path}?limit={LIMIT}{more}"))
        .await
}

/// A text as somebody gets it.
#[derive(Debug, Deserialize)]
struct Preview {
    encoding: String,
    units: u32,
    parts: u64,
    split: Vec<Part>,
    outside_gsm: Vec<Outside>,
    smart: Option<Smart>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Deserialize)]
struct Part {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Outside {
    character: String,
    code_point: String,
    replacement: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Smart {
    encoding: String,
    parts: u64,
}

#[derive(Debug, Deserialize)]
struct Warning {
    detail: String,
    source: String,
}

impl Preview {
    fn room(&self) -> u32 {
        match (self.encoding.as_str(), self.parts) {
            ("GSM-7", ..=1) => 160,
            ("GSM-7", _) => 153,
            (_, ..=1) => 70,
            (_, _) => 67,
        }
    }

    /// Each character once.
    fn outside(&self) -> Vec<&Outside> {
        let mut once: Vec<&Outside> = Vec::new();
        for outside in &self.outside_gsm {
            if !once
                .iter()
                .any(|known| known.character == outside.character)
            {
                once.push(outside);
            }
        }
        once
    }
}

/// A language's row of the form: fields have its number in their name.
struct Row {
    number: usize,
    tag: String,
    text: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "template_edit.html")]
struct EditPage {
    shell: Shell,
    id: Option<String>,
    version: String,
    /// The number of the version that is shown, where it isn't the newest.
    older: Option<u32>,
    form: Form,
    rows: Vec<Row>,
    preview: Option<Preview>,
    /// What keeps it from being shown.
    unshown: Option<String>,
    samples: Vec<(String, String)>,
    may_write: bool,
}

fn encodings() -> [Choice; 2] {
    [
        Choice::new("smart", "Smart").hint(
            "Curly quotes, long dashes and the like are replaced by plain ones, where that makes the whole message cheaper.",
        ),
        Choice::new("auto", "As it is written")
            .hint("One character outside the GSM alphabet makes every message hold 70 instead of 160."),
    ]
}

impl EditPage {
    fn act(&self) -> String {
        match &self.id {
            Some(id) => format!("/templates/{}", part(id)),
            None => "/templates/new".to_owned(),
        }
    }

    /// Languages to look at.
    fn shown(&self) -> Vec<Choice> {
        let rows = self.rows.iter().filter(|row| !row.tag.is_empty());
        let rows = rows.map(|row| Choice::new(row.tag.clone(), row.tag.clone()));
        std::iter::once(Choice::new("", "everybody else"))
            .chain(rows)
            .collect()
    }
}

fn rows(form: &Form) -> Vec<Row> {
    let count: usize = form.get("rows").parse().unwrap_or(0);
    let more = usize::from(form.get("act") == "more");
    let row = |number: usize| Row {
        number,
        tag: form.get(&format!("tag-{number}")).trim().to_owned(),
        text: form.get(&format!("text-{number}")).to_owned(),
        error: form.error(&format!("tag-{number}")).map(ToOwned::to_owned),
    };
    (0..(count + more).min(MOST_LANGUAGES)).map(row).collect()
}

/// What the API wants of the texts.
fn content(form: &Form) -> Value {
    let rows = rows(form);
    let written = rows.iter().filter(|row| !row.tag.is_empty());
    let languages: BTreeMap<&str, &str> = written
        .map(|row| (row.tag.as_str(), row.text.as_str()))
        .collect();
    json!({
        "text": form.get("text"),
        "languages": languages,
        "encoding": form.given("encoding").unwrap_or("smart"),
    })
}

/// Values to look at it with: as they were typed, else made up from their names.
fn samples(form: &Form, text: &str) -> Vec<(String, String)> {
    let Ok(parsed) = template::Template::parse(text) else {
        return Vec::new();
    };
    let names = parsed.placeholders();
    let names = names.into_iter().filter(|name| *name != "opt_out_link");
    let sample = |name: &str| {
        let typed = form.given(&format!("value-{name}"));
        let made_up = match name {
            "name" | "first_name" => "Ada".to_owned(),
            other => other.replace('_', " "),
        };
        let value = typed.map_or(made_up, ToOwned::to_owned);
        (name.to_owned(), value)
    };
    names.map(sample).collect()
}

async fn look(
    console: &Console,
    who: &SignedIn,
    form: &Form,
) -> (Result<Preview, String>, Vec<(String, String)>) {
    let mut body = content(form);
    let language = form.given("show");
    let of_language = language.and_then(|tag| body["languages"][tag].as_str());
    let text = of_language.unwrap_or_else(|| form.get("text")).to_owned();
    let samples = samples(form, &text);
    if text.trim().is_empty() {
        return (Err("Write something to see it here.".to_owned()), samples);
    }
    body["vars"] = samples
        .iter()
        .cloned()
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect();
    if let Some(language) = language {
        body["language"] = language.into();
    }
    let looked = console.post(who, "/v1/templates/preview", &body).await;
    let looked = looked.map_err(|refused| {
        let error = refused.errors.first();
        let words = error.map_or(refused.detail.as_str(), |error| error.detail.as_str());
        form::sentence(words)
    });
    (looked, samples)
}

async fn edit_page(
    console: &Console,
    who: &SignedIn,
    id: Option<String>,
    version: String,
    older: Option<u32>,
    form: Form,
) -> Result<Response, Refused> {
    let (looked, samples) = look(console, who, &form).await;
    let (preview, unshown) = match looked {
        Ok(preview) => (Some(preview), None),
        Err(words) => (None, Some(words)),
    };
    let status = form.status();
    let title = match form.given("name") {
        Some(name) if id.is_some() => name.to_owned(),
        _ => "A new template".to_owned(),
    };
    let shown = page(&EditPage {
        shell: who.shell(title, PATH),
        id,
        version,
        older,
        rows: rows(&form),
        form,
        preview,
        unshown,
        samples,
        may_write: who.may(Scope::TemplatesWrite),
    });
    Ok((status, shown).into_response())
}

async fn new(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let form = Form::of([("encoding", "smart"), ("rows", "0")]);
    edit_page(&console, &who, None, String::new(), None, form).await
}

fn at(id: &str) -> String {
    format!("/v1/templates/{}", part(id))
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let (mut saved, version): (Saved, String) =
        console.ask(&who, Method::GET, &path).tagged().await?;
    let older = asked.version.filter(|version| *version != saved.version);
    if let Some(older) = older {
        let path = format!("{path}?version={older}");
        saved = console.get(&who, &path).await?;
    }
    edit_page(&console, &who, Some(id), version, older, filled(saved)).await
}

fn filled(saved: Saved) -> Form {
    let mut fields: Vec<(String, String)> = vec![
        ("name".into(), saved.name),
        ("text".into(), saved.text),
        ("encoding".into(), saved.encoding),
        ("rows".into(), saved.languages.len().to_string()),
    ];
    for (number, (tag, text)) in saved.languages.into_iter().enumerate() {
        fields.push((format!("tag-{number}"), tag));
        fields.push((format!("text-{number}"), text));
    }
    Form::of(fields)
}

/// Not to save it, only to look at it or to get another language's field.
fn is_look(form: &Form) -> bool {
    matches!(form.get("act"), "look" | "more")
}

fn refuse(form: Form, refused: &Refused) -> Form {
    let rows = rows(&form);
    let mut fields: Vec<(String, String)> = rows
        .iter()
        .map(|row| {
            (
                format!("/languages/{}", row.tag),
                format!("tag-{}", row.number),
            )
        })
        .collect();
    fields.extend(["name", "text", "encoding"].map(|name| (format!("/{name}"), name.to_owned())));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(pointer, field)| (pointer.as_str(), field.as_str()))
        .collect();
    form.refused_by(refused, &fields)
}

/// Each text has its language.
fn is_clear(form: &mut Form) -> bool {
    let rows = rows(form).into_iter();
    form.refuse_languages(rows.map(|row| (format!("tag-{}", row.number), row.tag, row.text)));
    !form.is_refused()
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    if is_look(&form) || !is_clear(&mut form) {
        return edit_page(&console, &who, None, String::new(), None, form).await;
    }
    let mut body = content(&form);
    body["name"] = form.get("name").into();
    let mut ask = console.ask(&who, Method::POST, "/v1/templates").json(&body);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Saved>().await {
        Ok(saved) => Ok(go(&format!("/templates/{}?said=added", saved.id))),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused);
            edit_page(&console, &who, None, String::new(), None, form).await
        }
        Err(refused) => Err(refused),
    }
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let version = form.get("version").to_owned();
    if is_look(&form) || !is_clear(&mut form) {
        return edit_page(&console, &who, Some(id), version, None, form).await;
    }
    let mut body = content(&form);
    body["name"] = form.get("name").into();
    let path = at(&id);
    let ask = console.ask(&who, Method::PATCH, &path).if_match(&version);
    match ask.json(&body).answer::<Saved>().await {
        Ok(_) => Ok(go(&format!("/templates/{}?said=saved", part(&id)))),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused);
            edit_page(&console, &who, Some(id), version, None, form).await
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Template)]
#[template(path = "template_versions.html")]
struct VersionsPage {
    shell: Shell,
    id: String,
    name: String,
    versions: Vec<Saved>,
    pager: Html,
}

async fn versions(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let cursor = asked.cursor.as_deref();
    let path = format!("{}/versions", at(&id));
    let Listed { data, next_cursor } = page_of(&console, &who, &path, cursor).await?;
    let name = data.first().map(|newest| newest.name.clone());
    let name = name.unwrap_or_default();
    let here = format!("/templates/{}/versions", part(&id));
    Ok(page(&VersionsPage {
        shell: who.shell(format!("Versions of {name}"), PATH),
        id,
        name,
        versions: data,
        pager: ui::pager(&here, next_cursor.as_deref(), cursor.is_none()),
    }))
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let saved: Saved = console.get(&who, &at(&id)).await?;
    let confirm = Confirm {
        shell: who.shell("Delete a template", PATH),
        title: format!("Delete “{}”?", saved.name),
        words: vec![
            "Drafts and scheduled campaigns that name it can't begin any more. What began keeps its text."
                .to_owned(),
        ],
        act: format!("/templates/{}/delete", part(&id)),
        button: "Delete the template",
        back: format!("/templates/{}", part(&id)),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let ask = console.ask(&who, Method::DELETE, &path);
    ask.answer::<crate::ask::Done>().await?;
    Ok(go("/templates?said=deleted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_rows_of_the_form() {
        let form = Form::of([
            ("text", "Hi\nthere"),
            ("rows", "2"),
            ("tag-0", "de"),
            ("text-0", "Hallo"),
            ("tag-1", " "),
            ("text-1", "thrown away"),
            ("encoding", "auto"),
        ]);

        let body = content(&form);

        assert_eq!(
            body,
            json!({"text": "Hi\nthere", "languages": {"de": "Hallo"}, "encoding": "auto"})
        );
    }

    #[test]
    fn another_row_is_there_when_it_was_asked_for() {
        let fields = [("rows", "1"), ("tag-0", "de"), ("act", "more")];
        assert_eq!(rows(&Form::of(fields)).len(), 2);
        assert_eq!(rows(&Form::of([("rows", "1000000")])).len(), MOST_LANGUAGES);
    }

    #[test]
    fn samples_are_typed_or_made_up() {
        let form = Form::of([("value-city", "Paris")]);
        let made = samples(
            &form,
            "{{name}} in {{city}} at {{order_id|1}} {{opt_out_link}}",
        );
        let made: Vec<_> = made
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            made,
            [("name", "Ada"), ("city", "Paris"), ("order_id", "order id")]
        );
    }
}
