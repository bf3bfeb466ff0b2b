//! Opt-outs: whom the account must not text. Looking one up, recording one, ending one, bringing those of another system.

use askama::Template;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use carillon_core::api_key::Scope;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path,
    people::OptOut,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
};

/// Files of everybody are more than looking at one after the other.
const DOWNLOADS: Scope = Scope::ExportsRead;
const PATH: &str = "/opt-outs";
/// Their entry of the navigation.
const UNDER: &str = "/contacts";
const LIMIT: &str = "50";
/// Pages of a download, with 5,000 opt-outs each: an answer of Lambda has six megabytes.
const DOWNLOADED: usize = 8;
/// What is wrong with so many rows of a file is shown.
const TOLD: usize = 50;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/opt-outs/find", post(find))
        .route("/opt-outs/new", get(blank).post(add))
        .route("/opt-outs/remove", post(remove))
        .route("/opt-outs/import", get(bring).post(import))
        .route("/opt-outs/download", get(download))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

/// What a number that was looked for is.
enum Answer {
    OptedOut(Box<OptOut>),
    MayBeTexted(String),
}

#[derive(Template)]
#[template(path = "opt_outs.html")]
struct OptOutsPage {
    shell: Shell,
    opt_outs: Vec<OptOut>,
    pager: Html,
    form: Form,
    answer: Option<Answer>,
    may_write: bool,
    may_download: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    opt_outs_page(&console, &who, asked, Form::default(), None).await
}

async fn opt_outs_page(
    console: &Console,
    who: &SignedIn,
    Asked { cursor }: Asked,
    form: Form,
    answer: Option<Answer>,
) -> Result<Response, Refused> {
    let query = [("limit", LIMIT), ("cursor", cursor.as_str())];
    let address = path::with("/v1/suppressions", &query);
    let Listed { data, next_cursor } = console.get(who, &address).await?;
    let status = status_of(&form);
    let shown = page(&OptOutsPage {
        shell: who.shell("Opt-outs", UNDER),
        opt_outs: data,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_empty()),
        form,
        answer,
        may_write: who.may(Scope::SuppressionsWrite),
        may_download: who.may(DOWNLOADS),
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

const FIELDS: [(&str, &str); 2] = [("/number", "number"), ("/reason", "reason")];

async fn find(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let number = form.get("number").trim().to_owned();
    let (form, answer) = match OptOut::of(&console, &who, &number).await {
        Ok(Some(found)) => (form, Some(Answer::OptedOut(Box::new(found)))),
        Ok(None) => (form, Some(Answer::MayBeTexted(number))),
        Err(refused) if refused.belongs_to_form() => (form.refused_by(&refused, &FIELDS), None),
        Err(refused) => return Err(refused),
    };
    opt_outs_page(&console, &who, Asked::default(), form, answer).await
}

/// Asks why, for whoever asks later; and says what it means.
#[derive(Template)]
#[template(path = "opt_out.html")]
struct Confirm {
    shell: Shell,
    form: Form,
    ends: bool,
    back: String,
}

fn confirm(who: &SignedIn, form: Form, ends: bool) -> Response {
    let title = if ends {
        "End an opt-out"
    } else {
        "Record an opt-out"
    };
    let status = status_of(&form);
    let shown = page(&Confirm {
        shell: who.shell(title, UNDER),
        back: back(&form),
        form,
        ends,
    });
    (status, shown).into_response()
}

/// Where somebody came from.
fn back(form: &Form) -> String {
    match form.given("contact") {
        Some(id) => format!("/contacts/{}", path::part(id)),
        None => PATH.to_owned(),
    }
}

async fn blank(who: SignedIn) -> Response {
    confirm(&who, Form::default(), false)
}

/// With a number only, it asks for the rest.
async fn add(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    settle(&console, &who, form, false).await
}

async fn remove(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    settle(&console, &who, form, true).await
}

async fn settle(
    console: &Console,
    who: &SignedIn,
    form: Form,
    ends: bool,
) -> Result<Response, Refused> {
    if form.all("reason").next().is_none() {
        return Ok(confirm(who, form, ends));
    }
    let (address, said) = if ends {
        ("/v1/suppressions/remove", "opted-in")
    } else {
        ("/v1/suppressions", "opted-out")
    };
    let body = json!({"number": form.get("number").trim(), "reason": form.get("reason")});
    let settled: Result<Done, Refused> = console.post(who, address, &body).await;
    match settled {
        Ok(_) => Ok(go(&format!("{}?said={said}", back(&form)))),
        // Somebody was faster, or its owner wrote START.
        Err(refused) if ends && refused.status == StatusCode::NOT_FOUND => {
            Ok(go(&format!("{}?said={said}", back(&form))))
        }
        Err(refused) if refused.belongs_to_form() => {
            Ok(confirm(who, form.refused_by(&refused, &FIELDS), ends))
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Debug, Deserialize)]
struct Imported {
    rows: u64,
    suppressed: u64,
    outweighed: u64,
    refused: u64,
    errors: Vec<RowError>,
}

#[derive(Debug, Deserialize)]
struct RowError {
    line: Option<u64>,
    detail: String,
}

impl RowError {
    fn sentence(&self) -> String {
        let words = form::sentence(&self.detail);
        match self.line {
            Some(line) => format!("Line {line}: {words}"),
            None => words,
        }
    }
}

#[derive(Template)]
#[template(path = "opt_outs_import.html")]
struct ImportPage {
    shell: Shell,
    form: Form,
    imported: Option<Imported>,
}

impl ImportPage {
    fn told(&self) -> &[RowError] {
        let errors = self.imported.as_ref().map(|it| it.errors.as_slice());
        let errors = errors.unwrap_or_default();
        errors.get(..TOLD).unwrap_or(errors)
    }
}

fn import_page(who: &SignedIn, form: Form, imported: Option<Imported>) -> Response {
    let status = status_of(&form);
    let shown = page(&ImportPage {
        shell: who.shell("Bring opt-outs along", UNDER),
        form,
        imported,
    });
    (status, shown).into_response()
}

async fn bring(who: SignedIn) -> Response {
    import_page(&who, Form::default(), None)
}

async fn import(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let mut form = form;
    let rows = match (form.file("file"), form.given("rows")) {
        (Some(file), None) => file.clone(),
        (None, Some(typed)) => of_typed(typed),
        (None, None) => {
            form.refuse("rows", "Choose a file above, or paste numbers here.");
            return Ok(import_page(&who, form, None));
        }
        (Some(_), Some(_)) => {
            form.refuse(
                "rows",
                "There is a file above too. Send one after the other.",
            );
            return Ok(import_page(&who, form, None));
        }
    };
    let country = form.get("country").trim().to_uppercase();
    let address = path::with("/v1/suppressions/import", &[("default_country", &country)]);
    let ask = console.ask(&who, Method::POST, &address).csv(rows);
    match ask.answer::<Imported>().await {
        Ok(imported) => Ok(import_page(&who, Form::default(), Some(imported))),
        Err(refused) if refused.belongs_to_form() => {
            Ok(import_page(&who, form.refused_by(&refused, &[]), None))
        }
        Err(refused) => Err(refused),
    }
}

/// A column of numbers needs no header when it is typed.
fn of_typed(typed: &str) -> Bytes {
    let first = typed.lines().next().unwrap_or_default();
    let is_header = first.chars().any(char::is_alphabetic);
    let header = if is_header { "" } else { "number\n" };
    format!("{header}{typed}\n").into()
}

/// As a file, if it is one that an answer can carry; else an export brings them.
async fn download(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    if !who.may(DOWNLOADS) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "Your role looks at opt-outs one page at a time",
            "Ask an owner of the account to make you a sender, if you are to have all of them in a file.",
        ));
    }
    let mut file = Vec::new();
    let mut next = Some("/v1/suppressions/export".to_owned());
    for _ in 0..DOWNLOADED {
        let Some(address) = next else { break };
        let response = console.ask(&who, Method::GET, &address).respond().await?;
        next = next_page(response.headers().get(header::LINK));
        let body = to_bytes(response.into_body(), usize::MAX).await;
        file.extend(body.map_err(|_| Refused::unexplained())?);
    }
    if next.is_some() {
        return Ok(go("/exports?dataset=opt_outs&said=too-many"));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"opt-outs.csv\"",
        ),
    ];
    Ok((headers, Body::from(file)).into_response())
}

/// Of `<https://…/v1/suppressions/export?…>; rel="next"`.
fn next_page(link: Option<&HeaderValue>) -> Option<String> {
    let (url, _) = link?.to_str().ok()?.strip_prefix('<')?.split_once('>')?;
    Some(url[url.find("/v1/")?..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_numbers_need_no_header() {
        for (name, typed, expected) in [
            (
                "numbers",
                "+447700900123\n+447700900124",
                "number\n+447700900123\n+447700900124\n",
            ),
            (
                "a file's text",
                "phone,reason\n+447700900123,asked",
                "phone,reason\n+447700900123,asked\n",
            ),
        ] {
            assert_eq!(of_typed(typed), expected, "{name}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_here() {
        let link = HeaderValue::from_static(
            "<https://sms.example.net/v1/suppressions/export?format=csv&cursor=abc>; rel=\"next\"",
        );

        assert_eq!(
            next_page(Some(&link)).as_deref(),
            Some("/v1/suppressions/export?format=csv&cursor=abc")
        );
        assert_eq!(next_page(None), None);
    }
}
