//! How many contacts there are, told by a few: ids are hashes, spread evenly, so the place of the thousandth tells how many follow.

use crate::id::ContactId;

/// About how many there are, when so many stand from the beginning of the order of ids to `last`. It is off by one part in the
/// root of `first`, mostly, so no more than three digits are told.
pub fn estimate(first: u64, last: ContactId) -> u64 {
    // Of an id of 16 bytes, the share of all ids that stands before it; two to the 64th is one more than what can be written.
    let (head, _) = last.uuid().as_u64_pair();
    let place = u128::from(head) + 1;
    let all = (u128::from(first) << 64) / place;
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    let unit = 10_u64.pow(all.checked_ilog10().unwrap_or(0).saturating_sub(2));
    all.saturating_add(unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{keyed_hash::DeploymentKey, phone::Phone};

    fn at(head: u64) -> ContactId {
        ContactId::from_uuid(Uuid::from_u64_pair(head, 0))
    }

    #[test]
    fn as_many_follow_as_the_share_that_was_seen_tells() {
        assert_eq!(estimate(2_000, at(u64::MAX)), 2_000);
        assert_eq!(estimate(2_000, at(u64::MAX / 2)), 4_000);
        assert_eq!(estimate(2_000, at(u64::MAX / 500)), 1_000_000);
        assert_eq!(estimate(1, at(u64::MAX)), 1);
        assert_eq!(estimate(0, at(u64::MAX)), 0);
    }

    #[test]
    fn no_more_is_told_than_is_known() {
        assert_eq!(estimate(2_000, at(u64::MAX / 617)), 1_230_000);
        assert_eq!(estimate(997, at(u64::MAX)), 997);
    }

    #[test]
    fn two_thousand_hashes_of_numbers_tell_how_many_there_are() {
        let key = DeploymentKey::from_secret("a secret of a test");
        let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let number = |row: u64| Phone::from_digits(447_700_000_000 + row).unwrap();
        let mut ids: Vec<ContactId> = (0..60_000)
            .map(|row| key.contact(account, number(row)))
            .collect();
        ids.sort_unstable();

        let told = estimate(2_000, ids[1_999]);

        // The deviation is 1,342; the hashes are always the same.
        assert!((56_000..=64_000).contains(&told), "{told}");
    }
}
