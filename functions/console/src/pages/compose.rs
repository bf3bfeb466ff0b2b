//! A campaign is written: to whom, what, when, how fast. It becomes a draft, whose page then shows what it will be and cost; a draft
//! comes back here to be changed.

pub mod audience;
mod body;
mod draft;
pub mod file;
mod look;
pub mod terms;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::Method;
use jiff::tz::TimeZone;
use serde::Deserialize;

use self::{
    body::{FIELDS, body},
    draft::Draft,
    file::Checked,
    look::Look,
};
use super::campaigns::{Campaign, writes};
use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path::part,
    planned::{Audience, Planned},
    respond::{go, page, reaching},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

const NEW: &str = "/campaigns/new";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(NEW, get(blank).post(create))
        .route("/campaigns/new/look", post(look_at))
        .route("/campaigns/new/file", post(file::slot))
        .route("/campaigns/{id}/edit", get(edit).post(change))
        .route("/campaigns/{id}/edit/look", post(look_at_draft))
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Sender {
    sender: String,
    enabled: bool,
}

#[derive(Debug, Deserialize)]
struct All<T> {
    data: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct Account {
    time_zone: String,
}

#[derive(Template)]
#[template(path = "compose.html")]
struct Compose {
    shell: Shell,
    draft: Draft,
    form: Form,
    lists: Vec<Choice>,
    segments: Vec<Choice>,
    templates: Vec<Choice>,
    senders: Vec<Choice>,
    look: Option<Look>,
    /// What the file is, or why it can't be used.
    file: Option<Result<Checked, String>>,
    /// It was not sent yet, so a script may fill in what was typed before a reload.
    fresh: bool,
}

fn file_hint() -> Html {
    Html::new(
        "A CSV whose first line names the columns: phone, name, city … Whatever a spreadsheet writes will do.\
         <noscript> Up to 4 MB here; a larger one is for <a href=\"/imports\">an import</a>.</noscript>",
    )
}

fn classes() -> [Choice; 2] {
    [
        Choice::new("marketing", "Marketing")
            .hint("News and offers. Keeps to sending hours, opt-outs and frequency limits."),
        Choice::new("transactional", "Service")
            .hint("Answers what people did: bookings, parcels, reminders."),
    ]
}

#[derive(Deserialize)]
struct Asked {
    /// The campaign whose words to begin with.
    like: Option<String>,
}

async fn blank(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    writes(&who)?;
    let account: Account = console.get(&who, "/v1/account").await?;
    let form = match asked.like {
        Some(id) => like(&console, &who, &id, &account).await?,
        None => Form::of(terms::blank(&account.time_zone)),
    };
    compose_page(&console, &who, Draft::new(), form, true).await
}

/// All but the time, which may be over, and the numbers, which aren't told again.
async fn like(
    console: &Console,
    who: &SignedIn,
    id: &str,
    account: &Account,
) -> Result<Form, Refused> {
    let mut planned: Planned = console.get(who, &at(id)).await?;
    planned.schedule = None;
    planned.name = format!("Copy of {}", planned.name)
        .chars()
        .take(100)
        .collect();
    let is_pasted = matches!(planned.audience, Audience::Inline { .. });
    let mut form = filled(&planned, account);
    if is_pasted {
        form.set("to", "numbers");
    }
    form.set("like", id);
    Ok(form)
}

fn at(id: &str) -> String {
    format!("/v1/campaigns/{}", part(id))
}

fn filled(planned: &Planned, account: &Account) -> Form {
    let clock = TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC);
    let content = &planned.content;
    let template = content.template.as_ref().map(|template| &template.id);
    let version = content.template.as_ref().and_then(|it| it.version);
    let links_last = content.links.and_then(|links| links.valid_for);
    let number = |number: Option<String>| number.unwrap_or_default();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let ticked = |yes: bool| if yes { "yes".to_owned() } else { String::new() };
    let is_smart = content.encoding.as_deref() == Some("smart");
    let fields = [
        ("name", planned.name.clone()),
        ("text", text(content.text.as_ref())),
        ("template", text(template)),
        ("pinned", text(template.filter(|_| version.is_some()))),
        ("pinned_at", number(version.map(|it| it.to_string()))),
        ("links_last", number(links_last.map(|it| it.to_string()))),
        ("sender", text(planned.sender.as_ref())),
        ("links", ticked(planned.tracks_links())),
        ("smart", ticked(is_smart)),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    let audience = audience::fields(&planned.audience);
    let terms = terms::fields(planned, &clock);
    Form::of(fields.into_iter().chain(audience).chain(terms))
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    writes(&who)?;
    let ask = console.ask(&who, Method::GET, &at(&id));
    let account = console.get(&who, "/v1/account");
    let ((planned, version), account): ((Planned, String), Account) =
        futures::try_join!(ask.tagged(), account)?;
    let mut form = filled(&planned, &account);
    form.set("version", &version);
    compose_page(&console, &who, Draft::of(&id, &planned), form, true).await
}

async fn compose_page(
    console: &Console,
    who: &SignedIn,
    draft: Draft,
    form: Form,
    fresh: bool,
) -> Result<Response, Refused> {
    let (lists, segments, templates, senders): (
        Listed<Named>,
        All<Named>,
        Listed<Named>,
        All<Sender>,
    ) = futures::try_join!(
        console.get(who, "/v1/lists?limit=100"),
        console.get(who, "/v1/segments"),
        console.get(who, "/v1/templates?limit=100"),
        console.get(who, "/v1/senders"),
    )?;
    let file = Checked::of(console, who, &form).await?;
    let checked = file.as_ref().and_then(|file| file.as_ref().ok());
    let look = Look::of(console, who, &form, checked).await;
    let bucket = console.api.upload_forms.address().await?;
    let named = |named: Vec<Named>| {
        let named = named.into_iter();
        named.map(|it| Choice::new(it.id, it.name)).collect()
    };
    let mut form = form;
    let (lists, segments): (Vec<_>, Vec<_>) = (named(lists.data), named(segments.data));
    if form.given("to").is_none() {
        let has_contacts = !lists.is_empty() || !segments.is_empty();
        form.set("to", if has_contacts { "contacts" } else { "file" });
    }
    let status = form.status();
    let title = match &draft.name {
        Some(name) => format!("Edit {name}"),
        None => "New campaign".to_owned(),
    };
    let usable = senders.data.into_iter().filter(|sender| sender.enabled);
    let usable = usable.map(|it| Choice::new(it.sender.clone(), it.sender));
    let own = Choice::new("", "Whatever the route or gateway uses");
    let none = Choice::new("", "None: what is written above");
    let templates: Vec<_> = named(templates.data);
    let (templates, senders) = (
        std::iter::once(none).chain(templates).collect(),
        std::iter::once(own).chain(usable).collect(),
    );
    let shown = page(&Compose {
        shell: who.shell(title, "/campaigns"),
        draft,
        lists,
        segments,
        templates: with_its_own(templates, form.given("template"), "The one chosen before"),
        senders: with_its_own(senders, form.given("sender"), ""),
        look,
        file,
        form,
        fresh,
    });
    Ok((status, reaching(&bucket, shown)).into_response())
}

/// What a draft names though it isn't among the choices stays what it was until somebody chooses otherwise.
fn with_its_own(mut choices: Vec<Choice>, value: Option<&str>, label: &str) -> Vec<Choice> {
    if let Some(value) = value
        && choices.iter().all(|choice| choice.value != value)
    {
        let label = if label.is_empty() { value } else { label };
        choices.push(Choice::new(value, label));
    }
    choices
}

/// The same page, of which the browser takes the parts that show the text and the file.
async fn look_at(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    file::take(&console, &who, &mut form).await?;
    compose_page(&console, &who, Draft::new(), form, false).await
}

async fn look_at_draft(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    file::take(&console, &who, &mut form).await?;
    let planned: Planned = console.get(&who, &at(&id)).await?;
    compose_page(&console, &who, Draft::of(&id, &planned), form, false).await
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    file::take(&console, &who, &mut form).await?;
    let Some(mut body) = body(&mut form) else {
        return compose_page(&console, &who, Draft::new(), form, false).await;
    };
    body.retain(|_, value| !value.is_null());
    let mut ask = console.ask(&who, Method::POST, "/v1/campaigns").json(&body);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Campaign>().await {
        Ok(made) => Ok(go(&format!("/campaigns/{}?said=drafted", made.id))),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &FIELDS);
            compose_page(&console, &who, Draft::new(), form, false).await
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
    file::take(&console, &who, &mut form).await?;
    let mut refused = None;
    if let Some(body) = body(&mut form) {
        let ask = console.ask(&who, Method::PATCH, &at(&id)).json(&body);
        match ask.if_match(form.get("version")).answer::<Campaign>().await {
            Ok(_) => return Ok(go(&format!("/campaigns/{}?said=drafted", part(&id)))),
            Err(why) if why.belongs_to_form() => refused = Some(why),
            Err(why) => return Err(why),
        }
    }
    if let Some(refused) = refused {
        form = form.refused_by(&refused, &FIELDS);
    }
    let planned: Planned = console.get(&who, &at(&id)).await?;
    compose_page(&console, &who, Draft::of(&id, &planned), form, false).await
}
