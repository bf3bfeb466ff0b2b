//! Doubt: a message left and no answer came. It ends accepted or unknown, or is asked for again where that is safe.

use jiff::Timestamp;

use super::{Session, Standing};
use crate::{
    batch::{Control, DoubtPolicy},
    chunk::slot::SlotOutcome,
    reason::Reason,
};

impl Session {
    /// Every slot of a window that another worker opened may be on the wire, also those with an older outcome.
    pub(super) fn doubt_what_others_left_open(&mut self) {
        let Some(open) = self.window.open.filter(|open| open.opener != self.token) else {
            return;
        };
        for index in open.slots.iter() {
            let Some(slot) = self.slots.get_mut(index) else {
                continue;
            };
            // A doubted slot is sent again under the same try, any other under the next.
            if slot.outcome != SlotOutcome::Doubt {
                slot.attempt = (slot.attempt + 1).min(crate::chunk::slot::MAX_ATTEMPTS);
            }
            slot.outcome = SlotOutcome::Doubt;
            slot.doubted = true;
            slot.route = open.route;
            slot.reason = Some(Reason::Ambiguous);
        }
    }

    /// Settles what can be settled without sending. What stays in doubt is sent again by the next windows.
    pub(super) fn settle(&mut self, standing: Standing) {
        let forbidden =
            standing.control == Control::Cancelled || self.terms.expires_at <= standing.now;
        for index in 0..self.slots.len() {
            let slot = self.slots[index];
            if slot.outcome != SlotOutcome::Doubt || self.accept_if_reported(index) {
                continue;
            }
            if forbidden || !self.may_send_again(index, standing.now) {
                self.slots[index].decide(SlotOutcome::Unknown, Some(Reason::Ambiguous));
            }
        }
    }

    fn may_send_again(&self, index: usize, now: Timestamp) -> bool {
        let slot = self.slots[index];
        self.deduplicates(slot.route, now)
            || (self.terms.policy == DoubtPolicy::AtLeastOnce && !slot.resent)
    }

    /// Whether the gateway of a route entry still knows every id we gave it.
    pub(super) fn deduplicates(&self, route: u8, now: Timestamp) -> bool {
        let horizon = self
            .terms
            .deduplicates_for
            .get(usize::from(route))
            .copied()
            .flatten();
        // Counted from before anything left, so this never overestimates.
        horizon.is_some_and(|horizon| now.duration_since(self.terms.starts) < horizon)
    }
}
