//! Whether whoever looks is told by e-mail. One's own choice, so everybody has this page.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use http::Method;
use serde_json::json;

use super::saved;
use crate::{
    ask::Done, assets, console::Console, form::Form, pages::error::Refused, respond::page,
    shell::Shell, signed_in::SignedIn, ui,
};

const HERE: &str = "/settings/alerts";

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings_alerts.html")]
struct AlertsPage {
    shell: Shell,
    /// Not what the other tabs are about: this one is everybody's.
    may_write: bool,
    asked: bool,
    form: Form,
}

async fn show(who: SignedIn) -> Response {
    let asked = who.member.alerts;
    let fields = asked.then_some(("alerts", "yes"));
    page(&AlertsPage {
        shell: who.shell("Alerts", super::PATH),
        may_write: true,
        asked,
        form: Form::of(fields),
    })
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let path = format!("/v1/members/{}/alerts", who.member.id);
    let body = json!({"email": form.has("alerts", "yes")});
    let ask = console.ask(&who, Method::PUT, &path).json(&body);
    ask.answer::<Done>().await?;
    Ok(saved(HERE))
}
