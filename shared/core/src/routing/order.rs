//! The order in which a message's ways are tried.

use std::cmp::Reverse;

use super::{Choice, Exit, Match, PinnedSender, Routing, Rule};
use crate::{
    phone::{Country, Phone},
    reason::Reason,
    sender::{Unfit, fits},
};

/// Whom a message goes to.
#[derive(Debug, Clone, Copy)]
pub struct Destination {
    pub number: Phone,
    pub country: Option<Country>,
    /// A keyed hash of the number ([`crate::keyed_hash::DeploymentKey::spread`]).
    pub spread: u64,
}

/// One way out: a gateway account, and the sender there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Of the batch's gateway accounts.
    pub entry: u8,
    /// In [`Routing::senders`]; `None` where the gateway picks one.
    pub sender: Option<u16>,
    /// A part, in millionths of the account's currency.
    pub cost: Option<u64>,
}

/// A way that was looked at, taken or not.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'r> {
    pub rule: &'r Rule,
    pub exit: &'r Exit,
    /// Its turn comes late, since it delivers less than others there.
    pub diverted: bool,
    pub sender: Result<Option<u16>, Unfit>,
}

impl Routing {
    /// In the order in which they are tried, each entry once. The error is why there is none. `shift` tells, for an entry, how many
    /// tenths of its numbers in this country go elsewhere first.
    pub fn ways(&self, to: &Destination, shift: impl Fn(u8) -> u8) -> Result<Vec<Way>, Reason> {
        let mut ways: Vec<Way> = Vec::new();
        let mut unfit = false;
        for candidate in self.candidates(to, shift) {
            let entry = candidate.exit.entry;
            match candidate.sender {
                Ok(_) if ways.iter().any(|way| way.entry == entry) => {}
                Ok(sender) => ways.push(Way {
                    entry,
                    sender,
                    cost: candidate.exit.cost,
                }),
                Err(_) => unfit = true,
            }
        }
        match (ways.is_empty(), unfit) {
            (false, _) => Ok(ways),
            (true, true) => Err(Reason::BadSender),
            (true, false) => Err(Reason::NoRoute),
        }
    }

    /// All that could be tried, in order, with why not.
    pub fn candidates<'r>(
        &'r self,
        to: &Destination,
        shift: impl Fn(u8) -> u8,
    ) -> Vec<Candidate<'r>> {
        let matches =
            |rule: &'r Rule| Some((rule.destinations.matches(to.number, to.country)?, rule));
        let mut matching: Vec<(Match, &Rule)> = self.rules.iter().filter_map(matches).collect();
        matching.sort_by_key(|(narrow, rule)| (rule.priority, Reverse(*narrow)));
        let of_rule = |(_, rule): (Match, &'r Rule)| {
            let exits = rule.order(to.spread);
            let mut candidates: Vec<Candidate<'r>> = exits
                .into_iter()
                .map(|exit| Candidate {
                    rule,
                    exit,
                    diverted: is_diverted(to, exit.entry, shift(exit.entry)),
                    sender: self.sender(exit, to),
                })
                .collect();
            candidates.sort_by_key(|candidate| candidate.diverted);
            candidates
        };
        matching.into_iter().flat_map(of_rule).collect()
    }

    /// The sender of a message at an exit: the one that the request names, or the number's own of the pool.
    fn sender(&self, exit: &Exit, to: &Destination) -> Result<Option<u16>, Unfit> {
        let check = |index: u16| {
            let sender = &self.senders[usize::from(index)];
            fits(&sender.originator, sender.standing.as_ref(), to.country)
        };
        if let Some(named) = self.named {
            return check(named).map(|()| Some(named));
        }
        let mut unfit = None;
        let fitting = exit.pool.iter().filter(|index| match check(**index) {
            Ok(()) => true,
            Err(why) => {
                unfit = Some(why);
                false
            }
        });
        // Rendezvous hashing: when a pool changes, only the numbers of what left or came move.
        let own = fitting.max_by_key(|index| {
            let originator = self.senders[usize::from(**index)].originator.as_str();
            mix(to.spread, u64::from(crc32fast::hash(originator.as_bytes())))
        });
        match (own, unfit) {
            (Some(own), _) => Ok(Some(*own)),
            (None, Some(why)) => Err(why),
            (None, None) => Ok(None),
        }
    }

    /// The sender of a way.
    pub fn sender_of(&self, way: Way) -> Option<&PinnedSender> {
        self.senders.get(usize::from(way.sender?))
    }
}

impl Rule {
    fn order(&self, spread: u64) -> Vec<&Exit> {
        let mut exits: Vec<&Exit> = self.exits.iter().collect();
        match self.choice {
            Choice::InOrder => exits,
            Choice::LeastCost => {
                exits.sort_by_key(|exit| price(exit));
                exits
            }
            Choice::Weighted => drawn(exits, spread),
        }
    }
}

/// What costs nobody knows what comes last.
pub(super) fn price(exit: &Exit) -> u64 {
    exit.cost.unwrap_or(u64::MAX)
}

/// One after the other is drawn by weight. Weight 0 comes when nothing else is left.
fn drawn(mut left: Vec<&Exit>, spread: u64) -> Vec<&Exit> {
    let mut drawn = Vec::with_capacity(left.len());
    for draw in 0..left.len() as u64 {
        let total: u64 = left.iter().map(|exit| u64::from(exit.weight)).sum();
        let mut ticket = mix(spread, draw) % total.max(1);
        let winner = left.iter().position(|exit| {
            let weight = u64::from(exit.weight);
            let wins = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            wins
        });
        drawn.push(left.remove(winner.unwrap_or(0)));
    }
    drawn
}

fn is_diverted(to: &Destination, entry: u8, tenths: u8) -> bool {
    mix(to.spread, 1 << 32 | u64::from(entry)) % 10 < u64::from(tenths)
}

/// Spreads evenly what differs in any bit: the finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(spread: u64, salt: u64) -> u64 {
    let mut mixed = spread ^ salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
