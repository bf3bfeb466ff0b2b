//! Lists: named sets of contacts. Making one, looking at who is on it, putting many numbers onto it at once.

use std::time::{Duration, Instant};

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
use serde_json::json;

use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path,
    people::{self, Contact, Named},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
};

const PATH: &str = "/lists";
/// Their entry of the navigation.
const UNDER: &str = "/contacts";
const LIMIT: &str = "25";
/// Numbers of one request, as many as the API takes.
const MOST: usize = 1_000;
/// How long one page lets go of members.
const LETS_GO: Duration = Duration::from_secs(8);

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/lists/{id}", get(show))
        .route("/lists/{id}/rename", post(rename))
        .route("/lists/{id}/members", post(add))
        .route("/lists/{id}/delete", get(confirm).post(delete))
}

#[derive(Template)]
#[template(path = "lists.html")]
struct ListsPage {
    shell: Shell,
    lists: Vec<Named>,
    form: Form,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    lists_page(&console, &who, Form::default()).await
}

async fn lists_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let mut lists = people::lists(console, who).await?;
    lists.sort_by_key(|list| list.name.to_lowercase());
    let status = status_of(&form);
    let shown = page(&ListsPage {
        shell: who.shell("Lists", UNDER),
        lists,
        form,
        may_write: who.may(Scope::ContactsWrite),
    });
    Ok((status, shown).into_response())
}

fn status_of(form: &Form) -> StatusCode {
    if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let ask = console.ask(&who, Method::POST, "/v1/lists");
    let ask = ask.json(&json!({"name": form.get("name")}));
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Named>().await {
        Ok(Named { id, .. }) => Ok(go(&format!("/lists/{id}?said=list-made"))),
        Err(refused) if refused.belongs_to_form() => {
            lists_page(&console, &who, named_otherwise(form, &refused)).await
        }
        Err(refused) => Err(refused),
    }
}

fn named_otherwise(form: Form, refused: &Refused) -> Form {
    form.refused_by(refused, &[("/name", "name")])
}

#[derive(Debug, Deserialize)]
struct List {
    id: String,
    name: String,
    members: Option<Members>,
    created: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Members {
    count: u64,
    complete: bool,
}

impl List {
    fn count(&self) -> String {
        let Some(Members { count, complete }) = &self.members else {
            return String::new();
        };
        let people = ui::plural(count, "contact", "contacts");
        if *complete {
            people
        } else {
            format!("about {people}")
        }
    }

    fn is_empty(&self) -> bool {
        self.members.as_ref().is_some_and(|it| it.count == 0)
    }
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

/// What became of numbers that were put onto it.
#[derive(Debug, Deserialize)]
struct Added {
    created: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    data: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    index: usize,
    error: Option<RowError>,
}

#[derive(Debug, Deserialize)]
struct RowError {
    detail: String,
}

/// A number that wasn't taken, as it was typed.
struct Unusable {
    line: usize,
    number: String,
    why: String,
}

struct Told {
    added: u64,
    created: u64,
    unchanged: u64,
    unusable: Vec<Unusable>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    shell: Shell,
    list: List,
    contacts: Vec<Contact>,
    pager: Html,
    form: Form,
    told: Option<Told>,
    may_write: bool,
}

fn at(id: &str) -> String {
    format!("/v1/lists/{}", path::part(id))
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    list_page(&console, &who, &id, asked, Form::default(), None).await
}

async fn list_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    Asked { cursor }: Asked,
    form: Form,
    told: Option<Told>,
) -> Result<Response, Refused> {
    let query = [("list", id), ("limit", LIMIT), ("cursor", &cursor)];
    let (address, members) = (at(id), path::with("/v1/contacts", &query));
    let ask = console.ask(who, Method::GET, &address);
    let ((list, version), Listed { data, next_cursor }): ((List, String), Listed<Contact>) =
        futures::try_join!(ask.tagged(), console.get(who, &members))?;
    let mut fields = vec![("version", version.as_str())];
    let name = if form.error("name").is_some() {
        form.get("name")
    } else {
        &list.name
    };
    fields.extend([
        ("name", name),
        ("numbers", form.get("numbers")),
        ("country", form.get("country")),
    ]);
    let status = status_of(&form);
    let shown = page(&ListPage {
        shell: who.shell(list.name.clone(), UNDER),
        form: Form::of(fields).with_errors_of(form),
        contacts: data,
        pager: ui::onward(
            &format!("/lists/{id}"),
            next_cursor.as_deref(),
            cursor.is_empty(),
        ),
        list,
        told,
        may_write: who.may(Scope::ContactsWrite),
    });
    Ok((status, shown).into_response())
}

async fn rename(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let address = at(&id);
    let ask = console.ask(&who, Method::PATCH, &address);
    let ask = ask
        .if_match(form.get("version"))
        .json(&json!({"name": form.get("name")}));
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go(&format!("/lists/{id}?said=saved"))),
        Err(refused) if refused.belongs_to_form() => {
            let form = named_otherwise(form, &refused);
            list_page(&console, &who, &id, Asked::default(), form, None).await
        }
        Err(refused) => Err(refused),
    }
}

/// Numbers, a line each, with or without a contact. Those that can't be used stay in the form.
async fn add(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let mut form = form;
    let lines: Vec<(usize, String)> = numbers(form.get("numbers")).collect();
    if lines.is_empty() {
        form.refuse("numbers", "Type or paste a number a line.");
    }
    if lines.len() > MOST {
        form.refuse(
            "numbers",
            "These are more than 1,000. Put them onto the list in several steps.",
        );
    }
    if form.is_refused() {
        return list_page(&console, &who, &id, Asked::default(), form, None).await;
    }
    let contacts = lines.iter().map(|(_, number)| {
        let mut contact = json!({"number": number, "lists": [id]});
        if let Some(country) = form.given("country") {
            contact["default_country"] = country.to_uppercase().into();
        }
        contact
    });
    let body = json!({"contacts": contacts.collect::<Vec<_>>()});
    let added: Added = console.post(&who, "/v1/contacts/batch", &body).await?;
    let unusable = added.data.into_iter().filter_map(|Row { index, error }| {
        let (line, number) = lines.get(index)?;
        Some(Unusable {
            line: *line,
            number: number.clone(),
            why: form::sentence(&error?.detail),
        })
    });
    let unusable: Vec<Unusable> = unusable.collect();
    let left: Vec<&str> = unusable.iter().map(|it| it.number.as_str()).collect();
    let form = Form::of([
        ("numbers", left.join("\n").as_str()),
        ("country", form.get("country")),
    ]);
    let told = Told {
        added: added.created + added.updated,
        created: added.created,
        unchanged: added.unchanged,
        unusable,
    };
    debug_assert_eq!(
        usize::try_from(added.rejected).ok(),
        Some(told.unusable.len())
    );
    list_page(&console, &who, &id, Asked::default(), form, Some(told)).await
}

/// With their lines, from 1.
fn numbers(typed: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let lines = (1..).zip(typed.lines());
    let lines =
        lines.map(|(line, text)| (line, text.trim().trim_end_matches([',', ';']).to_owned()));
    lines.filter(|(_, text)| !text.is_empty())
}

#[derive(Template)]
#[template(path = "list_delete.html")]
struct Confirm {
    shell: Shell,
    id: String,
    /// `None`: it is hidden already, and lets go of its members.
    list: Option<List>,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let list = console.get(&who, &at(&id)).await?;
    let shell = who.shell("Delete a list", UNDER);
    Ok(page(&Confirm {
        shell,
        id,
        list: Some(list),
    }))
}

/// A list of millions lets go of its members step by step: each post of the form goes on with it.
async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let began = Instant::now();
    while began.elapsed() < LETS_GO {
        let address = at(&id);
        let ask = console.ask(&who, Method::DELETE, &address);
        if ask.respond().await?.status() == StatusCode::NO_CONTENT {
            return Ok(go("/lists?said=list-deleted"));
        }
    }
    let shell = who.shell("Delete a list", UNDER);
    Ok(page(&Confirm {
        shell,
        id,
        list: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_a_line_each() {
        let typed = "+447700900123\n\n  07700 900124, \r\n";

        let numbers: Vec<_> = numbers(typed).collect();

        assert_eq!(
            numbers,
            [
                (1, "+447700900123".to_owned()),
                (3, "07700 900124".to_owned())
            ]
        );
    }
}
