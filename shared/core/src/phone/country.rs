//! Countries by their two letters.

use std::fmt;

use rlibphonenumber::Region;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use thiserror::Error;

/// ISO 3166-1 alpha-2 (249 codes, ISO Online Browsing Platform), and the three that libphonenumber's data adds:
/// AC Ascension, TA Tristan da Cunha, XK Kosovo.
const CODES: &str = "\
    AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT \
    TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// A country: two upper-case letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "that isn't a country; write the two letters of ISO 3166-1, such as `GB` (not `UK`) or `US`"
)]
pub struct UnknownCountry;

impl Country {
    pub(super) const GREAT_BRITAIN: Country = Country(*b"GB");
    pub const UNITED_STATES: Country = Country(*b"US");

    /// Reads two letters, upper or lower case.
    pub fn parse(text: &str) -> Result<Country, UnknownCountry> {
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| UnknownCountry)?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        if CODES.as_bytes().chunks(3).any(|known| known[..2] == code) {
            Ok(Country(code))
        } else {
            Err(UnknownCountry)
        }
    }

    pub fn all() -> impl Iterator<Item = Country> {
        CODES
            .as_bytes()
            .chunks(3)
            .map(|code| Country([code[0], code[1]]))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }

    /// Both are upper-case.
    pub(crate) fn letters(self) -> [u8; 2] {
        self.0
    }

    /// `None` for the numbers that belong to the whole world.
    pub(super) fn of_region(region: Region) -> Option<Country> {
        let letters = (region as u16).to_be_bytes();
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Country(letters))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Country, D::Error> {
        deserializer.deserialize_str(TwoLetters)
    }
}

struct TwoLetters;

impl Visitor<'_> for TwoLetters {
    type Value = Country;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a country, two letters of ISO 3166-1")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Country, E> {
        Country::parse(text).map_err(E::custom)
    }
}
