//! What countries and states ask of who texts people there: the same records that sending goes by. Needs no key.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use carillon_core::{
    phone::Country,
    rules::{self, Calendar, Confidence, OptOutText, Registration, Rule, StateRule, Use, Warning},
    zones,
};
use carillon_runtime::{
    input::InPath,
    problem::{Code, Problem},
};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::time;

/// What holds in some countries.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// ISO 3166-1. None: it holds in all that have no record of their own.
    countries: Vec<String>,
    /// When marketing may be sent, by the recipient's clock: `{"mon-fri": "09:00-18:00"}`. A day that isn't named has none.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    hours: Value,
    /// Whose public holidays have no marketing.
    #[serde(skip_serializing_if = "Option::is_none")]
    holidays: Option<&'static str>,
    sender: SenderRule,
    /// What has to be registered before anything is sent.
    registration: Vec<RegistrationView>,
    /// By which words a text of marketing has to say how to opt out.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_out: Option<OptOutView>,
    /// Of the United States: what a state asks beyond that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    states: Vec<StateView>,
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<Date>,
    confidence: ConfidenceWord,
    source: &'static str,
    /// Why it shouldn't be relied on.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SenderRule {
    /// Such as `ACME`.
    names: NameRule,
    numbers: UseWord,
}

#[derive(Debug, Serialize, ToSchema)]
struct NameRule {
    r#use: UseWord,
    /// Characters at least,
    shortest: usize,
    /// and at most.
    longest: usize,
    /// What a name of marketing ends with.
    #[serde(skip_serializing_if = "Option::is_none")]
    marketing_suffix: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UseWord {
    Allowed,
    /// Once it is registered.
    Registered,
    Refused,
}

#[derive(Debug, Serialize, ToSchema)]
struct RegistrationView {
    scheme: &'static str,
    what: &'static str,
    /// What becomes of texts without it.
    without: &'static str,
    /// Ids that every submission has to carry.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'static [String],
}

#[derive(Debug, Serialize, ToSchema)]
struct OptOutView {
    /// An `x` among digits is any digit.
    text: &'static str,
    needed: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct StateView {
    #[schema(value_type = String, example = "FL")]
    state: zones::State,
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    hours: Value,
    /// Marketing texts to one number at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency: Option<FrequencyView>,
    #[schema(value_type = String, format = Date)]
    verified_at: Date,
    confidence: ConfidenceWord,
    source: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct FrequencyView {
    messages: u32,
    hours: u32,
}

/// How sure a record is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConfidenceWord {
    /// The law's own text, or the network's or vendor's own documentation.
    Official,
    /// What others write about it.
    Secondary,
    /// Sources say different things.
    Disputed,
    /// Working knowledge that was not checked again.
    Recalled,
    /// No source gives hours: they are Carillon's choice.
    Ours,
}

/// A rule as it holds in one country.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountryRule {
    country: String,
    /// The time zones that its numbers may be in.
    time_zones: Vec<&'static str>,
    /// Whether traffic is often pumped there for money, so that allowing it deserves a second look.
    high_risk: bool,
    #[serde(flatten)]
    rule: RuleView,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Rules {
    /// What holds where there is no record.
    default: RuleView,
    data: Vec<RuleView>,
}

impl RuleView {
    fn new(rule: &'static Rule, now: Timestamp) -> Self {
        let Rule {
            countries,
            hours,
            holidays,
            sender,
            registration,
            opt_out,
            verified_at,
            confidence,
            source,
        } = rule;
        let american = countries.contains(&Country::UNITED_STATES);
        let states = rules::states().iter().filter(|_| american);
        Self {
            countries: countries.iter().map(ToString::to_string).collect(),
            hours: json(hours),
            holidays: holidays.map(|calendar| match calendar {
                Calendar::France => "FR",
            }),
            sender: SenderRule {
                names: NameRule {
                    r#use: sender.names.usage.into(),
                    shortest: sender.names.shortest,
                    longest: sender.names.longest,
                    marketing_suffix: sender.names.marketing_suffix.as_deref(),
                },
                numbers: sender.numbers.into(),
            },
            registration: registration.iter().map(Into::into).collect(),
            opt_out: opt_out.as_ref().map(Into::into),
            states: states.map(Into::into).collect(),
            verified_at: *verified_at,
            confidence: (*confidence).into(),
            source,
            warning: rule.warning(now).map(words),
        }
    }
}

fn json(hours: &carillon_core::hours::Week) -> Value {
    serde_json::to_value(hours).expect("a week is an object of strings")
}

fn words(warning: Warning) -> String {
    match warning {
        Warning::NoRecord => {
            "No rule of the country is known. Its hours are careful ones; ask your gateway about senders and registration."
                .to_owned()
        }
        Warning::Stale { verified_at } => format!(
            "Nobody looked at it since {verified_at}. Ask your gateway before you rely on it."
        ),
    }
}

impl From<Use> for UseWord {
    fn from(usage: Use) -> Self {
        match usage {
            Use::Allowed => Self::Allowed,
            Use::Registered => Self::Registered,
            Use::Refused => Self::Refused,
        }
    }
}

impl From<Confidence> for ConfidenceWord {
    fn from(confidence: Confidence) -> Self {
        match confidence {
            Confidence::Official => Self::Official,
            Confidence::Secondary => Self::Secondary,
            Confidence::Disputed => Self::Disputed,
            Confidence::Recalled => Self::Recalled,
            Confidence::Ours => Self::Ours,
        }
    }
}

impl From<&'static Registration> for RegistrationView {
    fn from(registration: &'static Registration) -> Self {
        let Registration {
            scheme,
            what,
            without,
            fields,
        } = registration;
        Self {
            scheme,
            what,
            without,
            fields,
        }
    }
}

impl From<&'static OptOutText> for OptOutView {
    fn from(OptOutText { text, needed }: &'static OptOutText) -> Self {
        Self { text, needed }
    }
}

impl From<&'static StateRule> for StateView {
    fn from(rule: &'static StateRule) -> Self {
        let StateRule {
            state,
            hours,
            frequency,
            verified_at,
            confidence,
            source,
        } = rule;
        Self {
            state: *state,
            hours: json(hours),
            frequency: frequency.map(|cap| FrequencyView {
                messages: cap.messages,
                hours: cap.hours,
            }),
            verified_at: *verified_at,
            confidence: (*confidence).into(),
            source,
        }
    }
}

/// What countries ask of who texts people there: hours, senders, registration, words to opt out by. Data, not advice: each record says
/// what it is taken from, how sure that is, and when somebody last looked.
#[utoipa::path(
    get, path = "/v1/rules", operation_id = "listRules", tag = "rules",
    security(()),
    responses((status = 200, description = "All of them", body = Rules)),
)]
pub async fn list() -> Response {
    let now = time::now();
    let data = rules::all().iter().map(|rule| RuleView::new(rule, now));
    Json(Rules {
        default: RuleView::new(rules::of_country(None), now),
        data: data.collect(),
    })
    .into_response()
}

/// What one country asks. One without a record has the default's, and a warning.
#[utoipa::path(
    get, path = "/v1/rules/{country}", operation_id = "getRule", tag = "rules",
    security(()),
    params(("country" = String, Path, description = "Two letters of ISO 3166-1")),
    responses((status = 200, description = "The country's", body = CountryRule)),
)]
pub async fn get(InPath(country): InPath<String>) -> Result<Response, Problem> {
    let country = Country::parse(&country).map_err(|_| {
        let detail = "There is no such country. Write two letters of ISO 3166-1, such as `FR`.";
        Problem::new(Code::NotFound, detail)
    })?;
    let zones = zones::of_country(country);
    Ok(Json(CountryRule {
        country: country.to_string(),
        time_zones: zones.iter().map(|zone| zone.as_str()).collect(),
        high_risk: rules::is_high_risk(country),
        rule: RuleView::new(rules::of_country(Some(country)), time::now()),
    })
    .into_response())
}
