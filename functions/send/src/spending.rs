//! The price of a window, reserved before it is opened: of the account's money, and of what is meant for each country. What is reserved
//! and doesn't leave is not given back: an answer that was lost could give it back twice.

use std::collections::BTreeSet;

use carillon_core::{
    limits::spend::{Period, SpendCaps, SpendRefused},
    phone::Country,
    safeguards::Safeguards,
};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, spending::Purse};
use jiff::{SignedDuration, Timestamp};

use crate::state::State;

/// What has no price is looked at again: somebody may give it one.
const WITHOUT_PRICE: SignedDuration = SignedDuration::from_mins(1);

/// A message to be paid for.
#[derive(Debug, Clone, Copy)]
pub struct Charge {
    pub country: Option<Country>,
    /// `None`: nobody knows.
    pub price: Option<u64>,
}

/// What came of a window's messages, by their place in it.
#[derive(Debug, Default)]
pub struct Paid {
    pub paid: Vec<usize>,
    /// There is no money for these before then.
    pub held: Vec<(usize, Timestamp)>,
}

/// A purse, and what is to be taken of it.
struct Taking {
    purse: Purse,
    price: Option<u64>,
}

/// Where there is not enough for all, for half of them, and so on.
pub async fn reserve(
    state: &State,
    safeguards: &Safeguards,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Paid, StoreError> {
    let mut paid: Vec<usize> = (0..charges.len()).collect();
    let mut held = Vec::new();
    let mut reached = None;
    loop {
        let chosen: Vec<Charge> = paid.iter().map(|place| charges[*place]).collect();
        let Some((purse, refused)) = refusal(state, safeguards, &chosen, now).await? else {
            if let Some((purse, period)) = reached {
                note(state, &purse, period, now).await;
            }
            return Ok(Paid { paid, held });
        };
        let concerned = |place: &usize| {
            let Charge { country, price } = charges[*place];
            let is_of_it = purse.country.is_none() || purse.country == country;
            is_of_it && (price.is_none() || refused != SpendRefused::NoPrice)
        };
        let (mut concerned, mut left): (Vec<usize>, Vec<usize>) =
            paid.into_iter().partition(concerned);
        let (until, kept) = match refused {
            SpendRefused::CapReached { period, until } => {
                reached = Some((purse, period));
                (until, concerned.len() / 2)
            }
            SpendRefused::NoPrice | SpendRefused::NoCalendar => {
                tracing::warn!(account = %safeguards.account, metric = "spending.without_price", "messages have no price, and there is a cap: they wait");
                (now + WITHOUT_PRICE, 0)
            }
        };
        held.extend(concerned.split_off(kept).into_iter().map(|it| (it, until)));
        left.append(&mut concerned);
        left.sort_unstable();
        paid = left;
    }
}

/// For those who are told of caps. What doesn't hinder anything else.
async fn note(state: &State, purse: &Purse, period: Period, now: Timestamp) {
    if let Err(error) = state.spending.note_refusal(purse, period, now).await {
        tracing::warn!(account = %purse.account, error = chain(&error), "a cap is reached, which can't be noted");
    }
}

/// Of all purses or none, but for others who are faster: then the narrower have lost it.
async fn refusal(
    state: &State,
    safeguards: &Safeguards,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Option<(Purse, SpendRefused)>, StoreError> {
    let takings = takings(safeguards, charges);
    if takings.len() > 1 {
        for Taking { purse, price } in &takings {
            let spent = state.spending.look(purse.account, purse.country).await?;
            if let Err(refused) = spent.take(&purse.caps, *price, &purse.clock, now) {
                return Ok(Some((purse.clone(), refused)));
            }
        }
    }
    for Taking { purse, price } in takings {
        let Some(price) = price else {
            return Ok(Some((purse, SpendRefused::NoPrice)));
        };
        if let Err(refused) = state.spending.reserve(&purse, price, now).await? {
            return Ok(Some((purse, refused)));
        }
    }
    Ok(None)
}

/// Of each purse that has a cap, the narrowest first.
fn takings(safeguards: &Safeguards, charges: &[Charge]) -> Vec<Taking> {
    let spend = &safeguards.spend;
    let countries: BTreeSet<Country> = charges.iter().filter_map(|it| it.country).collect();
    let capped = countries.into_iter().filter_map(|country| {
        let caps = spend.countries.get(&country)?;
        Some((Some(country), *caps))
    });
    let purses = capped.chain([(None, spend.account)]);
    let purses = purses.filter(|(_, caps)| *caps != SpendCaps::default());
    let taking = |(country, caps): (Option<Country>, SpendCaps)| {
        let concerned = charges
            .iter()
            .filter(|it| country.is_none() || it.country == country);
        Taking {
            purse: Purse {
                account: safeguards.account,
                country,
                caps,
                clock: safeguards.clock(),
            },
            price: sum(concerned.map(|it| it.price)),
        }
    };
    if charges.is_empty() {
        return Vec::new();
    }
    purses.map(taking).collect()
}

/// `None` if one of them isn't known.
fn sum(mut prices: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    prices.try_fold(0_u64, |sum, price| sum.checked_add(price?))
}
