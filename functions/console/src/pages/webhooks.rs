//! Webhooks: the URLs of yours that events are posted to; how each does, what did not get through, and what is sent again.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::routes::several;
use crate::{
    ask::{Done, Listed},
    assets,
    confirm::Confirm,
    console::Console,
    form::Form,
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
    words::{Tone, Word},
};

const PATH: &str = "/webhooks";
const LIMIT: u16 = 25;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/webhooks/new", get(new).post(create))
        .route("/webhooks/{id}", get(show).post(change))
        .route("/webhooks/{id}/test", post(test))
        .route("/webhooks/{id}/secret", get(confirm_secret).post(rotate))
        .route("/webhooks/{id}/retry", post(retry))
        .route("/webhooks/{id}/replay", post(replay))
        .route("/webhooks/{id}/delete", get(confirm).post(delete))
}

#[derive(Debug, Clone, Deserialize)]
struct Webhook {
    id: String,
    url: String,
    events: Vec<String>,
    description: Option<String>,
    batches: bool,
    enabled: bool,
    disabled: Option<String>,
    secret: Option<String>,
    health: Option<Health>,
}

#[derive(Debug, Clone, Deserialize)]
struct Health {
    delivered: u64,
    failed: u64,
    mean_ms: Option<u64>,
    failing_since: Option<Timestamp>,
    paused_until: Option<Timestamp>,
}

impl Webhook {
    fn word(&self) -> Word {
        let failing = self
            .health
            .as_ref()
            .is_some_and(|it| it.failing_since.is_some());
        let (label, tone, means) = match (self.enabled, self.disabled.as_deref()) {
            (true, _) if failing => (
                "Failing",
                Tone::Bad,
                "Nothing gets through at the moment. What happens is kept, and tried again.",
            ),
            (true, _) => ("On", Tone::Good, "Events are posted to it as they happen."),
            (false, Some("gone")) => (
                "Switched off",
                Tone::Bad,
                "It answered 410, which means: never again. Switch it on when it is back.",
            ),
            (false, Some(_)) => (
                "Switched off",
                Tone::Bad,
                "Nothing got through for five days. Mend it, switch it on, and replay what was missed.",
            ),
            (false, None) => ("Switched off", Tone::Quiet, "Nothing is sent to it."),
        };
        Word { label, tone, means }
    }

    fn badge(&self) -> Html {
        ui::badge(&self.word())
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Delivery {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    status: String,
    attempts: u32,
    last_attempt: Option<Attempt>,
    next_attempt: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
struct Attempt {
    took_ms: u32,
    response_code: Option<u16>,
    trouble: Option<String>,
}

impl Delivery {
    fn badge(&self) -> Html {
        let (label, tone) = match self.status.as_str() {
            "delivered" => ("Delivered", Tone::Good),
            "given_up" => ("Given up", Tone::Bad),
            _ => ("Waiting", Tone::Warn),
        };
        let means = "";
        ui::badge(&Word { label, tone, means })
    }

    fn can_be_retried(&self) -> bool {
        self.status != "delivered"
    }

    /// What your server did, and what to do about it.
    fn why(&self) -> String {
        let Some(Attempt {
            took_ms,
            response_code,
            trouble,
        }) = &self.last_attempt
        else {
            return "Not tried yet.".to_owned();
        };
        let answered =
            response_code.map_or_else(String::new, |code| format!("It answered {code}. "));
        let trouble = match trouble.as_deref() {
            None => return format!("{answered}It took {took_ms} ms."),
            Some("refused") => "Your code refused it: look at its log.",
            Some("broken") => "Your code failed: look at its log.",
            Some("redirected") => "Redirects aren't followed: write the final URL.",
            Some("busy") => "It asked for time; it is tried again later.",
            Some("timed_out") => "No answer within 20 seconds: answer first, work afterwards.",
            Some("unreachable") => "No connection: is it running, with a valid certificate?",
            Some("forbidden") => "Its name leads to an address that isn't public.",
            Some("gone") => "410 means: never again, so the webhook is switched off.",
            Some(_) => "It didn't work.",
        };
        format!("{answered}{trouble}")
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Replay {
    since: Timestamp,
    until: Timestamp,
    created: Timestamp,
    status: String,
    sent: u64,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    shell: Shell,
    webhooks: Vec<Webhook>,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let Listed { data, .. } = console.get(&who, "/v1/webhooks").await?;
    Ok(page(&WebhooksPage {
        shell: who.shell("Webhooks", PATH),
        webhooks: data,
        may_write: who.may(Scope::WebhooksWrite),
    }))
}

#[derive(Template)]
#[template(path = "webhook_new.html")]
struct NewPage {
    shell: Shell,
    form: Form,
}

/// Families of events. What somebody typed beside them goes along.
fn families() -> [Choice; 7] {
    [
        Choice::new("message.*", "What becomes of messages")
            .hint("Sent, delivered, failed: one for each step of each message."),
        Choice::new("inbound.*", "What people answer").hint("Their messages, STOP among them."),
        Choice::new("contact.*", "Who opts out, and in again"),
        Choice::new("campaign.*", "Campaigns").hint("Began, finished, paused."),
        Choice::new("account.*", "Spending").hint("When a cap is near or reached."),
        Choice::new("gateway.*", "Gateways").hint("When one fails and messages wait for it."),
        Choice::new("webhook.*", "Webhooks").hint("When one is switched off."),
    ]
}

fn new_page(who: &SignedIn, form: Form) -> Response {
    let status = form.status();
    let shown = page(&NewPage {
        shell: who.shell("A new webhook", PATH),
        form,
    });
    (status, shown).into_response()
}

async fn new(who: SignedIn) -> Response {
    new_page(
        &who,
        Form::of([("events", "message.*"), ("events", "inbound.*")]),
    )
}

const FIELDS: [(&str, &str); 4] = [
    ("/url", "url"),
    ("/events", "events"),
    ("/description", "description"),
    ("/batches", "batches"),
];

fn read(form: &Form) -> Value {
    let mut events: Vec<&str> = form.all("events").collect();
    events.extend(several(form.get("others")));
    json!({
        "url": form.get("url").trim(),
        "events": events,
        "description": form.get("description"),
        "batches": form.has("batches", "yes"),
    })
}

#[derive(Template)]
#[template(path = "webhook_secret.html")]
struct SecretPage {
    shell: Shell,
    id: String,
    secret: String,
    old_until: Option<Timestamp>,
}

fn secret_page(
    who: &SignedIn,
    id: String,
    secret: String,
    old_until: Option<Timestamp>,
) -> Response {
    let shown = page(&SecretPage {
        shell: who.shell("The webhook's secret", PATH),
        id,
        secret,
        old_until,
    });
    (StatusCode::CREATED, shown).into_response()
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let made = console
        .post::<Webhook>(&who, "/v1/webhooks", &read(&form))
        .await;
    match made {
        Ok(Webhook { id, secret, .. }) => {
            let secret = secret.ok_or_else(Refused::unexplained)?;
            Ok(secret_page(&who, id, secret, None))
        }
        Err(refused) if refused.belongs_to_form() => {
            Ok(new_page(&who, form.refused_by(&refused, &FIELDS)))
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    shell: Shell,
    webhook: Webhook,
    version: String,
    form: Form,
    deliveries: Vec<Delivery>,
    replays: Vec<Replay>,
    pager: Html,
    problem: Option<String>,
    may_write: bool,
}

fn at(id: &str) -> String {
    format!("/v1/webhooks/{}", part(id))
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(Asked { cursor }): Query<Asked>,
) -> Result<Response, Refused> {
    webhook_page(&console, &who, &id, cursor.as_deref(), None).await
}

async fn webhook_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    cursor: Option<&str>,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let path = at(id);
    let more = cursor.map(|cursor| format!("&cursor={}", part(cursor)));
    let deliveries = format!(
        "{path}/deliveries?limit={LIMIT}{}",
        more.unwrap_or_default()
    );
    let replays = format!("{path}/replays");
    let ((webhook, version), deliveries, replays): (
        (Webhook, String),
        Listed<Delivery>,
        Listed<Replay>,
    ) = futures::try_join!(
        console.ask(who, Method::GET, &path).tagged(),
        console.get(who, &deliveries),
        console.get(who, &replays),
    )?;
    let form = form.unwrap_or_else(|| filled(&webhook));
    let status = form.status();
    let here = format!("/webhooks/{}", part(id));
    let shown = page(&WebhookPage {
        shell: who.shell(webhook.url.clone(), PATH),
        webhook,
        version,
        problem: form.problem.clone(),
        form,
        deliveries: deliveries.data,
        replays: replays.data.into_iter().take(5).collect(),
        pager: ui::pager(&here, deliveries.next_cursor.as_deref(), cursor.is_none()),
        may_write: who.may(Scope::WebhooksWrite),
    });
    Ok((status, shown).into_response())
}

fn filled(webhook: &Webhook) -> Form {
    let known = families();
    let is_known = |event: &&String| known.iter().any(|family| family.value == **event);
    let mut fields: Vec<(&str, String)> = vec![
        ("url", webhook.url.clone()),
        (
            "description",
            webhook.description.clone().unwrap_or_default(),
        ),
        ("since", "1".to_owned()),
    ];
    let events = webhook.events.iter();
    fields.extend(
        events
            .clone()
            .filter(is_known)
            .map(|it| ("events", it.clone())),
    );
    let others: Vec<_> = events.filter(|it| !is_known(it)).cloned().collect();
    fields.push(("others", others.join(", ")));
    for (name, is_set) in [("batches", webhook.batches), ("enabled", webhook.enabled)] {
        if is_set {
            fields.push((name, "yes".to_owned()));
        }
    }
    Form::of(fields)
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let mut body = read(&form);
    body["enabled"] = form.has("enabled", "yes").into();
    let (path, version) = (at(&id), form.get("version").to_owned());
    let ask = console.ask(&who, Method::PATCH, &path).if_match(&version);
    match ask.json(&body).answer::<Done>().await {
        Ok(_) => Ok(go(&format!("/webhooks/{}?said=saved", part(&id)))),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &FIELDS);
            webhook_page(&console, &who, &id, None, Some(form)).await
        }
        Err(refused) => Err(refused),
    }
}

/// What is refused is said above everything else.
async fn done(
    console: &Console,
    who: &SignedIn,
    id: &str,
    answer: Result<Done, Refused>,
    said: &str,
) -> Result<Response, Refused> {
    match answer {
        Ok(_) => Ok(go(&format!("/webhooks/{}?said={said}#log", part(id)))),
        Err(refused) if refused.belongs_to_form() => {
            let (webhook, _): (Webhook, String) =
                console.ask(who, Method::GET, &at(id)).tagged().await?;
            let form = filled(&webhook).refused_by(&refused, &[]);
            webhook_page(console, who, id, None, Some(form)).await
        }
        Err(refused) => Err(refused),
    }
}

async fn test(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = format!("{}/test", at(&id));
    let answer = console.ask(&who, Method::POST, &path).answer().await;
    done(&console, &who, &id, answer, "event-sent").await
}

async fn retry(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let path = format!("{}/retry", at(&id));
    let body = json!({"deliveries": form.all("deliveries").collect::<Vec<_>>()});
    let answer = console.post(&who, &path, &body).await;
    done(&console, &who, &id, answer, "event-retried").await
}

fn replays() -> [Choice; 4] {
    [
        Choice::new("1", "the last hour"),
        Choice::new("24", "the last 24 hours"),
        Choice::new("168", "the last 7 days"),
        Choice::new("719", "the last 30 days"),
    ]
}

/// Hours: thirty days, in which deliveries are kept.
const LONGEST_AGO: i64 = 720;

async fn replay(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let hours: i64 = form.get("since").parse().unwrap_or(1);
    let hours = hours.clamp(1, LONGEST_AGO);
    let since = Timestamp::now() - SignedDuration::from_hours(hours);
    let path = format!("{}/replays", at(&id));
    let body = json!({"since": since.to_string()});
    let answer = console.post(&who, &path, &body).await;
    done(&console, &who, &id, answer, "event-replayed").await
}

async fn confirm_secret(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let webhook: Webhook = console.get(&who, &at(&id)).await?;
    let confirm = Confirm {
        shell: who.shell("A new secret", PATH),
        title: "Draw a new secret?".to_owned(),
        words: vec![
            format!("For {}. You see it once, on the next page.", webhook.url),
            "For 24 hours every call is signed by the old one too, so that nothing is refused while you change yours.".to_owned(),
        ],
        act: format!("/webhooks/{}/secret", part(&id)),
        button: "Draw a new secret",
        back: format!("/webhooks/{}", part(&id)),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

#[derive(Deserialize)]
struct NewSecret {
    secret: String,
    old_until: Timestamp,
}

async fn rotate(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = format!("{}/rotate-secret", at(&id));
    let NewSecret { secret, old_until } = console.post(&who, &path, &json!({})).await?;
    Ok(secret_page(&who, id, secret, Some(old_until)))
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let webhook: Webhook = console.get(&who, &at(&id)).await?;
    let confirm = Confirm {
        shell: who.shell("Delete a webhook", PATH),
        title: "Delete this webhook?".to_owned(),
        words: vec![
            format!("Nothing is posted to {} any more.", webhook.url),
            "What waits for it is forgotten, and so is its secret. To stop it for a while, switch it off instead.".to_owned(),
        ],
        act: format!("/webhooks/{}/delete", part(&id)),
        button: "Delete the webhook",
        back: format!("/webhooks/{}", part(&id)),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let ask = console.ask(&who, Method::DELETE, &path);
    ask.answer::<Done>().await?;
    Ok(go("/webhooks?said=deleted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_families_and_what_was_typed_beside_them() {
        let webhook: Webhook = serde_json::from_value(json!({
            "id": "whk_1", "url": "https://example.com/", "batches": false, "enabled": true,
            "events": ["message.*", "campaign.finished"],
        }))
        .unwrap();

        let form = filled(&webhook);

        assert_eq!(form.get("others"), "campaign.finished");
        assert_eq!(
            read(&form)["events"],
            json!(["message.*", "campaign.finished"])
        );
    }
}
