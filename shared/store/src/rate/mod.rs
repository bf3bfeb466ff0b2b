//! How fast a gateway account may be sent to: one item each, which every write of tokens returns, so that workers learn of a new
//! limit, a slowdown or an open breaker with the tokens that they take. What the item means is in `carillon_core::rate`.

mod rate_item;
mod update;

use aws_sdk_dynamodb::Client;
use carillon_core::{
    breaker::Breaker,
    id::GatewayAccountId,
    phone::Country,
    rate::{Moves, RateState, Slowed, Slowing},
    routing::shift::Tenths,
};

pub use self::update::History;
pub(crate) use self::update::{Terms, change_limits};
use self::update::{Update, micros};
use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{number, time},
    keys,
};

#[derive(Debug, Clone)]
pub struct Rate {
    table: CoreTable,
}

/// The item is not as the caller thought; this is how it is. Decide again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale(pub Box<RateState>);

impl Rate {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// As it is now, strongly consistent.
    pub async fn look(&self, gateway: GatewayAccountId) -> Result<RateState, StoreError> {
        let key = keys::rate(gateway);
        let item = self.table.get(&key, "look at a rate").await?;
        rate_item::read(item.as_ref())
    }

    /// Takes the tokens that were decided on from `known`; of its version is all that doesn't move with each window.
    pub async fn take(
        &self,
        gateway: GatewayAccountId,
        known: &RateState,
        moves: &Moves,
    ) -> Result<Result<RateState, Stale>, StoreError> {
        let mut update = Update::of_version(known.version);
        if let Some(shift) = &moves.account {
            update.shift("taken_until", shift);
        }
        if let Some(shift) = &moves.jump {
            update.shift("jumped_until", shift);
        }
        for (sender, shift) in &moves.senders {
            update.shift(&rate_item::of_sender(sender), shift);
        }
        self.write(gateway, update, "take tokens").await
    }

    /// Slower, and for a gateway that named a time nothing before then.
    pub async fn slow(
        &self,
        gateway: GatewayAccountId,
        known: &RateState,
        slowing: &Slowing,
    ) -> Result<Result<RateState, Stale>, StoreError> {
        let mut update = Update::next_version(known.version);
        update.set_slowed(slowing.to);
        if let Some(until) = slowing.pushed {
            update.push("taken_until", until);
        }
        self.write(gateway, update, "slow down").await
    }

    /// Opens the breaker, closes it, or wins its probe; what closes it says where the account begins again.
    pub async fn turn(
        &self,
        gateway: GatewayAccountId,
        known: &RateState,
        breaker: &Breaker,
        slowed: Option<Slowed>,
    ) -> Result<Result<RateState, Stale>, StoreError> {
        let mut update = Update::next_version(known.version);
        update.set("openings", number(breaker.openings));
        update.set_or_remove("changed_at", breaker.since.map(time));
        let open = breaker.open;
        update.set_or_remove("open_until", open.map(|open| time(open.until)));
        update.set_or_remove("open_reason", open.map(|open| number(open.reason.byte())));
        let probed = open.and_then(|open| open.probed_until);
        update.set_or_remove("probed_until", probed.map(time));
        if let Some(slowed) = slowed {
            update.set_slowed(slowed);
        }
        self.write(gateway, update, "turn a breaker").await
    }

    /// How many tenths of a country's numbers go elsewhere first. Under no version: workers learn of it with their next tokens.
    pub async fn lead_away(
        &self,
        gateway: GatewayAccountId,
        country: Country,
        tenths: Tenths,
    ) -> Result<(), StoreError> {
        let mut update = Update::of_any_version();
        let tenths = (tenths > 0).then(|| number(tenths));
        update.set_or_remove(&rate_item::of_country(country), tenths);
        self.write(gateway, update, "lead numbers away")
            .await
            .map(drop)
    }

    /// Removes senders that nobody has taken tokens of for a while, if that is still so.
    pub async fn forget_senders(
        &self,
        gateway: GatewayAccountId,
        known: &RateState,
        now: jiff::Timestamp,
    ) -> Result<Result<RateState, Stale>, StoreError> {
        let mut update = Update::of_version(known.version);
        for (sender, taken) in known.idle_senders(now) {
            update.remove_if(&rate_item::of_sender(sender), micros(taken));
        }
        self.write(gateway, update, "forget idle senders").await
    }

    async fn write(
        &self,
        gateway: GatewayAccountId,
        update: Update,
        operation: &'static str,
    ) -> Result<Result<RateState, Stale>, StoreError> {
        let key = keys::rate(gateway).item();
        let call = update.call(self.table.client().update_item(), self.table.name(), key);
        match condition::or_there(call.send().await, operation)? {
            Ok(answer) => rate_item::read(answer.attributes()).map(Ok),
            Err(there) => rate_item::read(there.as_ref()).map(|state| Err(Stale(state.into()))),
        }
    }
}
