//! The state of a number of the United States, by its area code. That is where the number is from, which may not be where its
//! owner lives; it is what the states' laws presume.

use std::{fmt, sync::LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::phone::Phone;

/// Made by `data/generate.py`, which says from what.
const DATA: &str = include_str!("../../data/area-codes.txt");

/// A state of the United States, or the District of Columbia: two upper-case letters of USPS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State([u8; 2]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that isn't a state of the United States; write its two letters, such as `TX`")]
pub struct UnknownState;

static BY_AREA_CODE: LazyLock<[Option<State>; 1000]> = LazyLock::new(|| {
    let mut states = [None; 1000];
    for (state, codes) in lines() {
        for code in codes.split(' ') {
            let code: usize = code.parse().expect("an area code is a number");
            states[code] = Some(state);
        }
    }
    states
});

/// The state of a number of the United States. `None` where it may be any: toll-free numbers, area codes that are newer than ours.
pub fn state_of(number: Phone) -> Option<State> {
    let area_code = number.digits() / 10_000_000 % 1_000;
    BY_AREA_CODE[usize::try_from(area_code).expect("it has three digits")]
}

pub(super) fn lines() -> impl Iterator<Item = (State, &'static str)> {
    let lines = DATA.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (state, codes) = line.split_once(' ').expect("a line has two words");
        let letters = state.as_bytes().try_into().expect("two letters");
        (State(letters), codes)
    })
}

impl State {
    pub fn parse(text: &str) -> Result<State, UnknownState> {
        let letters = text.as_bytes().try_into().map_err(|_| UnknownState)?;
        let state = State(letters);
        lines()
            .any(|(known, _)| known == state)
            .then_some(state)
            .ok_or(UnknownState)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        let text = String::deserialize(deserializer)?;
        State::parse(&text).map_err(D::Error::custom)
    }
}
