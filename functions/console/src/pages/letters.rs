//! Dead letters: what failed every try, why, how often, since when. Each can be sent again, or let go.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
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
    ui::{self, Html, Icon},
};

const PATH: &str = "/dead-letters";
const LIMIT: u16 = 50;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/dead-letters/redrive", post(redrive))
        .route("/dead-letters/ask", post(confirm))
        .route("/dead-letters/discard", post(discard))
}

#[derive(Debug, Clone, Deserialize)]
struct Letter {
    id: String,
    queue: String,
    campaign: Option<String>,
    chunk: Option<u32>,
    message: Option<String>,
    reason: String,
    detail: String,
    tries: u32,
    since: Timestamp,
    died: Timestamp,
    test: bool,
}

impl Letter {
    /// What it was.
    fn what(&self) -> &str {
        queue_words(&self.queue)
    }

    fn why(&self) -> String {
        form::sentence(&self.detail)
    }

    /// What somebody can do about it.
    fn advice(&self) -> &'static str {
        match self.reason.as_str() {
            "unreadable" => {
                "Another try can't come to anything else. Discard it, or tell your operator first."
            }
            "panicked" => "A defect of Carillon's. Send it again after the next update.",
            "early" => "Send it again: what it needs may be there by now.",
            _ => "Send it again. If it comes back, tell your operator.",
        }
    }
}

/// What a queue carries, one of it.
fn queue_words(queue: &str) -> &str {
    match queue {
        "prepare" => "Preparing a campaign's audience",
        "dispatch" => "Waking the dispatcher",
        "exports" => "Making a file",
        "lane_high" => "Sending a one-time password or message",
        "lane_normal" => "Sending up to 100 messages",
        "lane_low" => "Sending up to 100 messages of a campaign",
        "receipts" => "A delivery report",
        "inbound" => "A reply of somebody",
        "hooks" => "An event for your webhook",
        "schedules" => "Starting a scheduled campaign",
        other => other,
    }
}

/// Those of a kind on the page.
struct Kind {
    queue: String,
    words: String,
    count: u64,
}

fn kinds(letters: &[Letter]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for letter in letters {
        match kinds.iter_mut().find(|kind| kind.queue == letter.queue) {
            Some(kind) => kind.count += 1,
            None => kinds.push(Kind {
                queue: letter.queue.clone(),
                words: letter.what().to_owned(),
                count: 1,
            }),
        }
    }
    kinds
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "letters.html")]
struct LettersPage {
    shell: Shell,
    letters: Vec<Letter>,
    kinds: Vec<Kind>,
    pager: Html,
    problem: Option<String>,
    may_act: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    letters_page(&console, &who, asked.cursor.as_deref(), None).await
}

async fn letters_page(
    console: &Console,
    who: &SignedIn,
    cursor: Option<&str>,
    problem: Option<String>,
) -> Result<Response, Refused> {
    let more = cursor.map(|cursor| format!("&cursor={}", part(cursor)));
    let more = more.unwrap_or_default();
    let path = format!("/v1/dead-letters?limit={LIMIT}{more}");
    let Listed { data, next_cursor } = console.get(who, &path).await?;
    let letters: Vec<Letter> = data;
    let status = if problem.is_some() {
        http::StatusCode::UNPROCESSABLE_ENTITY
    } else {
        http::StatusCode::OK
    };
    let shown = page(&LettersPage {
        shell: who.shell("Dead letters", PATH),
        kinds: kinds(&letters),
        letters,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_none()),
        problem,
        may_act: who.may(Scope::MessagesSend),
    });
    Ok((status, shown).into_response())
}

/// Those that were ticked, or those of a queue. `None`: nothing was.
fn chosen(form: &Form) -> Option<Value> {
    if let Some(queue) = form.given("queue") {
        return Some(json!({"queue": queue}));
    }
    let ids: Vec<_> = form.all("ids").collect();
    (!ids.is_empty()).then(|| json!({"ids": ids}))
}

async fn nothing(console: &Console, who: &SignedIn) -> Result<Response, Refused> {
    let words = "Nothing was ticked, so nothing was done. Tick what you mean.";
    letters_page(console, who, None, Some(words.to_owned())).await
}

async fn redrive(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let Some(body) = chosen(&form) else {
        return nothing(&console, &who).await;
    };
    let path = "/v1/dead-letters/redrive";
    let _: Done = console.post(&who, path, &body).await?;
    Ok(go("/dead-letters?said=redriven"))
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let Some(chosen) = chosen(&form) else {
        return nothing(&console, &who).await;
    };
    let (title, fields) = if let Some(queue) = chosen["queue"].as_str() {
        let title = format!("Discard the newest 100 of “{}”?", queue_words(queue));
        (title, vec![("queue", queue.to_owned())])
    } else {
        let ids = form.all("ids").map(|id| ("ids", id.to_owned()));
        let ids: Vec<_> = ids.collect();
        let count = u64::try_from(ids.len()).unwrap_or_default();
        let things = ui::plural(count, "dead letter", "dead letters");
        (format!("Discard {things}?"), ids)
    };
    let confirm = Confirm {
        shell: who.shell("Discard dead letters", PATH),
        title,
        words: vec![
            "They are gone for good, and nobody works on them again.".to_owned(),
            "What they were about stays as it is: a message that wasn't sent stays unsent, a report that wasn't read stays missing. Sending them again is safe: every check is made anew, and nothing is sent twice.".to_owned(),
        ],
        act: "/dead-letters/discard".to_owned(),
        button: "Discard",
        back: PATH.to_owned(),
        fields,
    };
    Ok(confirm.page())
}

async fn discard(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let Some(body) = chosen(&form) else {
        return nothing(&console, &who).await;
    };
    let path = "/v1/dead-letters/discard";
    let _: Done = console.post(&who, path, &body).await?;
    Ok(go("/dead-letters?said=discarded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ticked_or_a_queue_is_chosen() {
        assert_eq!(chosen(&Form::default()), None);
        let ticked = Form::of([("ids", "dlt_1"), ("ids", "dlt_2")]);
        assert_eq!(chosen(&ticked), Some(json!({"ids": ["dlt_1", "dlt_2"]})));
        let queue = Form::of([("ids", "dlt_1"), ("queue", "receipts")]);
        assert_eq!(chosen(&queue), Some(json!({"queue": "receipts"})));
    }
}
