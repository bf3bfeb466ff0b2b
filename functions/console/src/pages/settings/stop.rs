//! What stops sending at once, the account's name and clock, and the guard of one-time passwords.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{Account, PATH, account, change, may_write, saved, switches, version};
use crate::{
    assets,
    confirm::Confirm,
    console::Console,
    countries,
    form::Form,
    pages::{error::Refused, routes::several},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
};

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(show).post(clock))
        .route("/settings/stop", get(confirm).post(stop))
        .route("/settings/go", post(go_on))
        .route("/settings/switches", post(some))
}

#[derive(Template)]
#[template(path = "settings.html")]
struct StopPage {
    shell: Shell,
    account: Account,
    version: String,
    /// Of the clock.
    form: Form,
    /// Of the switches.
    switches: Form,
    zones: Vec<String>,
    may_write: bool,
}

impl StopPage {
    fn countries(&self) -> Html {
        let hint = "Nothing leaves for these, whatever else would allow it.";
        countries::boxes(
            "countries",
            "Countries that are stopped",
            hint,
            &self.switches,
        )
    }

    fn some_are_stopped(&self) -> bool {
        let it = &self.account.switches;
        self.switches.is_refused()
            || !(it.countries.is_empty() && it.senders.is_empty() && it.campaigns.is_empty())
    }
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    stop_page(&console, &who, None, None).await
}

async fn stop_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
    switches: Option<Form>,
) -> Result<Response, Refused> {
    let (account, version) = account(console, who).await?;
    let form = form.unwrap_or_else(|| clock_of(&account));
    let switches = switches.unwrap_or_else(|| switches_of(&account));
    let status = if switches.is_refused() {
        switches.status()
    } else {
        form.status()
    };
    let zones = jiff::tz::db().available();
    let shown = page(&StopPage {
        shell: who.shell("Settings", PATH),
        account,
        version,
        form,
        switches,
        zones: zones.map(|zone| zone.as_str().to_owned()).collect(),
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

fn clock_of(account: &Account) -> Form {
    let mut fields = vec![
        ("name", account.name.clone()),
        ("time_zone", account.time_zone.clone()),
    ];
    if account.velocity {
        fields.push(("velocity", "yes".to_owned()));
    }
    Form::of(fields)
}

fn switches_of(account: &Account) -> Form {
    let it = &account.switches;
    let countries = it.countries.iter();
    let countries = countries.map(|country| ("countries", country.to_string()));
    Form::of(countries.chain([
        ("senders", it.senders.join(", ")),
        ("campaigns", it.campaigns.join(", ")),
    ]))
}

async fn clock(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({
        "name": form.get("name"),
        "time_zone": form.given("time_zone"),
        "velocity": form.has("velocity", "yes"),
    });
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(PATH)),
        Err(refused) => {
            let fields = [
                ("/name", "name"),
                ("/time_zone", "time_zone"),
                ("/velocity", "velocity"),
            ];
            let form = form.refused_by(&refused, &fields);
            stop_page(&console, &who, Some(form), None).await
        }
    }
}

async fn confirm(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let (account, version) = account(&console, &who).await?;
    let confirm = Confirm {
        shell: who.shell("Stop all sending", PATH),
        title: format!("Stop everything that {} sends?", account.name),
        words: vec![
            "Within five seconds nothing leaves any more: no campaign, no API message, no one-time password.".to_owned(),
            "What would have left meanwhile ends as “not sent” and doesn't leave later by itself. To hold one campaign for a while, pause it instead.".to_owned(),
        ],
        act: "/settings/stop".to_owned(),
        button: "Stop all sending",
        back: PATH.to_owned(),
        fields: vec![("version", version)],
    };
    Ok(confirm.page())
}

async fn stop(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    all(&console, &who, Everything::Stopped).await?;
    Ok(go("/settings?said=stopped"))
}

async fn go_on(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    all(&console, &who, Everything::Leaves).await?;
    Ok(go("/settings?said=resumed"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Everything {
    Stopped,
    Leaves,
}

/// Whatever else was changed meanwhile: who stops everything must not be told to read it again first.
async fn all(console: &Console, who: &SignedIn, wanted: Everything) -> Result<(), Refused> {
    let (account, version) = account(console, who).await?;
    let it = account.switches;
    let countries: Vec<_> = it
        .countries
        .iter()
        .map(carillon_core::phone::Country::as_str)
        .collect();
    let senders: Vec<_> = it.senders.iter().map(String::as_str).collect();
    let campaigns: Vec<_> = it.campaigns.iter().map(String::as_str).collect();
    let all = wanted == Everything::Stopped;
    let body = switches(all, &countries, &senders, &campaigns);
    change(console, who, &version, &body).await?
}

async fn some(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let (account, _) = account(&console, &who).await?;
    let body = switches(
        account.switches.all,
        &form.all("countries").collect::<Vec<_>>(),
        &several(form.get("senders")),
        &several(form.get("campaigns")),
    );
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(PATH)),
        Err(refused) => {
            let fields = [
                ("/switches/countries", "countries"),
                ("/switches/senders", "senders"),
                ("/switches/campaigns", "campaigns"),
            ];
            let form = form.refused_by(&refused, &fields);
            stop_page(&console, &who, None, Some(form)).await
        }
    }
}
