//! What a campaign will be, before it is: who gets it, what it costs, and all that was chosen, in sentences.

use std::collections::BTreeMap;

use carillon_core::reason::Reason;
use http::Method;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::{
    ask::Listed,
    console::Console,
    form::{self, Form},
    pages::{
        compose::{audience, file::Checked},
        error::Refused,
    },
    planned::{Line, Names, Planned},
    signed_in::SignedIn,
    ui,
};

#[derive(Default)]
pub struct Review {
    pub estimate: Option<Estimate>,
    pub texts: Vec<Rendered>,
    pub warnings: Vec<String>,
    /// Why it can't be started as it is.
    pub problem: Option<String>,
    pub lines: Vec<Line>,
    /// Of an audience that is a file.
    pub file: Option<Checked>,
}

#[derive(Debug, Deserialize)]
pub struct Estimate {
    pub recipients: u64,
    pub parts: u64,
    /// Millionths.
    pub cost: u64,
    pub parts_without_price: u64,
    pub held: BTreeMap<String, u64>,
    pub skipped: BTreeMap<String, u64>,
    pub looked_at: u64,
    pub complete: bool,
    pub problem: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Rendered {
    pub to: String,
    pub text: String,
    pub parts: u64,
    pub encoding: String,
}

#[derive(Debug, Deserialize)]
struct Preview {
    data: Vec<Rendered>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Deserialize)]
struct Warning {
    detail: String,
}

impl Estimate {
    pub fn price(&self) -> String {
        let cents = (self.cost + 5_000) / 10_000;
        format!("{}.{:02}", ui::count(cents / 100), cents % 100)
    }

    pub fn left_out(&self) -> u64 {
        self.skipped.values().sum()
    }

    pub fn waiting(&self) -> u64 {
        self.held.values().sum()
    }

    pub fn why_left_out(&self) -> String {
        Self::words(&self.skipped)
    }

    pub fn why_waiting(&self) -> String {
        Self::words(&self.held)
    }

    fn words(counts: &BTreeMap<String, u64>) -> String {
        let words = counts.keys().map(|reason| {
            let known = reason.parse::<Reason>();
            known.map_or_else(
                |_| reason.replace('_', " "),
                |known| known.facts().words.to_owned(),
            )
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            return "nobody".to_owned();
        }
        words.join(", ")
    }
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct All<T> {
    data: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct Account {
    time_zone: String,
}

pub async fn review(
    console: &Console,
    who: &SignedIn,
    path: &str,
    planned: &Planned,
) -> Result<Review, Refused> {
    let form = Form::of(audience::fields(&planned.audience));
    let (lines, file) = futures::try_join!(
        lines(console, who, planned),
        Checked::of(console, who, &form)
    )?;
    let begun = Review {
        lines,
        file: file.and_then(Result::ok),
        ..Review::default()
    };
    let ask = |what: &str| console.ask(who, Method::POST, &format!("{path}/{what}"));
    let looked = futures::try_join!(
        ask("estimate").answer::<Estimate>(),
        ask("preview").answer::<Preview>(),
    );
    match looked {
        Ok((estimate, Preview { data, warnings })) => Ok(Review {
            estimate: Some(estimate),
            texts: data,
            warnings: warnings.into_iter().map(|it| it.detail).collect(),
            ..begun
        }),
        Err(refused) if refused.belongs_to_form() => Ok(Review {
            problem: Some(form::sentence(&refused.detail)),
            ..begun
        }),
        Err(refused) => Err(refused),
    }
}

/// All that was chosen.
async fn lines(console: &Console, who: &SignedIn, planned: &Planned) -> Result<Vec<Line>, Refused> {
    let account: Account = console.get(who, "/v1/account").await?;
    let clock = TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC);
    let mut names = Names::new();
    if planned.audience.named().next().is_some() {
        let (lists, segments): (Listed<Named>, All<Named>) = futures::try_join!(
            console.get(who, "/v1/lists?limit=100"),
            console.get(who, "/v1/segments"),
        )?;
        let named = lists.data.into_iter().chain(segments.data);
        names.extend(named.map(|it| (it.id, it.name)));
    }
    Ok(planned.lines(&names, &clock))
}
