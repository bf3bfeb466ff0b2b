//! What a window's calls say about their gateway account: too fast, broken, working again.

use carillon_core::{
    breaker::{Phase, trouble},
    id::GatewayAccountId,
    outcome::Outcome,
    reason::Reason,
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use super::{Kind, Known, Traffic};
use crate::state::State;

/// Others change the item at the same time: after so many tries, one of them has said the same.
const TRIES: u32 = 3;

/// Never fails: what became of the messages must be written down, whatever becomes of this.
pub async fn learn(state: &State, gateway: GatewayAccountId, kind: Kind, outcomes: &[&Outcome]) {
    let known = state.traffic.of(gateway);
    let mut known = known.lock().await;
    let lesson = Lesson {
        traffic: &state.traffic,
        gateway,
        now: state.now(),
    };
    if let Err(error) = lesson.draw(&mut known, kind, outcomes).await {
        tracing::error!(gateway = %gateway, error = chain(&error), "a gateway account's health can't be written");
    }
}

struct Lesson<'a> {
    traffic: &'a Traffic,
    gateway: GatewayAccountId,
    now: Timestamp,
}

impl Lesson<'_> {
    async fn draw(
        &self,
        known: &mut Known,
        kind: Kind,
        outcomes: &[&Outcome],
    ) -> Result<(), StoreError> {
        let verdicts = outcomes
            .iter()
            .filter_map(|outcome| known.tally.count(outcome, self.now));
        let verdict = verdicts.last();
        if let (Kind::Probe, Some(outcome)) = (kind, outcomes.first()) {
            return match trouble(outcome) {
                Some(reason) => self.open(known, reason).await,
                None => self.close(known).await,
            };
        }
        if let Some(told) = too_fast(outcomes) {
            self.slow(known, told).await?;
        }
        match verdict {
            Some(reason) if known.state.breaker.phase(self.now) == Phase::Closed => {
                self.open(known, reason).await
            }
            _ => Ok(()),
        }
    }

    async fn slow(&self, known: &mut Known, TooFast(after): TooFast) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(slowing) = known.state.slowing(after, self.now) else {
                return Ok(());
            };
            let rate = &self.traffic.rate;
            let slowed = rate.slow(self.gateway, &known.state, &slowing).await?;
            if known.see(slowed, self.now) {
                let thousandths = slowing.to.to.thousandths();
                tracing::warn!(metric = "gateways.slowed", gateway = %self.gateway, parts_per_1000_seconds = thousandths, "a gateway asked us to slow down");
                return Ok(());
            }
        }
        Ok(())
    }

    async fn open(&self, known: &mut Known, reason: Reason) -> Result<(), StoreError> {
        let before = known.state.breaker;
        let opened = before.opened(reason, self.now);
        for _ in 0..TRIES {
            let rate = &self.traffic.rate;
            let turned = rate.turn(self.gateway, &known.state, &opened, None).await?;
            if known.see(turned, self.now) {
                tracing::warn!(metric = "gateways.opened", gateway = %self.gateway, reason = reason.code(), openings = opened.openings, "nothing is sent by a gateway account for a while");
                return Ok(());
            }
            if known.state.breaker != before {
                // Somebody else saw it too.
                return Ok(());
            }
        }
        Ok(())
    }

    async fn close(&self, known: &mut Known) -> Result<(), StoreError> {
        let before = known.state.breaker;
        let closed = before.closed(self.now);
        for _ in 0..TRIES {
            let slowly = Some(known.state.return_slowly(self.now));
            let rate = &self.traffic.rate;
            let turned = rate.turn(self.gateway, &known.state, &closed, slowly);
            if known.see(turned.await?, self.now) {
                tracing::info!(metric = "gateways.closed", gateway = %self.gateway, "a gateway account works again");
                return Ok(());
            }
            if known.state.breaker != before {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A gateway told us to slow down, and for how long if it did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TooFast(Option<SignedDuration>);

/// With the longest wait of those that were told.
fn too_fast(outcomes: &[&Outcome]) -> Option<TooFast> {
    let told = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Throttled { after } => Some(TooFast(*after)),
        _ => None,
    });
    told.max()
}
