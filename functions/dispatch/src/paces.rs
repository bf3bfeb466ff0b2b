//! How fast each gateway account takes messages now, and which of a batch's it will be.

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::{
    breaker::Phase,
    id::GatewayAccountId,
    rate::{Pace as Limit, RateState},
};
use carillon_runtime::logs::chain;
use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{budgets::Pace, dispatcher::Dispatcher, outline::Outline, release::Work};

/// Gateway accounts looked at at once.
const CONCURRENT: usize = 16;

impl Dispatcher<'_> {
    /// Which budget each is taken from; the budgets earn what the time since the last second was worth.
    pub async fn choose_gateways(&mut self, works: &mut [Work], now: Timestamp) {
        let state = self.state;
        let shares = works.iter().flat_map(|work| &work.outline.shares);
        let routes = shares.flatten();
        let pinned: BTreeMap<GatewayAccountId, Option<u32>> = routes.copied().collect();
        let looks = stream::iter(pinned).map(async |(gateway, pinned)| {
            let looked = state.rate.look(gateway).await;
            let state = looked.unwrap_or_else(|error| {
                tracing::error!(%gateway, error = chain(&error), "a gateway account's pace can't be read");
                RateState::default()
            });
            (gateway, pace(&state, pinned, now))
        });
        let paces: BTreeMap<GatewayAccountId, Pace> =
            looks.buffer_unordered(CONCURRENT).collect().await;
        for (gateway, pace) in &paces {
            self.memory.budgets.refill(*gateway, *pace, now);
        }
        for work in works {
            work.gateways = choose(&work.outline, &paces);
        }
    }
}

/// By its item; one that has none yet goes at what was pinned to the batch.
fn pace(state: &RateState, pinned: Option<u32>, now: Timestamp) -> Pace {
    let stopped = state.disabled || !matches!(state.breaker.phase(now), Phase::Closed);
    let limit = match state.version {
        0 => pinned.map(Limit::of),
        _ => state.pace(now),
    };
    match (stopped, limit) {
        (true, _) => Pace::Stopped,
        (false, Some(limit)) => Pace::Limited(limit),
        (false, None) => Pace::Free,
    }
}

/// Of each share the first that isn't stopped; when all are, the first.
fn choose(outline: &Outline, paces: &BTreeMap<GatewayAccountId, Pace>) -> Vec<GatewayAccountId> {
    let of_share = |share: &Vec<(GatewayAccountId, Option<u32>)>| {
        let mut gateways = share.iter().map(|(gateway, _)| *gateway);
        let first = gateways.clone().next();
        gateways
            .find(|gateway| paces.get(gateway) != Some(&Pace::Stopped))
            .or(first)
    };
    let chosen: BTreeSet<GatewayAccountId> = outline.shares.iter().filter_map(of_share).collect();
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use carillon_core::{batch::Lane, rate::Limits};
    use carillon_testkit::build;

    use super::*;

    #[test]
    fn a_gateway_account_goes_at_the_pace_of_its_item() {
        let now = Timestamp::UNIX_EPOCH;
        let limited = |parts| Pace::Limited(Limit::of(parts));
        let item = |parts_per_second| RateState {
            version: 1,
            limits: Limits {
                parts_per_second,
                sender_parts_per_second: None,
            },
            ..RateState::default()
        };
        let disabled = RateState {
            disabled: true,
            ..item(Some(40))
        };
        for (name, state, pinned, expected) in [
            ("no item yet", RateState::default(), Some(10), limited(10)),
            ("no limit", item(None), Some(10), Pace::Free),
            ("its limit", item(Some(40)), None, limited(39)),
            ("switched off", disabled, None, Pace::Stopped),
        ] {
            assert_eq!(pace(&state, pinned, now), expected, "{name}");
        }
    }

    #[test]
    fn a_stopped_gateway_account_is_passed_over_while_there_is_another() {
        let (first, second): (GatewayAccountId, GatewayAccountId) = (build::id(), build::id());
        let stopped = |gateways: &[GatewayAccountId]| {
            let stopped = gateways.iter().map(|gateway| (*gateway, Pace::Stopped));
            stopped.collect::<BTreeMap<_, _>>()
        };
        let outline = |shares: &[&[GatewayAccountId]]| Outline {
            account: build::id(),
            lane: Lane::Low,
            shares: shares
                .iter()
                .map(|share| share.iter().map(|gateway| (*gateway, None)).collect())
                .collect(),
            messages: 100,
            parts: 100,
        };
        let both = [first, second];
        for (name, shares, paces, expected) in [
            ("the first", vec![&both[..]], vec![], vec![first]),
            ("the second", vec![&both[..]], vec![first], vec![second]),
            ("none is well", vec![&both[..]], both.to_vec(), vec![first]),
            (
                "each its share",
                vec![&both[..1], &both[1..]],
                vec![],
                both.to_vec(),
            ),
            (
                "both by the one that is left",
                vec![&both[..], &both[1..]],
                vec![first],
                vec![second],
            ),
            ("no gateway", vec![], vec![], vec![]),
        ] {
            assert_eq!(
                choose(&outline(&shares), &stopped(&paces)),
                expected,
                "{name}"
            );
        }
    }
}
