//! One gateway: how it does, what it is limited to, its credentials replaced (never shown), and a message to try it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::gateways::{Gateway, PATH, Reports, common, field, refuse, reports};
use crate::{
    ask::Done,
    assets,
    confirm::Confirm,
    console::Console,
    form::{self, Form},
    gateway_kinds::{self as kinds, Kind},
    money,
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
    words,
};

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/gateways/{id}", get(show).post(change))
        .route("/gateways/{id}/credentials", get(credentials).post(replace))
        .route("/gateways/{id}/off", get(confirm_off).post(off))
        .route("/gateways/{id}/on", post(on))
        .route("/gateways/{id}/test", post(test))
}

/// The message that a test sent.
#[derive(Debug, Deserialize)]
struct Tested {
    to: String,
    status: String,
    reason: Option<Why>,
}

#[derive(Debug, Deserialize)]
struct Why {
    words: String,
}

impl Tested {
    fn badge(&self) -> Html {
        ui::badge(&words::message(&self.status))
    }

    fn why(&self) -> String {
        let means = words::message(&self.status).means;
        let reason = self.reason.as_ref();
        reason.map_or_else(|| means.to_owned(), |why| form::sentence(&why.words))
    }

    fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "queued" | "held" | "sending" | "sent")
    }
}

#[derive(Template)]
#[template(path = "gateway.html")]
struct GatewayPage {
    shell: Shell,
    gateway: Gateway,
    kind: Option<&'static Kind>,
    reports: Reports,
    version: String,
    /// Of limits.
    form: Form,
    /// Of the test.
    test: Form,
    tested: Option<Tested>,
    may_write: bool,
    may_send: bool,
}

#[derive(Deserialize)]
struct Asked {
    sent: Option<String>,
}

fn at(id: &str) -> String {
    format!("/v1/gateways/{}", part(id))
}

async fn find(console: &Console, who: &SignedIn, id: &str) -> Result<(Gateway, String), Refused> {
    console.ask(who, Method::GET, &at(id)).tagged().await
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(Asked { sent }): Query<Asked>,
) -> Result<Response, Refused> {
    let tested = match sent {
        Some(sent) => {
            console
                .find(&who, &format!("/v1/messages/{}", part(&sent)))
                .await?
        }
        None => None,
    };
    gateway_page(&console, &who, &id, None, Form::default(), tested).await
}

async fn gateway_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    form: Option<Form>,
    test: Form,
    tested: Option<Tested>,
) -> Result<Response, Refused> {
    let ((gateway, version), reports) =
        futures::try_join!(find(console, who, id), reports(console, who))?;
    let form = form.unwrap_or_else(|| limits(&gateway));
    let status = if test.is_refused() {
        test.status()
    } else {
        form.status()
    };
    let shown = page(&GatewayPage {
        shell: who.shell(gateway.name.clone(), PATH),
        kind: kinds::find(&gateway.kind),
        reports: reports.get(&gateway.id).copied().unwrap_or_default(),
        gateway,
        version,
        form,
        test,
        tested,
        may_write: who.may(Scope::GatewaysWrite),
        may_send: who.may(Scope::MessagesSend),
    });
    Ok((status, shown).into_response())
}

fn limits(gateway: &Gateway) -> Form {
    let number = |limit: Option<u32>| limit.map(|it| it.to_string()).unwrap_or_default();
    Form::of([
        ("name", gateway.name.clone()),
        ("parts_per_second", number(gateway.parts_per_second)),
        (
            "sender_parts_per_second",
            number(gateway.sender_parts_per_second),
        ),
        (
            "cost_per_part",
            gateway.cost_per_part.map(money::shown).unwrap_or_default(),
        ),
    ])
}

async fn patch(
    console: &Console,
    who: &SignedIn,
    id: &str,
    version: &str,
    body: &Value,
) -> Result<Done, Refused> {
    let ask = console.ask(who, Method::PATCH, &at(id)).if_match(version);
    ask.json(body).answer().await
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let body = common(&mut form);
    if form.is_refused() {
        return gateway_page(&console, &who, &id, Some(form), Form::default(), None).await;
    }
    match patch(&console, &who, &id, form.get("version"), &body).await {
        Ok(_) => Ok(go(&format!("/gateways/{}?said=saved", part(&id)))),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &super::gateways::COMMON);
            gateway_page(&console, &who, &id, Some(form), Form::default(), None).await
        }
        Err(refused) => Err(refused),
    }
}

#[derive(Template)]
#[template(path = "gateway_credentials.html")]
struct CredentialsPage {
    shell: Shell,
    gateway: Gateway,
    kind: &'static Kind,
    version: String,
    form: Form,
}

impl CredentialsPage {
    fn fields(&self) -> Vec<Html> {
        let settings = self.kind.settings.iter();
        settings.map(|it| field(it, &self.form)).collect()
    }
}

async fn credentials(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    credentials_page(&console, &who, &id, None).await
}

async fn credentials_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let (gateway, version) = find(console, who, id).await?;
    let kind = kinds::find(&gateway.kind).ok_or_else(Refused::not_found)?;
    let form = form.unwrap_or_else(|| Form::of(kind.fill(&gateway.config)));
    let status = form.status();
    let shown = page(&CredentialsPage {
        shell: who.shell("Replace credentials", PATH),
        gateway,
        kind,
        version,
        form,
    });
    Ok((status, shown).into_response())
}

async fn replace(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let (gateway, _) = find(&console, &who, &id).await?;
    let kind = kinds::find(&gateway.kind).ok_or_else(Refused::not_found)?;
    let (config, credentials) = kind.read(&mut form);
    if form.is_refused() {
        return credentials_page(&console, &who, &id, Some(form)).await;
    }
    let config = keep_unasked(kind, &gateway.config, config);
    let body = json!({"config": config, "credentials": credentials});
    match patch(&console, &who, &id, form.get("version"), &body).await {
        Ok(_) => Ok(go(&format!("/gateways/{}?said=saved", part(&id)))),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused, kind);
            credentials_page(&console, &who, &id, Some(form)).await
        }
        Err(refused) => Err(refused),
    }
}

/// Settings that the form doesn't ask for were made through the API, and stay.
fn keep_unasked(kind: &Kind, before: &Value, given: Value) -> Value {
    let Value::Object(mut given) = given else {
        return given;
    };
    let is_document = kind
        .settings
        .iter()
        .any(|it| it.shape == kinds::Shape::Document);
    let asked = |name: &String| is_document || kind.settings.iter().any(|it| it.name == name);
    let empty = Map::new();
    let before = before.as_object().unwrap_or(&empty).iter();
    for (name, value) in before.filter(|(name, _)| !asked(name)) {
        given.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(given)
}

async fn confirm_off(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (gateway, version) = find(&console, &who, &id).await?;
    let confirm = Confirm {
        shell: who.shell("Switch a gateway off", PATH),
        title: format!("Switch “{}” off?", gateway.name),
        words: vec![
            "Within seconds nothing leaves by it any more, of campaigns that are running too.".to_owned(),
            "Messages go by the next gateway of their route. Those without another way out wait until you switch it on again, or until their time is over.".to_owned(),
        ],
        act: format!("/gateways/{}/off", part(&id)),
        button: "Switch it off",
        back: format!("/gateways/{}", part(&id)),
        fields: vec![("version", version)],
    };
    Ok(confirm.page())
}

async fn off(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({"enabled": false});
    patch(&console, &who, &id, form.get("version"), &body).await?;
    Ok(go(&format!("/gateways/{}?said=switched-off", part(&id))))
}

async fn on(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({"enabled": true});
    patch(&console, &who, &id, form.get("version"), &body).await?;
    Ok(go(&format!("/gateways/{}?said=switched-on", part(&id))))
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
struct AcceptedMessage {
    id: String,
}

async fn test(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let mut body = json!({"to": form.get("to").trim()});
    if let Some(sender) = form.given("sender") {
        body["sender"] = sender.into();
    }
    let path = format!("{}/test", at(&id));
    let mut ask = console.ask(&who, Method::POST, &path).json(&body);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Accepted>().await {
        Ok(Accepted { messages }) => {
            let sent = messages.first().map_or("", |message| message.id.as_str());
            let id = part(&id);
            Ok(go(&format!("/gateways/{id}?sent={sent}#test")))
        }
        Err(refused) if refused.belongs_to_form() => {
            let fields = [("/to", "to"), ("/sender", "sender")];
            let test = form.refused_by(&refused, &fields);
            gateway_page(&console, &who, &id, None, test, None).await
        }
        Err(refused) => Err(refused),
    }
}
