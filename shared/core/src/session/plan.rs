//! Which slots go out together: at most 25, all by one route entry.

use jiff::Timestamp;

use super::Session;
use crate::chunk::{
    slot::SlotOutcome,
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
        // What a gateway deduplicates goes back to that very gateway, first.
        let back = |slot: &usize| {
            let send = self.slots[*slot];
            (send.outcome == SlotOutcome::Doubt && self.deduplicates(send.route, now))
                .then_some(send.route)
        };
        let route_of = |slot: &usize| back(slot).unwrap_or_else(|| self.prefer[*slot].unwrap_or(0));
        let first = ready
            .iter()
            .find(|slot| back(slot).is_some())
            .or_else(|| ready.first());
        let route = first.map_or(0, route_of);
        let only_back = first.is_some_and(|slot| back(slot).is_some());
        let chosen: Vec<usize> = ready
            .iter()
            .filter(|slot| route_of(slot) == route && back(slot).is_some() == only_back)
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

    /// A slot sent again in doubt keeps its try, so that its id at the gateway and its reports keep theirs.
    fn attempt_for(&self, slot: usize) -> u8 {
        let send = self.slots[slot];
        if send.outcome == SlotOutcome::Doubt {
            send.attempt
        } else {
            (send.attempt + 1).min(crate::chunk::slot::MAX_ATTEMPTS)
        }
    }
}
