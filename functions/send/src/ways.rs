//! The ways of a chunk's messages: by which gateway accounts each may leave, in which order, and under which sender.

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::{
    batch::BatchTerms,
    frame::Recipient,
    phone::Country,
    reason::Reason,
    routing::{Destination, PinnedSender, Routing, Way},
    session::Order,
};

use crate::state::State;

/// By slot.
pub struct Ways(Vec<Result<Vec<Way>, Reason>>);

/// By country and entry: the tenths of its numbers that go elsewhere first.
type Shifts = BTreeMap<(Country, u8), u8>;

impl Ways {
    pub async fn of(state: &State, terms: &BatchTerms, recipients: &[Recipient]) -> Self {
        if terms.test {
            let simulated = Way {
                entry: 0,
                sender: terms.routing.named,
                cost: Some(0),
            };
            return Self(vec![Ok(vec![simulated]); recipients.len()]);
        }
        let shifts = shifts(state, terms, recipients).await;
        let spreads = terms.routing.spreads() || !shifts.is_empty();
        let ways = recipients.iter().map(|recipient| {
            let number = recipient.number;
            let to = Destination {
                number,
                country: recipient.country,
                spread: if spreads {
                    state.key.spread(terms.account, number)
                } else {
                    0
                },
            };
            let shift = |entry| {
                let away = recipient
                    .country
                    .and_then(|country| shifts.get(&(country, entry)));
                away.copied().unwrap_or_default()
            };
            terms.routing.ways(&to, shift)
        });
        Self(ways.collect())
    }

    pub fn orders(&self) -> Vec<Order> {
        let order = |ways: &Result<Vec<Way>, Reason>| match ways {
            Ok(ways) => Order::Try(ways.iter().map(|way| way.entry).collect()),
            Err(reason) => Order::Nowhere(*reason),
        };
        self.0.iter().map(order).collect()
    }

    /// Under which sender a slot would leave first.
    pub fn first_sender<'r>(&self, routing: &'r Routing, slot: usize) -> Option<&'r PinnedSender> {
        let way = self.0.get(slot)?.as_ref().ok()?.first()?;
        routing.sender_of(*way)
    }

    /// What a message costs by an entry, in millionths of the account's currency for each part.
    pub fn cost(&self, slot: usize, entry: u8) -> Option<u64> {
        let ways = self.0.get(slot)?.as_ref().ok()?;
        ways.iter().find(|way| way.entry == entry)?.cost
    }

    /// Under which sender a slot leaves by an entry; `None` where the gateway picks one.
    pub fn sender<'r>(
        &self,
        routing: &'r Routing,
        slot: usize,
        entry: u8,
    ) -> Option<&'r PinnedSender> {
        let ways = self.0.get(slot)?.as_ref().ok()?;
        let way = ways.iter().find(|way| way.entry == entry)?;
        routing.sender_of(*way)
    }
}

async fn shifts(state: &State, terms: &BatchTerms, recipients: &[Recipient]) -> Shifts {
    let countries: BTreeSet<Country> = recipients
        .iter()
        .filter_map(|recipient| recipient.country)
        .collect();
    let mut shifts = Shifts::new();
    for (entry, route) in (0..).zip(&terms.routes) {
        for country in &countries {
            let away = state.traffic.away(route.gateway, *country).await;
            if away > 0 {
                shifts.insert((*country, entry), away);
            }
        }
    }
    shifts
}
