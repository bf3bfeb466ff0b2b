//! Where an account sends to: nowhere, until somebody says so.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{Account, Destinations, account, change, may_write, saved, version};
use crate::{
    assets,
    console::Console,
    countries,
    form::{self, Form},
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

const HERE: &str = "/settings/countries";

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings_countries.html")]
struct CountriesPage {
    shell: Shell,
    account: Account,
    version: String,
    form: Form,
    may_write: bool,
}

fn wheres() -> [Choice; 2] {
    [
        Choice::new("only", "Only the countries below").hint(
            "The safe way: a form of yours that somebody abuses costs you nothing elsewhere.",
        ),
        Choice::new("all", "Every country").hint("Set a spending limit first."),
    ]
}

impl CountriesPage {
    fn boxes(&self) -> Html {
        let hint = "Those that are ticked come first. Messages to others are refused.";
        countries::boxes("countries", "Countries", hint, &self.form)
    }

    /// What whoever is responsible should know of the countries that are allowed.
    fn cautions(&self) -> Vec<String> {
        let warnings = self.account.warnings.iter();
        let of_countries = warnings.filter_map(|warning| {
            let country = warning.country?;
            let name = countries::name(country.as_str());
            Some(format!("{name}: {}", form::sentence(&warning.words)))
        });
        of_countries.collect()
    }
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    countries_page(&console, &who, None).await
}

async fn countries_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let (account, version) = account(console, who).await?;
    let form = form.unwrap_or_else(|| filled(&account.countries));
    let status = form.status();
    let shown = page(&CountriesPage {
        shell: who.shell("Countries", super::PATH),
        account,
        version,
        form,
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

fn filled(countries: &Destinations) -> Form {
    match countries {
        Destinations::All(_) => Form::of([("where", "all")]),
        Destinations::Only(countries) => {
            let countries = countries.iter().map(|it| ("countries", it.to_string()));
            Form::of(countries.chain([("where", "only".to_owned())]))
        }
    }
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let countries: Value = match form.get("where") {
        "all" => "all".into(),
        _ => form.all("countries").collect(),
    };
    let body = json!({"countries": countries});
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(HERE)),
        Err(refused) => {
            let form = form.refused_by(&refused, &[("/countries", "countries")]);
            countries_page(&console, &who, Some(form)).await
        }
    }
}
