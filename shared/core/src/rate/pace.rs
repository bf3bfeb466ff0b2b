//! Message parts per second, in thousandths: a slowed account may take less than one.

use jiff::SignedDuration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub struct Pace(u64);

/// A part every ten seconds: slower would be a standstill.
const SLOWEST: Pace = Pace(100);

impl Pace {
    pub const fn of(parts_per_second: u32) -> Self {
        Self(parts_per_second as u64 * 1_000)
    }

    /// Never below a part every ten seconds.
    pub fn of_thousandths(thousandths: u64) -> Self {
        Self(thousandths).max(SLOWEST)
    }

    pub const fn thousandths(self) -> u64 {
        self.0
    }

    /// For people.
    pub fn parts_per_second(self) -> f64 {
        let tenths = u32::try_from(self.0 / 100).unwrap_or(u32::MAX);
        f64::from(tenths) / 10.0
    }

    pub fn permille(self, permille: u64) -> Self {
        Self::of_thousandths(self.0.saturating_mul(permille) / 1_000)
    }

    pub fn plus(self, more: u64) -> Self {
        Self(self.0.saturating_add(more))
    }

    /// How long so many parts take, to the microsecond above.
    pub fn time_of(self, parts: u32) -> SignedDuration {
        let microseconds = (u64::from(parts) * 1_000_000_000).div_ceil(self.0.max(1));
        SignedDuration::from_micros(i64::try_from(microseconds).unwrap_or(i64::MAX))
    }

    /// Whole parts of a time.
    pub fn parts_in(self, time: SignedDuration) -> u32 {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(0);
        u32::try_from(self.0.saturating_mul(milliseconds) / 1_000_000).unwrap_or(u32::MAX)
    }
}
