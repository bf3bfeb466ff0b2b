//! Every key of every table. A key begins with an account or with an id that belongs to one account.
//! Where an id comes in from outside (a batch in a message id), the item read says whose it is, and the caller compares.

mod accounts;
mod batches;
mod contacts;
mod gateways;
mod ledger;
mod reports;
mod webhooks;

pub use self::{
    accounts::*, batches::*, contacts::*, gateways::*, ledger::*, reports::*, webhooks::*,
};

use crate::item::{Item, text};

/// The two attributes of a primary key, in every table.
pub const PARTITION: &str = "pk";
pub const SORT: &str = "sk";
/// The index of `core`.
pub const INDEX: &str = "gsi1";
pub const INDEX_PARTITION: &str = "gpk";
pub const INDEX_SORT: &str = "gsk";
/// The sparse index of `ledger`: chunks that somebody must look at.
pub const WAKE_INDEX: &str = "wake";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub partition: String,
    pub sort: String,
}

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            partition: partition.into(),
            sort: sort.into(),
        }
    }

    pub fn item(&self) -> Item {
        Item::from([
            (PARTITION.to_owned(), text(&self.partition)),
            (SORT.to_owned(), text(&self.sort)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_their_digits_do() {
        let times = [
            "-009999-01-02T01:59:59Z",
            "1960-01-01T00:00:00Z",
            "2026-11-29T00:00:00Z",
            "2286-11-20T17:46:39Z",
            "9999-01-01T00:00:00Z",
        ];
        let times = times.map(|time| time.parse().unwrap());

        for digits in [times.map(closing_time), times.map(place_before)] {
            assert!(digits.is_sorted(), "{digits:?}");
            assert!(
                digits.iter().all(|it| it.len() == digits[0].len()),
                "{digits:?}"
            );
        }
    }
}
