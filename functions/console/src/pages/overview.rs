//! The first page: what goes on, and what needs somebody.

mod attention;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use carillon_core::api_key::Scope;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};
use serde::Deserialize;

use self::attention::{Attention, attention};
use super::campaigns::{Campaign, Progress, count_anew};
use crate::{
    ask::Listed,
    assets, chart,
    console::Console,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Html, Icon, Part},
};

pub fn routes() -> Router<Console> {
    Router::new().route("/overview", get(show))
}

#[derive(Debug, Deserialize)]
struct Account {
    time_zone: String,
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

/// Deliveries by a gateway in the last hours.
pub struct Delivered {
    name: String,
    kind: String,
    delivered: u64,
    failed: u64,
}

impl Delivered {
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

/// What today's campaigns came to.
#[derive(Default)]
struct Today {
    campaigns: u64,
    messages: u64,
    delivered: u64,
    lost: u64,
    in_flight: u64,
}

impl Today {
    fn of(campaigns: &[Campaign], since: Timestamp) -> Self {
        let mut today = Self::default();
        let progress = campaigns.iter().filter_map(|campaign| campaign.progress);
        for progress in progress.filter(|progress| progress.began >= since) {
            today.campaigns += 1;
            today.messages += progress.accepted;
            today.delivered += progress.delivered;
            today.lost += progress.lost();
            today.in_flight += progress.in_flight;
        }
        today
    }

    /// Of those whose end is known.
    fn rate(&self) -> String {
        ui::percent(self.delivered, self.delivered + self.lost)
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    today: Today,
    active: Vec<Campaign>,
    recent: Vec<Campaign>,
    attention: Vec<Attention>,
    delivered: Vec<Delivered>,
    days: Html,
    has_gateway: bool,
    has_campaign: bool,
    may_write: bool,
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let now = Timestamp::now();
    let (listed, account, gateways, dead): (
        Listed<Campaign>,
        Account,
        Listing<Gateway>,
        DeadLetters,
    ) = futures::try_join!(
        console.get(&who, "/v1/campaigns?limit=100"),
        console.get(&who, "/v1/account"),
        console.get(&who, "/v1/gateways"),
        console.get(&who, "/v1/dead-letters?limit=50"),
    )?;
    let counted = console
        .deliveries
        .since(now - SignedDuration::from_hours(6))
        .await?;
    let delivered = gateways.data.iter().map(|gateway| {
        let mut sum = Delivered {
            name: gateway.name.clone(),
            kind: gateway.kind.clone(),
            delivered: 0,
            failed: 0,
        };
        let ours = |(traffic, _): &&(carillon_store::deliveries::Traffic, _)| {
            traffic.account == who.account.id && traffic.gateway.to_string() == gateway.id
        };
        for (_, counts) in counted.iter().filter(ours) {
            sum.delivered += counts.delivered;
            sum.failed += counts.failed;
        }
        sum
    });
    let zone = TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC);
    let mut campaigns = listed.data;
    count_anew(&console, &who, &mut campaigns).await?;
    let active: Vec<_> = campaigns
        .iter()
        .filter(|it| it.is_active())
        .cloned()
        .collect();
    let ended = campaigns.iter().filter(|it| !it.is_active());
    Ok(page(&Overview {
        shell: who.shell("Overview", "/overview"),
        today: Today::of(&campaigns, midnight(now, &zone)),
        recent: ended.take(5).cloned().collect(),
        days: days(&campaigns, now, &zone),
        attention: attention(&account, &gateways.data, &active, &dead),
        delivered: delivered.filter(|sum| sum.all() > 0).collect(),
        has_gateway: !gateways.data.is_empty(),
        has_campaign: !campaigns.is_empty(),
        may_write: who.may(Scope::CampaignsWrite),
        active,
    }))
}

fn midnight(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = now.to_zoned(zone.clone());
    let begin = today.start_of_day();
    begin.map_or(now, |begin| begin.timestamp())
}

/// Campaign messages of the last fourteen days, by what became of them.
fn days(campaigns: &[Campaign], now: Timestamp, zone: &TimeZone) -> Html {
    let today = now.to_zoned(zone.clone()).date();
    let bars = (0..14).rev().filter_map(|ago: i32| {
        let day = today.checked_sub(ago.days()).ok()?;
        let of_day = |it: &&Progress| it.began.to_zoned(zone.clone()).date() == day;
        let progress = campaigns.iter().filter_map(|it| it.progress.as_ref());
        let (mut delivered, mut lost, mut rest) = (0, 0, 0);
        for it in progress.filter(of_day) {
            delivered += it.delivered;
            lost += it.lost();
            rest += it.accepted.saturating_sub(it.delivered + it.lost());
        }
        let label = day
            .to_datetime(Time::midnight())
            .strftime("%-d %b")
            .to_string();
        let parts = vec![
            Part::new("delivered", delivered, "good"),
            Part::new("other", rest, "busy"),
            Part::new("failed", lost, "bad"),
        ];
        Some(chart::Bar { label, parts })
    });
    chart::bars(
        "Campaign messages of the last 14 days",
        &bars.collect::<Vec<_>>(),
    )
}
