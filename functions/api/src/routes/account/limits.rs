//! Spending caps and frequency caps, as requests and answers say them.

use std::collections::BTreeMap;

use carillon_core::{
    limits::{
        frequency::FrequencyCap,
        spend::{Period, SpendCaps, Spent},
    },
    phone::Country,
    safeguards::{self, Safeguards},
};
use carillon_runtime::problem::Problem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check;

const MOST_FREQUENCIES: usize = 5;
/// Hours that a frequency cap looks back at most: recipient files of that long are read for each audience.
const LONGEST_HOURS: u32 = 31 * 24;

/// In hundredths of a cap.
const WORTH_A_WARNING: u64 = 50;

/// In millionths of your currency; without one, there is no cap. Prices are those of routes and gateways: while there is a cap, what has
/// no price waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Spending {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hour: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<u64>,
    /// Beside these, by country.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    countries: BTreeMap<String, Caps>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hour: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<u64>,
}

/// The caps, and what was reserved of them in the periods that last.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpendingView {
    #[serde(flatten)]
    caps: Spending,
    reserved: Reserved,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Reserved {
    hour: u64,
    day: u64,
    month: u64,
}

/// So many messages in so many hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    #[schema(minimum = 1, maximum = 200)]
    messages: u32,
    #[schema(minimum = 1, maximum = 744)]
    hours: u32,
}

impl From<FrequencyCap> for Frequency {
    fn from(FrequencyCap { messages, hours }: FrequencyCap) -> Self {
        Self { messages, hours }
    }
}

impl From<Caps> for SpendCaps {
    fn from(Caps { hour, day, month }: Caps) -> Self {
        Self { hour, day, month }
    }
}

impl From<SpendCaps> for Caps {
    fn from(SpendCaps { hour, day, month }: SpendCaps) -> Self {
        Self { hour, day, month }
    }
}

impl Spending {
    pub fn check(self, pointer: &str) -> Result<safeguards::Spending, Problem> {
        let Self {
            hour,
            day,
            month,
            countries,
        } = self;
        let read = |(code, caps): (String, Caps)| {
            let at = format!("{pointer}/countries/{code}");
            let country = Country::parse(&code).map_err(|error| check::content(&at, &error))?;
            Ok::<_, Problem>((country, caps.into()))
        };
        Ok(safeguards::Spending {
            account: SpendCaps { hour, day, month },
            countries: countries.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

impl SpendingView {
    pub fn of(safeguards: &Safeguards, spent: &Spent, now: Timestamp) -> Self {
        let clock = safeguards.clock();
        let reserved = |period: Period| {
            let current = period.around(now, &clock).map(|(since, _)| since);
            let reserved = spent
                .of(period)
                .filter(|it| current.is_some_and(|since| it.since >= since));
            reserved.map_or(0, |reserved| reserved.amount)
        };
        let safeguards::Spending { account, countries } = &safeguards.spend;
        let countries = countries.iter();
        Self {
            caps: Spending {
                hour: account.hour,
                day: account.day,
                month: account.month,
                countries: countries
                    .map(|(country, caps)| (country.to_string(), (*caps).into()))
                    .collect(),
            },
            reserved: Reserved {
                hour: reserved(Period::Hour),
                day: reserved(Period::Day),
                month: reserved(Period::Month),
            },
        }
    }
}

/// The caps of which half or more is used.
pub fn nearly_spent(
    safeguards: &Safeguards,
    spent: &Spent,
    now: Timestamp,
) -> impl Iterator<Item = String> {
    let (caps, clock) = (&safeguards.spend.account, safeguards.clock());
    Period::ALL.into_iter().filter_map(move |period| {
        let used = spent.used(caps, period, &clock, now)?;
        let name = period.as_str();
        (used >= WORTH_A_WARNING).then(|| {
            format!("{used} % of the cap for the {name} is used; at 100, what is left waits")
        })
    })
}

pub fn checked_frequency(
    pointer: &str,
    caps: Vec<Frequency>,
) -> Result<Vec<FrequencyCap>, Problem> {
    if caps.len() > MOST_FREQUENCIES {
        let words = format!("{} given; {MOST_FREQUENCIES} are allowed", caps.len());
        return Err(check::content(pointer, &words));
    }
    let read = |(place, Frequency { messages, hours }): (usize, Frequency)| {
        if (1..=200).contains(&messages) && (1..=LONGEST_HOURS).contains(&hours) {
            return Ok(FrequencyCap { messages, hours });
        }
        let words = format!("expected 1 to 200 messages in 1 to {LONGEST_HOURS} hours");
        Err(check::content(&format!("{pointer}/{place}"), &words))
    };
    caps.into_iter().enumerate().map(read).collect()
}
