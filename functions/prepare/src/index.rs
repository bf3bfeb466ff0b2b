//! What is kept of each row in memory: 16 bytes. Where the rest of it is written is one half of them.
//!
//! ```text
//!  key    group 14 bits | number 50 bits
//!  place  offset 40 bits | length 24 bits
//! ```
//!
//! So entries sorted as they are stand group by group, the numbers sorted inside; and the lower of two places is the earlier row.

use std::collections::HashMap;

use carillon_core::{frame::Whereabouts, hours::HoursKey, phone::Phone};

/// Groups at most: an entry has 14 bits for its own. Numbers alone make some 500; a file that says a zone for each row of each
/// country could make more.
const MAX_GROUPS: usize = 1 << (u64::BITS - NUMBER_BITS);
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

/// Rows with one set of sending hours, and so one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub hours: HoursKey,
    pub whereabouts: Whereabouts,
}

/// The number of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupNumber(u16);

/// The entries of all rows, and the groups that they name.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    groups: Vec<Group>,
    by_hours: HashMap<HoursKey, GroupNumber>,
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
    fn new(group: GroupNumber, number: Phone, place: Place) -> Self {
        let key = u64::from(group.0) << NUMBER_BITS | number.digits();
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
    /// The group of a key, made if there is none yet; `None` when there are too many.
    pub fn group(&mut self, hours: HoursKey) -> Option<GroupNumber> {
        if let Some(group) = self.by_hours.get(&hours) {
            return Some(*group);
        }
        let number = self.groups.len();
        if number == MAX_GROUPS {
            return None;
        }
        let group = GroupNumber(u16::try_from(number).expect("it has 14 bits"));
        let whereabouts = Whereabouts::of(hours);
        self.groups.push(Group { hours, whereabouts });
        self.by_hours.insert(hours, group);
        Some(group)
    }

    /// Rows are added in their order, so that their places grow.
    pub fn push(&mut self, group: GroupNumber, number: Phone, place: Place) {
        self.entries.push(Entry::new(group, number, place));
    }

    /// By place.
    pub fn numbers(&self) -> impl Iterator<Item = Phone> + '_ {
        self.entries.iter().map(|entry| entry.number())
    }

    pub fn len(&self) -> usize {
        self.entries.len()
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

    /// The place of a number; only after [`Index::deduplicate`].
    pub fn place_of(&self, number: Phone) -> Option<usize> {
        let digits = number.digits();
        self.entries
            .binary_search_by_key(&digits, |entry| entry.digits())
            .ok()
    }

    /// By place and number.
    pub fn remove_at(&mut self, is_out: impl Fn(usize, Phone) -> bool) {
        let mut place = 0;
        self.entries.retain(|entry| {
            let out = is_out(place, entry.number());
            place += 1;
            !out
        });
    }

    /// Group by group, the numbers sorted inside.
    pub fn into_sorted(mut self) -> (Vec<Entry>, Vec<Group>) {
        self.entries.sort_unstable();
        (self.entries, self.groups)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use carillon_core::{hours::hours_key, phone::Country, zones::Zone};

    use super::*;

    #[test]
    fn the_longest_of_everything_comes_back() {
        let place = Place::new((1 << 40) - 1, (1 << 24) - 1);
        let number = Phone::from_digits(999_999_999_999_999).unwrap();

        let entry = Entry::new(GroupNumber((1 << 14) - 1), number, place);

        assert_eq!(size_of::<Entry>(), 16);
        assert_eq!(entry.group(), (1 << 14) - 1);
        assert_eq!(entry.number(), number);
        assert_eq!(entry.place().offset(), (1 << 40) - 1);
        assert_eq!(entry.place().length(), (1 << 24) - 1);
    }

    #[test]
    fn a_group_too_many_is_refused_and_those_that_are_there_are_found() {
        let number = Phone::from_digits(447_700_900_001).unwrap();
        let zones: Vec<Zone> = tz_names()
            .filter_map(|name| Zone::parse(&name).ok())
            .collect();
        let keys = Country::all().flat_map(|country| {
            let key = move |zone: &Zone| hours_key(number, Some(country), Some(*zone));
            zones.iter().map(key)
        });
        let keys: HashSet<HoursKey> = keys.collect();
        let mut index = Index::default();

        let refused = keys
            .iter()
            .filter(|key| index.group(**key).is_none())
            .count();

        assert_eq!(refused, keys.len() - MAX_GROUPS);
        let found = keys
            .iter()
            .filter(|key| index.group(**key).is_some())
            .count();
        assert_eq!(found, MAX_GROUPS);
    }

    fn tz_names() -> impl Iterator<Item = String> {
        jiff::tz::db().available().map(|name| name.to_string())
    }
}
