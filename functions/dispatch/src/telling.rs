//! What accounts are told of while they send: a cap that is near or reached, a gateway account that fails. Once each: the event first, then
//! the note that it was told, so that a crash in between tells it twice under the same id.

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::{
    batch::{Batch, Control, Stage},
    event::{CapEvent, Event, GatewayEvent},
    id::{AccountId, GatewayAccountId},
    limits::spend::{Period, SpendCaps},
    phone::Country,
    safeguards::Safeguards,
};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, deliveries::Traffic};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{State, dispatcher::Dispatcher, outline::Outline};

/// Accounts, or gateway accounts, looked at at once.
const CONCURRENT: usize = 16;
/// A gateway account that was well for so long and fails again is told again.
const OUTAGE: SignedDuration = SignedDuration::from_hours(1);

impl Dispatcher<'_> {
    /// Of the accounts that have a batch under way, or of whose messages something was heard lately.
    pub async fn tell(&self, batches: &[Batch], traffic: &[Traffic], now: Timestamp) {
        let sending: Vec<&Batch> = batches.iter().filter(|batch| sends(batch)).collect();
        let accounts = sending.iter().map(|batch| batch.terms.account);
        let accounts: BTreeSet<AccountId> = accounts
            .chain(traffic.iter().map(|traffic| traffic.account))
            .collect();
        stream::iter(accounts)
            .for_each_concurrent(CONCURRENT, async |account| {
                if let Err(error) = tell_of_caps(self.state, account, now).await {
                    tracing::error!(%account, error = chain(&error), "an account can't be told of its caps");
                }
            })
            .await;
        let pinned = sending.iter().flat_map(|batch| gateways(batch));
        let gateways: BTreeMap<GatewayAccountId, AccountId> = pinned
            .chain(traffic.iter().map(|it| (it.gateway, it.account)))
            .collect();
        stream::iter(gateways)
            .for_each_concurrent(CONCURRENT, async |(gateway, account)| {
                if let Err(error) = tell_of_gateway(self.state, account, gateway, now).await {
                    tracing::error!(%gateway, error = chain(&error), "an account can't be told of its gateway account");
                }
            })
            .await;
    }
}

/// Whether messages of it may be waiting for money or for a gateway.
fn sends(batch: &Batch) -> bool {
    let progress = &batch.progress;
    progress.stage == Stage::Ready && progress.control == Control::Running && !batch.terms.test
}

fn gateways(batch: &Batch) -> Vec<(GatewayAccountId, AccountId)> {
    let Outline {
        account, shares, ..
    } = Outline::of(batch);
    let routes = shares.into_iter().flatten();
    routes.map(|(gateway, _)| (gateway, account)).collect()
}

async fn tell_of_caps(state: &State, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    let safeguards = state.safeguards.find(account).await?;
    let countries = &safeguards.spend.countries;
    let countries = countries
        .iter()
        .map(|(country, caps)| (Some(*country), *caps));
    let purses: Vec<(Option<Country>, SpendCaps)> = [(None, safeguards.spend.account)]
        .into_iter()
        .chain(countries)
        .filter(|(_, caps)| *caps != SpendCaps::default())
        .collect();
    for (country, caps) in purses {
        for (event, until) in standings(state, &safeguards, country, &caps, now).await? {
            let what = event.id.to_string();
            if !state.told.is_told(account, &what, now).await? {
                state.queues.send_events(vec![event]).await?;
                state.told.note(account, &what, until).await?;
            }
        }
    }
    Ok(())
}

/// What is to be told of a purse, and until when that is so.
async fn standings(
    state: &State,
    safeguards: &Safeguards,
    country: Option<Country>,
    caps: &SpendCaps,
    now: Timestamp,
) -> Result<Vec<(Event, Timestamp)>, StoreError> {
    let (account, clock) = (safeguards.account, safeguards.clock());
    let spent = state.spending.look(account, country).await?;
    let of = |period: Period| {
        let standing = spent.standing(caps, period, &clock, now)?;
        let (_, until) = period.around(now, &clock)?;
        let data = CapEvent {
            period,
            country,
            cap: caps.of(period)?,
            reserved: spent.of(period).map_or(0, |reserved| reserved.amount),
            until,
        };
        Some((Event::of_cap(account, standing, data, now), until))
    };
    Ok(Period::ALL.into_iter().filter_map(of).collect())
}

async fn tell_of_gateway(
    state: &State,
    account: AccountId,
    gateway: GatewayAccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let breaker = state.rate.look(gateway).await?.breaker;
    let (Some(open), Some(since), true) = (breaker.open, breaker.since, breaker.is_failing())
    else {
        return Ok(());
    };
    let what = format!("gateway.failing.{gateway}");
    if !state.told.is_told(account, &what, now).await? {
        let data = GatewayEvent {
            gateway,
            reason: open.reason,
        };
        let event = Event::of_failing(account, data, since, now);
        state.queues.send_events(vec![event]).await?;
    }
    // Each minute anew: an outage is told when it begins, however often its breaker closes and opens again.
    state.told.note(account, &what, now + OUTAGE).await
}
