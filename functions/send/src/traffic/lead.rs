//! How long before its first call a window has to ask for tokens: as long as opening one takes here. It follows a slow one at once,
//! and quick ones slowly.

use jiff::SignedDuration;

/// Before anything was measured.
const AT_FIRST: SignedDuration = SignedDuration::from_millis(50);
const LEAST: SignedDuration = SignedDuration::from_millis(10);
const MOST: SignedDuration = SignedDuration::from_secs(2);

pub struct Lead(SignedDuration);

impl Default for Lead {
    fn default() -> Self {
        Self(AT_FIRST)
    }
}

impl Lead {
    /// A quarter more than what was seen.
    pub fn time(&self) -> SignedDuration {
        (self.0 + self.0 / 4).clamp(LEAST, MOST)
    }

    pub fn observe(&mut self, time: SignedDuration) {
        self.0 = if time > self.0 {
            time
        } else {
            self.0 - (self.0 - time) / 8
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_a_slow_one_at_once_and_quick_ones_slowly() {
        let milliseconds = SignedDuration::from_millis;
        let mut lead = Lead::default();
        for (name, seen, expected) in [
            ("slower", 80, 100_000),
            ("quicker", 0, 87_500),
            ("much slower", 5_000, 2_000_000),
        ] {
            lead.observe(milliseconds(seen));
            assert_eq!(lead.time(), SignedDuration::from_micros(expected), "{name}");
        }
        for _ in 0..100 {
            lead.observe(milliseconds(0));
        }
        assert_eq!(lead.time(), LEAST);
    }
}
