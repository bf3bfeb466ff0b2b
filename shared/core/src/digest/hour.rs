//! Hours and their quarters by UTC, and the ids of batches that are made in them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::BatchId;

const QUARTER: i64 = 15 * 60;
const HOUR: i64 = 4 * QUARTER;

/// A quarter of an hour by UTC. The offsets of all zones of today are whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quarter(i64);

/// An hour by UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hour(i64);

impl Quarter {
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(QUARTER))
    }

    pub fn begins(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(QUARTER)).unwrap_or(Timestamp::MAX)
    }

    pub fn ends(self) -> Timestamp {
        Self(self.0.saturating_add(1)).begins()
    }
}

impl Hour {
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(HOUR))
    }

    /// From its count since 1970.
    pub const fn from_count(count: i64) -> Self {
        Self(count)
    }

    pub const fn count(self) -> i64 {
        self.0
    }

    pub fn begins(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(HOUR)).unwrap_or(Timestamp::MAX)
    }

    pub fn ends(self) -> Timestamp {
        Self(self.0.saturating_add(1)).begins()
    }

    pub fn quarters(self) -> impl Iterator<Item = Quarter> {
        let first = self.0.saturating_mul(4);
        (first..first + 4).map(Quarter)
    }

    /// The hour is counted first so long after its end: what was made in it is in every list, and most of it was delivered.
    pub fn first_look(self) -> Timestamp {
        self.ends() + SignedDuration::from_mins(15)
    }
}

/// The ids that can be made in a time.
pub fn ids(from: Timestamp, until: Timestamp) -> Option<(BatchId, BatchId)> {
    // An id knows its millisecond; one that begins before `from` is before it.
    let first = milliseconds_up(from);
    let end = milliseconds_up(until);
    let at = |milliseconds| Timestamp::from_millisecond(milliseconds).ok();
    (first < end).then_some(())?;
    Some((
        BatchId::at(at(first)?, [0; 10]),
        BatchId::at(at(end - 1)?, [u8::MAX; 10]),
    ))
}

fn milliseconds_up(time: Timestamp) -> i64 {
    let down = time.as_millisecond();
    let exact = Timestamp::from_millisecond(down).is_ok_and(|exact| exact >= time);
    if exact { down } else { down + 1 }
}
