//! `/v1/account`: the account itself, and what it lets leave.

mod limits;
pub mod replies;
mod retention;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    hours::Week,
    id::{AccountId, CampaignId},
    limits::{
        destinations::{Caution, Destinations, caution},
        switches,
    },
    phone::Country,
    rules,
    safeguards::{self, Safeguards},
    zones::Zone,
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadAccount, WriteAccount},
    problem::Problem,
};
use carillon_store::{accounts::Account, records::Stale};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::{
    limits::{Frequency, Spending, SpendingView},
    retention::{RetentionChange, RetentionView},
};
use crate::{act, check, edit, fields::given, services::Api, time};

#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    #[schema(value_type = String)]
    id: AccountId,
    name: String,
    /// Where its hours, days and months begin.
    time_zone: String,
    /// Countries that may be sent to: a list, or `all`.
    #[schema(value_type = CountriesDescription)]
    countries: Destinations,
    switches: Switches,
    /// Narrower than the sending hours of the rules.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<Week>,
    spending: SpendingView,
    frequency: Vec<Frequency>,
    velocity: bool,
    marketing_needs_consent: NeedsConsent,
    retention: RetentionView,
    /// What whoever is responsible should look at.
    warnings: Vec<WarningView>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

/// What is stopped at once, whatever else would allow it. What is stopped ends as `suppressed`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// Everything.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    countries: Vec<Country>,
    /// As recipients see them, in any letters.
    #[serde(default)]
    senders: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    campaigns: Vec<CampaignId>,
}

/// `all`, or countries by their two letters.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Countries)]
#[expect(dead_code, reason = "only its description is used")]
enum CountriesDescription {
    All(String),
    Only(Vec<String>),
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WarningView {
    /// Which it is about; without one, it is about all.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    /// `high_risk`, `no_rules`, `stale_rules` or `spending`.
    code: &'static str,
    words: String,
}

/// What is left out stays; what is given replaces what was there. `time_zone` and `hours` are taken back by `null`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct AccountChange {
    /// As members see it, and as `{{account}}` in what handsets are answered.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// A name of the IANA database, such as `Europe/Paris`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<Zone>>,
    #[schema(value_type = Option<CountriesDescription>)]
    countries: Option<Destinations>,
    switches: Option<Switches>,
    /// By day: `{"mon-fri": "10:00-19:00"}`. A day that isn't named is closed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    hours: Option<Option<Week>>,
    spending: Option<Spending>,
    /// Marketing to one number, at most; all of them hold. An empty list: without a limit.
    #[schema(max_items = 5)]
    frequency: Option<Vec<Frequency>>,
    /// Whether one-time passwords are kept from going too often to one number, or to many numbers in a row.
    velocity: Option<bool>,
    /// Whether marketing goes to those only who agreed to it, by `POST /v1/consents` or `POST /v1/opt-ins`.
    marketing_needs_consent: Option<NeedsConsent>,
    /// What is left out of it stays. What is older by then is forgotten within a day.
    retention: Option<RetentionChange>,
}

/// What becomes of marketing to a number without a consent record that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NeedsConsent {
    /// It is sent: consents are kept elsewhere.
    Off,
    /// It isn't sent.
    Skip,
}

impl From<NeedsConsent> for safeguards::NeedsConsent {
    fn from(given: NeedsConsent) -> Self {
        match given {
            NeedsConsent::Off => Self::Off,
            NeedsConsent::Skip => Self::Skip,
        }
    }
}

impl From<safeguards::NeedsConsent> for NeedsConsent {
    fn from(kept: safeguards::NeedsConsent) -> Self {
        match kept {
            safeguards::NeedsConsent::Off => Self::Off,
            safeguards::NeedsConsent::Skip => Self::Skip,
        }
    }
}

impl From<Switches> for switches::Switches {
    fn from(given: Switches) -> Self {
        let Switches {
            all,
            countries,
            senders,
            campaigns,
        } = given;
        Self {
            account: all,
            countries: countries.into_iter().collect(),
            senders: senders.into_iter().collect(),
            campaigns: campaigns.into_iter().collect(),
        }
    }
}

impl From<switches::Switches> for Switches {
    fn from(kept: switches::Switches) -> Self {
        let switches::Switches {
            account,
            countries,
            senders,
            campaigns,
        } = kept;
        Self {
            all: account,
            countries: countries.into_iter().collect(),
            senders: senders.into_iter().collect(),
            campaigns: campaigns.into_iter().collect(),
        }
    }
}

/// The account, and what it lets leave.
#[utoipa::path(
    get, path = "/v1/account", operation_id = "getAccount", tag = "account",
    security(("key" = ["account:read"])),
    responses((status = 200, description = "The account as it is now", body = AccountView, headers(("ETag" = String)))),
)]
pub async fn get(State(api): State<Api>, who: May<ReadAccount>) -> Result<Response, Problem> {
    let safeguards = api.safeguards.find(who.account).await?;
    answer(&api, safeguards).await
}

/// Changes the account's name, and what it lets leave. It acts within seconds, also on what is running.
#[utoipa::path(
    patch, path = "/v1/account", operation_id = "changeAccount", tag = "account",
    security(("key" = ["account:write"])),
    params(("If-Match" = String, Header, description = "The `ETag` of the account that you read, or `*`")),
    request_body = AccountChange,
    responses((status = 200, description = "The account as it is now", body = AccountView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteAccount>,
    headers: HeaderMap,
    Input { mut value, .. }: Input<AccountChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "account")?;
    who.must_be_live()?;
    let before = api.safeguards.find(who.account).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("account"));
    }
    let name = value.name.take();
    let name = name.map(|name| check::name("/name", &name)).transpose()?;
    let after = changed(before, value)?;
    let audit = act::audit(&who, "account.change", who.account, time::now());
    let written = match name {
        Some(name) => {
            let change = api.safeguards.change_and_name(&after, &name, &audit);
            change.await?
        }
        None => api.safeguards.change(&after, &audit).await?,
    };
    written.map_err(|Stale| edit::stale("account"))?;
    answer(&api, after).await
}

fn changed(mut safeguards: Safeguards, change: AccountChange) -> Result<Safeguards, Problem> {
    let AccountChange {
        name: _,
        time_zone,
        countries,
        switches,
        hours,
        spending,
        frequency,
        velocity,
        marketing_needs_consent,
        retention,
    } = change;
    safeguards.time_zone = time_zone.unwrap_or(safeguards.time_zone);
    safeguards.destinations = countries.unwrap_or(safeguards.destinations);
    if let Some(switches) = switches {
        safeguards.switches = switches.into();
    }
    if let Some(hours) = hours {
        if hours.is_some_and(|week| week.is_empty()) {
            let words = "every day is closed; name the hours of at least one, or give `null`";
            return Err(check::content("/hours", &words));
        }
        safeguards.hours = hours;
    }
    if let Some(spending) = spending {
        safeguards.spend = spending.check("/spending")?;
    }
    if let Some(caps) = frequency {
        safeguards.frequency = limits::checked_frequency("/frequency", caps)?;
    }
    safeguards.velocity = velocity.unwrap_or(safeguards.velocity);
    if let Some(needs) = marketing_needs_consent {
        safeguards.marketing_needs_consent = needs.into();
    }
    if let Some(retention) = retention {
        safeguards.retention = retention.check("/retention", safeguards.retention)?;
    }
    retention::keeps_enough(&safeguards)?;
    safeguards.version += 1;
    Ok(safeguards)
}

async fn answer(api: &Api, safeguards: Safeguards) -> Result<Response, Problem> {
    let account = api.accounts.find(safeguards.account).await?;
    let account = account.ok_or_else(|| Problem::not_found("account"))?;
    let Account {
        id,
        name,
        created,
        quotas: _,
    } = account;
    let now = time::now();
    let spent = api.spending.look(safeguards.account, None).await?;
    let spending = SpendingView::of(&safeguards, &spent, now);
    let mut warnings = warnings(&safeguards.destinations, now);
    warnings.extend(
        limits::nearly_spent(&safeguards, &spent, now).map(|words| WarningView {
            country: None,
            code: "spending",
            words,
        }),
    );
    let clock = safeguards.time_zone.map_or("UTC", Zone::as_str);
    let Safeguards {
        account: _,
        time_zone: _,
        destinations,
        switches,
        hours,
        spend: _,
        frequency,
        velocity,
        marketing_needs_consent,
        retention,
        version,
    } = safeguards;
    let view = AccountView {
        id,
        name,
        time_zone: clock.to_owned(),
        warnings,
        countries: destinations,
        switches: switches.into(),
        hours,
        spending,
        frequency: frequency.into_iter().map(Frequency::from).collect(),
        velocity,
        marketing_needs_consent: marketing_needs_consent.into(),
        retention: retention.into(),
        created,
    };
    let tag = [(header::ETAG, edit::etag(version))];
    Ok((tag, Json(view)).into_response())
}

/// Of countries that were allowed one by one: who allows all has chosen not to look.
fn warnings(destinations: &Destinations, now: Timestamp) -> Vec<WarningView> {
    let Destinations::Only(countries) = destinations else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    for country in countries {
        let mut warn = |code, words: &str| {
            warnings.push(WarningView {
                country: Some(*country),
                code,
                words: words.to_owned(),
            });
        };
        if caution(*country) == Caution::HighRisk {
            warn(
                "high_risk",
                "pumped traffic is common there; give it a spending cap of its own",
            );
        }
        match rules::of_country(Some(*country)).warning(now) {
            Some(rules::Warning::NoRecord) => {
                warn(
                    "no_rules",
                    "nothing is known of its sending rules; careful defaults hold",
                );
            }
            Some(rules::Warning::Stale { .. }) => {
                warn(
                    "stale_rules",
                    "nobody has looked at its sending rules for over a year",
                );
            }
            None => {}
        }
    }
    warnings
}
