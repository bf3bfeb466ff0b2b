//! Whom a campaign is for, of an account's contacts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Contact;
use crate::{filter::Filter, id::ListId};

/// What one contact costs to be found as a member of a list and then read, in contacts read where they stand: a read of up to 4 KB
/// for itself alone, where a shard has a dozen in it.
const MEMBER_PRICE: u64 = 10;

/// Contacts on one of some lists or meant by one of some filters, but for those on others or meant by others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    pub lists: BTreeSet<ListId>,
    pub filters: Vec<Filter>,
    pub excluded_lists: BTreeSet<ListId>,
    pub excluded_filters: Vec<Filter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    Yes,
    /// It would be, but for what is excluded.
    Excluded,
    No,
}

impl Choice {
    pub fn of(&self, contact: &Contact, now: Timestamp) -> Chosen {
        let is_in = |lists: &BTreeSet<ListId>, filters: &[Filter]| {
            !lists.is_disjoint(&contact.lists)
                || filters.iter().any(|filter| filter.matches(contact, now))
        };
        if !is_in(&self.lists, &self.filters) {
            Chosen::No
        } else if is_in(&self.excluded_lists, &self.excluded_filters) {
            Chosen::Excluded
        } else {
            Chosen::Yes
        }
    }

    /// Lists of which everybody meant is on one; `None` where somebody may be on none of them.
    pub fn within(&self) -> Option<BTreeSet<ListId>> {
        let filters: Option<Vec<_>> = self.filters.iter().map(Filter::within).collect();
        let mut lists: BTreeSet<ListId> = filters?.into_iter().flatten().collect();
        lists.extend(&self.lists);
        Some(lists)
    }
}

/// Whether to read the lists' members one by one, or all contacts.
pub fn reads_members(members: u64, contacts: u64) -> bool {
    members.saturating_mul(MEMBER_PRICE) < contacts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{filter::parse, phone::Phone};

    const ONE: &str = "lst_01h455vb4pex5vsknk084sn02q";
    const TWO: &str = "lst_01h455vb4pex5vsknk084sn02r";

    fn contact(lists: &[&str], tags: &[&str]) -> Contact {
        let mut contact = Contact::new(
            "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            "cnt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            Phone::from_digits(447_700_900_001).unwrap(),
            None,
            Timestamp::UNIX_EPOCH,
        );
        contact.lists = ids(lists);
        contact.tags = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        contact
    }

    fn ids(lists: &[&str]) -> BTreeSet<ListId> {
        lists.iter().map(|list| list.parse().unwrap()).collect()
    }

    fn filter(text: &str) -> Filter {
        parse(text).unwrap().filter
    }

    #[test]
    fn a_choice_is_a_union_without_what_is_excluded() {
        let choice = Choice {
            lists: ids(&[ONE]),
            filters: vec![filter(r#"tag = "vip""#)],
            excluded_lists: ids(&[TWO]),
            excluded_filters: vec![filter(r#"tag = "staff""#)],
        };
        for (name, contact, expected) in [
            ("on the list", contact(&[ONE], &[]), Chosen::Yes),
            ("in the segment", contact(&[], &["vip"]), Chosen::Yes),
            ("in both", contact(&[ONE], &["vip"]), Chosen::Yes),
            ("in neither", contact(&[], &["a"]), Chosen::No),
            (
                "on an excluded list",
                contact(&[ONE, TWO], &[]),
                Chosen::Excluded,
            ),
            (
                "in an excluded segment",
                contact(&[ONE], &["staff"]),
                Chosen::Excluded,
            ),
            ("excluded and not meant", contact(&[TWO], &[]), Chosen::No),
        ] {
            assert_eq!(
                choice.of(&contact, Timestamp::UNIX_EPOCH),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn lists_are_read_where_nobody_else_can_be_meant() {
        let within = |filters: &[&str]| {
            Choice {
                lists: ids(&[ONE]),
                filters: filters.iter().map(|text| filter(text)).collect(),
                ..Choice::default()
            }
            .within()
        };

        assert_eq!(within(&[]), Some(ids(&[ONE])));
        assert_eq!(
            within(&[&format!(r#"list = "{TWO}" and tag is set"#)]),
            Some(ids(&[ONE, TWO]))
        );
        assert_eq!(within(&["tag is set"]), None);
    }
}
