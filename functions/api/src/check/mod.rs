//! What a request says, checked field by field before anything is done.

mod file;
mod recipients;

use std::collections::BTreeSet;

use carillon_core::{
    id::GatewayAccountId,
    originator::Originator,
    phone::{Country, Phone},
};
use carillon_runtime::problem::{Code, FieldError, Problem};
use carillon_store::gateway_accounts::GatewayRecord;
use jiff::{SignedDuration, Timestamp};

pub use self::{
    file::{FILE_START, file, lines, open_file, recipients_of_lines, whole_lines},
    recipients::{Place, distinct, recipients, to},
};

/// Seconds: a minute to a week.
const VALIDITY: std::ops::RangeInclusive<i64> = 60..=7 * 24 * 3_600;
/// How far ahead something may be planned.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);

pub fn sender(pointer: &str, sender: Option<String>) -> Result<Option<Originator>, Problem> {
    let read = |sender: String| sender.parse().map_err(|error| content(pointer, &error));
    sender.map(read).transpose()
}

pub fn country(pointer: &str, country: Option<&str>) -> Result<Option<Country>, Problem> {
    let read = |text| Country::parse(text).map_err(|error| content(pointer, &error));
    country.map(read).transpose()
}

/// 1 to 100 characters.
pub fn name(pointer: &str, name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if (1..=100).contains(&name.chars().count()) {
        return Ok(name.to_owned());
    }
    Err(content(pointer, &"expected 1 to 100 characters"))
}

/// 1 to 64 characters without spaces, such as an id that others gave.
pub fn word(pointer: &str, word: String) -> Result<String, Problem> {
    let fits = (1..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(word).ok_or_else(|| {
        content(
            pointer,
            &"expected 1 to 64 letters, digits and signs, no spaces",
        )
    })
}

/// Countries, each once.
pub fn countries(pointer: &str, codes: &[String]) -> Result<Vec<Country>, Problem> {
    let read = |(place, code): (usize, &String)| {
        Country::parse(code).map_err(|error| content(&format!("{pointer}/{place}"), &error))
    };
    let countries: Result<BTreeSet<Country>, Problem> =
        codes.iter().enumerate().map(read).collect();
    Ok(countries?.into_iter().collect())
}

/// That it is one of the account's gateways.
pub fn gateway(
    known: &[GatewayRecord],
    pointer: &str,
    id: GatewayAccountId,
) -> Result<(), Problem> {
    if known.iter().any(|gateway| gateway.id == id) {
        return Ok(());
    }
    Err(content(
        pointer,
        &"there is no such gateway; `GET /v1/gateways` lists them",
    ))
}

/// A number in E.164, or of a country.
pub fn number(pointer: &str, number: &str, country: Option<Country>) -> Result<Phone, Problem> {
    located(pointer, number, country).map(|(phone, _)| phone)
}

/// The same, with the country that it belongs to.
pub fn located(
    pointer: &str,
    number: &str,
    country: Option<Country>,
) -> Result<(Phone, Option<Country>), Problem> {
    Phone::parse_located(number, country).map_err(|error| {
        let error = FieldError::new(pointer, error.code(), error);
        Problem::of_fields(Code::InvalidPhone, vec![error])
    })
}

/// Seconds that a message may wait.
pub fn validity(pointer: &str, seconds: Option<i64>) -> Result<SignedDuration, Problem> {
    let Some(seconds) = seconds else {
        return Ok(carillon_core::batch::DEFAULT_VALIDITY);
    };
    if VALIDITY.contains(&seconds) {
        return Ok(SignedDuration::from_secs(seconds));
    }
    let (least, most) = (VALIDITY.start(), VALIDITY.end());
    Err(content(
        pointer,
        &format!("expected {least} to {most} seconds"),
    ))
}

/// A time to come.
pub fn time(pointer: &str, time: Timestamp, now: Timestamp) -> Result<Timestamp, Problem> {
    if time <= now {
        return Err(content(
            pointer,
            &"the time is over; give a later one, or none to begin at once",
        ));
    }
    if time > now + AHEAD {
        return Err(content(
            pointer,
            &"the time is more than a year ahead; give an earlier one",
        ));
    }
    Ok(crate::time::whole(time))
}

pub fn content(pointer: &str, words: &dyn std::fmt::Display) -> Problem {
    let error = FieldError::new(pointer, Code::InvalidContent.as_str(), words);
    Problem::of_fields(Code::InvalidContent, vec![error])
}
