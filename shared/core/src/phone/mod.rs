//! Phone numbers in E.164. What people type or export goes in through `Phone::parse`, by libphonenumber's rules and data;
//! what we stored ourselves comes back through `Phone::from_e164`, by shape alone, so that `send` never loads that data.
//! A `Phone` masks itself in `Display` and `Debug`; only `e164`, `digits` and serde tell the number.

mod clean;
mod country;
mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, Region, ValidationError,
};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

pub use country::{Country, UnknownCountry};
pub use error::PhoneError;

/// The longest number that E.164 allows, country code included.
const MAX_DIGITS: usize = 15;
/// The shortest number that we take for one; the shortest in use have 7 digits (Niue, Saint Helena).
const MIN_DIGITS: usize = 7;
/// 07700 9xxxxx in Great Britain. Ofcom keeps its first thousand for drama, libphonenumber's data counts none of them as
/// in use, and they are what tests and demonstrations send to. (The simulated gateway's +1 500 555 00xx are valid by the data.)
const FICTITIOUS: RangeInclusive<u64> = 447_700_900_000..=447_700_999_999;

/// A number in E.164, kept as its digits without the `+`. Between 7 and 15 digits, the first not zero.
///
/// Ordered by value, which is what sorted recipient files are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u64);

impl Phone {
    /// Stands where a number was erased, and is nobody's: no text and no digits are read as it.
    pub const NOBODY: Phone = Phone(0);
    /// No number comes before, or after.
    #[expect(clippy::cast_possible_truncation, reason = "15 at most")]
    pub const LOWEST: Phone = Phone(10_u64.pow(MIN_DIGITS as u32 - 1));
    #[expect(clippy::cast_possible_truncation, reason = "15 at most")]
    pub const HIGHEST: Phone = Phone(10_u64.pow(MAX_DIGITS as u32) - 1);

    /// Reads a number as people write it; one without `+` only where `default` says which country it belongs to.
    pub fn parse(text: &str, default: Option<Country>) -> Result<Phone, PhoneError> {
        Phone::parse_located(text, default).map(|(phone, _)| phone)
    }

    /// As `parse`, with the country that the number belongs to, which the check has found out anyway.
    /// `None` for numbers of no country, such as +883 and +800.
    pub fn parse_located(
        text: &str,
        default: Option<Country>,
    ) -> Result<(Phone, Option<Country>), PhoneError> {
        let cleaned = clean::clean(text)?;
        if !cleaned.is_international() && default.is_none() {
            return Err(PhoneError::NoCountryCode);
        }
        let region = default.and_then(|country| Region::from_code(country.as_str()).ok());
        let number = PHONE_NUMBER_UTIL
            .parse(cleaned.as_str(), region)
            .map_err(|error| refusal(&error))?;
        let phone = join(&number).ok_or(PhoneError::TooLong)?;
        if FICTITIOUS.contains(&phone.0) {
            return Ok((phone, Some(Country::GREAT_BRITAIN)));
        }
        match number.get_region_code() {
            Some(region) if number.is_valid_for_region(region) => {
                Ok((phone, Country::of_region(region)))
            }
            _ => Err(unassigned(&number)),
        }
    }

    /// Reads a number that was parsed before: `+` and 7 to 15 digits, the first not zero. Looks at the shape alone.
    pub fn from_e164(text: &str) -> Result<Phone, PhoneError> {
        let digits = text
            .strip_prefix('+')
            .ok_or(PhoneError::NotE164)?
            .as_bytes();
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) || digits[0] == b'0' {
            return Err(PhoneError::NotE164);
        }
        let mut value = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(PhoneError::NotE164);
            }
            value = value * 10 + u64::from(digit - b'0');
        }
        Ok(Phone(value))
    }

    /// The number whose digits these are; `None` where no number has so few or so many.
    pub fn from_digits(digits: u64) -> Option<Phone> {
        let length = digits
            .checked_ilog10()
            .map_or(1, |power| power as usize + 1);
        (MIN_DIGITS..=MAX_DIGITS)
            .contains(&length)
            .then_some(Phone(digits))
    }

    /// The digits, country code first, without the `+`.
    pub fn digits(self) -> u64 {
        self.0
    }

    /// The number in full, `+447700900123`. For gateways and files, never for logs.
    pub fn e164(self) -> String {
        format!("+{}", self.0)
    }

    /// The country that the number belongs to, by libphonenumber's data (loaded at first use).
    pub fn country(self) -> Option<Country> {
        if FICTITIOUS.contains(&self.0) {
            return Some(Country::GREAT_BRITAIN);
        }
        let number = PHONE_NUMBER_UTIL.parse(self.e164(), None).ok()?;
        Country::of_region(number.get_region_code()?)
    }
}

/// The digits of a parsed number in one value: country code, the zeros that belong to it (Italy), national number.
fn join(number: &PhoneNumber) -> Option<Phone> {
    let national = number.national_number;
    let zeros = match number.italian_leading_zero {
        Some(true) => u32::try_from(number.number_of_leading_zeros.unwrap_or(1)).ok()?,
        _ => 0,
    };
    let length = national.checked_ilog10().map_or(1, |power| power + 1) + zeros;
    let code = u64::try_from(number.country_code).ok()?;
    let shifted = 10_u64.checked_pow(length)?.checked_mul(code)?;
    Phone::from_digits(shifted.checked_add(national)?)
}

fn refusal(error: &ParseError) -> PhoneError {
    match error {
        ParseError::InvalidCountryCode => PhoneError::UnknownCountryCode,
        ParseError::NotANumber(_) => PhoneError::NotANumber,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneError::TooShort,
        ParseError::TooLongNsn => PhoneError::TooLong,
    }
}

/// Why a number that could be read isn't one that can be called.
fn unassigned(number: &PhoneNumber) -> PhoneError {
    match number.is_possible_with_reason() {
        Err(ValidationError::TooShort) | Ok(NumberLengthType::IsPossibleLocalOnly) => {
            PhoneError::TooShort
        }
        Err(ValidationError::TooLong) => PhoneError::TooLong,
        Err(ValidationError::InvalidCountryCode) => PhoneError::UnknownCountryCode,
        Err(ValidationError::InvalidLength) => PhoneError::WrongLength,
        Ok(NumberLengthType::IsPossible) => PhoneError::NotInUse,
    }
}

/// The first two and the last three digits: `+44*****123`. Of numbers under ten digits, the last one only.
impl fmt::Display for Phone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(power) = self.0.checked_ilog10() else {
            return formatter.write_str("nobody");
        };
        let length = power + 1;
        let start = self.0 / 10_u64.pow(length - 2);
        if length < 10 {
            return write!(formatter, "+{start}*****{}", self.0 % 10);
        }
        write!(formatter, "+{start}*****{:03}", self.0 % 1000)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// In full: this is how numbers are stored.
impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("+{}", self.0))
    }
}

impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Phone, D::Error> {
        deserializer.deserialize_str(E164)
    }
}

struct E164;

impl Visitor<'_> for E164 {
    type Value = Phone;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a phone number in E.164, such as `+` and 12 digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Phone, E> {
        Phone::from_e164(text).map_err(E::custom)
    }
}
