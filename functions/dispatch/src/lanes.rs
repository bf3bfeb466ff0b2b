//! How full a lane is. Its queue is kept short: a few seconds of what its workers take, so that whoever comes next doesn't wait
//! behind what a large account has released.

use carillon_core::batch::Lane;
use jiff::SignedDuration;

/// Chunks that may lie ready in a lane of which nothing is known: 4,000 messages.
const LEAST: u32 = 40;
/// And however fast its workers are.
const MOST: u32 = 1_200;
/// Chunks put on a lane at once at most: 40,000 messages.
const AT_ONCE: u32 = 400;
/// And at least: the queue's length is told with a delay, and must not hold up a lane that is empty.
const AT_LEAST: u32 = 8;

#[derive(Debug, Default)]
pub struct LaneFlow {
    waiting: u32,
    released: u32,
    /// Chunks that its workers take in a second.
    taken: u32,
    looked: bool,
}

impl LaneFlow {
    /// How many chunks may be put on the lane now, of which `waiting` are there.
    pub fn look(&mut self, lane: Lane, waiting: u32, since: SignedDuration) -> u32 {
        if self.looked {
            let milliseconds = u64::try_from(since.as_millis()).unwrap_or(0).max(1);
            let gone = u64::from((self.waiting + self.released).saturating_sub(waiting));
            let taken = u32::try_from(gone * 1_000 / milliseconds).unwrap_or(u32::MAX);
            // Slow to forget: a second in which nobody asked says nothing about the workers.
            self.taken = taken.max(self.taken / 4 * 3);
        }
        (self.waiting, self.released, self.looked) = (waiting, 0, true);
        let wanted = (self.taken.saturating_mul(seconds(lane))).clamp(LEAST, MOST);
        wanted.saturating_sub(waiting).clamp(AT_LEAST, AT_ONCE)
    }

    pub fn released(&mut self, chunks: u32) {
        self.released += chunks;
    }

    /// How long the oldest pointer of the lane may have waited; `None` while nobody takes any, or nobody has looked.
    pub fn age(&self) -> Option<SignedDuration> {
        match (self.looked, self.waiting, self.taken) {
            (false, ..) | (true, 1.., 0) => None,
            (true, 0, _) => Some(SignedDuration::ZERO),
            (true, waiting, taken) => {
                Some(SignedDuration::from_secs(i64::from(waiting / taken) + 1))
            }
        }
    }
}

/// Seconds of its workers' work that may lie ready.
const fn seconds(lane: Lane) -> u32 {
    match lane {
        // One-time passwords wait behind it.
        Lane::High => 1,
        Lane::Normal | Lane::Low => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: SignedDuration = SignedDuration::from_secs(1);

    /// Grants over some seconds of a lane whose workers take `taken` chunks a second and that is offered all that it grants.
    fn grants(lane: Lane, taken: u32, seconds: usize) -> (Vec<u32>, u32) {
        let (mut flow, mut waiting) = (LaneFlow::default(), 0);
        let mut second = || {
            let grant = flow.look(lane, waiting, SECOND);
            flow.released(grant);
            waiting = (waiting + grant).saturating_sub(taken);
            grant
        };
        let grants = (0..seconds).map(|_| second()).collect();
        (grants, waiting)
    }

    #[test]
    fn a_lane_gets_what_its_workers_take_and_little_more() {
        for (name, lane, taken, seconds, expected, waiting) in [
            ("nobody works", Lane::Low, 0, 4, vec![40, 8, 8, 8], 64),
            ("slow workers", Lane::Low, 10, 4, vec![40, 10, 10, 10], 30),
            (
                "fast workers",
                Lane::Low,
                1_000,
                4,
                vec![40, 120, 360, 400],
                0,
            ),
            (
                "the lane of passwords",
                Lane::High,
                100,
                5,
                vec![40, 40, 40, 40, 40],
                0,
            ),
        ] {
            assert_eq!(grants(lane, taken, seconds), (expected, waiting), "{name}");
        }
    }

    #[test]
    fn how_long_a_pointer_waits_is_known_once_the_lane_moves() {
        let mut flow = LaneFlow::default();
        assert_eq!(flow.age(), None, "nobody has looked");
        flow.look(Lane::Low, 100, SECOND);
        assert_eq!(flow.age(), None, "nobody has taken any");
        flow.look(Lane::Low, 80, SECOND);
        assert_eq!(
            flow.age(),
            Some(SignedDuration::from_secs(5)),
            "20 a second"
        );
        flow.look(Lane::Low, 0, SECOND);
        assert_eq!(flow.age(), Some(SignedDuration::ZERO), "empty");
    }
}
