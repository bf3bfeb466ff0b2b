//! The attributes of a gateway account's rate item. Tokens are kept in microseconds, what people see in milliseconds.

use carillon_core::{
    breaker::{Breaker, Opening},
    phone::Country,
    rate::{Limits, Pace, RateState, Slowed},
    reason::Reason,
};
use jiff::Timestamp;

use crate::{
    StoreError,
    item::{Item, ReadItem},
};

/// One attribute for each sender.
const SENDER: &str = "by ";

/// One attribute for each country that numbers are led away from it.
const AWAY: &str = "away ";

pub fn of_country(country: Country) -> String {
    format!("{AWAY}{country}")
}

pub fn of_sender(sender: &str) -> String {
    format!("{SENDER}{sender}")
}

pub fn read(item: Option<&Item>) -> Result<RateState, StoreError> {
    let Some(item) = item else {
        return Ok(RateState::default());
    };
    let small = |name: &str| match item.find_number(name)? {
        Some(_) => item.number(name).map(Some),
        None => Ok::<Option<u32>, StoreError>(None),
    };
    Ok(RateState {
        version: small("version")?.unwrap_or(0),
        limits: Limits {
            parts_per_second: small("parts_per_second")?,
            sender_parts_per_second: small("sender_parts_per_second")?,
        },
        disabled: item.find("disabled").is_some(),
        record: small("record_version")?.unwrap_or(0),
        slowed: slowed(item)?,
        breaker: Breaker {
            openings: small("openings")?.unwrap_or(0),
            since: item.find_time("changed_at")?,
            open: opening(item)?,
        },
        taken: moment(item, "taken_until")?,
        jumped: moment(item, "jumped_until")?,
        senders: item
            .keys()
            .filter_map(|name| Some((name, name.strip_prefix(SENDER)?)))
            .map(|(name, sender)| Ok((sender.to_owned(), moment(item, name)?)))
            .collect::<Result<_, StoreError>>()?,
        away: item
            .keys()
            .filter_map(|name| Some((name, Country::parse(name.strip_prefix(AWAY)?).ok()?)))
            .map(|(name, country)| Ok((country, item.number(name)?)))
            .collect::<Result<_, StoreError>>()?,
    })
}

fn slowed(item: &Item) -> Result<Option<Slowed>, StoreError> {
    let Some(at) = item.find_time("slowed_at")? else {
        return Ok(None);
    };
    let to = Pace::of_thousandths(item.number("slowed_to")?);
    Ok(Some(Slowed { to, at }))
}

fn opening(item: &Item) -> Result<Option<Opening>, StoreError> {
    let Some(until) = item.find_time("open_until")? else {
        return Ok(None);
    };
    let reason = Reason::from_byte(item.number("open_reason")?);
    Ok(Some(Opening {
        until,
        reason: reason.ok_or_else(|| StoreError::corrupt("attribute `open_reason`"))?,
        probed_until: item.find_time("probed_until")?,
    }))
}

fn moment(item: &Item, name: &str) -> Result<Timestamp, StoreError> {
    let microseconds = item.find_number(name)?.unwrap_or(0);
    Timestamp::from_microsecond(microseconds)
        .map_err(|_| StoreError::corrupt(format!("attribute `{name}`")))
}
