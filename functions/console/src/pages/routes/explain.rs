//! Which way a message to a number would take now, and why.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::phone::Country;
use serde::Deserialize;
use serde_json::json;

use super::{super::gateways::Health, PATH, lanes};
use crate::{
    assets,
    console::Console,
    countries,
    form::Form,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
    words::{Tone, Word},
};

#[derive(Debug, Deserialize)]
struct Explanation {
    to: String,
    country: Option<Country>,
    takes: Option<Taken>,
    ways: Vec<Way>,
    routes: Vec<Look>,
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Taken {
    gateway: String,
    sender: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Way {
    gateway: String,
    gateway_name: String,
    route: Option<String>,
    sender: Option<String>,
    cost_per_part: Option<u64>,
    diverted: bool,
    health: Health,
    skipped: Option<String>,
}

impl Way {
    fn badge(&self) -> Html {
        ui::badge(&self.health.word())
    }
}

fn taken() -> Html {
    let (label, tone, means) = ("Taken", Tone::Good, "");
    ui::badge(&Word { label, tone, means })
}

#[derive(Debug, Deserialize)]
struct Look {
    route: String,
    name: String,
    matches: bool,
    why: String,
}

impl Explanation {
    fn country_name(&self) -> String {
        let country = self.country.as_ref();
        country.map_or_else(
            || "no country".to_owned(),
            |country| countries::name(country.as_str()).to_owned(),
        )
    }

    fn gateway_name(&self, id: &str) -> &str {
        let mut ways = self.ways.iter();
        let way = ways.find(|way| way.gateway == id);
        way.map_or("", |way| way.gateway_name.as_str())
    }

    fn route_name(&self, id: &str) -> &str {
        let mut routes = self.routes.iter();
        let found = routes.find(|it| it.route == id);
        found.map_or("", |it| it.name.as_str())
    }

    /// Why a way is taken or not, in the order in which they are tried.
    fn verdict(&self, way: &Way) -> String {
        if let Some(skipped) = &way.skipped {
            return format!("Not tried: {skipped}.");
        }
        let is_taken = self
            .takes
            .as_ref()
            .is_some_and(|taken| taken.gateway == way.gateway);
        if is_taken {
            return "Taken: it is the first that can be used now.".to_owned();
        }
        if way.health.state == "open" {
            return "Passed over: it is interrupted, and tried again by itself.".to_owned();
        }
        if way.diverted {
            return "Tried later: it delivers less than the others there at the moment.".to_owned();
        }
        "Tried if those before it can't be used.".to_owned()
    }

    fn is_taken(&self, way: &Way) -> bool {
        let taken = self.takes.as_ref();
        way.skipped.is_none() && taken.is_some_and(|taken| taken.gateway == way.gateway)
    }
}

#[derive(Template)]
#[template(path = "route_explain.html")]
struct ExplainPage {
    shell: Shell,
    form: Form,
    explanation: Option<Explanation>,
}

fn explain_page(who: &SignedIn, form: Form, explanation: Option<Explanation>) -> Response {
    let status = form.status();
    let shown = page(&ExplainPage {
        shell: who.shell("Which way would it take?", PATH),
        form,
        explanation,
    });
    (status, shown).into_response()
}

pub async fn ask(who: SignedIn) -> Response {
    explain_page(&who, Form::of([("lane", "high")]), None)
}

/// A number stands in no address: addresses are logged.
pub async fn answer(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let mut body = json!({"to": form.get("to").trim()});
    for name in ["lane", "sender"] {
        if let Some(given) = form.given(name) {
            body[name] = given.into();
        }
    }
    match console.post(&who, "/v1/routes/explain", &body).await {
        Ok(explanation) => Ok(explain_page(&who, form, Some(explanation))),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [("/to", "to"), ("/sender", "sender"), ("/lane", "lane")];
            let form = form.refused_by(&refused, &fields);
            Ok(explain_page(&who, form, None))
        }
        Err(refused) => Err(refused),
    }
}
