//! Which slots go out together: at most 25, all by one route entry.

use jiff::Timestamp;

use super::{Hold, Order, Session};
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
    /// Only those of its messages that there are tokens for, by their place in it.
    pub fn keep(&mut self, places: &[usize]) {
        let sends = places.iter().filter_map(|place| self.sends.get(*place));
        self.sends = sends.copied().collect();
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
        let place = self.notes[slot]
            .place
            .unwrap_or_else(|| self.start_of(slot));
        let left = self.order(slot).get(place..).unwrap_or_default();
        let shut_until = |route: u8| match self.holds.get(usize::from(route)) {
            Some(Some(Hold::Shut(until))) if *until > now => Some(*until),
            _ => None,
        };
        let open = left.iter().min_by_key(|route| shut_until(**route));
        open.copied().unwrap_or_default()
    }

    /// The entries of a slot; none where there is nowhere to go.
    fn order(&self, slot: usize) -> &[u8] {
        match &self.terms.orders[slot] {
            Order::Try(entries) => entries,
            Order::Nowhere(_) => &[],
        }
    }

    /// What comes after an entry in a slot's order, where something does.
    pub(super) fn place_after(&self, slot: usize, route: u8) -> Option<usize> {
        let order = self.order(slot);
        let next = order.iter().position(|entry| *entry == route)? + 1;
        (next < order.len()).then_some(next)
    }

    /// What is sent again in doubt leaves by another way than the one that gave no answer.
    fn start_of(&self, slot: usize) -> usize {
        let send = self.slots[slot];
        let in_doubt = send.outcome == SlotOutcome::Doubt;
        let other = in_doubt.then(|| self.place_after(slot, send.route));
        other.flatten().unwrap_or(0)
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
