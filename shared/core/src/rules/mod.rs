//! What countries and states ask of who texts people there, as data: `data/sending-rules.json`. Each record says from what it is
//! taken, how sure that is, and when somebody last looked. A country without a record has the default's, and a warning.

mod holidays;
mod opt_out;
mod sender;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::LazyLock};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{hours::Week, phone::Country, zones::State};

pub use holidays::Calendar;
pub use opt_out::OptOutText;
pub use sender::{NameRule, SenderProblem, SenderRule, Use, can_be_answered};

const DATA: &str = include_str!("../../data/sending-rules.json");
/// A record that nobody looked at for longer may be wrong by now.
const FRESH_DAYS: i32 = 365;

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Sells something; all rules apply.
    Marketing,
    /// Answers what its recipient did: a one-time password, a parcel. No sending hours, no frequency caps.
    Transactional,
}

/// How sure a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The law's own text, or the network's or vendor's own documentation.
    Official,
    /// What others write about it.
    Secondary,
    /// Sources say different things.
    Disputed,
    /// Working knowledge that was not checked again.
    Recalled,
    /// No source gives hours: they are our choice.
    Ours,
}

/// What holds in some countries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// None: the default.
    #[serde(default)]
    pub countries: Vec<Country>,
    /// When marketing may be sent, by the recipient's clock.
    pub hours: Week,
    /// Days without marketing.
    #[serde(default)]
    pub holidays: Option<Calendar>,
    pub sender: SenderRule,
    #[serde(default)]
    pub registration: Vec<Registration>,
    #[serde(default)]
    pub opt_out: Option<OptOutText>,
    #[serde(default)]
    pub verified_at: Option<Date>,
    pub confidence: Confidence,
    pub source: String,
}

/// What has to be registered before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub scheme: String,
    pub what: String,
    /// What becomes of texts without it.
    pub without: String,
    /// Ids that every submission has to carry.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// What a state of the United States asks beyond the country's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRule {
    pub state: State,
    pub hours: Week,
    #[serde(default)]
    pub frequency: Option<StateFrequency>,
    pub verified_at: Date,
    pub confidence: Confidence,
    pub source: String,
}

/// Marketing texts to one number, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateFrequency {
    pub messages: u32,
    pub hours: u32,
}

/// Why a country's record shouldn't be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "warning")]
pub enum Warning {
    /// There is none: the default holds.
    NoRecord,
    /// Nobody looked for over a year.
    Stale { verified_at: Date },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    default: Rule,
    countries: Vec<Rule>,
    states: Vec<StateRule>,
    high_risk: HighRisk,
}

/// Where fraud by pumped traffic is common.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "who changes the list needs them")]
struct HighRisk {
    countries: Vec<Country>,
    verified_at: Date,
    confidence: Confidence,
    source: String,
}

struct Rules {
    document: Document,
    by_country: HashMap<Country, usize>,
}

/// Read at first use, in well under a millisecond.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let document: Document = serde_json::from_str(DATA).expect("a test reads it");
    let rules = document.countries.iter().enumerate();
    let by_country =
        rules.flat_map(|(place, rule)| rule.countries.iter().map(move |country| (*country, place)));
    Rules {
        by_country: by_country.collect(),
        document,
    }
});

/// The rule of a country; the default where none is known, and for numbers of no country.
pub fn of_country(country: Option<Country>) -> &'static Rule {
    let document = &RULES.document;
    let place = country.and_then(|country| RULES.by_country.get(&country));
    place.map_or(&document.default, |place| &document.countries[*place])
}

/// Every record, for those who want to read them.
pub fn all() -> &'static [Rule] {
    &RULES.document.countries
}

pub fn of_state(state: State) -> Option<&'static StateRule> {
    states().iter().find(|rule| rule.state == state)
}

pub fn states() -> &'static [StateRule] {
    &RULES.document.states
}

/// Whether pumped traffic is common there, so that allowing it deserves a second look.
pub fn is_high_risk(country: Country) -> bool {
    RULES.document.high_risk.countries.contains(&country)
}

impl Rule {
    pub fn warning(&self, now: Timestamp) -> Option<Warning> {
        let Some(verified_at) = self.verified_at else {
            return Some(Warning::NoRecord);
        };
        let age = (now.to_zoned(TimeZone::UTC).date() - verified_at).get_days();
        (age > FRESH_DAYS).then_some(Warning::Stale { verified_at })
    }
}
