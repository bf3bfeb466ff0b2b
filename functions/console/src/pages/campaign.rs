//! One campaign: how far it is, what became of its messages, what went wrong and what to do about it.

mod links;
mod moving;
mod retry_failed;
mod review;
mod timeline;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::{api_key::Scope, id::CampaignId, reason::Reason, retry};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

use self::{
    links::{Link, links},
    review::{Review, Trouble, review},
    timeline::timeline,
};
use super::campaigns::{Campaign, Counted, Pace, writes};
use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::compose::terms,
    pages::error::Refused,
    planned::{Audience, Planned},
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Icon},
    words,
};

const LIMIT: u16 = 25;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/campaigns/{id}", get(show))
        .route("/campaigns/{id}/cancel", get(confirm).post(cancel))
        .merge(retry_failed::routes())
        .merge(moving::routes())
        .route("/campaigns/{id}/{act}", post(act))
}

#[derive(Debug, Deserialize)]
struct Report {
    uploaded: u64,
    rejected: u64,
    duplicates: u64,
    opted_out: u64,
    capped: u64,
    no_consent: u64,
    accepted: u64,
    submitted: u64,
    in_flight: u64,
    clicked: u64,
    parts: u64,
    counts: BTreeMap<String, u64>,
    reasons: Vec<ReasonCount>,
    counted: Timestamp,
}

#[derive(Debug, Deserialize)]
struct ReasonCount {
    code: Reason,
    words: String,
    status: String,
    messages: u64,
}

impl ReasonCount {
    fn sentence(&self) -> String {
        form::sentence(&self.words)
    }

    fn remedy(&self) -> &'static str {
        self.code.remedy()
    }

    fn badge(&self) -> Html {
        ui::badge(&words::message(&self.status))
    }
}

#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    to: Option<String>,
    at: Timestamp,
    status: String,
    reason: Option<Why>,
    held_until: Option<Timestamp>,
    parts: u32,
    attempts: u8,
}

#[derive(Debug, Deserialize)]
struct Why {
    code: Reason,
    words: String,
}

impl Message {
    fn badge(&self) -> Html {
        ui::badge(&words::message(&self.status))
    }

    /// Why it is where it is.
    fn why(&self, campaign: &Campaign, planned: &Planned) -> String {
        if let Some(why) = &self.reason {
            return form::sentence(&why.words);
        }
        let waits = matches!(self.status.as_str(), "queued" | "held");
        match campaign.status.as_str() {
            "paused" if waits => {
                return "The campaign is paused. It goes on when somebody resumes it.".to_owned();
            }
            "running" if waits && planned.policies.spread_over.is_some() => {
                return format!("Its turn has not come. {}", planned.pace());
            }
            _ => {}
        }
        words::message(&self.status).means.to_owned()
    }

    /// What somebody can do for one that waits; what has ended is told of all together.
    fn remedy(&self) -> Option<&'static str> {
        let why = self.reason.as_ref().filter(|_| self.status == "held")?;
        Some(why.code.remedy())
    }

    fn is_to_come(&self) -> bool {
        self.status == "scheduled"
    }
}

/// A step of the funnel: how many came so far, of those of the step before.
struct Step {
    label: &'static str,
    count: u64,
    of: u64,
    tone: &'static str,
}

impl Report {
    fn counted_as(&self) -> Counted {
        Counted {
            accepted: self.accepted,
            submitted: self.submitted,
            in_flight: self.in_flight,
            counts: self.counts.clone(),
        }
    }

    fn of(&self, status: &str) -> u64 {
        self.counts.get(status).copied().unwrap_or_default()
    }

    /// Everybody who was meant.
    fn audience(&self) -> u64 {
        self.uploaded.max(self.accepted)
    }

    /// Down to who opened a link, where links are tracked.
    fn funnel(&self, tracks_links: bool) -> Vec<Step> {
        let step = |label, count, of, tone| Step {
            label,
            count,
            of,
            tone,
        };
        let (audience, delivered) = (self.audience(), self.of("delivered"));
        let mut steps = vec![
            step("In the audience", audience, audience, "quiet"),
            step("Accepted", self.accepted, audience, "accent"),
            step("Sent", self.submitted, self.accepted, "busy"),
            step("Delivered", delivered, self.submitted, "good"),
        ];
        if tracks_links {
            steps.push(step("Opened a link", self.clicked, delivered, "accent"));
        }
        steps
    }

    /// What ended otherwise than delivered, and may end better.
    fn lost(&self) -> u64 {
        self.of("failed") + self.of("undelivered") + self.of("expired")
    }

    /// Rows that became no message, and why.
    fn left_out(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("can't be sent to", self.rejected),
            ("the same number twice", self.duplicates),
            ("opted out before", self.opted_out),
            ("had enough marketing lately", self.capped),
            ("no consent on record", self.no_consent),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

impl Step {
    fn bar(&self, audience: u64) -> Html {
        ui::bar([ui::Part::new(self.label, self.count, self.tone)], audience)
    }
}

#[derive(Default, Deserialize)]
struct Asked {
    cursor: Option<String>,
    status: Option<String>,
    /// Only the part of the page that moves.
    #[serde(skip)]
    polled: bool,
}

/// What could not be done, on the page where it was asked for.
#[derive(Default)]
struct Wrong {
    problem: Option<Trouble>,
    /// Another time that it can't have.
    moving: Option<Form>,
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    shell: Shell,
    campaign: Campaign,
    planned: Planned,
    report: Report,
    pace: Option<Pace>,
    messages: Vec<Message>,
    filters: Vec<Filter>,
    /// That the messages are narrowed to, empty for all.
    status: String,
    pager: Html,
    may_write: bool,
    problem: Option<Trouble>,
    /// Of one that has not begun.
    review: Option<Review>,
    /// Of one that starts by itself: to another time.
    moving: Option<Form>,
    links: Vec<Link>,
    timeline: Option<timeline::Shown>,
    /// What failed was sent again as this one.
    retried_as: Option<CampaignId>,
}

impl CampaignPage {
    /// Each look counts every message.
    fn looks_again(&self) -> &'static str {
        match self.report.accepted {
            ..=20_000 => "3s",
            20_001..=200_000 => "15s",
            _ => "60s",
        }
    }

    fn may_retry(&self) -> bool {
        let is_over = matches!(self.campaign.status.as_str(), "finished" | "cancelled");
        self.may_write && is_over && self.retried_as.is_none() && self.report.lost() > 0
    }

    /// The campaign whose failures this one sends again.
    fn retries(&self) -> Option<&str> {
        match &self.planned.audience {
            Audience::FailedOf { campaign, .. } => Some(campaign),
            _ => None,
        }
    }
}

struct Filter {
    label: &'static str,
    status: &'static str,
    count: u64,
}

const FILTERS: [&str; 11] = [
    "held",
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "expired",
    "suppressed",
    "cancelled",
    "unknown",
];

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Refused> {
    asked.polled = headers.contains_key("hx-request");
    campaign_page(&console, &who, &id, asked, Wrong::default()).await
}

async fn campaign_page(
    console: &Console,
    who: &SignedIn,
    id: &str,
    asked: Asked,
    wrong: Wrong,
) -> Result<Response, Refused> {
    let path = format!("/v1/campaigns/{}", encoded(id));
    let (report_path, mut messages) = (
        format!("{path}/report"),
        format!("{path}/messages?limit={LIMIT}"),
    );
    let Asked {
        cursor,
        status,
        polled,
    } = asked;
    let status = status.unwrap_or_default();
    for (name, value) in [
        ("status", status.as_str()),
        ("cursor", cursor.as_deref().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            messages = format!("{messages}&{name}={}", encoded(value));
        }
    }
    let (document, report, listed): (serde_json::Value, Report, Listed<Message>) = futures::try_join!(
        console.get(who, &path),
        console.get(who, &report_path),
        console.get(who, &messages),
    )?;
    let unread = |_| Refused::unexplained();
    let planned: Planned = serde_json::from_value(document.clone()).map_err(unread)?;
    let mut campaign: Campaign = serde_json::from_value(document).map_err(unread)?;
    // One count for the whole page.
    campaign.progress = campaign.progress.map(|it| it.of(&report.counted_as()));
    let review = match campaign.status.as_str() {
        "draft" | "scheduled" => Some(review(console, who, &path, &planned).await?),
        _ => None,
    };
    let may_write = who.may(Scope::CampaignsWrite);
    let Wrong { problem, moving } = wrong;
    let problem = problem.map(|it| it.sent_as(planned.sender.as_deref()));
    let clock = review.as_ref().map(|review| &review.clock);
    let moving = clock
        .filter(|_| may_write && campaign.status == "scheduled")
        .map(|clock| moving.unwrap_or_else(|| moving::form(&planned, clock)));
    let links = match campaign.progress {
        Some(_) if planned.tracks_links() => links(console, who, &path).await?,
        _ => Vec::new(),
    };
    let timeline = match campaign.progress {
        Some(_) if !polled => timeline(console, who, &path).await?,
        _ => None,
    };
    let retried_as = match campaign.batch {
        Some(batch) if report.lost() > 0 => {
            let (again, _) = retry::ids(batch);
            let path = format!("/v1/campaigns/{again}");
            let found: Option<Done> = console.find(who, &path).await?;
            found.map(|_| again)
        }
        _ => None,
    };
    let filters = FILTERS.map(|status| Filter {
        label: words::message(status).label,
        status,
        count: report.of(status),
    });
    let filters = filters.into_iter();
    let list = match status.as_str() {
        "" => format!("/campaigns/{id}"),
        status => format!("/campaigns/{id}?status={}", encoded(status)),
    };
    Ok(page(&CampaignPage {
        shell: who.shell(campaign.name.clone(), "/campaigns"),
        pace: campaign.pace(Timestamp::now()),
        filters: filters
            .filter(|it| it.count > 0 || it.status == status)
            .collect(),
        pager: ui::pager(&list, listed.next_cursor.as_deref(), cursor.is_none()),
        messages: listed.data,
        campaign,
        planned,
        report,
        links,
        timeline,
        retried_as,
        status,
        may_write,
        problem,
        review,
        moving,
    }))
}

fn encoded(part: &str) -> String {
    percent_encoding::utf8_percent_encode(part, ENCODED).to_string()
}

/// Ids, words and cursors stay readable.
const ENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'-')
    .remove(b'.');

#[derive(Template)]
#[template(path = "campaign_cancel.html")]
struct Confirm {
    shell: Shell,
    campaign: Campaign,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    writes(&who)?;
    let campaign: Campaign = console
        .get(&who, &format!("/v1/campaigns/{}", encoded(&id)))
        .await?;
    let shell = who.shell("Cancel a campaign", "/campaigns");
    Ok(page(&Confirm { shell, campaign }))
}

async fn act(
    State(console): State<Console>,
    who: SignedIn,
    Path((id, act)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Refused> {
    perform(&console, &who, &id, &act, &form).await
}

/// A route of its own, since its page asks first.
async fn cancel(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    perform(&console, &who, &id, "cancel", &form).await
}

async fn perform(
    console: &Console,
    who: &SignedIn,
    id: &str,
    act: &str,
    form: &Form,
) -> Result<Response, Refused> {
    let said = match act {
        "start" => "started",
        "schedule" => "scheduled",
        "pause" => "paused",
        "resume" => "resumed",
        "cancel" => "cancelled",
        "duplicate" => return duplicate(console, who, id, form).await,
        _ => return Err(Refused::not_found()),
    };
    let path = format!("/v1/campaigns/{}/{act}", encoded(id));
    let mut ask = console.ask(who, Method::POST, &path);
    if let Some(once) = form.given(form::ONCE) {
        ask = ask.once(once);
    }
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go(&format!("/campaigns/{id}?said={said}"))),
        Err(refused) if refused.belongs_to_form() => {
            let wrong = Wrong {
                problem: Some(Trouble::of(&refused)),
                moving: None,
            };
            let shown = campaign_page(console, who, id, Asked::default(), wrong).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(refused) => Err(refused),
    }
}

/// A draft with the same audience, words and policies.
async fn duplicate(
    console: &Console,
    who: &SignedIn,
    id: &str,
    form: &Form,
) -> Result<Response, Refused> {
    let path = format!("/v1/campaigns/{}", encoded(id));
    let mut copy: serde_json::Value = console.get(who, &path).await?;
    let Some(fields) = copy.as_object_mut() else {
        return Err(Refused::unexplained());
    };
    let audience = fields.get("audience").and_then(|it| it["type"].as_str());
    if matches!(audience, Some("inline" | "failed_of")) {
        // Its numbers aren't told again, so they are given again.
        return Ok(go(&format!("/campaigns/new?like={}", encoded(id))));
    }
    let kept = [
        "name", "audience", "content", "sender", "lane", "class", "policies",
    ];
    fields.retain(|name, _| kept.contains(&name.as_str()));
    let name = fields
        .get("name")
        .and_then(|name| name.as_str())
        .unwrap_or_default();
    let name: String = format!("Copy of {name}").chars().take(100).collect();
    fields.insert("name".to_owned(), name.into());
    let ask = console.ask(who, Method::POST, "/v1/campaigns").json(&copy);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    let made: Campaign = ask.answer().await?;
    Ok(go(&format!("/campaigns/{}?said=duplicated", made.id)))
}
