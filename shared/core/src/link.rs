//! Short links: a code of 8 characters for each recipient of a batch, and no row for any. Links have numbers; a batch takes a
//! block of them: a stretch for opting out, then one for each tracked link, and in each chunk after chunk and slot after slot.
//! A code is a keyed permutation of a number, so that none tells another.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::{
    chunk::CHUNK_SLOTS,
    keyed_hash::{self, DeploymentKey},
};

const DIGITS: usize = 8;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many links a deployment can have: 62^8.
pub const NUMBERS: u64 = 218_340_105_584_896;
/// What each link of a campaign takes, since it begins before its recipients are counted: sixty-seven million. There is room for
/// three million of them.
pub const STRETCH_OF_A_CAMPAIGN: u64 = 1 << 26;

const HALF_BITS: u32 = 24;
const HALF: u64 = (1 << HALF_BITS) - 1;
/// Luby and Rackoff's four are enough against who sees codes; eight are usual.
const ROUNDS: u8 = 8;

/// The links of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// What a code is put after, such as `https://example.com/l/`.
    pub base: String,
    /// The first number of its block.
    pub first: u64,
    /// How many numbers each of its links has: one for each recipient, and what is left over.
    #[serde(default = "stretch_of_a_campaign")]
    pub stretch: u64,
    /// Where its tracked links lead, `link_1` first, with placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Seconds for which tracked links lead there, from when the last of them may go out. Opting out has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<i64>,
}

/// What a recipient's link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    OptOut,
    /// Leads to this one of the targets, from 0.
    Lead(usize),
}

/// A link's place in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub chunk: u32,
    pub slot: u8,
}

/// Makes and reads codes.
#[derive(Clone)]
pub struct Codes(hmac::Key);

/// The links of a batch, with what makes their codes.
#[derive(Clone)]
pub struct LinkMaker {
    links: Links,
    codes: Codes,
}

impl LinkMaker {
    pub fn new(links: Links, key: &DeploymentKey) -> Self {
        let codes = Codes::new(key);
        Self { links, codes }
    }

    /// A recipient's links: the one to opt out by, then those that lead somewhere. `None` beyond the end of the numbers.
    pub fn urls(&self, place: Place) -> Option<Vec<String>> {
        let tracked = 0..self.links.targets.len();
        std::iter::once(Purpose::OptOut)
            .chain(tracked.map(Purpose::Lead))
            .map(|purpose| self.links.url(&self.codes, purpose, place))
            .collect()
    }
}

impl Links {
    /// Not numbered yet, and without tracked ones.
    pub fn at(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            first: 0,
            stretch: stretch_of_a_campaign(),
            targets: Vec::new(),
            valid_for: None,
        }
    }

    /// The numbers that they take.
    pub fn length(&self) -> u64 {
        self.stretch * (1 + self.targets.len() as u64)
    }

    /// A link that is as long as each of them, of which no one is it.
    pub fn sample(&self) -> String {
        format!("{}{}", self.base, "0".repeat(DIGITS))
    }

    /// Whose link a number is, and what it does; `None` for one that isn't of these.
    pub fn read(&self, number: u64) -> Option<(Purpose, Place)> {
        let index = number.checked_sub(self.first)?;
        let purpose = match usize::try_from(index / self.stretch).ok()? {
            0 => Purpose::OptOut,
            lead if lead <= self.targets.len() => Purpose::Lead(lead - 1),
            _ => return None,
        };
        Some((purpose, Place::at(index % self.stretch)?))
    }

    pub fn number(&self, purpose: Purpose, place: Place) -> Option<u64> {
        let stretches = match purpose {
            Purpose::OptOut => 0,
            Purpose::Lead(target) => 1 + target as u64,
        };
        let within = Some(place.index()).filter(|index| *index < self.stretch)?;
        self.first
            .checked_add(stretches * self.stretch)?
            .checked_add(within)
    }

    fn url(&self, codes: &Codes, purpose: Purpose, place: Place) -> Option<String> {
        let code = codes.code(self.number(purpose, place)?)?;
        Some(format!("{}{code}", self.base))
    }
}

fn stretch_of_a_campaign() -> u64 {
    STRETCH_OF_A_CAMPAIGN
}

impl Place {
    /// From the beginning of its block.
    pub fn index(self) -> u64 {
        u64::from(self.chunk) * CHUNK_SLOTS as u64 + u64::from(self.slot)
    }

    pub fn at(index: u64) -> Option<Self> {
        let slots = CHUNK_SLOTS as u64;
        Some(Self {
            chunk: u32::try_from(index / slots).ok()?,
            slot: u8::try_from(index % slots).ok()?,
        })
    }
}

/// What each link of an API send takes.
pub fn stretch_of(recipients: usize) -> u64 {
    (recipients.div_ceil(CHUNK_SLOTS) * CHUNK_SLOTS) as u64
}

impl Codes {
    pub fn new(key: &DeploymentKey) -> Self {
        let derived = key.hash(keyed_hash::Purpose::Link, &[]);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &derived))
    }

    /// `None` beyond the end of the numbers.
    pub fn code(&self, number: u64) -> Option<String> {
        if number >= NUMBERS {
            return None;
        }
        let mut mixed = self.mix(number);
        // What lies outside is mixed again until it doesn't, which keeps it a permutation.
        while mixed >= NUMBERS {
            mixed = self.mix(mixed);
        }
        Some(written(mixed))
    }

    /// `None` for what isn't a code.
    pub fn number(&self, code: &str) -> Option<u64> {
        let mut number = self.unmix(read(code)?);
        while number >= NUMBERS {
            number = self.unmix(number);
        }
        Some(number)
    }

    fn mix(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number >> HALF_BITS, number & HALF);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        left << HALF_BITS | right
    }

    fn unmix(&self, mixed: u64) -> u64 {
        let (mut left, mut right) = (mixed >> HALF_BITS, mixed & HALF);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        left << HALF_BITS | right
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let mut input = half.to_be_bytes();
        input[0] = round;
        let hash = hmac::sign(&self.0, &input);
        let hash = hash.as_ref();
        u64::from(hash[0]) << 16 | u64::from(hash[1]) << 8 | u64::from(hash[2])
    }
}

/// The highest digit first.
fn written(mut number: u64) -> String {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

fn read(code: &str) -> Option<u64> {
    if code.len() != DIGITS {
        return None;
    }
    code.bytes().try_fold(0, |number: u64, byte| {
        let digit = ALPHABET.iter().position(|digit| *digit == byte)?;
        Some(number * 62 + digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn codes() -> Codes {
        Codes::new(&DeploymentKey::from_secret("a secret of a test"))
    }

    proptest! {
        #[test]
        fn a_code_says_its_number_to_who_has_the_key(number in 0..NUMBERS) {
            let code = codes().code(number).unwrap();

            prop_assert_eq!(code.len(), DIGITS);
            prop_assert_eq!(codes().number(&code), Some(number));
        }

        #[test]
        fn a_links_number_says_what_it_does_and_for_whom(
            chunk in 0_u32..1 << 19, slot in 0_u8..100, lead in 0_usize..4, first in 0_u64..1 << 40,
        ) {
            let links = Links { first, targets: vec![String::new(); 3], ..Links::at("") };
            let purpose = lead.checked_sub(1).map_or(Purpose::OptOut, Purpose::Lead);
            let place = Place { chunk, slot };

            let number = links.number(purpose, place).unwrap();

            prop_assert_eq!(links.read(number), Some((purpose, place)));
            prop_assert!((first..first + links.length()).contains(&number));
        }

        #[test]
        fn a_place_is_found_by_its_index(chunk in 0_u32..1 << 24, slot in 0_u8..100) {
            let place = Place { chunk, slot };

            prop_assert_eq!(Place::at(place.index()), Some(place));
        }
    }

    #[test]
    fn neighbours_have_codes_with_nothing_in_common() {
        let all: HashSet<String> = (0..1_000)
            .map(|number| codes().code(number).unwrap())
            .collect();
        let beginnings: HashSet<&str> = all.iter().map(|code| &code[..3]).collect();

        assert_eq!(all.len(), 1_000);
        assert!(beginnings.len() > 950, "{} of 1,000", beginnings.len());
    }

    #[test]
    fn another_key_reads_another_number() {
        let code = codes().code(7).unwrap();

        let other = Codes::new(&DeploymentKey::from_secret("another"));

        assert_ne!(other.number(&code), Some(7));
    }

    #[test]
    fn what_is_no_code_has_no_number() {
        for code in [
            "",
            "1234567",
            "123456789",
            "1234567-",
            "1234567é",
            "../../..",
        ] {
            assert_eq!(codes().number(code), None, "{code}");
        }
        assert_eq!(codes().code(NUMBERS), None);
    }

    #[test]
    fn a_number_before_or_after_the_links_is_none_of_them() {
        let links = Links {
            first: 1_000,
            stretch: 100,
            targets: vec![String::new()],
            ..Links::at("")
        };

        assert_eq!(links.read(999), None);
        assert_eq!(links.read(1_200), None);
        assert!(links.read(1_199).is_some());
        let beyond = Place { chunk: 1, slot: 0 };
        assert_eq!(links.number(Purpose::OptOut, beyond), None);
    }

    #[test]
    fn a_stretch_has_room_for_the_last_recipient() {
        for (recipients, expected) in [(1, 100), (100, 100), (101, 200), (1_000, 1_000)] {
            assert_eq!(stretch_of(recipients), expected, "{recipients}");
        }
    }
}
