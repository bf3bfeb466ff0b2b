//! The open window: the slots that may be on the wire. Written before any of them is sent, so a crash leaves only these in doubt.
//!
//! ```text
//!  closed  version and number 4 bytes
//!  open    the same | opener 16 | route entry 1 | slots 13 | resent slots 13
//!  either  and at its end, only while the outcome of a slot is doubt: since when 4
//! ```

use jiff::{SignedDuration, Timestamp};

/// Slots a window holds at most, so that a crash leaves at most this many in doubt.
pub const WINDOW_SLOTS: usize = 25;
/// Recipients of a chunk at most.
pub const CHUNK_SLOTS: usize = 100;

/// Who holds a lease. Drawn anew for every lease call.
pub type Token = [u8; 16];

/// A set of slots of one chunk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SlotSet(u128);

const SET_BYTES: usize = CHUNK_SLOTS.div_ceil(8);
const CLOSED_BYTES: usize = 4;
const SINCE_BYTES: usize = 4;
const OPEN_BYTES: usize = 16 + 1 + 2 * SET_BYTES;
const SINCE_AND_OPEN_BYTES: usize = SINCE_BYTES + OPEN_BYTES;

impl SlotSet {
    pub const EMPTY: Self = Self(0);

    pub fn contains(self, slot: usize) -> bool {
        slot < CHUNK_SLOTS && self.0 >> slot & 1 == 1
    }

    pub fn insert(&mut self, slot: usize) {
        debug_assert!(slot < CHUNK_SLOTS);
        self.0 |= 1 << slot;
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The slots in order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..CHUNK_SLOTS).filter(move |slot| self.contains(*slot))
    }

    /// As stored: slot 0 is the lowest bit of the first byte.
    pub fn to_bytes(self) -> [u8; SET_BYTES] {
        let mut bytes = [0; SET_BYTES];
        bytes.copy_from_slice(&self.0.to_le_bytes()[..SET_BYTES]);
        bytes
    }

    /// Bits past the last slot are dropped.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut wide = [0; 16];
        let length = bytes.len().min(SET_BYTES);
        wide[..length].copy_from_slice(&bytes[..length]);
        Self(u128::from_le_bytes(wide) & ((1 << CHUNK_SLOTS) - 1))
    }
}

impl FromIterator<usize> for SlotSet {
    fn from_iter<I: IntoIterator<Item = usize>>(slots: I) -> Self {
        let mut set = Self::EMPTY;
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

impl std::fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Counts every write of `send` to this chunk, so that a late repeat of an earlier one can't roll it back. Below 2^24.
    pub number: u32,
    /// When the last of the slots whose outcome is doubt came into it, in whole seconds.
    pub doubt_since: Option<Timestamp>,
    pub open: Option<OpenWindow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenWindow {
    pub opener: Token,
    /// The entry of the batch's route list that all of its slots go by.
    pub route: u8,
    pub slots: SlotSet,
    /// Those of its slots that are sent again while in doubt, without the gateway deduplicating.
    pub resent: SlotSet,
}

impl Window {
    /// The version of the layout, in the first byte.
    const VERSION: u8 = 1;

    /// With a time of doubt that is not before `since`.
    pub(crate) fn new(number: u32, since: Option<Timestamp>, open: Option<OpenWindow>) -> Self {
        let doubt_since = since.map(whole_seconds);
        Self {
            number,
            doubt_since,
            open,
        }
    }

    pub fn slots(self) -> SlotSet {
        self.open.map_or(SlotSet::EMPTY, |open| open.slots)
    }

    pub fn pack(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CLOSED_BYTES + SINCE_BYTES + OPEN_BYTES);
        bytes.push(Self::VERSION);
        bytes.extend_from_slice(&self.number.to_be_bytes()[1..]);
        if let Some(open) = self.open {
            bytes.extend_from_slice(&open.opener);
            bytes.push(open.route);
            bytes.extend_from_slice(&open.slots.to_bytes());
            bytes.extend_from_slice(&open.resent.to_bytes());
        }
        if let Some(since) = self.doubt_since {
            let seconds = u32::try_from(since.as_second()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&seconds.to_be_bytes());
        }
        bytes
    }

    /// `None` for anything that [`Window::pack`] doesn't write.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let [Self::VERSION, high, middle, low] = *bytes.first_chunk::<CLOSED_BYTES>()? else {
            return None;
        };
        let number = u32::from_be_bytes([0, high, middle, low]);
        let mut rest = &bytes[CLOSED_BYTES..];
        let mut doubt_since = None;
        if matches!(rest.len(), SINCE_BYTES | SINCE_AND_OPEN_BYTES) {
            let (open, seconds) = rest.split_last_chunk::<SINCE_BYTES>()?;
            let seconds = u32::from_be_bytes(*seconds);
            doubt_since = Some(Timestamp::from_second(seconds.into()).ok()?);
            rest = open;
        }
        let open = match rest.len() {
            0 => None,
            OPEN_BYTES => Some(OpenWindow::unpack(rest)?),
            _ => return None,
        };
        Some(Self {
            number,
            doubt_since,
            open,
        })
    }
}

impl OpenWindow {
    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (opener, rest) = bytes.split_first_chunk::<16>()?;
        let (route, sets) = rest.split_first()?;
        let (slots, resent) = sets.split_at(SET_BYTES);
        Some(Self {
            opener: *opener,
            route: *route,
            slots: SlotSet::from_bytes(slots),
            resent: SlotSet::from_bytes(resent),
        })
    }
}

/// Rounded up: a doubt may look younger than it is, never older.
fn whole_seconds(time: Timestamp) -> Timestamp {
    let up = time + SignedDuration::from_nanos(999_999_999);
    Timestamp::from_second(up.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn window()(
            number in 0u32..1 << 24,
            since in prop::option::of(any::<u32>()),
            open in prop::option::of((any::<Token>(), 0u8..16, any::<[u8; 13]>(), any::<[u8; 13]>())),
        ) -> Window {
            Window {
                number,
                doubt_since: since.map(|since| Timestamp::from_second(since.into()).unwrap()),
                open: open.map(|(opener, route, slots, resent)| OpenWindow {
                    opener,
                    route,
                    slots: SlotSet::from_bytes(&slots),
                    resent: SlotSet::from_bytes(&resent),
                }),
            }
        }
    }

    proptest! {
        #[test]
        fn a_window_unpacks_to_itself(window in window()) {
            prop_assert_eq!(Window::unpack(&window.pack()), Some(window));
        }

        #[test]
        fn any_bytes_are_a_window_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(window) = Window::unpack(&bytes) {
                prop_assert_eq!(Window::unpack(&window.pack()), Some(window));
            }
        }

        #[test]
        fn a_set_holds_what_was_put_in(slots in prop::collection::btree_set(0usize..CHUNK_SLOTS, 0..CHUNK_SLOTS)) {
            let set = SlotSet::from_bytes(&slots.iter().copied().collect::<SlotSet>().to_bytes());

            prop_assert_eq!(set.iter().collect::<Vec<_>>(), slots.into_iter().collect::<Vec<_>>());
        }
    }
}
