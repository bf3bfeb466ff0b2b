//! Short links: a code of 8 characters for each recipient of a batch, and no row for any. Links have numbers; a batch takes a
//! block of them, chunk after chunk and slot after slot; a code is a keyed permutation of a number, so that none tells another.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::{
    chunk::CHUNK_SLOTS,
    keyed_hash::{DeploymentKey, Purpose},
};

const DIGITS: usize = 8;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many links a deployment can have: 62^8.
pub const NUMBERS: u64 = 218_340_105_584_896;
/// What a campaign takes, since it begins before its recipients are counted: sixty-seven million. There is room for three
/// million campaigns.
pub const BLOCK_OF_A_CAMPAIGN: u64 = 1 << 26;

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

    /// The link of a recipient; `None` beyond the end of the numbers.
    pub fn url(&self, place: Place) -> Option<String> {
        self.links.url(&self.codes, place)
    }
}

impl Links {
    /// A link that is as long as each of them, of which no one is it.
    pub fn sample(&self) -> String {
        format!("{}{}", self.base, "0".repeat(DIGITS))
    }

    fn url(&self, codes: &Codes, place: Place) -> Option<String> {
        let code = codes.code(self.first.checked_add(place.index())?)?;
        Some(format!("{}{code}", self.base))
    }
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

/// What an API send takes.
pub fn block_of(recipients: usize) -> u64 {
    (recipients.div_ceil(CHUNK_SLOTS) * CHUNK_SLOTS) as u64
}

impl Codes {
    pub fn new(key: &DeploymentKey) -> Self {
        let derived = key.hash(Purpose::Link, &[]);
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
    fn a_block_has_room_for_the_last_recipient() {
        for (recipients, expected) in [(1, 100), (100, 100), (101, 200), (1_000, 1_000)] {
            assert_eq!(block_of(recipients), expected, "{recipients}");
        }
    }
}
