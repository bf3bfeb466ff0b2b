//! The send protocol as a pure state machine: what one worker does with one leased chunk, from the lease to the write that lets it go.
//!
//! `send` turns each step into effects; `tests/send_protocol` runs the same code under crashes, lost, doubled and late calls.
//!
//! ```text
//!  begin -> next -+-> Step::Send(plan) -> open(plan) = write -> opened -> the calls -> record -+
//!                 |      ^---------------------------------------------------------------------+
//!                 +-> Step::Ask(questions) -> the calls -> answered -> next
//!                 +-> Step::Close(write): parked, given back or done
//! ```

mod backoff;
mod doubt;
mod plan;
mod record;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    doubt::Questions,
    plan::{Planned, WindowPlan},
    record::Call,
};
use crate::{
    batch::{BatchTerms, Control, DoubtPolicy, Lane, RouteEntry},
    chunk::{
        Chunk,
        receipt::{Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        window::{OpenWindow, Token, Window},
    },
    reason::Reason,
    safeguards::Verdict,
};

/// One worker's hold on one chunk.
#[derive(Debug, Clone)]
pub struct Session {
    token: Token,
    terms: SessionTerms,
    slots: Vec<Slot>,
    receipts: Vec<Option<Receipt>>,
    /// As the ledger has it, after our last answered write.
    window: Window,
    /// By slot: what only this session knows. A later one starts when the chunk wakes.
    notes: Vec<Note>,
    /// By route entry: nothing goes that way before then.
    holds: Vec<Option<Hold>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Note {
    /// Nothing is done about it before then.
    wait: Option<Timestamp>,
    /// Where in its order it goes on, after an entry that could not take it.
    place: Option<usize>,
    /// Since when it has been in doubt, and by whose clock.
    doubt: Option<doubt::Since>,
    /// Its gateway was asked and gave no clear answer.
    asked: bool,
}

#[derive(Debug, Clone, Copy)]
enum Hold {
    /// It asked us to slow down: its messages wait for it.
    Slow(Timestamp),
    /// It is out of order: its messages go by a later entry, where there is one.
    Shut(Timestamp),
}

impl Hold {
    const fn until(self) -> Timestamp {
        match self {
            Self::Slow(until) | Self::Shut(until) => until,
        }
    }
}

/// What of a batch the protocol depends on.
#[derive(Debug, Clone)]
pub struct SessionTerms {
    pub policy: DoubtPolicy,
    /// Nothing of the batch left before then.
    pub starts: Timestamp,
    pub expires_at: Timestamp,
    pub routes: Vec<Abilities>,
    /// By slot.
    pub orders: Vec<Order>,
    /// One-time passwords don't wait for a gateway that asks to slow down while there is another.
    pub urgent: bool,
}

/// The entries of a slot, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Try(Vec<u8>),
    /// There is none, for this reason.
    Nowhere(Reason),
}

/// What the gateway of a route entry can do about doubt.
#[derive(Debug, Clone, Copy, Default)]
pub struct Abilities {
    /// How long it deduplicates by our id.
    pub deduplicates_for: Option<SignedDuration>,
    /// It can be asked by our id, and "not found" counts this long after a message left.
    pub settles_after: Option<SignedDuration>,
}

impl From<&RouteEntry> for Abilities {
    fn from(route: &RouteEntry) -> Self {
        Self {
            deduplicates_for: route.deduplicates(),
            settles_after: route.settles(),
        }
    }
}

impl SessionTerms {
    pub fn new(terms: &BatchTerms, orders: Vec<Order>) -> Self {
        Self {
            policy: terms.policy,
            starts: terms.starts(),
            expires_at: terms.expires_at,
            routes: terms.routes.iter().map(Abilities::from).collect(),
            orders,
            urgent: terms.lane == Lane::High,
        }
    }
}

/// What the worker sees just before a step.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    pub control: Control,
    pub now: Timestamp,
    /// A call per slot and the write after it fit before the worker's deadline.
    pub time_left: bool,
    /// By slot; none is that all may go.
    pub verdicts: &'a [Verdict],
}

impl Standing<'_> {
    fn verdict(&self, slot: usize) -> Verdict {
        self.verdicts.get(slot).copied().unwrap_or(Verdict::Go)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Send(WindowPlan),
    /// Ask a gateway what it has; nothing is written for it.
    Ask(Questions),
    Close(ChunkWrite),
}

/// One conditional write of `send` to its chunk: the owner must be `token`, the window `before` or already `window`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkWrite {
    pub token: Token,
    pub before: Window,
    pub window: Window,
    pub slots: Vec<Slot>,
    pub then: Then,
}

/// What becomes of the chunk with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The worker goes on.
    Keep,
    /// Nobody looks at it before this time.
    Park(Timestamp),
    /// Back to `ready`, for whoever gets the next pointer.
    GiveBack,
    /// Every slot is decided.
    Finish,
}

impl Session {
    /// Takes over a chunk as the lease returned it at `now`. Whatever a worker before left open is in doubt, whatever its slots say.
    pub fn begin(token: Token, terms: SessionTerms, chunk: &Chunk, now: Timestamp) -> Self {
        let holds = vec![None; terms.routes.len()];
        let mut session = Self {
            token,
            terms,
            slots: chunk.slots.clone(),
            receipts: chunk.receipts.clone(),
            window: chunk.window,
            notes: vec![Note::default(); chunk.slots.len()],
            holds,
        };
        session.remember_where_to_go_on();
        session.remember_the_time_of_doubt(now);
        session.doubt_what_others_left_open(now);
        session
    }

    /// What to do now. Doubt is settled first, then come the checks, then the next window, then questions.
    pub fn next(&mut self, standing: Standing<'_>) -> Step {
        self.settle(standing);
        self.check(standing);
        if self.undecided().next().is_none() {
            return Step::Close(self.close(Then::Finish));
        }
        if standing.control == Control::Paused {
            return Step::Close(self.close(Then::GiveBack));
        }
        let now = standing.now;
        let due: Vec<usize> = self
            .undecided()
            .filter(|slot| self.due(*slot, standing) <= now)
            .collect();
        if due.is_empty() {
            return Step::Close(self.close(Then::Park(self.wake(standing))));
        }
        if !standing.time_left {
            return Step::Close(self.park(now));
        }
        let (questions, ready): (Vec<usize>, Vec<usize>) = due
            .into_iter()
            .partition(|slot| self.is_question(*slot, standing));
        if ready.is_empty() {
            Step::Ask(self.questions(&questions))
        } else {
            Step::Send(self.plan(&ready, now))
        }
    }

    /// The number of the last answered write.
    pub fn window_number(&self) -> u32 {
        self.window.number
    }

    /// A window of ours is open: what came of it is not in the ledger yet.
    pub fn has_something_open(&self) -> bool {
        let open = self.window.open;
        open.is_some_and(|open| open.opener == self.token)
    }

    /// Why the last call of a slot left it unsent, where it did.
    pub fn last_reason(&self, slot: usize) -> Option<Reason> {
        self.slots[slot].reason
    }

    /// The write that parks the chunk: nothing can be sent now. Never past its validity, so that its end comes in time.
    pub fn park(&self, until: Timestamp) -> ChunkWrite {
        self.close(Then::Park(until.min(self.terms.expires_at)))
    }

    /// A route entry is out of order until then: what may go by a later one does, the rest waits.
    pub fn shut(&mut self, route: u8, until: Timestamp) {
        if let Some(hold) = self.holds.get_mut(usize::from(route)) {
            *hold = Some(Hold::Shut(until));
        }
    }

    /// A message can't leave before then, for this reason.
    pub fn hold(&mut self, slot: usize, until: Timestamp, reason: Reason) {
        if self.slots[slot].outcome == SlotOutcome::Waiting {
            self.slots[slot].reason = Some(reason);
        }
        self.notes[slot].wait = Some(until);
    }

    /// The write that opens a window; nothing of it may be sent before it is answered. It also records the window before.
    pub fn open(&mut self, plan: &WindowPlan) -> ChunkWrite {
        for slot in plan.open.resent.iter() {
            self.slots[slot].resent = true;
        }
        self.write(Some(plan.open), Then::Keep)
    }

    /// The write that closes a window without letting go of the chunk, for a short wait.
    pub fn rest(&self) -> ChunkWrite {
        self.close(Then::Keep)
    }

    /// It was answered.
    pub fn rested(&mut self, write: &ChunkWrite, receipts: &[Option<Receipt>]) {
        self.window = write.window;
        self.receipts.copy_from_slice(receipts);
    }

    /// The opening was answered, with the reports the chunk had by then. Returns what is to be sent.
    pub fn opened(
        &mut self,
        write: &ChunkWrite,
        plan: WindowPlan,
        receipts: &[Option<Receipt>],
    ) -> Vec<Planned> {
        self.rested(write, receipts);
        let slots = plan.sends.into_iter();
        slots
            .filter(|planned| !self.accept_if_reported(planned.slot))
            .collect()
    }

    /// The slot is in the open window and was not sent, for a reason that ends it.
    pub fn withhold(&mut self, slot: usize, outcome: SlotOutcome, reason: Reason) {
        self.slots[slot].decide(outcome, Some(reason));
    }

    /// What a check ends: a cancelled batch, a message out of time, one that has no way. Slots the reports know about are settled by them.
    fn check(&mut self, standing: Standing<'_>) {
        for slot in self.undecided().collect::<Vec<_>>() {
            if self.accept_if_reported(slot) || self.is_question(slot, standing) {
                continue;
            }
            match (self.end_of(slot, standing), standing.verdict(slot)) {
                (Some((outcome, reason)), _) => self.slots[slot].decide(outcome, Some(reason)),
                // So that whoever asks is told why it waits.
                (None, Verdict::Wait(_, reason))
                    if self.slots[slot].outcome == SlotOutcome::Waiting =>
                {
                    self.slots[slot].reason = Some(reason);
                }
                (None, _) => {}
            }
        }
    }

    fn end_of(&self, slot: usize, standing: Standing<'_>) -> Option<(SlotOutcome, Reason)> {
        if standing.control == Control::Cancelled {
            return Some((SlotOutcome::Cancelled, Reason::Cancelled));
        }
        if self.terms.expires_at <= standing.now {
            let reason = match self.slots[slot].reason {
                Some(Reason::QuietHours) => Reason::QuietExpired,
                Some(Reason::Budget) => Reason::Budget,
                _ => Reason::BeforeSubmit,
            };
            return Some((SlotOutcome::Expired, reason));
        }
        match (standing.verdict(slot), &self.terms.orders[slot]) {
            (Verdict::End(outcome, reason), _) => Some((outcome, reason)),
            (_, Order::Nowhere(reason)) => Some((SlotOutcome::Failed, *reason)),
            _ => None,
        }
    }

    /// A report of a slot's last try, or a delivery by any, says that it was accepted: it must not go out again.
    fn accept_if_reported(&mut self, slot: usize) -> bool {
        let send = self.slots[slot];
        let reported = self.receipts[slot].is_some_and(|receipt| {
            receipt.status == ReceiptStatus::Delivered
                || (send.attempt > 0 && receipt.attempt == send.attempt)
        });
        if reported && !send.outcome.is_decided() {
            self.slots[slot].decide(SlotOutcome::Accepted, None);
        }
        reported
    }

    /// When something is to be done about a slot: it is sent, or asked about.
    fn due(&self, slot: usize, standing: Standing<'_>) -> Timestamp {
        let wait = self.notes[slot].wait.unwrap_or(standing.now);
        if self.is_question(slot, standing) {
            return self.settled_at(slot).map_or(wait, |turn| turn.max(wait));
        }
        let turn = self.held_until(self.route_for(slot, standing.now));
        let allowed = match standing.verdict(slot) {
            Verdict::Wait(until, _) => Some(until),
            Verdict::Go | Verdict::End(..) => None,
        };
        wait.max(turn.max(allowed).unwrap_or(wait))
    }

    /// When the chunk is looked at again. What is to be sent decides, since its waits are known to this session only: the last of them.
    /// Without any, what is asked about, or the first of those that may not leave yet, which anybody can see again.
    fn wake(&self, standing: Standing<'_>) -> Timestamp {
        let due = |slot| self.due(slot, standing);
        let (questions, sends): (Vec<usize>, Vec<usize>) = self
            .undecided()
            .partition(|slot| self.is_question(*slot, standing));
        let may_not = |slot: &usize| matches!(standing.verdict(*slot), Verdict::Wait(..));
        let (held, free): (Vec<usize>, Vec<usize>) = sends.into_iter().partition(may_not);
        let last = free.into_iter().map(due).max();
        let first_held = held.into_iter().map(due).min();
        if let Some(last) = last {
            return last.min(self.terms.expires_at);
        }
        let asked = questions.into_iter().map(due).max();
        let first_held = first_held.map(|held| held.min(self.terms.expires_at));
        let wakes = [asked, first_held].into_iter().flatten();
        wakes.min().unwrap_or(standing.now)
    }

    fn undecided(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.slots.len()).filter(|slot| !self.slots[*slot].outcome.is_decided())
    }

    /// Whatever lets go of a chunk closes its window in the same write.
    fn close(&self, then: Then) -> ChunkWrite {
        self.write(None, then)
    }

    fn write(&self, open: Option<OpenWindow>, then: Then) -> ChunkWrite {
        ChunkWrite {
            token: self.token,
            before: self.window,
            window: Window::new(self.window.number + 1, self.doubt_since(), open),
            slots: self.slots.clone(),
            then,
        }
    }
}
