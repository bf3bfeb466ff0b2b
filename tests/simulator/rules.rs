//! How the gateway behaves, as set by `POST /_sim/rules`. A document replaces the one before:
//!
//! ```json
//! {
//!   "seed": 7,
//!   "deduplicates": true,
//!   "visible_after_ms": 500,
//!   "rules": [
//!     {"suffix": ["07", "19"], "first": 1, "answer": "throttle", "retry_after": 2},
//!     {"share": 0.1, "receipts": ["!REJECTD", "DELIVRD", "ACCEPTD"], "delay_ms": [0, 200]},
//!     {"latency_ms": [5, 20]}
//!   ]
//! }
//! ```
//!
//! - `seed` (0): another seed picks other numbers for the same shares. All draws are functions of seed, rule and number,
//!   so a run repeats.
//! - `deduplicates` (false): an id that was accepted or refused before gets that answer again and is not sent again.
//! - `visible_after_ms` (0): how long `GET /message` goes on saying 404 for a message that was accepted.
//! - `rules`: who a rule is for, and what it sets. Each behaviour comes from the first rule that is for the number and
//!   sets that behaviour, so rules add up. `{"rules": []}` accepts and delivers everything.
//!
//! Who (all that are given must hold; none given: everyone):
//! - `share`: this part of all numbers, 0 to 1. `suffix`: numbers that end in one of these.
//! - `first`: only the first n requests for a number, so that a retry fares better.
//!
//! What about `POST /send`:
//! - `latency_ms` (`[0, 0]`): the answer comes this late. What is accepted counts as accepted at once.
//! - `answer` (`accept`): see `Answer`. `retry_after` (1): seconds, sent with `throttle`.
//!
//! What about receipts:
//! - `receipts` (`["DELIVRD"]`): posted one after the other, each when the one before was acknowledged. None: `[]`; twice:
//!   the same word twice; out of order: `["DELIVRD", "ACCEPTD"]`; unknown: `["WEIRD"]`; forged: a word that
//!   begins with `!` has a wrong signature.
//! - `delay_ms` (`[500, 3000]`): from acceptance to the first receipt.
//! - `early` (false): the first receipt is posted at once, and `/send` is answered after it.
//!
//! Without any document: `Rules::default`.

use std::time::Duration;

use serde::Deserialize;

use crate::answer::Answer;
use crate::chance;
use crate::receipt::Receipt;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    pub deduplicates: bool,
    #[serde(default)]
    pub visible_after_ms: u64,
    #[serde(rename = "rules")]
    list: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rule {
    share: Option<f64>,
    suffix: Vec<String>,
    first: Option<u32>,
    latency_ms: Option<[u64; 2]>,
    answer: Option<Answer>,
    retry_after: Option<u32>,
    receipts: Option<Vec<Receipt>>,
    delay_ms: Option<[u64; 2]>,
    early: Option<bool>,
}

/// What one request will meet.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub latency: Duration,
    pub answer: Answer,
    pub retry_after: u32,
    pub receipts: Vec<Receipt>,
    pub delay: Duration,
    pub early: bool,
}

/// Draws for different purposes must not agree with each other.
const LATENCY: u64 = 1 << 32;
const DELAY: u64 = 2 << 32;

impl Default for Rules {
    /// An ordinary day: about 94% delivered, 3% undelivered, 1.5% expired, 1.5% refused.
    fn default() -> Self {
        Self::parse(
            br#"{"rules": [
                {"share": 0.015, "answer": "refuse"},
                {"share": 0.0305, "receipts": ["UNDELIV"]},
                {"share": 0.0157, "receipts": ["EXPIRED"]}
            ]}"#,
        )
        .expect("the text above is a valid document")
    }
}

impl Rules {
    /// The error is a sentence for the author of the document.
    pub fn parse(document: &[u8]) -> Result<Self, String> {
        let rules: Self = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        for (index, rule) in rules.list.iter().enumerate() {
            rule.check()
                .map_err(|wrong| format!("rules[{index}]: {wrong}"))?;
        }
        Ok(rules)
    }

    /// Whether the request with this ordinal is cut off before its body, and so its number, was read.
    pub fn drops_unread(&self, ordinal: u64) -> bool {
        self.list.iter().zip(0..).any(|(rule, salt)| {
            rule.answer == Some(Answer::DropUnread) && rule.draws(self.seed, salt, ordinal)
        })
    }

    /// `nth` counts the requests for this number, from 1.
    pub fn plan(&self, number: u64, nth: u32) -> Plan {
        let mine: Vec<&Rule> = self
            .list
            .iter()
            .zip(0..)
            .filter(|(rule, salt)| rule.is_for(self.seed, *salt, number, nth))
            .map(|(rule, _)| rule)
            .collect();
        let range = |set: fn(&Rule) -> Option<[u64; 2]>, otherwise, salt| {
            let range = mine.iter().find_map(|rule| set(rule)).unwrap_or(otherwise);
            Duration::from_millis(chance::between(range, self.seed, salt, number))
        };

        Plan {
            latency: range(|rule| rule.latency_ms, [0, 0], LATENCY),
            answer: mine
                .iter()
                .find_map(|rule| rule.answer)
                .unwrap_or(Answer::Accept),
            retry_after: mine.iter().find_map(|rule| rule.retry_after).unwrap_or(1),
            receipts: mine
                .iter()
                .find_map(|rule| rule.receipts.clone())
                .unwrap_or_else(|| vec![Receipt::DELIVERED]),
            delay: range(|rule| rule.delay_ms, [500, 3_000], DELAY),
            early: mine.iter().find_map(|rule| rule.early).unwrap_or(false),
        }
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        if self
            .share
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err("`share` must be between 0 and 1");
        }
        if [self.latency_ms, self.delay_ms]
            .iter()
            .flatten()
            .any(|[from, to]| from > to)
        {
            return Err("a range is [least, most], and `least` is the greater one here");
        }
        let by_number = !self.suffix.is_empty() || self.first.is_some();
        if self.answer == Some(Answer::DropUnread) && by_number {
            return Err("`drop_unread` happens before the number is known: select by `share` only");
        }
        Ok(())
    }

    fn is_for(&self, seed: u64, salt: u64, number: u64, nth: u32) -> bool {
        self.answer != Some(Answer::DropUnread)
            && self.first.is_none_or(|first| nth <= first)
            && (self.suffix.is_empty() || {
                let digits = number.to_string();
                self.suffix.iter().any(|end| digits.ends_with(end.as_str()))
            })
            && self.draws(seed, salt, number)
    }

    fn draws(&self, seed: u64, salt: u64, of: u64) -> bool {
        self.share
            .is_none_or(|share| chance::point(seed, salt, of) < share)
    }
}

#[cfg(test)]
mod tests;
