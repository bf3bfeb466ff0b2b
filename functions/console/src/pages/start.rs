//! The first steps, each with what is done of it: for whoever has never sent anything here.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use carillon_core::{api_key::Scope, safeguards::Safeguards};
use serde::Deserialize;

use super::{campaigns::Campaign, gateways::Gateway};
use crate::{
    ask::Listed,
    assets,
    console::Console,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Html, Part},
};

const PATH: &str = "/start";

pub fn routes() -> Router<Console> {
    Router::new().route(PATH, get(show))
}

#[derive(Debug, Deserialize)]
struct Anything {}

/// How far somebody is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a step that was done or not"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Steps {
    gateway: bool,
    country: bool,
    contacts: bool,
    campaign: bool,
    report: bool,
}

impl Steps {
    fn done(self) -> usize {
        let Self {
            gateway,
            country,
            contacts,
            campaign,
            report,
        } = self;
        let all = [gateway, country, contacts, campaign, report];
        all.into_iter().filter(|done| *done).count()
    }

    /// The first that isn't.
    fn next(self) -> &'static str {
        match self {
            Self { gateway: false, .. } => "gateway",
            Self { country: false, .. } => "country",
            Self {
                contacts: false, ..
            } => "contacts",
            Self {
                campaign: false, ..
            } => "campaign",
            Self { report: false, .. } => "report",
            _ => "",
        }
    }
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "one thing that somebody may do each"
)]
#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    shell: Shell,
    steps: Steps,
    /// Of the newest campaign that has begun.
    report: Option<String>,
    only_simulated: bool,
    may_connect: bool,
    may_allow: bool,
    may_write: bool,
}

impl StartPage {
    fn bar(&self) -> Html {
        ui::bar([Part::new("done", self.done(), "good")], 5_u64)
    }

    fn done(&self) -> u64 {
        u64::try_from(self.steps.done()).unwrap_or_default()
    }
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let safeguards = async { Ok::<_, Refused>(console.api.safeguards.find(who.account.id).await?) };
    let (gateways, contacts, campaigns, safeguards): (
        Listed<Gateway>,
        Listed<Anything>,
        Listed<Campaign>,
        Safeguards,
    ) = futures::try_join!(
        console.get(&who, "/v1/gateways"),
        console.get(&who, "/v1/contacts?limit=1"),
        console.get(&who, "/v1/campaigns?limit=50"),
        safeguards,
    )?;
    let begun = campaigns.data.iter().find(|it| it.progress.is_some());
    let nowhere = carillon_core::limits::destinations::Destinations::default();
    let steps = Steps {
        gateway: !gateways.data.is_empty(),
        country: safeguards.destinations != nowhere,
        contacts: !contacts.data.is_empty(),
        campaign: !campaigns.data.is_empty(),
        report: begun.is_some_and(|it| it.status == "finished"),
    };
    Ok(page(&StartPage {
        shell: who.shell("First steps", PATH),
        steps,
        report: begun.map(|it| it.id.to_string()),
        only_simulated: gateways.data.iter().all(|it| it.kind == "simulated"),
        may_connect: who.may(Scope::GatewaysWrite),
        may_allow: who.may(Scope::AccountWrite),
        may_write: who.may(Scope::CampaignsWrite),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_the_first_that_is_not_done() {
        let mut steps = Steps {
            gateway: true,
            country: false,
            contacts: true,
            campaign: false,
            report: false,
        };
        assert_eq!((steps.next(), steps.done()), ("country", 2));
        steps.country = true;
        assert_eq!((steps.next(), steps.done()), ("campaign", 3));
        (steps.campaign, steps.report) = (true, true);
        assert_eq!((steps.next(), steps.done()), ("", 5));
    }
}
