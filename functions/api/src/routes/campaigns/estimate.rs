//! What a campaign will be: recipients, parts and money by country, and who will be held or skipped and why. Counted over all of
//! a small audience, and by a sample of a large one.

use std::collections::{BTreeMap, HashMap, HashSet};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    campaign::Campaign,
    content::Texts,
    frame::Recipient,
    hours::{Hours, HoursKey, hours_key},
    id::CampaignId,
    moment::Moment,
    phone::{Country, Phone},
    reason::Reason,
    routing::{Destination, Routing},
    rules::Class,
    safeguards::{NeedsConsent, Safeguards, Subject, Verdict},
    segments::segment,
    template::RenderError,
    zones::Zone,
};
use carillon_runtime::{
    input::InPath,
    principal::{May, ReadCampaigns},
    problem::{Code, Problem},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    find,
    ready::{self, Ready},
    sample::{Limits, Row, Sample, sample},
};
use crate::{pin, routes::segments::count::scaled, services::Api, time};

/// Rows that are read, at most.
const ROWS: usize = 10_000;
const BYTES: u64 = 1 << 20;

#[derive(Debug, Serialize, ToSchema)]
pub struct Estimate {
    /// Who would get a message, at once or when it may be sent.
    recipients: u64,
    /// SMS of all texts, as gateways bill them.
    parts: u64,
    /// In millionths of your currency, by what routes and gateways cost; parts without a price are not in it.
    cost: u64,
    /// Parts that no route and no gateway has a price for.
    parts_without_price: u64,
    countries: Vec<CountryEstimate>,
    /// Of the recipients: who would wait, by reason.
    held: BTreeMap<String, u64>,
    /// Who would get nothing, by reason. How much marketing somebody got lately is looked at when the campaign is prepared, not here.
    skipped: BTreeMap<String, u64>,
    /// Of these, where it is about the country: by reason, how many in which. Numbers of no country are left out.
    skipped_by_country: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows or contacts that the numbers were made from.
    looked_at: usize,
    /// All of the audience was looked at; if not, the numbers are scaled up from a part of it.
    complete: bool,
    /// Why there is no way out at the moment, and so no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The same as a problem's `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_code: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CountryEstimate {
    /// Absent: numbers of no country.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    recipients: u64,
    parts: u64,
    cost: u64,
}

/// What of each message is counted.
#[derive(Default)]
struct Tally {
    recipients: usize,
    parts: u64,
    cost: u64,
    without_price: u64,
}

struct Estimating<'a> {
    campaign: &'a Campaign,
    texts: &'a Texts,
    safeguards: Safeguards,
    routing: Option<Routing>,
    opted_out: HashSet<Phone>,
    /// Who agreed, where the account asks for that.
    agreed: Option<HashSet<String>>,
    hash: &'a (dyn Fn(Phone) -> String + Sync),
    spread: &'a (dyn Fn(Phone) -> u64 + Sync),
    at: Timestamp,
    hours: HashMap<HoursKey, Option<Hours>>,
    seen: HashSet<Phone>,
    countries: BTreeMap<Option<String>, Tally>,
    held: BTreeMap<String, usize>,
    skipped: BTreeMap<String, usize>,
    skipped_by_country: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

/// What a campaign would be if it began now, or at its time.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/estimate", operation_id = "estimateCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The estimate", body = Estimate)),
)]
pub async fn estimate(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    let Ready { wording, .. } = ready::to_begin(&api, &campaign).await?;
    let limits = Limits {
        good: ROWS,
        rows: ROWS,
        bytes: BYTES,
    };
    let Sample {
        rows,
        excluded,
        share,
    } = Box::pin(sample(&api, &campaign, &wording.texts, limits)).await?;
    let (routing, problem) = routing(&api, &campaign).await?;
    let spread = |number| api.key.spread(campaign.account, number);
    let safeguards = api.safeguards.find(campaign.account).await?;
    let hash = |number| api.key.number(campaign.account, number);
    let mut estimating = Estimating {
        campaign: &campaign,
        texts: &wording.texts,
        agreed: agreed(&api, &campaign, &safeguards, &rows).await?,
        hash: &hash,
        safeguards,
        routing,
        opted_out: opted_out(&api, &campaign, &rows).await?,
        spread: &spread,
        at: campaign.begins(time::now()),
        hours: HashMap::new(),
        seen: HashSet::new(),
        countries: BTreeMap::new(),
        held: BTreeMap::new(),
        skipped: BTreeMap::new(),
        skipped_by_country: BTreeMap::new(),
    };
    let looked_at = rows.len();
    for row in rows {
        estimating.add(row);
    }
    if excluded > 0 {
        estimating.skipped.insert("excluded".to_owned(), excluded);
    }
    let mut estimate = estimating.scaled(share, looked_at);
    (estimate.problem, estimate.problem_code) = problem.unzip();
    Ok(Json(estimate).into_response())
}

/// Where there is no way out, the texts are counted all the same.
async fn routing(
    api: &Api,
    campaign: &Campaign,
) -> Result<(Option<Routing>, Option<(String, &'static str)>), Problem> {
    if campaign.test {
        return Ok((None, None));
    }
    let wanted = pin::Wanted {
        mode: Mode::Live,
        lane: campaign.lane,
        sender: campaign.sender.as_ref(),
        recipients: None,
    };
    match pin::pin(api, campaign.account, wanted).await {
        Ok(pinned) => Ok((Some(pinned.routing), None)),
        Err(problem)
            if matches!(
                problem.code,
                Code::NoGateway | Code::NoRoute | Code::SendingStopped
            ) =>
        {
            Ok((None, Some((problem.detail, problem.code.as_str()))))
        }
        Err(problem) => Err(problem),
    }
}

async fn opted_out(
    api: &Api,
    campaign: &Campaign,
    rows: &[Row],
) -> Result<HashSet<Phone>, Problem> {
    let numbers = rows.iter().filter_map(|row| row.recipient.as_ref().ok());
    let by_hash: HashMap<String, Phone> = numbers
        .map(|it| (api.key.number(campaign.account, it.number), it.number))
        .collect();
    let hashes: Vec<&str> = by_hash.keys().map(String::as_str).collect();
    let out = api.suppressions.among(campaign.account, &hashes).await?;
    Ok(out
        .iter()
        .filter_map(|hash| by_hash.get(hash).copied())
        .collect())
}

/// The hashes of those who agreed; `None` where nobody has to.
async fn agreed(
    api: &Api,
    campaign: &Campaign,
    safeguards: &Safeguards,
    rows: &[Row],
) -> Result<Option<HashSet<String>>, Problem> {
    let marketing = campaign.class == Class::Marketing && !campaign.test;
    if !marketing || safeguards.marketing_needs_consent == NeedsConsent::Off {
        return Ok(None);
    }
    let numbers = rows.iter().filter_map(|row| row.recipient.as_ref().ok());
    let hashes: HashSet<String> = numbers
        .map(|it| api.key.number(campaign.account, it.number))
        .collect();
    let hashes = hashes.into_iter().collect();
    let begins = campaign.begins(time::now());
    let agreed = api.consents.agreed(campaign.account, hashes, begins);
    Ok(Some(agreed.await?))
}

impl Estimating<'_> {
    fn add(&mut self, row: Row) {
        let recipient = match row.recipient {
            Ok(recipient) => recipient,
            Err(error) => return self.skip(error.code),
        };
        let parts = match self.parts(&recipient) {
            Ok(parts) => parts,
            Err(RenderError::MissingValue { .. }) => return self.skip("missing_value"),
            Err(RenderError::TooLong { .. }) => return self.skip("text_too_long"),
        };
        if !self.seen.insert(recipient.number) {
            return self.skip("duplicate");
        }
        if self.opted_out.contains(&recipient.number) {
            return self.skip("opted_out");
        }
        let lacks = |agreed: &HashSet<String>| !agreed.contains(&(self.hash)(recipient.number));
        if self.agreed.as_ref().is_some_and(lacks) {
            return self.skip(Reason::NoConsent.code());
        }
        match self.verdict(&recipient, row.zone) {
            Verdict::Go => {}
            Verdict::Wait(_, reason) => {
                *self.held.entry(reason.code().to_owned()).or_default() += 1;
            }
            Verdict::End(_, reason) => return self.skip_there(reason, recipient.country),
        }
        let cost = match self.cost_of_part(&recipient) {
            Ok(cost) => cost,
            Err(reason) => return self.skip_there(reason, recipient.country),
        };
        let country = recipient.country.map(|country| country.to_string());
        let tally = self.countries.entry(country).or_default();
        tally.recipients += 1;
        tally.parts += u64::from(parts);
        match cost {
            Some(cost) => tally.cost += cost * u64::from(parts),
            None => tally.without_price += u64::from(parts),
        }
    }

    fn skip(&mut self, code: &str) {
        *self.skipped.entry(code.to_owned()).or_default() += 1;
    }

    /// With where it is, if that is the reason.
    fn skip_there(&mut self, reason: Reason, country: Option<Country>) {
        let code = reason.code();
        let is_about_it = matches!(reason, Reason::NoRoute | Reason::GeoBlocked);
        if let Some(country) = country.filter(|_| is_about_it) {
            let countries = self.skipped_by_country.entry(code).or_default();
            *countries.entry(country.to_string()).or_default() += 1;
        }
        self.skip(code);
    }

    fn parts(&self, recipient: &Recipient) -> Result<u32, RenderError> {
        let value = |name: &str| recipient.vars.get(name).map(String::as_str);
        Ok(segment(&self.texts.render(value, None)?).parts)
    }

    /// What a test key sends never leaves, so nothing keeps it.
    fn verdict(&mut self, recipient: &Recipient, zone: Option<Zone>) -> Verdict {
        if self.campaign.test {
            return Verdict::Go;
        }
        let key = hours_key(recipient.number, recipient.country, zone);
        let read = |key: &HoursKey| key.to_string().parse().ok();
        let hours = self.hours.entry(key).or_insert_with_key(read);
        let subject = Subject {
            class: self.campaign.class,
            country: recipient.country,
            hours: hours.as_ref(),
            sender: self.campaign.sender.as_ref(),
            campaign: Some(self.campaign.id),
            quiet_hours: self.campaign.policies.quiet_hours,
            local: None,
        };
        let local = self.campaign.wanted_at.and_then(Moment::local);
        let theirs = local.and_then(|local| hours.as_ref()?.reach(local));
        self.safeguards.verdict(&subject, theirs.unwrap_or(self.at))
    }

    /// By the first way that is tried while all is well.
    fn cost_of_part(&self, recipient: &Recipient) -> Result<Option<u64>, Reason> {
        let Some(routing) = &self.routing else {
            return Ok(None);
        };
        let to = Destination {
            number: recipient.number,
            country: recipient.country,
            spread: (self.spread)(recipient.number),
        };
        let ways = routing.ways(&to, |_| 0)?;
        Ok(ways.first().and_then(|way| way.cost))
    }

    fn scaled(self, share: f64, looked_at: usize) -> Estimate {
        let all = |count: usize| scaled(count, share);
        let sum = |amount: u64| all(usize::try_from(amount).unwrap_or(usize::MAX));
        let words = |counts: BTreeMap<String, usize>| {
            let counts = counts.into_iter();
            counts.map(|(word, count)| (word, all(count))).collect()
        };
        let there = |(reason, countries): (&str, BTreeMap<String, usize>)| {
            (reason.to_owned(), words(countries))
        };
        let mut estimate = Estimate {
            recipients: 0,
            parts: 0,
            cost: 0,
            parts_without_price: 0,
            countries: Vec::new(),
            held: words(self.held),
            skipped: words(self.skipped),
            skipped_by_country: self.skipped_by_country.into_iter().map(there).collect(),
            looked_at,
            complete: share >= 1.0,
            problem: None,
            problem_code: None,
        };
        for (country, tally) in self.countries {
            let line = CountryEstimate {
                country,
                recipients: all(tally.recipients),
                parts: sum(tally.parts),
                cost: sum(tally.cost),
            };
            estimate.recipients += line.recipients;
            estimate.parts += line.parts;
            estimate.cost += line.cost;
            estimate.parts_without_price += sum(tally.without_price);
            estimate.countries.push(line);
        }
        estimate
    }
}
