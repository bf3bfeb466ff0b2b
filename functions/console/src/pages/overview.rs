//! The first page: what goes on, and what needs somebody.

mod attention;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use carillon_core::{api_key::Scope, phone::Country, routing::shift::Deliveries as Counts};
use carillon_store::deliveries::Traffic;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeSet;

use self::attention::{Attention, attention};
use super::campaigns::{Campaign, count_anew};
use crate::{
    ask::Listed,
    assets, chart,
    console::Console,
    countries,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Html, Icon, Part},
};

const SHOWN: u8 = 14;
const COUNTRIES: usize = 6;
const CAMPAIGNS: &str = "/v1/campaigns?limit=100";

pub fn routes() -> Router<Console> {
    Router::new().route("/overview", get(show))
}

#[derive(Debug, Deserialize)]
struct Account {
    warnings: Vec<Warning>,
    switches: Switches,
    spending: Spending,
}

#[derive(Debug, Deserialize)]
struct Warning {
    words: String,
}

#[derive(Debug, Deserialize)]
struct Switches {
    all: bool,
}

#[derive(Debug, Deserialize)]
struct Spending {
    hour: Option<u64>,
    day: Option<u64>,
    month: Option<u64>,
    reserved: Reserved,
}

#[derive(Debug, Deserialize)]
struct Reserved {
    hour: u64,
    day: u64,
    month: u64,
}

#[derive(Debug, Deserialize)]
struct Gateway {
    id: String,
    name: String,
    kind: String,
    enabled: bool,
    health: Health,
}

#[derive(Debug, Deserialize)]
struct Health {
    state: String,
}

#[derive(Debug, Deserialize)]
struct Listing<T> {
    data: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct DeadLetters {
    data: Vec<serde_json::Value>,
    next_cursor: Option<String>,
}

/// Deliveries by a gateway, or to a country, in the last hours.
pub struct Delivered {
    name: String,
    kind: String,
    delivered: u64,
    failed: u64,
}

impl Delivered {
    fn sum(
        name: String,
        kind: String,
        counted: &[(Traffic, Counts)],
        is_part: impl Fn(&Traffic) -> bool,
    ) -> Self {
        let parts = counted.iter().filter(|(traffic, _)| is_part(traffic));
        let (delivered, failed) = parts.fold((0, 0), |(delivered, failed), (_, counts)| {
            (delivered + counts.delivered, failed + counts.failed)
        });
        Self {
            name,
            kind,
            delivered,
            failed,
        }
    }

    fn all(&self) -> u64 {
        self.delivered + self.failed
    }

    fn bar(&self) -> Html {
        let parts = [
            Part::new("delivered", self.delivered, "good"),
            Part::new("failed", self.failed, "bad"),
        ];
        ui::bar(parts, self.all())
    }
}

/// What was sent on a day, by campaigns and by the API.
#[derive(Debug, Clone, Deserialize)]
struct Day {
    date: Date,
    campaigns: u64,
    accepted: u64,
    by_api: Option<u64>,
    in_flight: u64,
    delivered: u64,
    undelivered: u64,
    failed: u64,
    expired: u64,
}

#[derive(Debug, Deserialize)]
struct Days {
    days: Vec<Day>,
}

impl Day {
    /// Has an end that nobody wanted.
    const fn lost(&self) -> u64 {
        self.undelivered + self.failed + self.expired
    }

    /// Of those whose end is known.
    fn rate(&self) -> String {
        ui::percent(self.delivered, self.delivered + self.lost())
    }

    /// By whom.
    fn sent_by(&self) -> String {
        let campaigns = ui::plural(self.campaigns, "campaign", "campaigns");
        match self.by_api {
            Some(0) => campaigns,
            Some(count) => format!("{campaigns}, {} by API", ui::count(count)),
            None => format!("{campaigns}; those by API are counted within the hour"),
        }
    }

    fn bar(&self) -> chart::Bar {
        let ended = self.delivered + self.lost() + self.in_flight;
        let rest = self.accepted.saturating_sub(ended);
        let parts = vec![
            Part::new("delivered", self.delivered, "good"),
            Part::new("on their way", self.in_flight, "busy"),
            Part::new("failed", self.lost(), "bad"),
            Part::new("unclear or not sent", rest, "quiet"),
        ];
        let label = self.date.strftime("%-d %b").to_string();
        chart::Bar { label, parts }
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    today: Option<Day>,
    active: Vec<Campaign>,
    now: Timestamp,
    recent: Vec<Campaign>,
    attention: Vec<Attention>,
    delivered: Vec<Delivered>,
    countries: Vec<Delivered>,
    days: Html,
    has_gateway: bool,
    /// Something was sent or written.
    has_begun: bool,
    may_write: bool,
}

/// The part that moves.
#[derive(Template)]
#[template(path = "overview_live.html")]
struct Live {
    today: Option<Day>,
    active: Vec<Campaign>,
    now: Timestamp,
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if headers.contains_key("hx-request") {
        return live(&console, &who).await;
    }
    let days = format!("/v1/reports/days?days={SHOWN}");
    let (listed, account, gateways, dead, Days { days }): (
        Listed<Campaign>,
        Account,
        Listing<Gateway>,
        DeadLetters,
        Days,
    ) = futures::try_join!(
        console.get(&who, CAMPAIGNS),
        console.get(&who, "/v1/account"),
        console.get(&who, "/v1/gateways"),
        console.get(&who, "/v1/dead-letters?limit=50"),
        console.get(&who, &days),
    )?;
    let now = Timestamp::now();
    let since = now - SignedDuration::from_hours(6);
    let counted = console.deliveries.of(who.account.id, since).await?;
    let mut campaigns = listed.data;
    count_anew(&console, &who, &mut campaigns).await?;
    let ended = campaigns.iter().filter(|it| it.is_over());
    let bars: Vec<_> = days.iter().map(Day::bar).collect();
    let sent = days.iter().any(|day| day.accepted > 0);
    Ok(page(&Overview {
        shell: who.shell("Overview", "/overview"),
        recent: ended.take(5).cloned().collect(),
        days: chart::bars("Messages of the last 14 days", &bars),
        has_begun: sent || !campaigns.is_empty(),
        attention: attention(&account, &gateways.data, &campaigns, &dead),
        delivered: by_gateway(&counted, &gateways.data),
        countries: by_country(&counted),
        has_gateway: !gateways.data.is_empty(),
        today: days.into_iter().last(),
        may_write: who.may(Scope::CampaignsWrite),
        now,
        active: active(campaigns),
    }))
}

/// Asked for again and again, so it reads no more than it shows.
async fn live(console: &Console, who: &SignedIn) -> Result<Response, Refused> {
    let (listed, Days { days }): (Listed<Campaign>, Days) = futures::try_join!(
        console.get(who, CAMPAIGNS),
        console.get(who, "/v1/reports/days?days=1"),
    )?;
    Ok(page(&Live {
        today: days.into_iter().last(),
        active: active(listed.data),
        now: Timestamp::now(),
    }))
}

fn active(campaigns: Vec<Campaign>) -> Vec<Campaign> {
    campaigns.into_iter().filter(Campaign::is_active).collect()
}

fn by_gateway(counted: &[(Traffic, Counts)], gateways: &[Gateway]) -> Vec<Delivered> {
    let sums = gateways.iter().map(|gateway| {
        let ours = |traffic: &Traffic| traffic.gateway.to_string() == gateway.id;
        Delivered::sum(gateway.name.clone(), gateway.kind.clone(), counted, ours)
    });
    sums.filter(|sum| sum.all() > 0).collect()
}

/// Those with the most reports.
fn by_country(counted: &[(Traffic, Counts)]) -> Vec<Delivered> {
    let countries: BTreeSet<Country> = counted.iter().map(|(it, _)| it.country).collect();
    let sums = countries.into_iter().map(|country| {
        let code = country.as_str();
        let name = countries::name(code).to_owned();
        let there = |traffic: &Traffic| traffic.country == country;
        Delivered::sum(name, code.to_owned(), counted, there)
    });
    let mut sums: Vec<_> = sums.filter(|sum| sum.all() > 0).collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.all()));
    sums.truncate(COUNTRIES);
    sums
}
