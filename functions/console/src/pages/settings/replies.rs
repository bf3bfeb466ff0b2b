//! What handsets are answered when they write STOP, START or HELP.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::keyword::{Language, Wish};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{may_write, saved, version};
use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::Form,
    pages::{error::Refused, gateways::Gateway},
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html},
};

const HERE: &str = "/settings/replies";
/// Empty rows for further languages.
const SPARE: usize = 1;
const MOST: usize = 50;

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Debug, Clone, Deserialize)]
struct Replies {
    contact: Option<String>,
    language: Option<String>,
    stop: Reply,
    start: Reply,
    help: Reply,
    answered_by: Vec<String>,
    not_answered_by: Vec<String>,
    yes_starts: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Reply {
    enabled: bool,
    texts: BTreeMap<String, String>,
}

/// A word that people write, and what they get.
struct Section {
    /// As its fields are called.
    name: &'static str,
    title: &'static str,
    words: &'static str,
    now: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    number: usize,
    language: String,
    text: String,
    error: Option<String>,
}

const SECTIONS: [(&str, &str, &str, Wish); 3] = [
    (
        "stop",
        "STOP",
        "They are opted out before they are answered. In most countries an answer is expected.",
        Wish::Stop,
    ),
    ("start", "START", "They get messages again.", Wish::Start),
    (
        "help",
        "HELP",
        "They want to know who you are and how to stop it.",
        Wish::Help,
    ),
];

#[derive(Template)]
#[template(path = "settings_replies.html")]
struct RepliesPage {
    shell: Shell,
    version: String,
    form: Form,
    sections: Vec<Section>,
    languages: Vec<Choice>,
    /// Of the answers that are shown.
    language: &'static str,
    gateways: Vec<Gateway>,
    may_write: bool,
}

impl RepliesPage {
    fn tick(&self, section: &Section) -> Html {
        let name = format!("enabled-{}", section.name);
        ui::tick(&name, "Answer it", "", &self.form)
    }

    fn gateways(&self, name: &str, legend: &str) -> Html {
        let gateways = self.gateways.iter();
        let choices = gateways.map(|it| Choice::new(it.id.clone(), it.name.clone()));
        ui::boxes(name, legend, choices.collect::<Vec<_>>(), &self.form)
    }
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    replies_page(&console, &who, None).await
}

async fn replies_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let ask = console.ask(who, Method::GET, "/v1/account/replies");
    let ((kept, version), gateways): ((Replies, String), Listed<Gateway>) =
        futures::try_join!(ask.tagged(), console.get(who, "/v1/gateways"))?;
    let now = console.api.replies.find(who.account.id).await?;
    let form = form.unwrap_or_else(|| filled(kept));
    let language = now.language.unwrap_or(Language::ENGLISH);
    let sections = SECTIONS.map(|(name, title, words, wish)| Section {
        name,
        title,
        words,
        now: now.text(wish, language, &who.account.name),
        rows: rows(&form, name),
    });
    let status = form.status();
    let shown = page(&RepliesPage {
        shell: who.shell("Replies", super::PATH),
        version,
        form,
        sections: sections.into(),
        languages: languages(),
        language: language.name(),
        gateways: gateways.data,
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

fn languages() -> Vec<Choice> {
    let country = Choice::new("", "That of the number's country");
    let mut languages: Vec<Language> = Language::all().collect();
    languages.sort_by_key(|it| it.name());
    let known = languages.iter();
    let known = known.map(|it| Choice::new(it.as_str(), it.name()));
    [country].into_iter().chain(known).collect()
}

fn rows(form: &Form, section: &str) -> Vec<Row> {
    let rows = form.get(&format!("rows-{section}")).parse::<usize>();
    let row = |number: usize| Row {
        number,
        language: form
            .get(&format!("language-{section}-{number}"))
            .trim()
            .to_owned(),
        text: form.get(&format!("text-{section}-{number}")).to_owned(),
        error: form
            .error(&format!("text-{section}-{number}"))
            .map(ToOwned::to_owned),
    };
    (0..rows.unwrap_or(SPARE).min(MOST)).map(row).collect()
}

fn filled(kept: Replies) -> Form {
    let Replies {
        contact,
        language,
        stop,
        start,
        help,
        answered_by,
        not_answered_by,
        yes_starts,
    } = kept;
    let mut fields: Vec<(String, String)> = vec![
        ("contact".into(), contact.unwrap_or_default()),
        ("language".into(), language.unwrap_or_default()),
    ];
    for (section, Reply { enabled, texts }) in [("stop", stop), ("start", start), ("help", help)] {
        if enabled {
            fields.push((format!("enabled-{section}"), "yes".into()));
        }
        fields.push((format!("rows-{section}"), (texts.len() + SPARE).to_string()));
        for (number, (language, text)) in texts.into_iter().enumerate() {
            fields.push((format!("language-{section}-{number}"), language));
            fields.push((format!("text-{section}-{number}"), text));
        }
    }
    if yes_starts {
        fields.push(("yes_starts".into(), "yes".into()));
    }
    let answered = answered_by.into_iter();
    fields.extend(answered.map(|id| ("answered_by".into(), id)));
    let not_answered = not_answered_by.into_iter();
    fields.extend(not_answered.map(|id| ("not_answered_by".into(), id)));
    Form::of(fields)
}

fn read(form: &Form) -> Value {
    let reply = |section: &str| {
        let rows = rows(form, section);
        let written = rows.iter().filter(|row| !row.language.is_empty());
        let texts: BTreeMap<_, _> = written
            .map(|row| (row.language.to_lowercase(), row.text.clone()))
            .collect();
        json!({"enabled": form.has(&format!("enabled-{section}"), "yes"), "texts": texts})
    };
    json!({
        "contact": form.given("contact"),
        "language": form.given("language"),
        "stop": reply("stop"),
        "start": reply("start"),
        "help": reply("help"),
        "yes_starts": form.has("yes_starts", "yes"),
        "answered_by": form.all("answered_by").collect::<Vec<_>>(),
        "not_answered_by": form.all("not_answered_by").collect::<Vec<_>>(),
    })
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    for (section, ..) in SECTIONS {
        let rows = rows(&form, section).into_iter();
        let field = |row: &Row| format!("text-{section}-{}", row.number);
        form.refuse_languages(rows.map(|row| (field(&row), row.language, row.text)));
    }
    if form.is_refused() {
        return replies_page(&console, &who, Some(form)).await;
    }
    let body = read(&form);
    let ask = console.ask(&who, Method::PATCH, "/v1/account/replies");
    let changed = ask.if_match(&version(&form)).json(&body);
    match changed.answer::<Done>().await {
        Ok(_) => Ok(saved(HERE)),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused);
            replies_page(&console, &who, Some(form)).await
        }
        Err(refused) => Err(refused),
    }
}

fn refuse(form: Form, refused: &Refused) -> Form {
    let own = ["contact", "language"];
    let own = own.map(|name| (format!("/{name}"), name.to_owned()));
    let mut fields = Vec::from(own);
    for (section, ..) in SECTIONS {
        for row in rows(&form, section) {
            let pointer = format!("/{section}/texts/{}", row.language.to_lowercase());
            fields.push((pointer, format!("text-{section}-{}", row.number)));
        }
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(pointer, field)| (pointer.as_str(), field.as_str()))
        .collect();
    form.refused_by(refused, &fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_shown() {
        let kept: Replies = serde_json::from_value(json!({
            "contact": "help@acme.example", "language": "nl",
            "stop": {"enabled": true, "texts": {"fr": "{{account}} : au revoir"}},
            "start": {"enabled": false, "texts": {}},
            "help": {"enabled": true, "texts": {}},
            "answered_by": ["gwa_1"], "not_answered_by": [], "yes_starts": true,
        }))
        .unwrap();

        let body = read(&filled(kept));

        assert_eq!(
            body,
            json!({
                "contact": "help@acme.example", "language": "nl",
                "stop": {"enabled": true, "texts": {"fr": "{{account}} : au revoir"}},
                "start": {"enabled": false, "texts": {}},
                "help": {"enabled": true, "texts": {}},
                "answered_by": ["gwa_1"], "not_answered_by": [], "yes_starts": true,
            })
        );
    }
}
