//! Who goes first on a lane: deficit round-robin over accounts. Each turn is worth a full chunk of messages, what is left of it is
//! kept for the next turn, and the next second goes on where this one ended; so whatever one account has waiting delays no other.

use std::collections::{BTreeMap, VecDeque};

use carillon_core::id::AccountId;

use crate::outline::FULL_CHUNK;

/// Messages of a turn.
const TURN: u32 = FULL_CHUNK;

/// Chunks that an account would have released. Of one account, earlier ones go first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub account: AccountId,
    pub chunks: u32,
    /// Messages of one of the chunks, at most a turn's.
    pub messages: u32,
}

#[derive(Debug, Default)]
pub struct Rounds {
    saved: BTreeMap<AccountId, u32>,
    last: Option<AccountId>,
}

impl Rounds {
    /// Splits `chunks` over the asks. `may` is asked before each chunk of an ask, and a no ends that ask.
    pub fn share(
        &mut self,
        chunks: u32,
        asks: &[Ask],
        mut may: impl FnMut(usize) -> bool,
    ) -> Vec<u32> {
        let mut granted = vec![0; asks.len()];
        let mut left = chunks;
        let mut queues: BTreeMap<AccountId, VecDeque<usize>> = BTreeMap::new();
        for (index, ask) in asks.iter().enumerate() {
            queues.entry(ask.account).or_default().push_back(index);
        }
        self.saved.retain(|account, _| queues.contains_key(account));
        let mut turns = self.order(queues.keys().copied());
        while left > 0
            && let Some(account) = turns.pop_front()
        {
            self.last = Some(account);
            let queue = queues
                .get_mut(&account)
                .expect("turns are of accounts that ask");
            let mut worth = self.saved.remove(&account).unwrap_or(0) + TURN;
            while let Some(index) = queue.front().copied().filter(|_| left > 0) {
                let (ask, given) = (&asks[index], &mut granted[index]);
                let messages = ask.messages.clamp(1, TURN);
                if *given < ask.chunks && worth < messages {
                    break;
                }
                if *given == ask.chunks || !may(index) {
                    queue.pop_front();
                    continue;
                }
                (*given, left, worth) = (*given + 1, left - 1, worth - messages);
            }
            if !queue.is_empty() {
                self.saved.insert(account, worth.min(TURN));
                turns.push_back(account);
            }
        }
        granted
    }

    /// The accounts after the one that was served last, then the others.
    fn order(&self, accounts: impl Iterator<Item = AccountId>) -> VecDeque<AccountId> {
        let (mut after, mut before) = (VecDeque::new(), VecDeque::new());
        for account in accounts {
            if self.last.is_some_and(|last| account <= last) {
                before.push_back(account);
            } else {
                after.push_back(account);
            }
        }
        after.append(&mut before);
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn asks(asks: &[(u128, u32, u32)]) -> Vec<Ask> {
        let ask = |(number, chunks, messages): &(u128, u32, u32)| Ask {
            account: account(*number),
            chunks: *chunks,
            messages: *messages,
        };
        asks.iter().map(ask).collect()
    }

    #[test]
    fn a_large_account_delays_no_small_one() {
        for (name, chunks, asked, expected) in [
            (
                "all fit",
                100,
                vec![(1, 10, 100), (2, 20, 100)],
                vec![10, 20],
            ),
            (
                "a small one is served whole",
                100,
                vec![(1, 10_000, 100), (2, 10, 100)],
                vec![90, 10],
            ),
            (
                "equal shares of what is left",
                100,
                vec![(1, 10_000, 100), (2, 10_000, 100), (3, 10, 100)],
                vec![45, 45, 10],
            ),
            (
                "an account's asks in their order",
                30,
                vec![(1, 5, 100), (1, 100, 100), (2, 100, 100)],
                vec![5, 10, 15],
            ),
            (
                "messages are shared, not chunks",
                55,
                vec![(1, 100, 100), (2, 100, 10)],
                vec![5, 50],
            ),
            ("nothing to give", 0, vec![(1, 5, 100)], vec![0]),
            ("nobody", 10, vec![], vec![]),
        ] {
            let shared = Rounds::default().share(chunks, &asks(&asked), |_| true);

            assert_eq!(shared, expected, "{name}");
        }
    }

    #[test]
    fn the_next_second_goes_on_where_this_one_ended() {
        let mut rounds = Rounds::default();
        let asked = asks(&[(1, 9, 100), (2, 9, 100), (3, 9, 100)]);

        let seconds: Vec<_> = (0..3).map(|_| rounds.share(2, &asked, |_| true)).collect();

        assert_eq!(seconds, [[1, 1, 0], [1, 0, 1], [0, 1, 1]]);
    }

    #[test]
    fn what_a_gateway_account_does_not_take_goes_to_others() {
        let mut left = 3;
        let asked = asks(&[(1, 100, 100), (1, 4, 100), (2, 100, 100)]);
        let may = |index: usize| {
            if index == 0 {
                left -= 1;
            }
            index != 0 || left >= 0
        };

        assert_eq!(Rounds::default().share(20, &asked, may), [3, 4, 13]);
    }
}
