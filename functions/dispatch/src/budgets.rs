//! What each gateway account may be given: its pace in message parts, saved up for a little while and never longer, shared by all
//! batches that go by it and by the parked chunks that are woken for it.

use std::collections::HashMap;

use carillon_core::{id::GatewayAccountId, rate::Pace as Limit};
use jiff::{SignedDuration, Timestamp};

/// Seconds of a pace that may lie ready in a lane, so that workers never wait for pointers.
const AHEAD_SECONDS: i64 = 2;
/// A gateway account in trouble gets a chunk this often: enough to find out that the trouble is over.
const TRICKLE: SignedDuration = SignedDuration::from_secs(10);

/// How fast a gateway account takes messages now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can.
    Free,
    Limited(Limit),
    /// It is not called for now, or only to find out whether it works again.
    Stopped,
}

#[derive(Debug, Default)]
pub struct Budgets {
    gateways: HashMap<GatewayAccountId, Budget>,
    /// Whose turn is first.
    turn: usize,
}

#[derive(Debug)]
struct Budget {
    pace: Pace,
    /// Thousandths of a part. Below zero after a chunk that was larger than what was left.
    credit: i64,
    at: Timestamp,
    trickled: Option<Timestamp>,
}

impl Budgets {
    /// Notes the pace of a gateway account, which has earned its share of the time since the last call.
    pub fn refill(&mut self, gateway: GatewayAccountId, pace: Pace, now: Timestamp) {
        let fresh = || Budget {
            pace,
            credit: most(pace),
            at: now,
            trickled: None,
        };
        let budget = self.gateways.entry(gateway).or_insert_with(fresh);
        let milliseconds = i64::try_from(now.duration_since(budget.at).as_millis()).unwrap_or(0);
        let earned = a_second(pace).saturating_mul(milliseconds.max(0)) / 1_000;
        budget.credit = budget.credit.saturating_add(earned).min(most(pace));
        (budget.pace, budget.at) = (pace, now);
    }

    /// Spends a chunk's parts of one of the gateway accounts, if one has anything left: they take turns. What goes by none costs
    /// nothing.
    pub fn spend(&mut self, gateways: &[GatewayAccountId], parts: u32, now: Timestamp) -> bool {
        if gateways.is_empty() {
            return true;
        }
        self.turn = (self.turn + 1) % gateways.len();
        let (before, first) = gateways.split_at(self.turn);
        let mut turns = first.iter().chain(before);
        turns.any(|gateway| self.spend_of(*gateway, parts, now))
    }

    fn spend_of(&mut self, gateway: GatewayAccountId, parts: u32, now: Timestamp) -> bool {
        let Some(budget) = self.gateways.get_mut(&gateway) else {
            return true;
        };
        match budget.pace {
            Pace::Free => true,
            Pace::Limited(_) if budget.credit <= 0 => false,
            Pace::Limited(_) => {
                budget.credit -= i64::from(parts) * 1_000;
                true
            }
            Pace::Stopped => {
                let due = budget
                    .trickled
                    .is_none_or(|last| now.duration_since(last) >= TRICKLE);
                if due {
                    budget.trickled = Some(now);
                }
                due
            }
        }
    }
}

/// Thousandths of a part.
fn a_second(pace: Pace) -> i64 {
    match pace {
        Pace::Limited(limit) => i64::try_from(limit.thousandths()).unwrap_or(i64::MAX),
        Pace::Free | Pace::Stopped => 0,
    }
}

fn most(pace: Pace) -> i64 {
    a_second(pace).saturating_mul(AHEAD_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn gateway() -> GatewayAccountId {
        "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap()
    }

    /// How many chunks go out in each second of a run.
    fn run(paces: &[Pace], parts: u32) -> Vec<u32> {
        let mut budgets = Budgets::default();
        let seconds = (0..).zip(paces);
        let chunks = seconds.map(|(second, pace)| {
            let now = START + SignedDuration::from_secs(second);
            budgets.refill(gateway(), *pace, now);
            let spends = (0..50).take_while(|_| budgets.spend(&[gateway()], parts, now));
            u32::try_from(spends.count()).unwrap()
        });
        chunks.collect()
    }

    #[test]
    fn chunks_go_out_at_the_pace_of_their_gateway_account() {
        use Pace::{Free, Stopped};
        let at = |parts| Pace::Limited(Limit::of(parts));
        for (name, paces, parts, expected) in [
            (
                "a second ahead, then the pace",
                vec![at(500); 4],
                100,
                vec![10, 5, 5, 5],
            ),
            (
                "less than a chunk a second",
                vec![at(40); 6],
                100,
                vec![1, 1, 0, 0, 1, 0],
            ),
            ("without a limit", vec![Free; 2], 100, vec![50, 50]),
            (
                "slowed",
                vec![at(500), at(100), at(100)],
                100,
                vec![10, 1, 1],
            ),
            (
                "a trickle while it is stopped, and back",
                [vec![at(100)], vec![Stopped; 11], vec![at(100); 2]].concat(),
                100,
                vec![2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
            ),
        ] {
            assert_eq!(run(&paces, parts), expected, "{name}");
        }
    }

    #[test]
    fn nothing_is_saved_up_for_longer_than_the_lead() {
        let mut budgets = Budgets::default();
        budgets.refill(gateway(), Pace::Limited(Limit::of(100)), START);
        let later = START + SignedDuration::from_hours(1);

        budgets.refill(gateway(), Pace::Limited(Limit::of(100)), later);

        let chunks = (0..).take_while(|_| budgets.spend(&[gateway()], 100, later));
        assert_eq!(chunks.count(), 2);
    }

    #[test]
    fn what_goes_by_no_gateway_costs_nothing() {
        assert!(Budgets::default().spend(&[], 100, START));
    }
}
