//! A scheduled campaign is moved to another time. The API says so when its time came first.

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{Method, StatusCode};
use jiff::tz::TimeZone;

use super::{Asked, Campaign, Wrong, campaign_page, encoded, review::Trouble, writes};
use crate::{
    console::Console,
    form::{self, Form},
    pages::{compose::terms, error::Refused},
    planned::Planned,
    respond::go,
    signed_in::SignedIn,
};

pub fn routes() -> Router<Console> {
    Router::new().route("/campaigns/{id}/move", post(change))
}

/// As it is planned now.
pub fn form(planned: &Planned, clock: &TimeZone) -> Form {
    Form::of(terms::time_fields(planned.schedule.as_ref(), clock))
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    writes(&who)?;
    let schedule = terms::schedule(&mut form);
    if schedule.is_null() {
        form.refuse("at", "Choose a day and a time.");
    }
    if form.is_refused() {
        return refused(&console, &who, &id, form).await;
    }
    let path = format!("/v1/campaigns/{}/schedule", encoded(&id));
    let mut ask = console.ask(&who, Method::POST, &path).json(&schedule);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Campaign>().await {
        Ok(_) => Ok(go(&format!("/campaigns/{}?said=moved", encoded(&id)))),
        Err(why) if why.belongs_to_form() => {
            let fields = [("/time_zone", "zone"), ("/at", "at"), ("/local", "at")];
            refused(&console, &who, &id, form.refused_by(&why, &fields)).await
        }
        Err(why) => Err(why),
    }
}

/// The page as it is now: of a campaign that has begun meanwhile, without the form.
async fn refused(
    console: &Console,
    who: &SignedIn,
    id: &str,
    mut form: Form,
) -> Result<Response, Refused> {
    let problem = form.problem.take();
    let wrong = Wrong {
        problem: problem.map(|words| Trouble { words, way: None }),
        moving: Some(form),
    };
    let shown = campaign_page(console, who, id, Asked::default(), wrong).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
}
