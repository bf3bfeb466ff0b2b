//! Routing: which gateway accounts a message may leave by, in which order they are tried, and under which sender.
//!
//! An account's routes are pinned to a batch when it begins. What a message's ways are follows from them, its number and a keyed
//! hash of it; so the same number takes the same way and sees the same sender each time, and nothing is kept for it.

mod order;
pub mod shift;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::order::{Candidate, Destination, Way};
use crate::{
    batch::Lane,
    id::{AccountId, GatewayAccountId, RouteId, SenderId},
    originator::Originator,
    phone::{Country, Phone},
    sender::{Sender, Standing},
};

/// A rule of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub id: RouteId,
    pub account: AccountId,
    pub name: String,
    /// The lowest comes first; of equals the narrower.
    pub priority: u16,
    pub destinations: Destinations,
    /// None: every lane.
    pub lanes: Vec<Lane>,
    /// Only for messages that name one of these as their sender. None: for all.
    pub senders: Vec<Originator>,
    pub choice: Choice,
    pub exits: Vec<RouteExit>,
    pub enabled: bool,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

/// One gateway account of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteExit {
    pub gateway: GatewayAccountId,
    pub weight: u16,
    /// In millionths of the account's currency; `None`: what the gateway account says.
    pub cost_per_part: Option<u64>,
    /// Whose numbers and names messages without a sender leave under.
    pub pool: Vec<SenderId>,
}

/// Whom a route is for. Without countries and prefixes: everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Destinations {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Country>,
    /// Digits that a number begins with, country code first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
}

/// How a route picks among its gateway accounts. The others are what it falls back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The first that works.
    InOrder,
    /// Each gets its share of the numbers.
    Weighted,
    /// The cheapest that works.
    LeastCost,
}

/// An account's routes as they are pinned to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routing {
    pub rules: Vec<Rule>,
    pub senders: Vec<PinnedSender>,
    /// The one that the request named, in `senders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `None`: what holds for accounts without routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteId>,
    pub priority: u16,
    #[serde(default)]
    pub destinations: Destinations,
    pub choice: Choice,
    pub exits: Vec<Exit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Of the batch's gateway accounts.
    pub entry: u8,
    pub weight: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// In `Routing::senders`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pool: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedSender {
    pub originator: Originator,
    /// `None`: it is not among the account's senders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// How narrow a match is: longer prefixes before shorter ones, prefixes before countries, countries before everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    Everybody,
    Country,
    /// So many digits.
    Prefix(usize),
}

impl Destinations {
    /// `None` where a number isn't among them.
    pub fn matches(&self, number: Phone, country: Option<Country>) -> Option<Match> {
        let digits = number.digits().to_string();
        let prefixes = self.prefixes.iter();
        let longest = prefixes
            .filter(|prefix| digits.starts_with(prefix.as_str()))
            .map(String::len)
            .max();
        let in_country = country.is_some_and(|country| self.countries.contains(&country));
        if let Some(digits) = longest {
            Some(Match::Prefix(digits))
        } else if in_country {
            Some(Match::Country)
        } else {
            let everybody = self.prefixes.is_empty() && self.countries.is_empty();
            everybody.then_some(Match::Everybody)
        }
    }
}

impl Route {
    /// Whether it says anything of such messages, whomever they go to.
    pub fn is_for(&self, lane: Lane, sender: Option<&Originator>) -> bool {
        let lane_fits = self.lanes.is_empty() || self.lanes.contains(&lane);
        let sender_fits =
            self.senders.is_empty() || sender.is_some_and(|sender| self.senders.contains(sender));
        self.enabled && lane_fits && sender_fits
    }
}

impl Routing {
    /// Everything by all gateway accounts, in their order, at what each costs: what holds without routes.
    pub fn in_order(costs: impl IntoIterator<Item = Option<u64>>) -> Self {
        let exits = (0..).zip(costs).map(|(entry, cost)| Exit {
            entry,
            weight: 1,
            cost,
            pool: Vec::new(),
        });
        Self {
            rules: vec![Rule {
                route: None,
                priority: 0,
                destinations: Destinations::default(),
                choice: Choice::InOrder,
                exits: exits.collect(),
            }],
            ..Self::default()
        }
    }

    /// The place of a sender of the account, which it gets if it has none yet.
    pub fn pinned(&mut self, sender: &Sender) -> u16 {
        let same = |pinned: &PinnedSender| pinned.originator == sender.originator;
        if let Some(place) = self.senders.iter().position(same) {
            return u16::try_from(place).expect("an account has some hundred senders");
        }
        self.pin(PinnedSender {
            originator: sender.originator.clone(),
            standing: Some(sender.standing.clone()),
        })
    }

    pub fn pin(&mut self, sender: PinnedSender) -> u16 {
        self.senders.push(sender);
        u16::try_from(self.senders.len() - 1).expect("an account has some hundred senders")
    }

    /// Whether anything depends on a number's spread.
    pub fn spreads(&self) -> bool {
        self.rules.iter().any(|rule| {
            let drawn = rule.choice == Choice::Weighted && rule.exits.len() > 1;
            drawn || rule.exits.iter().any(|exit| exit.pool.len() > 1)
        })
    }

    /// What the batch's messages are shared over while all is well: each an entry and those that take over from it, in their order.
    pub fn shares(&self) -> Vec<Vec<u8>> {
        self.rules.iter().flat_map(Rule::shares).collect()
    }
}

impl Rule {
    fn shares(&self) -> Vec<Vec<u8>> {
        let mut exits: Vec<&Exit> = self.exits.iter().collect();
        let entries = |exits: &[&Exit]| exits.iter().map(|exit| exit.entry).collect();
        match self.choice {
            Choice::InOrder => vec![entries(&exits)],
            Choice::LeastCost => {
                exits.sort_by_key(|exit| order::price(exit));
                vec![entries(&exits)]
            }
            Choice::Weighted => {
                let drawn = (0..exits.len()).filter(|first| exits[*first].weight > 0);
                let share = |first: usize| {
                    let mut share = exits.clone();
                    share[..=first].rotate_right(1);
                    entries(&share)
                };
                drawn.map(share).collect()
            }
        }
    }
}
