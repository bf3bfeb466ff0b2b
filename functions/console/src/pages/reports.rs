//! Reports: what an account sent over time and what became of it, and campaigns beside each other. All counts are the API's.

mod compare;
mod figures;

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::Deserialize;

use self::figures::{Figures, Funnel, Latency, Step};
use crate::{
    ask::Listed,
    assets, chart,
    console::Console,
    countries,
    form::{self, Form},
    pages::error::Refused,
    path,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Html, Icon},
    words,
};

const PATH: &str = "/reports";
/// Days, and what they are called.
const PERIODS: [(u32, &str); 4] = [
    (7, "7 days"),
    (14, "14 days"),
    (30, "30 days"),
    (90, "90 days"),
];
const USUAL: u32 = 14;
/// What groups can have in common, by the API's words.
const GROUPS: [(&str, &str); 8] = [
    ("country", "Country"),
    ("gateway", "Gateway"),
    ("sender", "Sender"),
    ("campaign", "Campaign"),
    ("template", "Template"),
    ("status", "Status"),
    ("lane", "Priority"),
    ("hour", "Hour"),
];
/// Rows of a table of groups; there are as many hours as one likes.
const SHOWN: usize = 100;

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(show))
        .merge(compare::routes())
}

#[derive(Debug, Deserialize)]
struct Report {
    total: Figures,
    funnel: Funnel,
    previous: Option<Figures>,
    groups: Vec<Group>,
    latency: Latency,
    reasons: Vec<Reason>,
    insights: Vec<String>,
    batches: u64,
    /// Too large to be counted at a look.
    by_last_count: u64,
}

#[derive(Debug, Deserialize)]
struct Group {
    key: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Deserialize)]
struct Reason {
    messages: u64,
    words: String,
    advice: String,
}

#[derive(Debug, Deserialize)]
struct Account {
    time_zone: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    name: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Asked {
    days: Option<u32>,
    #[serde(default)]
    by: String,
}

struct Period {
    days: u32,
    name: &'static str,
    is_shown: bool,
}

struct Row {
    name: String,
    link: Option<String>,
    figures: Figures,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportsPage {
    shell: Shell,
    days: u32,
    by: &'static str,
    by_name: &'static str,
    form: Form,
    total: Figures,
    before: Option<String>,
    latency: Latency,
    steps: Vec<Step>,
    audience: u64,
    insights: Vec<String>,
    chart: Html,
    rows: Vec<Row>,
    /// Groups that aren't shown.
    more: Option<usize>,
    periods: Vec<Period>,
    reasons: Vec<Reason>,
    nothing: bool,
    by_last_count: u64,
}

impl ReportsPage {
    fn groups() -> Vec<Choice> {
        GROUPS
            .iter()
            .map(|(word, name)| Choice::new(*word, *name))
            .collect()
    }
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let days = asked
        .days
        .filter(|days| PERIODS.iter().any(|(known, _)| known == days));
    let days = days.unwrap_or(USUAL);
    let (by, by_name) = *GROUPS
        .iter()
        .find(|(word, _)| *word == asked.by)
        .unwrap_or(&GROUPS[0]);
    let account: Account = console.get(&who, "/v1/account").await?;
    let zone = TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC);
    let today = Timestamp::now().to_zoned(zone.clone()).date();
    let first = today.saturating_sub((i64::from(days) - 1).days());
    let from = first
        .to_zoned(zone)
        .map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp());
    let from = from.to_string();
    let of_days = path::with(
        "/v1/reports",
        &[("from", &from), ("by", "day"), ("previous", "true")],
    );
    let of_groups = path::with("/v1/reports", &[("from", &from), ("by", by)]);
    let (report, grouped): (Report, Report) =
        futures::try_join!(console.get(&who, &of_days), console.get(&who, &of_groups))?;
    let named = names(&console, &who, by).await?;
    let mut rows: Vec<Row> = grouped
        .groups
        .into_iter()
        .map(|group| row(by, group, &named))
        .collect();
    if by == "hour" {
        rows.reverse();
    } else {
        rows.sort_by_key(|row| std::cmp::Reverse(row.figures.accepted));
    }
    let more = rows.len().checked_sub(SHOWN).filter(|more| *more > 0);
    let periods = PERIODS.map(|(count, name)| Period {
        days: count,
        name,
        is_shown: count == days,
    });
    rows.truncate(SHOWN);
    Ok(page(&ReportsPage {
        shell: who.shell("Reports", PATH),
        days,
        by,
        by_name,
        form: Form::of([("by", by), ("days", days.to_string().as_str())]),
        before: report.previous.as_ref().map(Figures::rate),
        steps: report.funnel.steps(),
        audience: report.funnel.audience,
        chart: chart_of(&report.groups, first, today),
        nothing: report.batches == 0,
        by_last_count: report.by_last_count,
        total: report.total,
        latency: report.latency,
        insights: with_names(&console, &who, report.insights).await?,
        reasons: report.reasons,
        rows,
        more,
        periods: periods.into(),
    }))
}

/// Every day has its place, also one on which nothing was sent.
fn chart_of(groups: &[Group], first: Date, last: Date) -> Html {
    let of_day: BTreeMap<&str, &Figures> = groups
        .iter()
        .filter_map(|group| Some((group.key.as_deref()?, &group.figures)))
        .collect();
    let nothing = Figures::default();
    let mut bars = Vec::new();
    let mut day = first;
    while day <= last {
        let figures = of_day.get(day.to_string().as_str()).copied();
        bars.push(chart::Bar {
            label: day.strftime("%-d %b").to_string(),
            parts: figures.unwrap_or(&nothing).parts(),
        });
        match day.tomorrow() {
            Ok(tomorrow) => day = tomorrow,
            Err(_) => break,
        }
    }
    chart::bars("Messages by day", &bars)
}

/// The API names gateway accounts by their ids.
async fn with_names(
    console: &Console,
    who: &SignedIn,
    mut insights: Vec<String>,
) -> Result<Vec<String>, Refused> {
    if insights.iter().any(|said| said.contains("gwa_")) {
        for (id, name) in names(console, who, "gateway").await? {
            for said in &mut insights {
                *said = said.replace(&id, &name);
            }
        }
    }
    Ok(insights)
}

/// Of what has an id and a name.
async fn names(
    console: &Console,
    who: &SignedIn,
    by: &str,
) -> Result<BTreeMap<String, String>, Refused> {
    let path = match by {
        "gateway" => "/v1/gateways",
        "campaign" => "/v1/campaigns?limit=500",
        "template" => "/v1/templates?limit=500",
        _ => return Ok(BTreeMap::new()),
    };
    let listed: Listed<Named> = console.get(who, path).await?;
    Ok(listed.data.into_iter().map(|it| (it.id, it.name)).collect())
}

fn row(by: &str, group: Group, named: &BTreeMap<String, String>) -> Row {
    let Group { key, figures } = group;
    let Some(key) = key else {
        let name = match by {
            "campaign" => "Sent by API",
            "template" => "Without a template",
            "gateway" => "Without a gateway: never left, or simulated",
            "sender" => "Picked from several, or never tried",
            _ => "Not known",
        };
        return Row {
            name: name.to_owned(),
            link: None,
            figures,
        };
    };
    let known = named.get(&key);
    let name = match by {
        "country" => countries::name(&key).to_owned(),
        "status" => words::message(&key).label.to_owned(),
        "lane" => form::sentence(&key).trim_end_matches('.').to_owned(),
        // `2026-11-28T14:00+01:00`: the zone is the account's, which the page says.
        "hour" => key.get(..16).unwrap_or(&key).replace('T', ", "),
        _ => known.unwrap_or(&key).clone(),
    };
    let link = match by {
        "campaign" => Some(format!("/campaigns/{key}")),
        "gateway" => Some(format!("/gateways/{key}")),
        _ => None,
    };
    Row {
        name,
        link: link.filter(|_| known.is_some()),
        figures,
    }
}

#[cfg(test)]
mod tests {
    use super::{figures::tests::figures, *};

    #[test]
    fn a_day_on_which_nothing_was_sent_has_its_place_in_the_chart() {
        let group = Group {
            key: Some("2026-11-28".to_owned()),
            figures: figures(7, 9),
        };

        let chart = chart_of(
            &[group],
            "2026-11-26".parse().unwrap(),
            "2026-11-28".parse().unwrap(),
        );

        let chart = chart.to_string();
        for day in ["26 Nov", "27 Nov", "28 Nov"] {
            assert!(
                chart.contains(&format!("<th scope=\"row\">{day}</th>")),
                "{chart}"
            );
        }
        assert!(chart.contains("<td>7</td><td>0</td><td>2</td>"), "{chart}");
    }
}
