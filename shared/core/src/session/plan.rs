//! Which slots go out together: at most 25, all by one route entry.

use jiff::Timestamp;

use super::{Hold, Session};
use crate::chunk::{
    slot::{MAX_ATTEMPTS, SlotOutcome},
    window::{OpenWindow, SlotSet, WINDOW_SLOTS},
};

/// A window that is not open yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowPlan {
    pub open: OpenWindow,
    pub sends: Vec<Planned>,
}

/// One call to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub slot: usize,
    /// The try that its id at the gateway names.
    pub attempt: u8,
}

impl WindowPlan {
    /// Only the first slots of it, as far as tokens go.
    pub fn shorten(&mut self, slots: usize) {
        self.sends.truncate(slots);
        let kept: SlotSet = self.sends.iter().map(|planned| planned.slot).collect();
        self.open.resent = self
            .open
            .resent
            .iter()
            .filter(|slot| kept.contains(*slot))
            .collect();
        self.open.slots = kept;
    }
}

impl Session {
    pub(super) fn plan(&self, ready: &[usize], now: Timestamp) -> WindowPlan {
        let back = |slot: &usize| self.goes_back(*slot, now);
        let first = ready.iter().find(|slot| back(slot)).or(ready.first());
        let route = first.map_or(0, |slot| self.route_for(*slot, now));
        let only_back = first.is_some_and(back);
        let chosen: Vec<usize> = ready
            .iter()
            .filter(|slot| self.route_for(**slot, now) == route && back(slot) == only_back)
            .take(WINDOW_SLOTS)
            .copied()
            .collect();
        let resent = chosen
            .iter()
            .filter(|slot| !only_back && self.slots[**slot].outcome == SlotOutcome::Doubt)
            .copied()
            .collect();
        WindowPlan {
            open: OpenWindow {
                opener: self.token,
                route,
                slots: chosen.iter().copied().collect(),
                resent,
            },
            sends: chosen
                .into_iter()
                .map(|slot| Planned {
                    slot,
                    attempt: self.attempt_for(slot),
                })
                .collect(),
        }
    }

    /// What a gateway deduplicates goes back to that very gateway.
    fn goes_back(&self, slot: usize, now: Timestamp) -> bool {
        let send = self.slots[slot];
        send.outcome == SlotOutcome::Doubt && self.deduplicates(send.route, now)
    }

    /// The way that a slot takes: past entries that are shut, unless all that are left are.
    pub(super) fn route_for(&self, slot: usize, now: Timestamp) -> u8 {
        if self.goes_back(slot, now) {
            return self.slots[slot].route;
        }
        let preferred = self.notes[slot]
            .prefer
            .unwrap_or_else(|| self.start_of(slot));
        let shut_until = |route: u8| match self.holds.get(usize::from(route)) {
            Some(Some(Hold::Shut(until))) if *until > now => Some(*until),
            _ => None,
        };
        let entries = u8::try_from(self.holds.len()).unwrap_or(u8::MAX);
        (preferred..entries)
            .min_by_key(|route| shut_until(*route))
            .unwrap_or(preferred)
    }

    /// What is sent again in doubt leaves by another way than the one that gave no answer.
    fn start_of(&self, slot: usize) -> u8 {
        let send = self.slots[slot];
        let next = send.route + 1;
        let other = send.outcome == SlotOutcome::Doubt && usize::from(next) < self.holds.len();
        if other { next } else { 0 }
    }

    pub(super) fn held_until(&self, route: u8) -> Option<Timestamp> {
        self.holds.get(usize::from(route))?.map(Hold::until)
    }

    /// A slot sent again in doubt keeps its try, so that its id at the gateway and its reports keep theirs.
    fn attempt_for(&self, slot: usize) -> u8 {
        let send = self.slots[slot];
        if send.outcome == SlotOutcome::Doubt {
            send.attempt
        } else {
            (send.attempt + 1).min(MAX_ATTEMPTS)
        }
    }
}
