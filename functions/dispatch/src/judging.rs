//! Once a minute: do a country's messages arrive as well by one gateway account as by the others? Where they don't, its numbers are led
//! away in small steps, and back (`carillon_core::routing::shift`).

use std::collections::BTreeMap;

use carillon_core::{
    id::{AccountId, GatewayAccountId},
    phone::Country,
    rate::RateState,
    routing::shift::{Deliveries, Tenths, step},
};
use carillon_store::{StoreError, deliveries::Traffic};

use crate::dispatcher::Dispatcher;

/// By gateway account, of one account and one country.
type Rivals = BTreeMap<GatewayAccountId, Deliveries>;

impl Dispatcher<'_> {
    /// By what reports said lately.
    pub async fn judge(&self, seen: Vec<(Traffic, Deliveries)>) -> Result<(), StoreError> {
        for ((_, country), rivals) in by_country(seen) {
            if rivals.len() > 1 {
                self.compare(country, &rivals).await?;
            }
        }
        Ok(())
    }

    async fn compare(&self, country: Country, rivals: &Rivals) -> Result<(), StoreError> {
        let mut standing: Vec<(Tenths, Deliveries)> = Vec::with_capacity(rivals.len());
        for (gateway, seen) in rivals {
            let state = self.state.rate.look(*gateway).await?;
            standing.push((away(&state, country), *seen));
        }
        let steps = step(&standing);
        for ((gateway, (before, _)), after) in rivals.keys().zip(standing).zip(steps) {
            if after != before {
                tracing::info!(metric = "gateways.led_away", %gateway, %country, tenths = after, before, "how many of a country's numbers go elsewhere first");
                self.state.rate.lead_away(*gateway, country, after).await?;
            }
        }
        Ok(())
    }
}

fn away(state: &RateState, country: Country) -> Tenths {
    state.away.get(&country).copied().unwrap_or_default()
}

fn by_country(seen: Vec<(Traffic, Deliveries)>) -> BTreeMap<(AccountId, Country), Rivals> {
    let mut all: BTreeMap<(AccountId, Country), Rivals> = BTreeMap::new();
    for (traffic, counts) in seen {
        let rivals = all.entry((traffic.account, traffic.country)).or_default();
        let sum = rivals.entry(traffic.gateway).or_default();
        sum.delivered += counts.delivered;
        sum.failed += counts.failed;
    }
    all
}
