//! What handsets wrote, newest first, and answering it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::{api_key::Scope, id::ContactId, phone::Phone};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    path,
    people::{OptOut, name_of},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    thread::{self, Thread},
    ui::{self, Field, Html, Icon},
    words,
};

const PATH: &str = "/inbox";
const LIMIT: &str = "25";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/inbox/answer", post(answer))
}

#[derive(Debug, Deserialize)]
struct Inbound {
    at: Timestamp,
    from: String,
    to: String,
    text: String,
    meaning: Option<String>,
}

/// A message with what is known of its sender.
struct Row {
    inbound: Inbound,
    contact: Option<Known>,
    has_opted_out: bool,
}

#[derive(Clone)]
struct Known {
    id: ContactId,
    name: Option<String>,
}

impl Row {
    fn answered_from(&self) -> String {
        thread::sender_of(&self.inbound.to).unwrap_or_default()
    }

    fn badge(&self) -> Html {
        ui::badge(&words::meaning(self.inbound.meaning.as_deref()))
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct Inbox {
    shell: Shell,
    rows: Vec<Row>,
    is_first: bool,
    pager: Html,
    may_answer: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(Asked { cursor }): Query<Asked>,
) -> Result<Response, Refused> {
    let query = [("limit", LIMIT), ("cursor", cursor.as_str())];
    let address = path::with("/v1/inbound", &query);
    let Listed { data, next_cursor } = console.get(&who, &address).await?;
    let rows = with_senders(&console, &who, data).await?;
    Ok(page(&Inbox {
        shell: who.shell("Inbox", PATH),
        rows,
        is_first: cursor.is_empty(),
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_empty()),
        may_answer: thread::may_answer(&who),
    }))
}

/// A contact's id and the mark of an opt-out follow from the number, so that a page of them is two reads. Who may not see these
/// things is told nothing of them.
async fn with_senders(
    console: &Console,
    who: &SignedIn,
    data: Vec<Inbound>,
) -> Result<Vec<Row>, Refused> {
    let account = who.account.id;
    let key = &console.api.key;
    let numbers: BTreeSet<Phone> = data
        .iter()
        .filter_map(|inbound| Phone::from_e164(&inbound.from).ok())
        .collect();
    let mut contacts = BTreeMap::new();
    if who.may(Scope::ContactsRead) {
        let ids: Vec<ContactId> = numbers.iter().map(|it| key.contact(account, *it)).collect();
        for contact in console.api.contacts.find_all(account, &ids).await? {
            let text = |wanted: &str| match contact.attributes.get(wanted) {
                Some(carillon_core::contact::Value::Text(text)) => Some(text.as_str()),
                _ => None,
            };
            let known = Known {
                id: contact.id,
                name: name_of(text),
            };
            contacts.insert(contact.number, known);
        }
    }
    let mut opted_out = BTreeSet::new();
    if who.may(Scope::SuppressionsRead) {
        let hashes: Vec<String> = numbers.iter().map(|it| key.number(account, *it)).collect();
        let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
        opted_out.extend(console.api.suppressions.among(account, &hashes).await?);
    }
    let row = |inbound: Inbound| {
        let number = Phone::from_e164(&inbound.from).ok();
        Row {
            contact: number.and_then(|it| contacts.get(&it).cloned()),
            has_opted_out: number.is_some_and(|it| opted_out.contains(&key.number(account, it))),
            inbound,
        }
    };
    Ok(data.into_iter().map(row).collect())
}

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage {
    shell: Shell,
    number: String,
    opt_out: Option<OptOut>,
    thread: Thread,
    form: Form,
}

/// The conversation with a number that is no contact's. A number never stands in an address, so this is a post: with a text in
/// it, it sends.
async fn answer(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let number = form.get("number").to_owned();
    if form.all("text").next().is_none() {
        return answer_page(&console, &who, number, form).await;
    }
    match thread::answer(&console, &who, &number, form).await? {
        Ok(()) => Ok(go("/inbox?said=answered")),
        Err(form) => answer_page(&console, &who, number, form).await,
    }
}

async fn answer_page(
    console: &Console,
    who: &SignedIn,
    number: String,
    form: Form,
) -> Result<Response, Refused> {
    let (opt_out, thread) = futures::try_join!(
        OptOut::of(console, who, &number),
        Thread::of(console, who, &number),
    )?;
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&AnswerPage {
        shell: who.shell("Answer", PATH),
        number,
        opt_out,
        form: thread.prefilled(form),
        thread,
    });
    Ok((status, shown).into_response())
}
