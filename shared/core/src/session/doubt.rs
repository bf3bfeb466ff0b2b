//! Doubt: a message left and no answer came. It ends accepted or unknown, or is asked for again where that is safe.

use jiff::{SignedDuration, Timestamp};

use super::{Planned, Session, Standing, backoff};
use crate::{
    batch::{Control, DoubtPolicy},
    chunk::{
        slot::{MAX_ATTEMPTS, SlotOutcome},
        window::WINDOW_SLOTS,
    },
    outcome::{Inquiry, Outcome},
    reason::Reason,
};

/// What another worker wrote down as a time may be ahead of our clock by this much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(5);
/// A gateway that gives no clear answer for this long after it should have settled is not asked any more.
const ASKED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// After the first unclear answer; each later one waits as long as all before it.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Not before what was in doubt can have left, by the clock that wrote it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    at: Timestamp,
    margin: SignedDuration,
}

impl Since {
    pub(super) const fn ours(at: Timestamp) -> Self {
        let margin = SignedDuration::ZERO;
        Self { at, margin }
    }
}

/// Slots of one route entry that its gateway is to be asked about, by the id of their last try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    pub route: u8,
    pub about: Vec<Planned>,
}

impl Session {
    /// Every slot of a window that another worker opened may be on the wire, also those with an older outcome.
    ///
    /// That worker is dead, or its lease would hold; so nothing of it left after our lease.
    pub(super) fn doubt_what_others_left_open(&mut self, now: Timestamp) {
        let Some(open) = self.window.open.filter(|open| open.opener != self.token) else {
            return;
        };
        for index in open.slots.iter() {
            let Some(slot) = self.slots.get_mut(index) else {
                continue;
            };
            // A doubted slot is sent again under the same try, any other under the next.
            if slot.outcome != SlotOutcome::Doubt {
                slot.attempt = (slot.attempt + 1).min(MAX_ATTEMPTS);
            }
            slot.outcome = SlotOutcome::Doubt;
            slot.doubted = true;
            slot.route = open.route;
            slot.reason = Some(Reason::Ambiguous);
            self.notes[index].doubt = Some(Since::ours(now));
        }
    }

    /// The ledger has one time for all slots that it calls in doubt: that of the last.
    pub(super) fn remember_the_time_of_doubt(&mut self, now: Timestamp) {
        let since = self
            .window
            .doubt_since
            .map_or(Since::ours(now), |at| Since {
                at,
                margin: CLOCKS_DIFFER,
            });
        for (slot, note) in self.slots.iter().zip(&mut self.notes) {
            note.doubt = (slot.outcome == SlotOutcome::Doubt).then_some(since);
        }
    }

    /// What the next write says of it.
    pub(super) fn doubt_since(&self) -> Option<Timestamp> {
        let slots = self.slots.iter().zip(&self.notes);
        slots
            .filter(|(slot, _)| slot.outcome == SlotOutcome::Doubt)
            .filter_map(|(_, note)| note.doubt.map(|since| since.at))
            .max()
    }

    /// Settles what can be settled at once. What stays in doubt is asked about, or sent again by the next windows.
    pub(super) fn settle(&mut self, standing: Standing<'_>) {
        for index in 0..self.slots.len() {
            let in_doubt = self.slots[index].outcome == SlotOutcome::Doubt;
            if !in_doubt || self.accept_if_reported(index) || self.is_question(index, standing) {
                continue;
            }
            if self.is_over(standing) || !self.may_send_again(index, standing.now) {
                self.slots[index].decide(SlotOutcome::Unknown, Some(Reason::Ambiguous));
            }
        }
    }

    /// Whether its gateway is to be asked before anything else is done: it can't send it twice by itself, and may know.
    pub(super) fn is_question(&self, slot: usize, standing: Standing<'_>) -> bool {
        let send = self.slots[slot];
        let goes_back = !self.is_over(standing) && self.deduplicates(send.route, standing.now);
        let enough = self.notes[slot].asked
            && self
                .settled_at(slot)
                .is_none_or(|settled| settled + ASKED_FOR <= standing.now);
        send.outcome == SlotOutcome::Doubt
            && !goes_back
            && self.settles_after(send.route).is_some()
            && !enough
    }

    /// When "not found" counts.
    pub(super) fn settled_at(&self, slot: usize) -> Option<Timestamp> {
        let settles_after = self.settles_after(self.slots[slot].route)?;
        let since = self.notes[slot].doubt?;
        let settled = since.at.saturating_add(since.margin + settles_after);
        Some(settled.unwrap_or(Timestamp::MAX))
    }

    /// Those that go to the gateway of the first.
    pub(super) fn questions(&self, slots: &[usize]) -> Questions {
        let route = slots.first().map_or(0, |slot| self.slots[*slot].route);
        let about = slots.iter().map(|slot| Planned {
            slot: *slot,
            attempt: self.slots[*slot].attempt,
        });
        let about = about.filter(|planned| self.slots[planned.slot].route == route);
        let about = about.take(WINDOW_SLOTS).collect();
        Questions { route, about }
    }

    /// What the gateway says of a slot that it was asked about after it had settled.
    pub fn answered(&mut self, slot: usize, inquiry: &Inquiry, now: Timestamp, jitter: u8) {
        let send = &mut self.slots[slot];
        match inquiry {
            Inquiry::Known { .. } => send.decide(SlotOutcome::Accepted, None),
            // It went out twice: the answer is about one of them.
            Inquiry::NotFound if send.resent => {
                send.decide(SlotOutcome::Unknown, Some(Reason::Ambiguous));
            }
            Inquiry::NotFound => self.was_never_there(slot, now, jitter),
            Inquiry::Unclear => self.ask_again(slot, now),
        }
    }

    /// Later, unless it was asked for long enough.
    fn ask_again(&mut self, slot: usize, now: Timestamp) {
        let settled = self.settled_at(slot).unwrap_or(now);
        let last = settled + ASKED_FOR;
        let next = now + ASK_AGAIN.max(now.duration_since(settled));
        let note = &mut self.notes[slot];
        note.asked = true;
        note.wait = (now < last).then_some(next.min(last));
    }

    /// Its try is spent, and it is as if it had never left. The first time nothing more is waited for.
    fn was_never_there(&mut self, slot: usize, now: Timestamp, jitter: u8) {
        let deferred = Outcome::Deferred(Reason::Temporary);
        let send = &mut self.slots[slot];
        (send.outcome, send.doubted) = (SlotOutcome::Waiting, false);
        send.reason = Some(Reason::Temporary);
        if send.attempt >= MAX_ATTEMPTS {
            send.decide(SlotOutcome::Failed, Some(Reason::Temporary));
        }
        let again = send.attempt > 1;
        let wait = again.then(|| now + backoff::wait(&deferred, send.attempt, jitter));
        self.notes[slot] = super::Note {
            wait,
            ..super::Note::default()
        };
    }

    /// Nothing may be sent any more.
    fn is_over(&self, standing: Standing<'_>) -> bool {
        standing.control == Control::Cancelled || self.terms.expires_at <= standing.now
    }

    fn may_send_again(&self, slot: usize, now: Timestamp) -> bool {
        let send = self.slots[slot];
        self.deduplicates(send.route, now)
            || (self.terms.policy == DoubtPolicy::AtLeastOnce && !send.resent)
    }

    /// Whether the gateway of a route entry still knows every id we gave it.
    pub(super) fn deduplicates(&self, route: u8, now: Timestamp) -> bool {
        let abilities = self.terms.routes.get(usize::from(route));
        let horizon = abilities.and_then(|abilities| abilities.deduplicates_for);
        // Counted from before anything left, so this never overestimates.
        horizon.is_some_and(|horizon| now.duration_since(self.terms.starts) < horizon)
    }

    fn settles_after(&self, route: u8) -> Option<SignedDuration> {
        self.terms.routes.get(usize::from(route))?.settles_after
    }
}
