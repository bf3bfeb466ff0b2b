//! May a window leave by a gateway account, how much of it, and when? Asked before it is opened.

use carillon_core::{
    batch::Lane,
    breaker::Phase,
    id::GatewayAccountId,
    rate::{Ask, Decision, Moves, Schedule},
};
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use super::{Crowd, Known};
use crate::state::State;

/// Others were faster so often: then we ask again a little later.
const TRIES: u32 = 5;
const LATER: SignedDuration = SignedDuration::from_millis(50);
/// What is closed is looked at again after this at the latest: its owner may have repaired it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// Idle senders are forgotten when there are more.
const IDLE_SENDERS: usize = 16;

/// What a window would send.
pub struct Want<'a> {
    pub gateway: GatewayAccountId,
    pub sender: Option<&'a str>,
    pub lane: Lane,
    /// Of each message, in their order.
    pub parts: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    Granted(Grant),
    /// Its tokens are spoken for until then.
    Wait(Timestamp),
    /// It is broken or switched off, and is to be tried again then.
    Closed(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many of the messages.
    pub messages: usize,
    pub schedule: Schedule,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ordinary,
    /// One message that shows whether the gateway works again.
    Probe,
}

impl Grant {
    /// For what no gateway account limits.
    pub fn unlimited(messages: usize) -> Self {
        Self {
            messages,
            schedule: Schedule::default(),
            kind: Kind::Ordinary,
        }
    }
}

pub async fn permit(state: &State, want: &Want<'_>) -> Result<Permit, StoreError> {
    let known = state.traffic.of(want.gateway);
    let mut known = known.lock().await;
    let asking = Asking { state, want };
    for _ in 0..TRIES {
        if let Some(permit) = asking.once(&mut known).await? {
            return Ok(permit);
        }
    }
    Ok(Permit::Wait(state.now() + LATER))
}

struct Asking<'a> {
    state: &'a State,
    want: &'a Want<'a>,
}

impl Asking<'_> {
    /// `None` when the item was not as we thought: it is now.
    async fn once(&self, known: &mut Known) -> Result<Option<Permit>, StoreError> {
        let now = self.state.now();
        if !known.state.disabled && known.state.breaker.phase(now) == Phase::HalfOpen {
            return self.probe(known, now).await;
        }
        if let Some(until) = known.state.closed_until(now) {
            let closed = Permit::Closed(until.min(now + LOOK_AGAIN));
            return self.unless_old(known, closed, now).await;
        }
        let (messages, parts) = self.fitting(known, now);
        let ask = Ask {
            parts,
            lane: self.want.lane,
            sender: self.want.sender,
            now,
            ready: now + self.state.traffic.lead(),
        };
        if known.crowd == Crowd::Others {
            known.state.taken = known.state.taken.max(ask.ready);
        }
        match known.state.decide(&ask) {
            Decision::Free => {
                let free = Permit::Granted(Grant::unlimited(messages));
                self.unless_old(known, free, now).await
            }
            Decision::Wait(until) => self.unless_old(known, Permit::Wait(until), now).await,
            Decision::Take(moves) => {
                let schedule = self.take(known, &moves, now).await?;
                let grant = |schedule| {
                    Permit::Granted(Grant {
                        messages,
                        schedule,
                        kind: Kind::Ordinary,
                    })
                };
                Ok(schedule.map(grant))
            }
        }
    }

    async fn take(
        &self,
        known: &mut Known,
        moves: &Moves,
        now: Timestamp,
    ) -> Result<Option<Schedule>, StoreError> {
        let (rate, gateway) = (&self.state.traffic.rate, self.want.gateway);
        let sender = self.want.sender;
        let taken = rate.take(gateway, &known.state, moves, sender).await?;
        let granted = known.see(taken, now);
        let ahead = known.state.taken > moves.ready;
        let begun = moves.begins();
        known.crowd = match (granted, ahead) {
            (true, _) if begun => Crowd::Alone,
            (false, false) => Crowd::Alone,
            _ => Crowd::Others,
        };
        if !granted {
            return Ok(None);
        }
        if known.state.idle_senders(now).count() > IDLE_SENDERS {
            let forgotten = rate.forget_senders(gateway, &known.state, now).await?;
            known.see(forgotten, now);
        }
        Ok(Some(moves.schedule(&known.state, sender)))
    }

    /// One worker wins it.
    async fn probe(&self, known: &mut Known, now: Timestamp) -> Result<Option<Permit>, StoreError> {
        let (rate, gateway) = (&self.state.traffic.rate, self.want.gateway);
        let probed = known.state.breaker.probed(now);
        let turned = rate.turn(gateway, &known.state, &probed, None).await?;
        let probe = Grant {
            kind: Kind::Probe,
            ..Grant::unlimited(1)
        };
        Ok(known.see(turned, now).then_some(Permit::Granted(probe)))
    }

    /// How many of the messages fit into a window, and their parts; a message that is longer goes alone.
    fn fitting(&self, known: &Known, now: Timestamp) -> (usize, u32) {
        let most = known
            .state
            .window_parts(self.want.lane, self.want.sender.is_some(), now);
        let mut total = 0;
        let fits = self.want.parts.iter().take_while(|parts| {
            total += **parts;
            total <= most
        });
        let messages = fits.count().max(1);
        let parts = self.want.parts.iter().take(messages).sum();
        (messages, parts)
    }

    /// What wasn't confirmed by a write rests on a look that isn't old.
    async fn unless_old(
        &self,
        known: &mut Known,
        permit: Permit,
        now: Timestamp,
    ) -> Result<Option<Permit>, StoreError> {
        if !known.is_old(now) {
            return Ok(Some(permit));
        }
        let looked = self.state.traffic.rate.look(self.want.gateway).await?;
        known.see(Ok(looked), now);
        Ok(None)
    }
}
