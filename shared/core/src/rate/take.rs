//! Taking tokens (GCRA, the generic cell rate algorithm). Who moves the time until which tokens are taken forward owns what is in between.
//!
//! ```text
//!      now    ready                         ready + ahead
//!   ----|-------|-------------- taken --------------|------> time
//!               begin: taken is over                wait: all of it is spoken for
//!                        follow: the next tokens are ours
//! ```

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Pace, RateState};
use crate::batch::Lane;

/// A window of a campaign waits behind others for this long at most; then come its own tokens, [`BULK_SPAN`] of them.
const BULK_AHEAD: SignedDuration = SignedDuration::from_millis(250);
/// One-time passwords get tokens whatever campaigns have taken, so that they never wait for their turn to ask.
const HIGH_AHEAD: SignedDuration = SignedDuration::from_millis(1_500);
/// A window's tokens, at most.
const BULK_SPAN: SignedDuration = SignedDuration::from_millis(500);
const HIGH_SPAN: SignedDuration = SignedDuration::from_secs(1);
/// Behind the same sender. Short, because what waits for its sender uses its account's tokens late.
const SENDER_AHEAD: SignedDuration = SignedDuration::from_millis(100);
/// The share of the pace by which one-time passwords may overtake what others have taken.
const JUMP_PERMILLE: u64 = 25;
/// Parts that may jump together, however slow the account is: one long text.
const JUMP_PARTS: u32 = 3;
/// A call that is later than its token by more is left to the next window: with the unused part of the limit, so many late ones fit.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(25);

/// Tokens that a window wants.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub parts: u32,
    pub lane: Lane,
    /// What each of its senders has of these.
    pub senders: Vec<(&'a str, u32)>,
    pub now: Timestamp,
    /// When its first call could leave.
    pub ready: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing limits it.
    Free,
    Take(Moves),
    /// Not before then.
    Wait(Timestamp),
}

/// How each of the times is to be moved, all in one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves {
    pub account: Option<Shift>,
    pub senders: Vec<(String, Shift)>,
    /// Set when it overtakes: from `ready` on, whatever is taken.
    pub jump: Option<Shift>,
    pub ready: Timestamp,
    pub paces: Paces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paces {
    account: Option<Pace>,
    sender: Option<Pace>,
}

/// A time moved forward by `cost`: from `from`, where it is earlier; else from where it is, where that is `until` at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub stand: Stand,
    pub from: Timestamp,
    pub until: Timestamp,
    pub cost: SignedDuration,
}

/// Where the time is believed to be. The write's condition knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Before `from`.
    Past,
    Ahead,
}

/// When each part of a window may leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    account: Option<(Timestamp, Pace)>,
    /// Each with its first.
    senders: BTreeMap<String, (Timestamp, Pace)>,
}

/// The messages of a window, one after the other.
#[derive(Debug)]
pub struct Turns<'s> {
    schedule: &'s Schedule,
    /// Of those before.
    parts: u32,
    by_sender: BTreeMap<&'s str, u32>,
}

/// When a call may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    AtOnce,
    At(Timestamp),
}

impl RateState {
    /// How many parts a window may have at most; a longer message goes alone.
    pub fn window_parts(&self, lane: Lane, now: Timestamp) -> u32 {
        parts_in_span(self.pace(now), lane)
    }

    /// And how many of them one sender.
    pub fn sender_parts(&self, lane: Lane) -> u32 {
        parts_in_span(self.sender_pace(), lane)
    }

    /// Until when a sender's tokens are too far taken, by somebody who is ready then; `None` while there are some.
    pub fn sender_busy(&self, sender: &str, ready: Timestamp) -> Option<Timestamp> {
        let taken = self.sender_pace().map(|_| self.sender_taken(sender))?;
        (taken > ready + SENDER_AHEAD).then_some(taken - SENDER_AHEAD)
    }

    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        let account = self.pace(ask.now);
        let sender = self.sender_pace().filter(|_| !ask.senders.is_empty());
        if account.is_none() && sender.is_none() {
            return Decision::Free;
        }
        let ahead = if ask.lane == Lane::High {
            HIGH_AHEAD
        } else {
            BULK_AHEAD
        };
        let mut wait = None;
        let mut shift = |taken, cost, ahead| match ask.shift(taken, cost, ahead) {
            Ok(shift) => Some(shift),
            Err(until) => {
                wait = wait.max(Some(until));
                None
            }
        };
        let account_shift =
            account.and_then(|pace| shift(self.taken, pace.time_of(ask.parts), ahead));
        let of_senders = sender.iter().flat_map(|pace| {
            let senders = ask.senders.iter();
            senders.map(move |(name, parts)| (*name, pace.time_of(*parts)))
        });
        let senders = of_senders.filter_map(|(name, cost)| {
            let shift = shift(self.sender_taken(name), cost, ahead.min(SENDER_AHEAD))?;
            Some((name.to_owned(), shift))
        });
        let senders = senders.collect();
        if let Some(until) = wait {
            return Decision::Wait(until);
        }
        Decision::Take(Moves {
            account: account_shift,
            senders,
            jump: account.and_then(|pace| self.jump(ask, pace, account_shift?)),
            ready: ask.ready,
            paces: Paces { account, sender },
        })
    }

    /// Senders whose tokens are long over: they needn't be kept.
    pub fn idle_senders(&self, now: Timestamp) -> impl Iterator<Item = (&str, Timestamp)> {
        let over = move |(_, taken): &(&String, &Timestamp)| **taken < now - SENDER_KEPT;
        let idle = self.senders.iter().filter(over);
        idle.map(|(name, taken)| (name.as_str(), *taken))
    }

    fn sender_taken(&self, name: &str) -> Timestamp {
        self.senders.get(name).copied().unwrap_or_default()
    }

    /// Overtaking what campaigns have taken: within a small share of the pace, so that the limit is still kept.
    fn jump(&self, ask: &Ask<'_>, pace: Pace, account: Shift) -> Option<Shift> {
        let jumping = pace.permille(JUMP_PERMILLE);
        let parts = JUMP_PARTS.max(jumping.parts_in(SignedDuration::from_secs(1)));
        let may = ask.lane == Lane::High && account.stand == Stand::Ahead && ask.parts <= parts;
        (may && self.jumped <= ask.ready).then(|| Shift {
            stand: Stand::Past,
            from: ask.ready,
            until: ask.ready,
            cost: jumping.time_of(ask.parts),
        })
    }
}

/// A sender's last tokens are forgotten this long after they were over.
const SENDER_KEPT: SignedDuration = SignedDuration::from_secs(10);

impl Ask<'_> {
    /// The error is when to ask again.
    fn shift(
        &self,
        taken: Timestamp,
        cost: SignedDuration,
        ahead: SignedDuration,
    ) -> Result<Shift, Timestamp> {
        let until = self.ready + ahead;
        if taken > until {
            return Err(self.now + taken.duration_since(until));
        }
        let stand = if taken < self.ready {
            Stand::Past
        } else {
            Stand::Ahead
        };
        Ok(Shift {
            stand,
            from: self.ready,
            until,
            cost,
        })
    }
}

impl Shift {
    /// Where our tokens begin, once the time was moved to `taken`.
    fn first(&self, taken: Timestamp) -> Timestamp {
        match self.stand {
            Stand::Past => self.from,
            Stand::Ahead => taken - self.cost,
        }
    }
}

impl Moves {
    /// Nobody's tokens are before ours.
    pub fn begins(&self) -> bool {
        self.account.is_none_or(|shift| shift.stand == Stand::Past)
    }

    /// The tokens that were got, by what the item says after the write.
    pub fn schedule(&self, after: &RateState) -> Schedule {
        let account = self.account.zip(self.paces.account).map(|(shift, pace)| {
            let first = match self.jump {
                Some(_) => self.ready,
                None => shift.first(after.taken),
            };
            (first, pace)
        });
        let of_sender = |(name, shift): &(String, Shift)| {
            let first = shift.first(after.sender_taken(name));
            Some((name.clone(), (first, self.paces.sender?)))
        };
        let senders = self.senders.iter().filter_map(of_sender).collect();
        Schedule { account, senders }
    }
}

impl Schedule {
    pub fn turns(&self) -> Turns<'_> {
        Turns {
            schedule: self,
            parts: 0,
            by_sender: BTreeMap::new(),
        }
    }
}

impl Turns<'_> {
    /// When the next message may leave.
    pub fn next(&mut self, parts: u32, sender: Option<&str>) -> Due {
        let at = |(first, pace): (Timestamp, Pace), before| first + pace.time_of(before);
        let account = self.schedule.account.map(|first| at(first, self.parts));
        self.parts += parts;
        let own = sender.and_then(|sender| self.schedule.senders.get_key_value(sender));
        let sender = own.map(|(name, first)| {
            let before = self.by_sender.entry(name).or_default();
            let time = at(*first, *before);
            *before += parts;
            time
        });
        account.max(sender).map_or(Due::AtOnce, Due::At)
    }
}

fn parts_in_span(pace: Option<Pace>, lane: Lane) -> u32 {
    let span = if lane == Lane::High {
        HIGH_SPAN
    } else {
        BULK_SPAN
    };
    pace.map_or(u32::MAX, |pace| pace.parts_in(span).max(1))
}

impl Due {
    /// Its token is spent: sent now, it would leave together with what others send.
    pub fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::AtOnce => false,
            Self::At(time) => now > time + TOLERANCE,
        }
    }
}
