//! One contact: the conversation with it, what is known of it, what it agreed to, whether it has opted out.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::json;

use super::contacts::{self, ContactForm, PATH};
use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::{error::Refused, exports},
    path,
    people::{self, Contact, OptOut},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    thread::{self, Thread},
    ui::{self, Choice, Field, Html, Icon},
    words::{Tone, Word},
};

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/contacts/{id}", get(show).post(answer))
        .route("/contacts/{id}/edit", get(edit).post(save))
        .route("/contacts/{id}/delete", get(confirm).post(delete))
        .route("/contacts/{id}/consents", get(consent).post(record))
        .route("/contacts/{id}/lists/{list}/remove", post(off_list))
}

/// What somebody agreed to.
#[derive(Debug, Deserialize)]
struct Consent {
    scope: String,
    method: String,
    given: Timestamp,
    expires: Option<Timestamp>,
    source: String,
    text: String,
    evidence: Option<String>,
    intact: bool,
}

impl Consent {
    fn scope(&self) -> &'static str {
        match self.scope.as_str() {
            "marketing" => "Marketing",
            "transactional" => "Messages about their own business with you",
            _ => "All messages",
        }
    }

    fn method(&self) -> &'static str {
        let known = METHODS.iter().find(|(word, _)| *word == self.method);
        known.map_or("in another way", |(_, words)| *words)
    }

    fn badge(&self) -> Html {
        let expired = self.expires.is_some_and(|end| end <= Timestamp::now());
        let (label, tone, means) = match (self.intact, expired) {
            (false, _) => ("Altered", Tone::Bad, "It isn't what was recorded."),
            (true, true) => ("Expired", Tone::Quiet, "It proves nothing any more."),
            (true, false) => ("Valid", Tone::Good, "It is as it was recorded."),
        };
        ui::badge(&Word { label, tone, means })
    }
}

const METHODS: [(&str, &str); 7] = [
    ("web_form", "on a web form"),
    ("keyword", "by texting a word"),
    ("double_opt_in", "by answering YES to a question"),
    ("paper", "on paper"),
    ("voice", "on the telephone"),
    ("in_person", "in person"),
    ("import", "in another system"),
];

#[derive(Template)]
#[template(path = "contact.html")]
struct ContactPage {
    shell: Shell,
    contact: Contact,
    lists: BTreeMap<String, String>,
    opt_out: Option<OptOut>,
    consents: Vec<Consent>,
    thread: Thread,
    form: Form,
    may_write: bool,
    may_suppress: bool,
    may_answer: bool,
}

impl ContactPage {
    fn on_lists(&self) -> Vec<(&str, &str)> {
        let lists = self.contact.lists.iter();
        let named = lists.filter_map(|id| Some((id.as_str(), self.lists.get(id)?.as_str())));
        named.collect()
    }
}

fn at(id: &str) -> String {
    format!("/v1/contacts/{}", path::part(id))
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    contact_page(&console, &who, &id, Form::default()).await
}

async fn contact_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    form: Form,
) -> Result<Response, Refused> {
    let contact: Contact = console.get(who, &at(id)).await?;
    let number = json!({"number": contact.number});
    let (lists, opt_out, consents, thread): (_, _, Listed<Consent>, _) = futures::try_join!(
        people::lists(console, who),
        OptOut::of(console, who, &contact.number),
        console.post(who, "/v1/consents/search", &number),
        Thread::of(console, who, &contact.number),
    )?;
    let title = contact.title();
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&ContactPage {
        shell: who.shell(title, PATH),
        contact,
        lists: people::names(lists),
        opt_out,
        consents: consents.data,
        form: thread.prefilled(form),
        thread,
        may_write: who.may(Scope::ContactsWrite),
        may_suppress: who.may(Scope::SuppressionsWrite),
        may_answer: thread::may_answer(who),
    });
    Ok((status, shown).into_response())
}

async fn answer(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let contact: Contact = console.get(&who, &at(&id)).await?;
    match thread::answer(&console, &who, &contact.number, form).await? {
        Ok(()) => Ok(go(&format!("/contacts/{id}?said=answered#answer"))),
        Err(form) => contact_page(&console, &who, &id, form).await,
    }
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let ask = console.ask(&who, Method::GET, &at(&id));
    let (contact, version): (Contact, String) = ask.tagged().await?;
    let mut fields = vec![
        ("version".to_owned(), version),
        (
            "language".to_owned(),
            contact.language.clone().unwrap_or_default(),
        ),
        (
            "time_zone".to_owned(),
            contact.time_zone.clone().unwrap_or_default(),
        ),
        ("tags".to_owned(), contact.tags.join(", ")),
    ];
    fields.extend(
        contact
            .lists
            .iter()
            .map(|id| ("lists".to_owned(), id.clone())),
    );
    fields.extend(ui::attributes::fields(&contact.attributes));
    edit_page(&console, &who, contact, Form::of(fields)).await
}

async fn edit_page(
    console: &Console,
    who: &SignedIn,
    contact: Contact,
    form: Form,
) -> Result<Response, Refused> {
    let lists = people::choices(&people::lists(console, who).await?);
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&ContactForm {
        shell: who.shell("Edit a contact", PATH),
        form,
        lists,
        contact: Some(contact),
    });
    Ok((status, shown).into_response())
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let mut form = form;
    let body = contacts::fields(&mut form);
    if !form.is_refused() {
        let ask = console.ask(&who, Method::PATCH, &at(&id));
        let ask = ask.if_match(form.get("version")).json(&body);
        match ask.answer::<Done>().await {
            Ok(_) => return Ok(go(&format!("/contacts/{id}?said=saved"))),
            Err(why) if why.belongs_to_form() => form = contacts::refused(form, &why),
            Err(why) => return Err(why),
        }
    }
    let contact = console.get(&who, &at(&id)).await?;
    edit_page(&console, &who, contact, form).await
}

/// One list less, whatever else has changed.
async fn off_list(
    State(console): State<Console>,
    who: SignedIn,
    Path((id, list)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Refused> {
    let members = format!("/v1/lists/{}/members", path::part(&list));
    let _: Done = console
        .post(&who, &members, &json!({"remove": [id]}))
        .await?;
    let back = match form.get("back") {
        "list" => format!("/lists/{list}"),
        _ => format!("/contacts/{id}"),
    };
    Ok(go(&format!("{back}?said=off-list")))
}

#[derive(Template)]
#[template(path = "contact_delete.html")]
struct Confirm {
    shell: Shell,
    contact: Contact,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let contact = console.get(&who, &at(&id)).await?;
    let shell = who.shell("Delete a contact", PATH);
    Ok(page(&Confirm { shell, contact }))
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let ask = console.ask(&who, Method::DELETE, &at(&id));
    let _: Done = ask.answer().await?;
    Ok(go("/contacts?said=contact-deleted"))
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    shell: Shell,
    contact: Contact,
    form: Form,
}

impl ConsentPage {
    fn scopes() -> [Choice; 3] {
        [
            Choice::new("marketing", "Marketing").hint("Offers, news, invitations."),
            Choice::new(
                "transactional",
                "Messages about their own business with you",
            )
            .hint("Orders, appointments, deliveries."),
            Choice::new("all", "All of these"),
        ]
    }

    fn methods() -> Vec<Choice> {
        let choice = |(word, words): &(&str, &str)| Choice::new(*word, form::sentence(words));
        METHODS.iter().map(choice).collect()
    }
}

async fn consent(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let contact = console.get(&who, &at(&id)).await?;
    let form = Form::of([("scope", "marketing"), ("method", "web_form")]);
    Ok(consent_page(&who, contact, form))
}

fn consent_page(who: &SignedIn, contact: Contact, form: Form) -> Response {
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shell = who.shell("Record a consent", PATH);
    let shown = page(&ConsentPage {
        shell,
        contact,
        form,
    });
    (status, shown).into_response()
}

/// The beginning of a day by the account's clock. What is no day is the API's to refuse.
pub fn day_given(day: &str, zone: &TimeZone) -> String {
    let began = exports::day(day, false, zone);
    began.map_or_else(|| day.to_owned(), |began| began.to_string())
}

async fn record(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let address = at(&id);
    let (contact, zone): (Contact, _) = futures::try_join!(
        console.get(&who, &address),
        exports::account_zone(&console, &who)
    )?;
    let given = form.given("given").map(|day| day_given(day, &zone));
    let mut body = json!({
        "number": contact.number,
        "scope": form.get("scope"),
        "method": form.get("method"),
        "source": form.get("source"),
        "text": form.get("words"),
    });
    for (name, value) in [
        ("given", given.as_deref()),
        ("evidence", form.given("evidence")),
    ] {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    let ask = console.ask(&who, Method::POST, "/v1/consents").json(&body);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go(&format!("/contacts/{id}?said=consented"))),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [
                ("/scope", "scope"),
                ("/method", "method"),
                ("/given", "given"),
                ("/source", "source"),
                ("/text", "words"),
                ("/evidence", "evidence"),
            ];
            Ok(consent_page(
                &who,
                contact,
                form.refused_by(&refused, &fields),
            ))
        }
        Err(refused) => Err(refused),
    }
}
