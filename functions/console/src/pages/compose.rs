//! A new campaign: to whom, what, from whom. It becomes a draft; its page then shows what it will be and cost.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::{id::CampaignId, template};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::campaigns::Campaign;
use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field},
};

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/campaigns/new", get(blank).post(create))
        .route("/campaigns/new/look", post(look))
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

/// The text as a phone shows it, with its length.
#[derive(Debug, Deserialize)]
struct Look {
    text: String,
    encoding: String,
    units: u64,
    parts: u64,
    outside_gsm: Vec<Outside>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Deserialize)]
struct Outside {
    character: char,
}

#[derive(Debug, Deserialize)]
struct Warning {
    detail: String,
}

impl Look {
    /// Which characters cost the longer encoding, once each.
    fn costly(&self) -> String {
        let mut seen = Vec::new();
        for Outside { character } in &self.outside_gsm {
            if !seen.contains(character) {
                seen.push(*character);
            }
        }
        let shown = seen
            .iter()
            .take(8)
            .map(|character| format!("“{character}”"));
        shown.collect::<Vec<_>>().join(" ")
    }
}

#[derive(Template)]
#[template(path = "compose.html")]
struct Compose {
    shell: Shell,
    form: Form,
    lists: Vec<Named>,
    segments: Vec<Named>,
    senders: Vec<Choice>,
    look: Option<Look>,
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

#[derive(Deserialize)]
struct Like {
    name: String,
    class: String,
    sender: Option<String>,
    content: Said,
}

#[derive(Deserialize)]
struct Said {
    text: Option<String>,
}

async fn blank(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let form = match asked.like {
        Some(id) => like(&console, &who, &id).await?,
        None => Form::of([("class", "marketing")]),
    };
    compose_page(&console, &who, form).await
}

async fn like(console: &Console, who: &SignedIn, id: &str) -> Result<Form, Refused> {
    let id: CampaignId = id.parse().map_err(|_| Refused::not_found())?;
    let path = format!("/v1/campaigns/{id}");
    let Like {
        name,
        class,
        sender,
        content,
    } = console.get(who, &path).await?;
    let name: String = format!("Copy of {name}").chars().take(100).collect();
    let text = content.text.unwrap_or_default();
    let sender = sender.unwrap_or_default();
    let fields = [
        ("name", name),
        ("class", class),
        ("sender", sender),
        ("text", text),
    ];
    Ok(Form::of(fields))
}

async fn compose_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let (lists, segments, senders): (Listed<Named>, All<Named>, All<Sender>) = futures::try_join!(
        console.get(who, "/v1/lists?limit=100"),
        console.get(who, "/v1/segments"),
        console.get(who, "/v1/senders"),
    )?;
    let usable = senders.data.into_iter().filter(|sender| sender.enabled);
    let own = Choice::new("", "Whatever the route or gateway uses");
    let senders = usable.map(|it| Choice::new(it.sender.clone(), it.sender));
    let look = looked(console, who, &form).await;
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let compose = page(&Compose {
        shell: who.shell("New campaign", "/campaigns"),
        lists: lists.data,
        segments: segments.data,
        senders: std::iter::once(own).chain(senders).collect(),
        look,
        form,
    });
    Ok((status, compose).into_response())
}

/// What nobody has a value for yet, and that has no other words for it, is shown by its name.
fn shown_values(text: &str, mut values: Map<String, Value>) -> Map<String, Value> {
    let Ok(template) = template::Template::parse(text) else {
        return values;
    };
    for (name, default) in template.defaults() {
        if default.is_none() && !values.contains_key(name) {
            values.insert(name.to_owned(), json!(format!("({name})")));
        }
    }
    values
}

/// With the values of the first recipient, so that names are seen as names.
async fn looked(console: &Console, who: &SignedIn, form: &Form) -> Option<Look> {
    let text = form.given("text")?;
    let recipients = recipients(form.get("numbers"));
    let first = recipients
        .first()
        .and_then(|first| first["vars"].as_object());
    let vars = shown_values(text, first.cloned().unwrap_or_default());
    let sender = form.given("sender");
    let body = json!({
        "text": text,
        "vars": vars,
        "as": {"class": form.given("class").unwrap_or("marketing"), "sender": sender},
    });
    let looked = console.post(who, "/v1/templates/preview", &body).await;
    // A text that can't be shown yet is one that is being typed.
    looked.ok()
}

/// The same page, of which the browser takes the part that shows the text.
async fn look(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    compose_page(&console, &who, form).await
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let Some(audience) = audience(&form) else {
        form.refuse("numbers", "Paste some numbers, or choose a list.");
        return compose_page(&console, &who, form).await;
    };
    let mut body = json!({
        "name": form.get("name"),
        "audience": audience,
        "content": {"text": form.get("text")},
        "class": form.given("class").unwrap_or("marketing"),
    });
    if let Some(sender) = form.given("sender") {
        body["sender"] = json!(sender);
    }
    let mut ask = console.ask(&who, Method::POST, "/v1/campaigns").json(&body);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Campaign>().await {
        Ok(made) => Ok(go(&format!("/campaigns/{}", made.id))),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [
                ("/name", "name"),
                ("/content", "text"),
                ("/sender", "sender"),
                ("/class", "class"),
                ("/audience", "numbers"),
            ];
            compose_page(&console, &who, form.refused_by(&refused, &fields)).await
        }
        Err(refused) => Err(refused),
    }
}

fn audience(form: &Form) -> Option<Value> {
    let recipients = recipients(form.get("numbers"));
    if !recipients.is_empty() {
        return Some(json!({"type": "inline", "recipients": recipients}));
    }
    let all = |name| {
        form.all(name)
            .filter(|id| !id.is_empty())
            .collect::<Vec<_>>()
    };
    let (lists, segments) = (all("list"), all("segment"));
    if lists.is_empty() && segments.is_empty() {
        return None;
    }
    Some(json!({"type": "contacts", "lists": lists, "segments": segments}))
}

/// Lines as people paste them: a number each, or rows of a spreadsheet under a line of names, whose first column is the number.
fn recipients(pasted: &str) -> Vec<Value> {
    let mut lines = pasted
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let mut rest = lines.clone();
    let first = lines.next().unwrap_or_default();
    let has_names = !first.contains(|c: char| c.is_ascii_digit());
    let names: Vec<&str> = if has_names {
        rest.next();
        cells(first)
    } else {
        Vec::new()
    };
    rest.map(|line| {
        let mut cells = cells(line).into_iter();
        let to: String = cells
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| !" -()./\u{a0}".contains(*c))
            .collect();
        let vars = names.iter().skip(1).zip(cells);
        let vars: Map<String, Value> = vars
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({"to": to, "vars": vars})
    })
    .collect()
}

/// Spreadsheets paste tabs; files have commas or semicolons.
fn cells(line: &str) -> Vec<&str> {
    let mark = ['\t', ';', ',']
        .into_iter()
        .find(|mark| line.contains(*mark));
    match mark {
        Some(mark) => line.split(mark).map(str::trim).collect(),
        None => vec![line],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_before_anybody_has_values() {
        let first = Map::from_iter([("name".to_owned(), json!("Ada"))]);

        let values = shown_values("Hi {{name}}, {{city}}, {{day|today}}", first);

        assert_eq!(json!(values), json!({"name": "Ada", "city": "(city)"}));
    }

    #[test]
    fn what_people_paste_is_read_as_they_mean_it() {
        for (name, pasted, expected) in [
            ("nothing", "  \n", json!([])),
            (
                "numbers",
                "+44 7700 900123\n\n+44 (0)7700-900124",
                json!([{"to": "+447700900123", "vars": {}}, {"to": "+4407700900124", "vars": {}}]),
            ),
            (
                "rows of a spreadsheet",
                "phone\tname\tcity\n+447700900123\tAda\tLondon\n+447700900124\tGrace\t",
                json!([
                    {"to": "+447700900123", "vars": {"name": "Ada", "city": "London"}},
                    {"to": "+447700900124", "vars": {"name": "Grace"}},
                ]),
            ),
            (
                "rows of a file",
                "phone;name\n+447700900123;Ada",
                json!([{"to": "+447700900123", "vars": {"name": "Ada"}}]),
            ),
        ] {
            assert_eq!(json!(recipients(pasted)), expected, "{name}");
        }
    }
}
