//! Why a text isn't a phone number, in words for whoever typed or exported it. No message holds the number.

use thiserror::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum PhoneError {
    #[error("the phone number is empty; fill it in or leave the recipient out")]
    Empty,
    #[error(
        "the phone number was damaged by a spreadsheet, which kept only its first digits; format the column as text and export the original numbers again"
    )]
    Damaged,
    #[error(
        "the phone number has no country code; write it as `+`, country code and number, or set a default country"
    )]
    NoCountryCode,
    #[error(
        "the phone number begins with a country code that doesn't exist; write it as `+`, country code and number"
    )]
    UnknownCountryCode,
    #[error(
        "the phone number contains something other than digits, spaces, dashes, dots and parentheses; write one number and nothing else"
    )]
    NotANumber,
    #[error("the phone number is too short for its country; check that no digits are missing")]
    TooShort,
    #[error(
        "the phone number is too long for its country; check for digits too many, or two numbers in one place"
    )]
    TooLong,
    #[error(
        "the phone number has a length that its country doesn't use; check that no digits are missing"
    )]
    WrongLength,
    #[error("the phone number is in no range that its country uses; check it for mistyped digits")]
    NotInUse,
    #[error(
        "the phone number isn't in E.164; write it as `+`, country code and number, 7 to 15 digits and nothing else"
    )]
    NotE164,
}

impl PhoneError {
    /// The stable code of this error in row errors and API answers.
    pub fn code(self) -> &'static str {
        match self {
            PhoneError::Empty => "missing_phone",
            PhoneError::Damaged => "damaged_number",
            PhoneError::NoCountryCode => "no_country_code",
            PhoneError::UnknownCountryCode
            | PhoneError::NotANumber
            | PhoneError::TooShort
            | PhoneError::TooLong
            | PhoneError::WrongLength
            | PhoneError::NotInUse
            | PhoneError::NotE164 => "invalid_phone",
        }
    }
}
