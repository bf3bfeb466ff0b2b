//! How much an API key and its account may ask for. Requests and recipients are counted in windows of ten seconds, which begin at
//! another moment for each account, so that not all of them come back at once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// Seconds of a window.
pub const WINDOW_SECONDS: i64 = 10;
const WINDOW: i64 = WINDOW_SECONDS * 1_000;

/// What there may be in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Requests with one key.
    pub key: u32,
    /// Requests with all keys of an account.
    pub account: u32,
    /// Recipients of an account's lists, in `POST /v1/messages`.
    pub recipients: u32,
}

/// One of the [`Quotas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    Key,
    Account,
    Recipients,
}

impl Policy {
    pub const ALL: [Self; 3] = [Self::Key, Self::Account, Self::Recipients];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Account => "account",
            Self::Recipients => "recipients",
        }
    }
}

impl Quotas {
    pub const fn of(self, policy: Policy) -> u32 {
        match policy {
            Policy::Key => self.key,
            Policy::Account => self.account,
            Policy::Recipients => self.recipients,
        }
    }
}

/// A window of an account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub number: i64,
    pub ends: Timestamp,
}

impl Window {
    pub fn of(account: AccountId, now: Timestamp) -> Self {
        let [.., high, low] = *account.uuid().as_bytes();
        let shift = i64::from(u16::from_be_bytes([high, low])) % WINDOW;
        let number = (now.as_millisecond() - shift).div_euclid(WINDOW);
        let ends = Timestamp::from_millisecond((number + 1) * WINDOW + shift);
        Self {
            number,
            ends: ends.unwrap_or(Timestamp::MAX),
        }
    }
}

/// What there was in a window, the latest request included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    pub key: u64,
    pub account: u64,
    pub recipients: u64,
}

/// How a key stands in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub quotas: Quotas,
    pub used: Used,
    pub ends: Timestamp,
}

impl Standing {
    const fn used(&self, policy: Policy) -> u64 {
        match policy {
            Policy::Key => self.used.key,
            Policy::Account => self.used.account,
            Policy::Recipients => self.used.recipients,
        }
    }

    pub fn remaining(&self, policy: Policy) -> u64 {
        u64::from(self.quotas.of(policy)).saturating_sub(self.used(policy))
    }

    /// The first policy that the latest request goes against. Recipients are counted only where they are sent to.
    pub fn violated(&self) -> Option<Policy> {
        [Policy::Key, Policy::Account]
            .into_iter()
            .find(|policy| self.used(*policy) > u64::from(self.quotas.of(*policy)))
    }

    /// Whole seconds until everything is to be had again, at least one.
    pub fn seconds_left(&self, now: Timestamp) -> u32 {
        let left = self.ends.duration_since(now);
        let rounded_up = left + SignedDuration::from_nanos(999_999_999);
        u32::try_from(rounded_up.as_secs()).unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTAS: Quotas = Quotas {
        key: 3,
        account: 5,
        recipients: 10,
    };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + milliseconds).unwrap()
    }

    fn standing(key: u64, account: u64) -> Standing {
        Standing {
            quotas: QUOTAS,
            used: Used {
                key,
                account,
                recipients: 11,
            },
            ends: at(10_000),
        }
    }

    #[test]
    fn a_window_lasts_ten_seconds_and_begins_at_the_accounts_own_moment() {
        let ann = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let bea = "acc_01h455vb4pex5vsknk084sn02r".parse().unwrap();

        let first = Window::of(ann, at(0));
        let last_moment = first.ends - SignedDuration::from_millis(1);

        assert!(first.ends > at(0) && first.ends <= at(10_000));
        assert_eq!(Window::of(ann, last_moment), first);
        let next = Window::of(ann, first.ends);
        assert_eq!(next.number, first.number + 1);
        let lasts = next.ends.duration_since(first.ends);
        assert_eq!(lasts, SignedDuration::from_secs(WINDOW_SECONDS));
        assert_ne!(Window::of(bea, at(0)).ends, first.ends);
    }

    #[test]
    fn the_last_request_that_fits_is_not_refused() {
        for (name, key, account, expected) in [
            ("few", 1, 1, None),
            ("the last of the key", 3, 3, None),
            ("one more with the key", 4, 4, Some(Policy::Key)),
            ("the last of the account", 3, 5, None),
            ("one more of the account", 1, 6, Some(Policy::Account)),
            ("more of both", 9, 9, Some(Policy::Key)),
        ] {
            assert_eq!(standing(key, account).violated(), expected, "{name}");
        }
    }

    #[test]
    fn what_remains_is_never_less_than_nothing() {
        let standing = standing(1, 7);

        let remaining = Policy::ALL.map(|policy| standing.remaining(policy));

        assert_eq!(remaining, [2, 0, 0]);
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (now, left) in [
            (0, 10),
            (1, 10),
            (9_000, 1),
            (9_999, 1),
            (10_000, 1),
            (99_000, 1),
        ] {
            assert_eq!(standing(1, 1).seconds_left(at(now)), left, "{now}");
        }
    }
}
