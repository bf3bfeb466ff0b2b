//! The send protocol as a pure state machine: what one worker does with one leased chunk, from the lease to the write that lets it go.
//!
//! `send` turns each step into effects; `tests/send_protocol.rs` runs the same code under crashes, lost, doubled and late calls.
//!
//! ```text
//!  begin -> next -+-> Step::Send(plan) -> open(plan) = write -> opened -> the calls -> record -+
//!                 |      ^---------------------------------------------------------------------+
//!                 +-> Step::Close(write): parked, given back or done
//! ```

mod backoff;
mod doubt;
mod plan;

use jiff::{SignedDuration, Timestamp};

pub use self::plan::{Planned, WindowPlan};
use crate::{
    batch::{BatchTerms, Control, DoubtPolicy},
    chunk::{
        Chunk,
        receipt::{Receipt, ReceiptStatus},
        slot::{MAX_ATTEMPTS, Slot, SlotOutcome, elapsed},
        window::{Token, Window},
    },
    outcome::Outcome,
    reason::Reason,
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
    /// Not before, by slot. Known to this session only: a later one starts when the chunk wakes.
    waits: Vec<Option<Timestamp>>,
    /// The route entry to try next, by slot, after one that could not be reached.
    prefer: Vec<Option<u8>>,
}

/// What of a batch the protocol depends on.
#[derive(Debug, Clone)]
pub struct SessionTerms {
    pub policy: DoubtPolicy,
    /// Nothing of the batch left before then.
    pub starts: Timestamp,
    pub expires_at: Timestamp,
    /// By route entry: how long its gateway deduplicates by our id.
    pub deduplicates_for: Vec<Option<SignedDuration>>,
}

impl From<&BatchTerms> for SessionTerms {
    fn from(terms: &BatchTerms) -> Self {
        Self {
            policy: terms.policy,
            starts: terms.starts(),
            expires_at: terms.expires_at,
            deduplicates_for: terms
                .routes
                .iter()
                .map(crate::batch::RouteEntry::deduplicates)
                .collect(),
        }
    }
}

/// What the worker sees just before a window.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub control: Control,
    pub now: Timestamp,
    /// A call per slot and the write after it fit before the worker's deadline.
    pub time_left: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Send(WindowPlan),
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
    /// Takes over a chunk as the lease returned it. Whatever a worker before left open is in doubt, whatever its slots say.
    pub fn begin(token: Token, terms: SessionTerms, chunk: &Chunk) -> Self {
        let slots = chunk.slots.len();
        let mut session = Self {
            token,
            terms,
            slots: chunk.slots.clone(),
            receipts: chunk.receipts.clone(),
            window: chunk.window,
            waits: vec![None; slots],
            prefer: vec![None; slots],
        };
        session.doubt_what_others_left_open();
        session
    }

    /// What to do now. Doubt is settled first, then come the checks, then the next window.
    pub fn next(&mut self, standing: Standing) -> Step {
        self.settle(standing);
        self.check(standing);
        if self.undecided().next().is_none() {
            return Step::Close(self.close(Then::Finish));
        }
        if standing.control == Control::Paused {
            return Step::Close(self.close(Then::GiveBack));
        }
        let ready: Vec<usize> = self
            .undecided()
            .filter(|slot| self.waits[*slot].is_none_or(|time| time <= standing.now))
            .collect();
        if ready.is_empty() {
            let wake = self.undecided().filter_map(|slot| self.waits[slot]).max();
            return Step::Close(self.close(Then::Park(wake.unwrap_or(standing.now))));
        }
        if !standing.time_left {
            return Step::Close(self.close(Then::Park(standing.now)));
        }
        Step::Send(self.plan(&ready, standing.now))
    }

    /// The number of the last answered write.
    pub fn window_number(&self) -> u32 {
        self.window.number
    }

    /// Why the last call of a slot left it unsent, where it did.
    pub fn last_reason(&self, slot: usize) -> Option<Reason> {
        self.slots[slot].reason
    }

    /// The write that parks the chunk instead of sending: no tokens, out of hours, a sick gateway.
    pub fn park(&self, until: Timestamp) -> ChunkWrite {
        self.close(Then::Park(until))
    }

    /// The write that opens a window; nothing of it may be sent before it is answered. It also records the window before.
    pub fn open(&mut self, plan: &WindowPlan) -> ChunkWrite {
        for slot in plan.open.resent.iter() {
            self.slots[slot].resent = true;
        }
        let window = Window {
            number: self.window.number + 1,
            open: Some(plan.open),
        };
        self.write(window, Then::Keep)
    }

    /// The opening was answered, with the reports the chunk had by then. Returns what is to be sent.
    pub fn opened(
        &mut self,
        write: &ChunkWrite,
        plan: WindowPlan,
        receipts: &[Option<Receipt>],
    ) -> Vec<Planned> {
        self.window = write.window;
        self.receipts.copy_from_slice(receipts);
        let slots = plan.sends.into_iter();
        slots
            .filter(|planned| !self.accept_if_reported(planned.slot))
            .collect()
    }

    /// What became of a call that was made. `jitter` spreads retries, 0 to 255.
    pub fn record(
        &mut self,
        planned: Planned,
        route: u8,
        outcome: &Outcome,
        took: SignedDuration,
        now: Timestamp,
        jitter: u8,
    ) {
        let deduplicates = self.deduplicates(route, now);
        let slot = &mut self.slots[planned.slot];
        let before = *slot;
        let doubted = before.outcome == SlotOutcome::Doubt;
        slot.route = route;
        slot.attempt = planned.attempt;
        slot.elapsed = elapsed(u64::try_from(took.as_millis()).unwrap_or(0));
        match outcome {
            Outcome::Accepted { .. } => slot.decide(SlotOutcome::Accepted, None),
            Outcome::Refused(reason) if doubted && deduplicates => {
                // It was asked about this very id: it doesn't have it, and doesn't want it.
                (slot.outcome, slot.reason) = (SlotOutcome::Failed, Some(*reason));
            }
            Outcome::Refused(reason) => slot.decide(SlotOutcome::Failed, Some(*reason)),
            Outcome::Doubt => {
                slot.outcome = SlotOutcome::Doubt;
                slot.doubted = true;
                slot.reason = Some(Reason::Ambiguous);
            }
            Outcome::Deferred(reason)
                if !(doubted && deduplicates) && planned.attempt >= MAX_ATTEMPTS =>
            {
                slot.decide(SlotOutcome::Failed, Some(*reason));
            }
            Outcome::Deferred(_)
            | Outcome::Throttled { .. }
            | Outcome::Unavailable
            | Outcome::AccountTrouble(_) => {
                self.not_taken(planned, route, before, outcome, deduplicates, now, jitter);
            }
        }
    }

    /// The slot is in the open window and was not sent, for a reason that ends it.
    pub fn withhold(&mut self, slot: usize, outcome: SlotOutcome, reason: Reason) {
        self.slots[slot].decide(outcome, Some(reason));
    }

    /// The gateway did not take it: it goes back to where it was, with a time to wait.
    #[expect(clippy::too_many_arguments, reason = "the second half of `record`")]
    fn not_taken(
        &mut self,
        planned: Planned,
        route: u8,
        before: Slot,
        outcome: &Outcome,
        deduplicates: bool,
        now: Timestamp,
        jitter: u8,
    ) {
        let slot = &mut self.slots[planned.slot];
        let doubted = before.outcome == SlotOutcome::Doubt;
        // Only what a gateway looked at and put off spends a try; with its id still in doubt there it must keep the id.
        let spent = matches!(outcome, Outcome::Deferred(_)) && !(doubted && deduplicates);
        slot.attempt = if spent {
            planned.attempt
        } else {
            before.attempt
        };
        slot.outcome = if doubted && deduplicates {
            SlotOutcome::Doubt
        } else {
            SlotOutcome::Waiting
        };
        slot.reason = Some(match outcome {
            Outcome::Deferred(reason) | Outcome::AccountTrouble(reason) => *reason,
            Outcome::Throttled { .. } => Reason::Throttled,
            _ => Reason::Unavailable,
        });
        let elsewhere =
            matches!(outcome, Outcome::Unavailable) && slot.outcome == SlotOutcome::Waiting;
        let routes = self.terms.deduplicates_for.len();
        let next = (usize::from(route) + 1) % routes.max(1);
        if elsewhere && next != 0 {
            self.prefer[planned.slot] = u8::try_from(next).ok();
            self.waits[planned.slot] = None;
        } else {
            self.prefer[planned.slot] = None;
            self.waits[planned.slot] = Some(now + backoff::wait(outcome, planned.attempt, jitter));
        }
    }

    /// What a check ends: a cancelled batch, a message out of time. Slots the reports know about are settled by them.
    fn check(&mut self, standing: Standing) {
        let end = if standing.control == Control::Cancelled {
            Some((SlotOutcome::Cancelled, Reason::Cancelled))
        } else if self.terms.expires_at <= standing.now {
            Some((SlotOutcome::Expired, Reason::BeforeSubmit))
        } else {
            None
        };
        for slot in self.undecided().collect::<Vec<_>>() {
            if self.accept_if_reported(slot) {
                continue;
            }
            if let Some((outcome, reason)) = end {
                self.slots[slot].decide(outcome, Some(reason));
            }
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

    fn undecided(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.slots.len()).filter(|slot| !self.slots[*slot].outcome.is_decided())
    }

    /// Whatever lets go of a chunk closes its window in the same write.
    fn close(&self, then: Then) -> ChunkWrite {
        self.write(
            Window {
                number: self.window.number + 1,
                open: None,
            },
            then,
        )
    }

    fn write(&self, window: Window, then: Then) -> ChunkWrite {
        ChunkWrite {
            token: self.token,
            before: self.window,
            window,
            slots: self.slots.clone(),
            then,
        }
    }
}
