//! What became of a call, and where and when its message is tried next.

use jiff::{SignedDuration, Timestamp};

use super::{Hold, Planned, Session, backoff, doubt::Since};
use crate::{
    chunk::slot::{MAX_ATTEMPTS, Slot, SlotOutcome, elapsed},
    outcome::Outcome,
    reason::{Reason, Retry},
};

/// A call that was made.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub planned: Planned,
    pub route: u8,
    pub took: SignedDuration,
    /// Not before it was over.
    pub now: Timestamp,
    /// Spreads retries, 0 to 255.
    pub jitter: u8,
}

impl Session {
    /// What became of a call of the open window.
    pub fn record(&mut self, call: Call, outcome: &Outcome) {
        let Call { planned, route, .. } = call;
        let before = self.slots[planned.slot];
        let asked_again = self.asked_again(planned.slot);
        let elsewhere = !asked_again && self.may_go_elsewhere(call, outcome);
        let slot = &mut self.slots[planned.slot];
        slot.route = route;
        slot.attempt = planned.attempt;
        slot.elapsed = elapsed(u64::try_from(call.took.as_millis()).unwrap_or(0));
        match outcome {
            Outcome::Accepted { .. } => slot.decide(SlotOutcome::Accepted, None),
            Outcome::Refused(reason) if asked_again => {
                // It was asked about this very id: it doesn't have it, and doesn't want it.
                (slot.outcome, slot.reason) = (SlotOutcome::Failed, Some(*reason));
            }
            Outcome::Refused(reason) if elsewhere => {
                self.go_elsewhere(call, planned.attempt, *reason);
            }
            Outcome::Unavailable if elsewhere => {
                self.go_elsewhere(call, before.attempt, Reason::Unavailable);
            }
            Outcome::Throttled { .. } if elsewhere => {
                let wait = backoff::wait(outcome, planned.attempt, call.jitter);
                self.shut(
                    route,
                    call.now.saturating_add(wait).unwrap_or(Timestamp::MAX),
                );
                self.go_elsewhere(call, before.attempt, Reason::Throttled);
            }
            Outcome::Refused(reason) => slot.decide(SlotOutcome::Failed, Some(*reason)),
            Outcome::Doubt => {
                slot.outcome = SlotOutcome::Doubt;
                slot.doubted = true;
                slot.reason = Some(Reason::Ambiguous);
                self.notes[planned.slot].doubt = Some(Since::ours(call.now));
            }
            Outcome::Deferred(reason) if !asked_again && planned.attempt >= MAX_ATTEMPTS => {
                slot.decide(SlotOutcome::Failed, Some(*reason));
            }
            Outcome::Deferred(_)
            | Outcome::Throttled { .. }
            | Outcome::Unavailable
            | Outcome::AccountTrouble(_) => self.not_taken(call, before, outcome, asked_again),
        }
    }

    /// The slot went back, in doubt, to the gateway that deduplicates it.
    fn asked_again(&self, slot: usize) -> bool {
        let resent = self.window.open.map(|open| open.resent);
        self.slots[slot].outcome == SlotOutcome::Doubt
            && !resent.is_some_and(|resent| resent.contains(slot))
    }

    /// The gateway did not take it: it goes back to where it was, with a time to wait.
    fn not_taken(&mut self, call: Call, before: Slot, outcome: &Outcome, asked_again: bool) {
        let Call { planned, route, .. } = call;
        let wait = backoff::wait(outcome, planned.attempt, call.jitter);
        let until = call.now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        if matches!(outcome, Outcome::Throttled { .. }) {
            self.slow_down(route, until);
        }
        // Only what a gateway looked at and put off spends a try; with its id still in doubt there it must keep the id.
        let spent = matches!(outcome, Outcome::Deferred(_)) && !asked_again;
        let slot = &mut self.slots[planned.slot];
        if !spent {
            slot.attempt = before.attempt;
        }
        if !asked_again {
            slot.outcome = SlotOutcome::Waiting;
        }
        slot.reason = Some(match outcome {
            Outcome::Deferred(reason) | Outcome::AccountTrouble(reason) => *reason,
            Outcome::Throttled { .. } => Reason::Throttled,
            _ => Reason::Unavailable,
        });
        let note = &mut self.notes[planned.slot];
        (note.place, note.wait) = (None, Some(until));
    }

    fn slow_down(&mut self, route: u8, until: Timestamp) {
        if let Some(hold) = self.holds.get_mut(usize::from(route)) {
            let longer = hold.is_none_or(|hold| hold.until() < until);
            if longer {
                *hold = Some(Hold::Slow(until));
            }
        }
    }

    /// Another gateway may try now: this one was not reached, its refusal speaks for itself alone, or it is too slow for a one-time
    /// password. Not where an earlier gateway may have the message.
    fn may_go_elsewhere(&self, call: Call, outcome: &Outcome) -> bool {
        let may = match outcome {
            Outcome::Unavailable => true,
            Outcome::Throttled { .. } => self.terms.urgent,
            Outcome::Refused(reason) => {
                reason.facts().retry == Retry::Elsewhere
                    && !self.slots[call.planned.slot].doubted
                    && call.planned.attempt < MAX_ATTEMPTS
            }
            _ => false,
        };
        may && self.place_after(call.planned.slot, call.route).is_some()
    }

    fn go_elsewhere(&mut self, call: Call, attempt: u8, reason: Reason) {
        let slot = &mut self.slots[call.planned.slot];
        slot.attempt = attempt;
        slot.outcome = SlotOutcome::Waiting;
        slot.reason = Some(reason);
        let place = self.place_after(call.planned.slot, call.route);
        let note = &mut self.notes[call.planned.slot];
        (note.place, note.wait) = (place, None);
    }

    /// A worker that ended between two gateways: its slots go on with the next.
    pub(super) fn remember_where_to_go_on(&mut self) {
        for index in 0..self.slots.len() {
            let slot = self.slots[index];
            let elsewhere = slot
                .reason
                .is_some_and(|reason| reason.facts().retry == Retry::Elsewhere);
            if slot.outcome == SlotOutcome::Waiting && elsewhere {
                self.notes[index].place = self.place_after(index, slot.route);
            }
        }
    }
}
