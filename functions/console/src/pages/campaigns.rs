//! All campaigns, newest first, with how far each is.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use carillon_core::{
    api_key::Scope,
    id::{BatchId, CampaignId},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    ask::Listed,
    assets,
    console::Console,
    pages::error::Refused,
    planned::Schedule,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Html, Icon, Part},
    words,
};

const PATH: &str = "/campaigns";
const LIMIT: u16 = 25;

pub fn routes() -> Router<Console> {
    Router::new().route(PATH, get(list))
}

/// As the API tells of it: what the pages need of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Campaign {
    pub id: CampaignId,
    pub name: String,
    pub status: String,
    pub sender: Option<String>,
    pub test: bool,
    pub progress: Option<Progress>,
    pub problem: Option<String>,
    /// What it became.
    pub batch: Option<BatchId>,
    pub schedule: Option<Schedule>,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Progress {
    pub accepted: u64,
    pub submitted: u64,
    pub in_flight: u64,
    pub delivered: u64,
    pub undelivered: u64,
    pub failed: u64,
    pub expired: u64,
    pub suppressed: u64,
    pub cancelled: u64,
    pub unknown: u64,
    pub began: Timestamp,
}

impl Progress {
    /// Left, so that nothing of it waits with us: what a bar of sending is full of at the end.
    pub fn left(&self) -> u64 {
        let Self {
            submitted,
            failed,
            expired,
            suppressed,
            cancelled,
            ..
        } = self;
        (submitted + failed + expired + suppressed + cancelled).min(self.accepted)
    }

    /// Has an end that nobody wanted.
    pub fn lost(&self) -> u64 {
        self.undelivered + self.failed + self.expired
    }

    pub fn of(self, counted: &Counted) -> Self {
        let Counted {
            accepted,
            submitted,
            in_flight,
            counts,
        } = counted;
        let count = |status: &str| counts.get(status).copied().unwrap_or_default();
        Self {
            accepted: *accepted,
            submitted: *submitted,
            in_flight: *in_flight,
            delivered: count("delivered"),
            undelivered: count("undelivered"),
            failed: count("failed"),
            expired: count("expired"),
            suppressed: count("suppressed"),
            cancelled: count("cancelled"),
            unknown: count("unknown"),
            began: self.began,
        }
    }

    pub fn parts(&self) -> [Part; 5] {
        let lost = self.lost();
        let not_sent = self.suppressed + self.cancelled;
        let ended = self.delivered + lost + not_sent + self.unknown;
        let sent = self.left().saturating_sub(ended);
        [
            Part::new("delivered", self.delivered, "good"),
            Part::new("sent", sent, "busy"),
            Part::new("failed", lost, "bad"),
            Part::new("unclear", self.unknown, "warn"),
            Part::new("not sent", not_sent, "quiet"),
        ]
    }
}

/// What a count of the messages says, as `progress` says what was counted last.
#[derive(Debug, Deserialize)]
pub struct Counted {
    pub accepted: u64,
    pub submitted: u64,
    pub in_flight: u64,
    pub counts: BTreeMap<String, u64>,
}

/// Messages of a campaign that is counted anew for a list of them.
const FEW: u64 = 20_000;

/// Counts those anew that have finished and wait for reports: what is kept of them is from when the last message left.
pub async fn count_anew(
    console: &Console,
    who: &SignedIn,
    campaigns: &mut [Campaign],
) -> Result<(), Refused> {
    let waits = |it: &Progress| it.in_flight > 0 && it.accepted <= FEW;
    let stale = campaigns
        .iter_mut()
        .filter(|it| it.status == "finished" && it.progress.as_ref().is_some_and(waits));
    let counted = stale.map(async |campaign: &mut Campaign| {
        let path = format!("/v1/campaigns/{}/report", campaign.id);
        let counted: Counted = console.get(who, &path).await?;
        campaign.progress = campaign.progress.map(|it| it.of(&counted));
        Ok::<_, Refused>(())
    });
    futures::future::try_join_all(counted).await.map(drop)
}

impl Campaign {
    pub fn badge(&self) -> Html {
        ui::badge(&words::campaign(&self.status))
    }

    pub fn is_active(&self) -> bool {
        matches!(
            self.status.as_str(),
            "preparing" | "running" | "cancelling" | "paused"
        )
    }

    /// Of one that starts by itself, when.
    pub fn starts(&self) -> Option<Html> {
        let schedule = self.schedule.as_ref();
        schedule
            .filter(|_| self.status == "scheduled")
            .map(Schedule::when)
    }

    pub fn bar(&self) -> Html {
        let progress = self.progress.as_ref();
        progress.map_or_else(Html::default, |it| ui::bar(it.parts(), it.accepted))
    }
}

/// Who only looks at campaigns is told so before changing one.
pub fn writes(who: &SignedIn) -> Result<(), Refused> {
    if who.may(Scope::CampaignsWrite) {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::FORBIDDEN,
        "Your role looks at campaigns only",
        "Ask an owner of the account to make you a sender, if you are to write them.",
    ))
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct Campaigns {
    shell: Shell,
    campaigns: Vec<Campaign>,
    pager: Html,
    may_write: bool,
    any_active: bool,
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let cursor = asked.cursor.as_deref();
    let more = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let path = format!("/v1/campaigns?limit={LIMIT}{more}");
    let Listed { data, next_cursor } = console.get(&who, &path).await?;
    let mut campaigns: Vec<Campaign> = data;
    count_anew(&console, &who, &mut campaigns).await?;
    Ok(page(&Campaigns {
        shell: who.shell("Campaigns", PATH),
        any_active: campaigns.iter().any(Campaign::is_active),
        campaigns,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_none()),
        may_write: who.may(Scope::CampaignsWrite),
    }))
}
