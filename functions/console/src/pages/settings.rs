//! The account's settings: what it lets leave, when, to where, for how much. One page for each kind, each with a form of its own.

mod alerts;
mod countries;
mod hours;
mod limits;
mod replies;
mod retention;
mod stop;

use axum::Router;
use carillon_core::{api_key::Scope, phone::Country};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::{
    ask::Done, console::Console, form::Form, pages::error::Refused, respond::go,
    signed_in::SignedIn,
};

const PATH: &str = "/settings";

pub fn routes() -> Router<Console> {
    Router::new()
        .merge(stop::routes())
        .merge(countries::routes())
        .merge(hours::routes())
        .merge(limits::routes())
        .merge(replies::routes())
        .merge(retention::routes())
        .merge(alerts::routes())
}

/// The pages, as the tabs above each show them.
pub const TABS: [(&str, &str); 7] = [
    ("/settings", "Stop and clock"),
    ("/settings/countries", "Countries"),
    ("/settings/hours", "Hours"),
    ("/settings/limits", "Limits"),
    ("/settings/replies", "Replies"),
    ("/settings/retention", "Retention"),
    ("/settings/alerts", "Alerts"),
];

/// As the API tells of it.
#[derive(Debug, Clone, Deserialize)]
struct Account {
    name: String,
    id: String,
    time_zone: String,
    countries: Destinations,
    switches: Switches,
    hours: Option<BTreeMap<String, String>>,
    spending: Spending,
    frequency: Vec<Frequency>,
    velocity: bool,
    retention: Retention,
    warnings: Vec<Warning>,
}

/// `"all"`, or countries.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Destinations {
    All(#[expect(dead_code, reason = "there is one word")] String),
    Only(Vec<Country>),
}

#[derive(Debug, Clone, Deserialize)]
struct Switches {
    all: bool,
    countries: Vec<Country>,
    senders: Vec<String>,
    campaigns: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Spending {
    #[serde(flatten)]
    caps: Caps,
    #[serde(default)]
    countries: BTreeMap<String, Caps>,
    reserved: Reserved,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Caps {
    hour: Option<u64>,
    day: Option<u64>,
    month: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Reserved {
    hour: u64,
    day: u64,
    month: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Frequency {
    messages: u32,
    hours: u32,
}

/// In days.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Retention {
    messages_days: u16,
    inbound_days: u16,
    files_days: u16,
    audit_days: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
struct Warning {
    country: Option<Country>,
    words: String,
}

async fn account(console: &Console, who: &SignedIn) -> Result<(Account, String), Refused> {
    console.ask(who, Method::GET, "/v1/account").tagged().await
}

fn may_write(who: &SignedIn) -> bool {
    who.may(Scope::AccountWrite)
}

/// `Err(Ok(…))`: what the form is refused for.
async fn change(
    console: &Console,
    who: &SignedIn,
    version: &str,
    body: &Value,
) -> Result<Result<(), Refused>, Refused> {
    let ask = console.ask(who, Method::PATCH, "/v1/account");
    let changed = ask.if_match(version).json(body).answer::<Done>().await;
    match changed {
        Ok(_) => Ok(Ok(())),
        Err(refused) if refused.belongs_to_form() => Ok(Err(refused)),
        Err(refused) => Err(refused),
    }
}

/// Back to the same page.
fn saved(path: &str) -> axum::response::Response {
    go(&format!("{path}?said=saved"))
}

fn version(form: &Form) -> String {
    form.get("version").to_owned()
}

/// Whether a tab's page is the one at this place.
pub fn is_here(place: &str, path: &str) -> bool {
    place.split('?').next() == Some(path)
}

/// All switches, since they are replaced together.
fn switches(all: bool, countries: &[&str], senders: &[&str], campaigns: &[&str]) -> Value {
    json!({"switches": {"all": all, "countries": countries, "senders": senders, "campaigns": campaigns}})
}
