//! What is kept of each row in memory: 16 bytes. Where the rest of it is written is one half of them.
//!
//! ```text
//!  key    group 14 bits | number 50 bits
//!  place  offset 40 bits | length 24 bits
//! ```
//!
//! So entries sorted as they are stand group by group, the numbers sorted inside; and the lower of two places is the earlier row.

use std::collections::HashMap;

use carillon_core::phone::{Country, Phone};

/// 15 digits are less than 2^50.
const NUMBER_BITS: u32 = 50;
const LENGTH_BITS: u32 = 24;

/// Where a row's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    key: u64,
    place: Place,
}

/// Rows with one set of sending hours and one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub hours: String,
    pub country: Option<Country>,
}

/// The entries of all rows, and the groups that they name.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    groups: Vec<Group>,
    by_country: HashMap<Option<Country>, u16>,
}

impl Place {
    pub fn new(offset: u64, length: usize) -> Self {
        debug_assert!(offset < 1 << (u64::BITS - LENGTH_BITS) && length < 1 << LENGTH_BITS);
        Self(offset << LENGTH_BITS | length as u64)
    }

    pub fn offset(self) -> u64 {
        self.0 >> LENGTH_BITS
    }

    pub fn length(self) -> usize {
        (self.0 & ((1 << LENGTH_BITS) - 1)) as usize
    }
}

impl Entry {
    fn new(group: u16, number: Phone, place: Place) -> Self {
        let key = u64::from(group) << NUMBER_BITS | number.digits();
        Self { key, place }
    }

    pub fn group(self) -> usize {
        (self.key >> NUMBER_BITS) as usize
    }

    pub fn number(self) -> Phone {
        Phone::from_digits(self.digits()).expect("it was made from a number")
    }

    pub fn place(self) -> Place {
        self.place
    }

    fn digits(self) -> u64 {
        self.key & ((1 << NUMBER_BITS) - 1)
    }
}

impl Index {
    /// Rows are added in their order, so that their places grow.
    pub fn push(&mut self, number: Phone, country: Option<Country>, place: Place) {
        let groups = &mut self.groups;
        let group = *self.by_country.entry(country).or_insert_with(|| {
            groups.push(Group {
                hours: hours_key(country),
                country,
            });
            u16::try_from(groups.len() - 1).expect("there are some 250 countries")
        });
        self.entries.push(Entry::new(group, number, place));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Leaves of each number the first row, and tells of each other one where it and the first are.
    pub fn deduplicate(&mut self, mut repeated: impl FnMut(Place, Place)) {
        self.entries
            .sort_unstable_by_key(|entry| (entry.digits(), entry.place));
        self.entries.dedup_by(|later, first| {
            let same = later.digits() == first.digits();
            if same {
                repeated(later.place, first.place);
            }
            same
        });
    }

    pub fn remove(&mut self, is_out: impl Fn(Phone) -> bool) {
        self.entries.retain(|entry| !is_out(entry.number()));
    }

    /// Group by group, the numbers sorted inside.
    pub fn into_sorted(mut self) -> (Vec<Entry>, Vec<Group>) {
        self.entries.sort_unstable();
        (self.entries, self.groups)
    }
}

/// What a recipient's sending hours go by: the country's name stands for its zones.
fn hours_key(country: Option<Country>) -> String {
    country.map_or_else(|| "unknown".to_owned(), |country| country.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_everything_comes_back() {
        let place = Place::new((1 << 40) - 1, (1 << 24) - 1);
        let number = Phone::from_digits(999_999_999_999_999).unwrap();

        let entry = Entry::new((1 << 14) - 1, number, place);

        assert_eq!(size_of::<Entry>(), 16);
        assert_eq!(entry.group(), (1 << 14) - 1);
        assert_eq!(entry.number(), number);
        assert_eq!(entry.place().offset(), (1 << 40) - 1);
        assert_eq!(entry.place().length(), (1 << 24) - 1);
    }
}
