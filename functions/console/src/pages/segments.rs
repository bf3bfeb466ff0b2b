//! Segments: contacts by a rule. What is wrong with a rule is shown at its column; who is in one is found out when it is asked.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
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
    ui::{self, Field, Html, Icon, escape},
};

const PATH: &str = "/segments";
/// Their entry of the navigation.
const UNDER: &str = "/contacts";
const LIMIT: &str = "25";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/segments/new", get(blank))
        .route("/segments/check", post(check))
        .route("/segments/{id}", get(show))
        .route("/segments/{id}/edit", get(edit).post(save))
        .route("/segments/{id}/delete", get(confirm).post(delete))
}

#[derive(Debug, Clone, Deserialize)]
struct Segment {
    id: String,
    name: String,
    filter: String,
}

#[derive(Debug, Deserialize)]
struct Segments {
    data: Vec<Segment>,
}

#[derive(Template)]
#[template(path = "segments.html")]
struct SegmentsPage {
    shell: Shell,
    segments: Vec<Segment>,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let Segments { mut data } = console.get(&who, "/v1/segments").await?;
    data.sort_by_key(|segment| segment.name.to_lowercase());
    Ok(page(&SegmentsPage {
        shell: who.shell("Segments", UNDER),
        segments: data,
        may_write: who.may(Scope::ContactsWrite),
    }))
}

/// What the API has against a filter.
#[derive(Debug, Clone, Deserialize)]
struct Mistake {
    /// In characters, from 1.
    column: usize,
    detail: String,
}

#[derive(Debug, Deserialize)]
struct Checked {
    errors: Vec<Mistake>,
}

/// A filter that was looked at, as a part of the page.
#[derive(Template)]
#[template(path = "filter_checked.html")]
struct Verdict {
    filter: String,
    mistakes: Vec<Mistake>,
}

impl Verdict {
    async fn of(console: &Console, who: &SignedIn, filter: &str) -> Result<Self, Refused> {
        let body = json!({"filter": filter});
        let Checked { errors } = console.post(who, "/v1/segments/check", &body).await?;
        Ok(Self {
            filter: filter.to_owned(),
            mistakes: errors,
        })
    }

    /// The filter, with a mark where the mistake begins.
    fn marked(&self, mistake: &Mistake) -> Html {
        marked(&self.filter, mistake.column)
    }

    fn html(&self) -> Html {
        self.render().map(Html::new).unwrap_or_default()
    }
}

/// What is at the column, up to the next space. At the end there is nothing to mark but the place.
fn marked(filter: &str, column: usize) -> Html {
    let before: String = filter.chars().take(column.saturating_sub(1)).collect();
    let rest: String = filter.chars().skip(column.saturating_sub(1)).collect();
    let end = rest.find(char::is_whitespace).filter(|end| *end > 0);
    let (wrong, after) = rest.split_at(end.unwrap_or(rest.len()));
    let wrong = if wrong.trim().is_empty() {
        "…"
    } else {
        wrong
    };
    Html::new(format!(
        "<code class=\"filter\">{}<mark>{}</mark>{}</code>",
        escape(&before),
        escape(wrong),
        escape(after)
    ))
}

#[derive(Template)]
#[template(path = "segment_edit.html")]
struct SegmentForm {
    shell: Shell,
    form: Form,
    /// `None`: a new one.
    id: Option<String>,
    /// What is wrong with the filter, if it was looked at.
    verdict: Html,
    lists: Vec<Named>,
}

async fn blank(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    edit_page(&console, &who, None, Form::default(), Html::default()).await
}

async fn edit_page(
    console: &Console,
    who: &SignedIn,
    id: Option<String>,
    form: Form,
    verdict: Html,
) -> Result<Response, Refused> {
    let lists = people::lists(console, who).await?;
    let title = if id.is_some() {
        "Edit a segment"
    } else {
        "Make a segment"
    };
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = page(&SegmentForm {
        shell: who.shell(title, UNDER),
        form,
        id,
        verdict,
        lists,
    });
    Ok((status, shown).into_response())
}

/// While it is typed: the verdict alone.
async fn check(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let filter = form.get("filter");
    if filter.trim().is_empty() {
        return Ok(axum::response::Html(String::new()).into_response());
    }
    let verdict = Verdict::of(&console, &who, filter).await?;
    Ok(page(&verdict))
}

/// The form again: what is wrong with the filter stands at its column.
async fn refused(
    console: &Console,
    who: &SignedIn,
    id: Option<String>,
    form: Form,
    refused: &Refused,
) -> Result<Response, Refused> {
    let form = form.refused_by(refused, &[("/name", "name"), ("/filter", "filter")]);
    let verdict = if form.error("filter").is_some() {
        Verdict::of(console, who, form.get("filter")).await?.html()
    } else {
        Html::default()
    };
    edit_page(console, who, id, form, verdict).await
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({"name": form.get("name"), "filter": form.get("filter")});
    let ask = console.ask(&who, Method::POST, "/v1/segments").json(&body);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Segment>().await {
        Ok(Segment { id, .. }) => Ok(go(&format!("/segments/{id}?said=segment-made"))),
        Err(why) if why.belongs_to_form() => refused(&console, &who, None, form, &why).await,
        Err(why) => Err(why),
    }
}

fn at(id: &str) -> String {
    format!("/v1/segments/{}", path::part(id))
}

#[derive(Debug, Deserialize)]
struct Count {
    looked_at: u64,
    complete: bool,
    estimate: u64,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "segment.html")]
struct SegmentPage {
    shell: Shell,
    segment: Segment,
    count: Count,
    contacts: Vec<Contact>,
    /// Nobody of this page is in it, and there are more to look at.
    goes_on: bool,
    pager: Html,
    may_write: bool,
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(Asked { cursor }): Query<Asked>,
) -> Result<Response, Refused> {
    let query = [
        ("segment", id.as_str()),
        ("limit", LIMIT),
        ("cursor", &cursor),
    ];
    let (address, contacts) = (at(&id), path::with("/v1/contacts", &query));
    let count = format!("{address}/count");
    let (segment, count, Listed { data, next_cursor }): (Segment, _, Listed<Contact>) = futures::try_join!(
        console.get(&who, &address),
        console.get(&who, &count),
        console.get(&who, &contacts),
    )?;
    Ok(page(&SegmentPage {
        shell: who.shell(segment.name.clone(), UNDER),
        segment,
        count,
        goes_on: data.is_empty() && next_cursor.is_some(),
        contacts: data,
        pager: ui::onward(
            &format!("/segments/{id}"),
            next_cursor.as_deref(),
            cursor.is_empty(),
        ),
        may_write: who.may(Scope::ContactsWrite),
    }))
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let address = at(&id);
    let ask = console.ask(&who, Method::GET, &address);
    let (segment, version): (Segment, String) = ask.tagged().await?;
    let fields = [
        ("name", segment.name),
        ("filter", segment.filter),
        ("version", version),
    ];
    edit_page(&console, &who, Some(id), Form::of(fields), Html::default()).await
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({"name": form.get("name"), "filter": form.get("filter")});
    let address = at(&id);
    let ask = console.ask(&who, Method::PATCH, &address);
    let ask = ask.if_match(form.get("version")).json(&body);
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go(&format!("/segments/{id}?said=saved"))),
        Err(why) if why.belongs_to_form() => refused(&console, &who, Some(id), form, &why).await,
        Err(why) => Err(why),
    }
}

#[derive(Template)]
#[template(path = "segment_delete.html")]
struct Confirm {
    shell: Shell,
    segment: Segment,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let segment = console.get(&who, &at(&id)).await?;
    let shell = who.shell("Delete a segment", UNDER);
    Ok(page(&Confirm { shell, segment }))
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let address = at(&id);
    let ask = console.ask(&who, Method::DELETE, &address);
    let _: Done = ask.answer().await?;
    Ok(go("/segments?said=segment-deleted"))
}

#[cfg(test)]
mod tests {
    use carillon_core::filter;

    use super::*;

    #[test]
    fn a_mistake_is_marked_at_its_column() {
        for (name, filter, column, expected) in [
            (
                "in between",
                "tag = vip and",
                7,
                "tag = <mark>vip</mark> and",
            ),
            ("at the end", "tag =", 6, "tag =<mark>…</mark>"),
            (
                "at the beginning",
                "<b> = 1",
                1,
                "<mark>&lt;b&gt;</mark> = 1",
            ),
            (
                "characters, not bytes",
                "ä = é x",
                5,
                "ä = <mark>é</mark> x",
            ),
        ] {
            let html = marked(filter, column).to_string();

            assert_eq!(
                html,
                format!("<code class=\"filter\">{expected}</code>"),
                "{name}"
            );
        }
    }

    #[test]
    fn every_example_can_be_read() {
        let page = include_str!("../../templates/segment_edit.html");
        let examples = page.split("<code class=\"filter\">").skip(1);
        let examples = examples.map(|rest| rest.split("</code>").next().unwrap_or_default());
        let examples: Vec<String> = examples
            .map(|it| {
                it.replace("&gt;", ">")
                    .replace("&lt;", "<")
                    .replace("&quot;", "\"")
            })
            .collect();

        assert!(examples.len() >= 6, "{examples:?}");
        for example in examples {
            assert_eq!(filter::parse(&example).err(), None, "{example}");
        }
    }
}
