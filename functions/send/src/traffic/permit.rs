//! May a window leave by a gateway account, how much of it, and when? Asked before it is opened.

use std::collections::BTreeMap;

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
/// Senders of a window at most: each is a part of one expression, which has 4 KB.
const SENDERS: usize = 16;

/// What a window would send.
pub struct Want<'a> {
    pub gateway: GatewayAccountId,
    pub lane: Lane,
    pub messages: Vec<Wanted<'a>>,
}

/// One of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    pub parts: u32,
    pub sender: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    Granted(Grant),
    /// Its tokens are spoken for until then.
    Wait(Timestamp),
    /// It is broken or switched off, and is to be tried again then.
    Closed(Timestamp),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which of the messages, by their place.
    pub messages: Vec<usize>,
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
            messages: (0..messages).collect(),
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
        let ready = now + self.state.traffic.lead();
        let messages = match self.fitting(known, now, ready) {
            Ok(messages) => messages,
            Err(until) => return self.unless_old(known, Permit::Wait(until), now).await,
        };
        let ask = self.ask(&messages, now, ready);
        if known.crowd == Crowd::Others {
            known.state.taken = known.state.taken.max(ask.ready);
        }
        match known.state.decide(&ask) {
            Decision::Free => {
                let free = Grant {
                    messages,
                    ..Grant::unlimited(0)
                };
                self.unless_old(known, Permit::Granted(free), now).await
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
        let taken = rate.take(gateway, &known.state, moves).await?;
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
        Ok(Some(moves.schedule(&known.state)))
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

    /// Which of the messages fit into a window, but for those whose sender has no tokens; one that is longer goes alone. The error is
    /// when the first sender has some again.
    fn fitting(
        &self,
        known: &Known,
        now: Timestamp,
        ready: Timestamp,
    ) -> Result<Vec<usize>, Timestamp> {
        let (state, lane) = (&known.state, self.want.lane);
        let (most, of_sender) = (state.window_parts(lane, now), state.sender_parts(lane));
        let (mut total, mut by_sender) = (0, BTreeMap::new());
        let mut fitting = Vec::new();
        let mut busy: Option<Timestamp> = None;
        for (place, Wanted { parts, sender }) in self.want.messages.iter().enumerate() {
            if let Some(until) = sender.and_then(|name| state.sender_busy(name, ready)) {
                busy = Some(busy.map_or(until, |busy| busy.min(until)));
                continue;
            }
            let senders = by_sender.len();
            let own = by_sender.entry(*sender).or_insert(0);
            let too_long_for_sender = sender.is_some() && *own > 0 && *own + parts > of_sender;
            let too_many = of_sender < u32::MAX && *own == 0 && senders >= SENDERS;
            if too_long_for_sender || too_many {
                continue;
            }
            if !fitting.is_empty() && total + parts > most {
                break;
            }
            (total, *own) = (total + parts, *own + parts);
            fitting.push(place);
        }
        match busy {
            Some(until) if fitting.is_empty() => Err(until),
            _ => Ok(fitting),
        }
    }

    fn ask(&self, messages: &[usize], now: Timestamp, ready: Timestamp) -> Ask<'_> {
        let (mut parts, mut by_sender) = (0, BTreeMap::new());
        for Wanted { parts: its, sender } in messages.iter().map(|place| self.want.messages[*place])
        {
            parts += its;
            if let Some(sender) = sender {
                *by_sender.entry(sender).or_insert(0) += its;
            }
        }
        Ask {
            parts,
            lane: self.want.lane,
            senders: by_sender.into_iter().collect(),
            now,
            ready,
        }
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
