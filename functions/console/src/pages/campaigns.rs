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
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::IgnoredAny};

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
    /// Of one that comes again and again.
    pub recurrence: Option<IgnoredAny>,
    pub next: Option<Timestamp>,
    pub policies: Spread,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Spread {
    /// Seconds.
    spread_over: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Progress {
    pub accepted: u64,
    pub submitted: u64,
    pub in_flight: u64,
    /// Of `in_flight`: what has not left.
    pub waiting: u64,
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
            waiting: count("scheduled") + count("queued") + count("held"),
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
        let sent = self.in_flight.saturating_sub(self.waiting);
        let not_sent = self.suppressed + self.cancelled;
        [
            Part::new("delivered", self.delivered, "good"),
            Part::new("sent", sent, "busy"),
            Part::new("failed", self.lost(), "bad"),
            Part::new("unclear", self.unknown, "warn"),
            Part::new("not sent", not_sent, "quiet"),
        ]
    }
}

/// How fast it goes, from its beginning to now.
#[derive(Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages in ten seconds.
    in_ten: u64,
    left: Option<SignedDuration>,
}

impl Pace {
    pub fn words(&self) -> String {
        let pace = match self.in_ten {
            0 => "less than one in ten seconds".to_owned(),
            1..100 => format!("{}.{} a second", self.in_ten / 10, self.in_ten % 10),
            _ => format!("{} a second", ui::count(self.in_ten / 10)),
        };
        match self.left {
            Some(left) => format!("{pace}, {} to go", ui::duration(left)),
            None => pace,
        }
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

    /// Something of it is to come, or may be.
    pub fn may_end(&self) -> bool {
        !self.is_over() && self.status != "cancelling"
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "finished" | "cancelled" | "failed")
    }

    pub fn recurs(&self) -> bool {
        self.recurrence.is_some()
    }

    /// Of one that starts by itself, when.
    pub fn starts(&self) -> Option<Html> {
        let starts = |when: Html| Html::new(format!("Starts {when}"));
        match (self.status.as_str(), &self.schedule, self.next) {
            ("scheduled", Some(schedule), _) => Some(starts(schedule.when())),
            ("recurring", _, Some(next)) => {
                let next = ui::time(next);
                Some(Html::new(format!("Next time {next}")))
            }
            _ => None,
        }
    }

    /// Of one whose messages leave now.
    pub fn pace(&self, now: Timestamp) -> Option<Pace> {
        let progress = self.progress.filter(|_| self.status == "running")?;
        let seconds = now.duration_since(progress.began).as_secs().max(1);
        let seconds = u64::try_from(seconds).ok()?;
        let waiting = progress.waiting;
        let gone = progress.accepted.saturating_sub(waiting);
        let to_go = (waiting * seconds).checked_div(gone)?;
        let to_go = SignedDuration::from_secs(i64::try_from(to_go).ok()?);
        // What is spread begins with a chunk at once, which tells nothing of the rest.
        let over = SignedDuration::from_secs(self.policies.spread_over.unwrap_or(0));
        let spread = over - now.duration_since(progress.began);
        Some(Pace {
            in_ten: gone * 10 / seconds,
            left: (waiting > 0).then(|| to_go.max(spread)),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn running(submitted: u64, failed: u64) -> Campaign {
        let began = "2026-11-28T10:00:00Z";
        let document = serde_json::json!({
            "id": "cmp_01h455vb4pex5vsknk084sn02q", "name": "Spring", "status": "running", "test": false, "created": began,
            "policies": {},
            "progress": {
                "accepted": 10_000, "submitted": submitted, "in_flight": 10_000 - failed,
                "waiting": 10_000 - failed - submitted, "delivered": 0, "undelivered": 0,
                "failed": failed, "expired": 0, "suppressed": 0, "cancelled": 0, "unknown": 0, "began": began,
            },
        });
        serde_json::from_value(document).expect("as the API tells of it")
    }

    fn words(campaign: &Campaign) -> Option<String> {
        let now: Timestamp = "2026-11-28T10:01:40Z".parse().expect("a time");
        campaign.pace(now).map(|it| it.words())
    }

    #[test]
    fn what_left_so_far_tells_when_the_rest_will_have_left() {
        let half = words(&running(4_900, 100));
        assert_eq!(half.as_deref(), Some("50 a second, 2 min to go"));
        let slow = words(&running(250, 0));
        assert_eq!(slow.as_deref(), Some("2.5 a second, 1 h 5 min to go"));
        let crawls = words(&running(9, 0)).expect("a pace");
        assert!(crawls.starts_with("less than one in ten"), "{crawls}");
        let done = words(&running(10_000, 0));
        assert_eq!(done.as_deref(), Some("100 a second"));
    }

    #[test]
    fn what_is_spread_lasts_as_long_as_was_asked_for() {
        let mut spread = running(1_000, 0);
        spread.policies.spread_over = Some(3_600);
        let early = words(&spread);
        assert_eq!(early.as_deref(), Some("10 a second, 58 min to go"));
        spread.policies.spread_over = Some(60);
        let late = words(&spread);
        assert_eq!(late.as_deref(), Some("10 a second, 15 min to go"));
    }

    #[test]
    fn nothing_is_foretold_before_the_first_has_left_or_while_it_stands() {
        assert_eq!(words(&running(0, 0)), None);
        let mut paused = running(5_000, 0);
        paused.status = "paused".to_owned();
        assert_eq!(words(&paused), None);
    }
}
