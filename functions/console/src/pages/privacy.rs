//! What somebody may ask of whoever texts them: what is known of their number, and to be forgotten.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
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
    confirm::Confirm,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field},
    words::{self, Word},
};

const PATH: &str = "/privacy";
const LIMIT: u16 = 25;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(show))
        .route("/privacy/gather", post(gather))
        .route("/privacy/ask", post(confirm))
        .route("/privacy/erase", post(erase))
        .route("/privacy/{id}/file", get(file))
}

/// Of either kind. The number itself is in none: a request that is done knows it by its keyed hash alone.
#[derive(Debug, Clone, Deserialize)]
struct Asked {
    id: String,
    number_hash: String,
    status: String,
    asked: Timestamp,
    done: Option<Timestamp>,
    /// Of what was gathered.
    kept_until: Option<Timestamp>,
    found: Found,
}

#[derive(Debug, Clone, Deserialize)]
struct Found {
    contacts: u64,
    consents: u64,
    inbound: u64,
    messages: u64,
    rows: u64,
    dead_letters: u64,
    events: u64,
}

impl Asked {
    fn word(&self) -> Word {
        words::privacy(&self.status)
    }

    /// Enough to tell two apart.
    fn short_hash(&self) -> &str {
        self.number_hash.get(..10).unwrap_or(&self.number_hash)
    }

    fn has_file(&self, now: Timestamp) -> bool {
        self.kept_until.is_some_and(|until| now < until)
    }
}

impl Found {
    /// In words, what there was none of left out.
    fn words(&self) -> String {
        let Self {
            contacts,
            consents,
            inbound,
            messages,
            rows,
            dead_letters,
            events,
        } = self;
        let all = [
            (contacts, "contact", "contacts"),
            (consents, "consent", "consents"),
            (messages, "message", "messages"),
            (inbound, "answer", "answers"),
            (rows, "row of files", "rows of files"),
            (dead_letters, "dead letter", "dead letters"),
            (events, "event", "events"),
        ];
        let found = all.into_iter().filter(|(count, ..)| **count > 0);
        let found: Vec<String> = found
            .map(|(count, one, many)| ui::plural(count, one, many))
            .collect();
        if found.is_empty() {
            "nothing so far".to_owned()
        } else {
            found.join(", ")
        }
    }
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct PrivacyPage {
    shell: Shell,
    form: Form,
    gathered: Vec<Asked>,
    erased: Vec<Asked>,
    now: Timestamp,
    may_act: bool,
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    privacy_page(&console, &who, Form::default()).await
}

async fn privacy_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let [gathered, erased] =
        ["reports", "erasures"].map(|kind| format!("/v1/privacy/{kind}?limit={LIMIT}"));
    let (gathered, erased) = futures::try_join!(
        console.get::<Listed<Asked>>(who, &gathered),
        console.get::<Listed<Asked>>(who, &erased),
    )?;
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&PrivacyPage {
        shell: who.shell("Privacy", PATH),
        form,
        gathered: gathered.data,
        erased: erased.data,
        now: Timestamp::now(),
        may_act: who.may(Scope::PrivacyWrite),
    });
    Ok((status, shown).into_response())
}

async fn gather(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    asked_for(&console, &who, form, "reports", "gathering").await
}

async fn erase(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    asked_for(&console, &who, form, "erasures", "erasing").await
}

async fn asked_for(
    console: &Console,
    who: &SignedIn,
    form: Form,
    kind: &str,
    said: &str,
) -> Result<Response, Refused> {
    let path = format!("/v1/privacy/{kind}");
    let number = json!({"number": form.get("number").trim()});
    let mut ask = console.ask(who, Method::POST, &path).json(&number);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go(&format!("{PATH}?said={said}"))),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &[("/number", "number")]);
            privacy_page(console, who, form).await
        }
        Err(refused) => Err(refused),
    }
}

async fn confirm(who: SignedIn, form: Form) -> Response {
    let number = form.get("number").trim().to_owned();
    let confirm = Confirm {
        shell: who.shell("Erase a number", PATH),
        title: format!("Forget {number}?"),
        words: vec![
            "Its contact, its answers, its name in campaigns, files and exports: all of it is gone within minutes, and can't be brought back.".to_owned(),
            "What stays is a fingerprint, by which nothing is ever sent to the number again, and the counts of your reports.".to_owned(),
        ],
        act: "/privacy/erase".to_owned(),
        button: "Erase it",
        back: PATH.to_owned(),
        fields: vec![("number", number)],
    };
    confirm.page()
}

async fn file(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = format!("/v1/privacy/reports/{}/download", part(&id));
    let link: Value = console.ask(&who, Method::POST, &path).answer().await?;
    let url = link["url"].as_str().ok_or_else(Refused::unexplained)?;
    Ok(go(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_without_what_was_not() {
        let found = |contacts, messages| Found {
            contacts,
            consents: 0,
            inbound: 0,
            messages,
            rows: 0,
            dead_letters: 0,
            events: 0,
        };
        assert_eq!(found(1, 1_200).words(), "1 contact, 1,200 messages");
        assert_eq!(found(0, 0).words(), "nothing so far");
    }
}
