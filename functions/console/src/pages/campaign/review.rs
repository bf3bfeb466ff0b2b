//! What a campaign will be, before it is: who gets it, what it costs, and all that was chosen, in sentences.

use std::collections::BTreeMap;

use carillon_core::reason::Reason;
use http::Method;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::{
    ask::Listed,
    console::Console,
    countries,
    form::{self, Form},
    money,
    pages::{
        compose::{audience, file::Checked},
        error::Refused,
    },
    plain::{self, Way},
    planned::{Line, Names, Planned},
    signed_in::SignedIn,
    ui,
};

pub struct Review {
    /// The account's.
    pub clock: TimeZone,
    pub estimate: Option<Estimate>,
    pub texts: Vec<Rendered>,
    pub warnings: Vec<String>,
    /// Why it can't be started as it is.
    pub problem: Option<Trouble>,
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
    skipped_by_country: BTreeMap<String, BTreeMap<String, u64>>,
    pub looked_at: u64,
    pub complete: bool,
    problem: Option<String>,
    problem_code: Option<String>,
}

/// Why something can't be done, and the page that mends it.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub words: String,
    pub way: Option<Way>,
}

impl Trouble {
    pub fn of(refused: &Refused) -> Self {
        Self::new(&refused.code, &refused.detail)
    }

    fn new(code: &str, detail: &str) -> Self {
        Self {
            words: form::sentence(&plain::words(code, detail)),
            way: plain::way_out(code),
        }
    }

    /// Of a campaign from this sender, which is named where it may be the reason.
    #[must_use]
    pub fn sent_as(mut self, sender: Option<&str>) -> Self {
        if let Some(sender) = sender {
            let named = format!("the sender “{sender}”");
            self.words = self.words.replacen("this sender", &named, 1);
        }
        self
    }
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
        let price = match cents {
            // Of a cent or less, its fractions count.
            ..=1 => money::shown(self.cost),
            _ => format!("{}.{:02}", ui::count(cents / 100), cents % 100),
        };
        money::told(price, self.cost, self.parts_without_price)
    }

    pub fn left_out(&self) -> u64 {
        self.skipped.values().sum()
    }

    pub fn waiting(&self) -> u64 {
        self.held.values().sum()
    }

    /// What has no way out, and what may not go where it should.
    pub fn troubles(&self, sender: Option<&str>) -> Vec<Trouble> {
        let all = self.problem.as_ref().map(|detail| {
            let code = self.problem_code.as_deref().unwrap_or_default();
            Trouble::new(code, detail).sent_as(sender)
        });
        let there = |reason: Reason, code: &str, words: &str| {
            let countries = self.skipped_by_country.get(reason.code())?;
            let words = format!("{words} {}.", named(countries));
            Some(Trouble {
                words,
                way: plain::way_out(code),
            })
        };
        let no_route = "None of your routes has a gateway for numbers in";
        let not_allowed = "Your account doesn't send to";
        let some = [
            there(Reason::NoRoute, "no_route", no_route),
            there(Reason::GeoBlocked, "country_not_allowed", not_allowed),
        ];
        all.into_iter().chain(some.into_iter().flatten()).collect()
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

/// `France (12), Spain (3)`: those with the most people first.
fn named(countries: &BTreeMap<String, u64>) -> String {
    let mut countries: Vec<_> = countries.iter().collect();
    countries.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = countries
        .into_iter()
        .map(|(code, count)| format!("{} ({})", countries::name(code), ui::count(count)));
    named.collect::<Vec<_>>().join(", ")
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
    let ((lines, clock), file) = futures::try_join!(
        lines(console, who, planned),
        Checked::of(console, who, &form)
    )?;
    let begun = Review {
        clock,
        lines,
        file: file.and_then(Result::ok),
        estimate: None,
        texts: Vec::new(),
        warnings: Vec::new(),
        problem: None,
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
            problem: Some(Trouble::of(&refused).sent_as(planned.sender.as_deref())),
            ..begun
        }),
        Err(refused) => Err(refused),
    }
}

/// All that was chosen, by the account's clock.
async fn lines(
    console: &Console,
    who: &SignedIn,
    planned: &Planned,
) -> Result<(Vec<Line>, TimeZone), Refused> {
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
    Ok((planned.lines(&names, &clock), clock))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn estimate(more: &serde_json::Value) -> Estimate {
        let mut document = json!({
            "recipients": 2, "parts": 2, "cost": 0, "parts_without_price": 2, "held": {}, "skipped": {}, "skipped_by_country": {},
            "looked_at": 2, "complete": true,
        });
        let more = more.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(more);
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn who_has_no_gateway_is_named_with_the_way_out() {
        for (name, more, words, path) in [
            (
                "all",
                json!({"problem": "`POST /v1/routes/explain` tells why", "problem_code": "no_route"}),
                "none of your routes is for the sender “ACME”",
                "/routes",
            ),
            (
                "some countries",
                json!({"skipped_by_country": {"gateway.no_route": {"FR": 3, "ES": 12}}}),
                "has a gateway for numbers in Spain (12), France (3).",
                "/routes",
            ),
            (
                "where nothing may go",
                json!({"skipped_by_country": {"policy.geo_blocked": {"FR": 3}}}),
                "Your account doesn't send to France (3).",
                "/settings/countries",
            ),
        ] {
            let troubles = estimate(&more).troubles(Some("ACME"));

            let [trouble] = troubles.as_slice() else {
                panic!("{name}: {} troubles", troubles.len());
            };
            assert!(trouble.words.contains(words), "{name}: {}", trouble.words);
            assert_eq!(trouble.way.map(|way| way.path), Some(path), "{name}");
        }
        assert!(estimate(&json!({})).troubles(None).is_empty());
    }
}
