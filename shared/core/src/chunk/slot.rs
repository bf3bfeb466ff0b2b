//! One recipient's place in a chunk: what sending came to. Three bytes in the ledger, written by `send` only.
//!
//! ```text
//!  outcome 3 | doubted 1 | resent 1 | attempt 2 | route entry 4 | reason 6 | elapsed 7
//!  bit 23                                                                       bit 0
//! ```

use crate::reason::Reason;

/// Bytes of a packed slot.
pub const SLOT_BYTES: usize = 3;
/// Tries that are counted against a message.
pub const MAX_ATTEMPTS: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum SlotOutcome {
    /// Not decided: never tried, or to be tried again.
    #[default]
    Waiting = 0,
    /// It left and no answer came.
    Doubt = 1,
    Accepted = 2,
    /// Refused for good, or out of retries.
    Failed = 3,
    /// It was in doubt and nothing could settle it.
    Unknown = 4,
    /// We chose not to send.
    Suppressed = 5,
    Cancelled = 6,
    Expired = 7,
}

impl SlotOutcome {
    /// Nothing will be sent for it any more.
    pub const fn is_decided(self) -> bool {
        !matches!(self, Self::Waiting | Self::Doubt)
    }

    /// A gateway took it, or may have taken it: it is paid for. What is in doubt may still turn out never to have arrived, and is tried again.
    pub const fn has_left(self) -> bool {
        matches!(self, Self::Accepted | Self::Unknown)
    }

    const fn from_bits(bits: u32) -> Self {
        match bits & 7 {
            0 => Self::Waiting,
            1 => Self::Doubt,
            2 => Self::Accepted,
            3 => Self::Failed,
            4 => Self::Unknown,
            5 => Self::Suppressed,
            6 => Self::Cancelled,
            _ => Self::Expired,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub outcome: SlotOutcome,
    /// It was in doubt once, so nothing short of an answer may call it unsent.
    pub doubted: bool,
    /// It was sent again while in doubt, which happens once.
    pub resent: bool,
    /// Tries so far, 0 to 3.
    pub attempt: u8,
    /// The entry of the batch's route list that the last try went by, 0 to 15.
    pub route: u8,
    pub reason: Option<Reason>,
    /// From the opening of its window to the answer, on the scale of [`elapsed`].
    pub elapsed: u8,
}

impl Slot {
    pub fn pack(self) -> [u8; SLOT_BYTES] {
        let bits = (self.outcome as u32) << 21
            | u32::from(self.doubted) << 20
            | u32::from(self.resent) << 19
            | u32::from(self.attempt & 3) << 17
            | u32::from(self.route & 15) << 13
            | u32::from(self.reason.map_or(0, Reason::byte)) << 7
            | u32::from(self.elapsed & 127);
        let [_, high, middle, low] = bits.to_be_bytes();
        [high, middle, low]
    }

    pub fn unpack([high, middle, low]: [u8; SLOT_BYTES]) -> Self {
        let bits = u32::from_be_bytes([0, high, middle, low]);
        let byte = |shift: u32, mask: u32| {
            u8::try_from(bits >> shift & mask).expect("masks are at most seven bits")
        };
        Self {
            outcome: SlotOutcome::from_bits(bits >> 21),
            doubted: bits >> 20 & 1 == 1,
            resent: bits >> 19 & 1 == 1,
            attempt: byte(17, 3),
            route: byte(13, 15),
            reason: Reason::from_byte(byte(7, 63)),
            elapsed: byte(0, 127),
        }
    }

    /// Gives the slot its end. One that was ever in doubt can't be called unsent: what would say so becomes `Unknown`.
    pub(crate) fn decide(&mut self, outcome: SlotOutcome, reason: Option<Reason>) {
        let unsent = matches!(
            outcome,
            SlotOutcome::Failed
                | SlotOutcome::Suppressed
                | SlotOutcome::Cancelled
                | SlotOutcome::Expired
        );
        (self.outcome, self.reason) = if unsent && self.doubted {
            (SlotOutcome::Unknown, Some(Reason::Ambiguous))
        } else {
            (outcome, reason)
        };
    }
}

/// Milliseconds on a scale of 128 steps, each a fifth longer than the last: 10 ms to hours, within 10%.
pub fn elapsed(milliseconds: u64) -> u8 {
    (0..127)
        .find(|step| elapsed_milliseconds(*step) >= milliseconds)
        .unwrap_or(127)
}

/// The upper end of a step of the scale of [`elapsed`].
pub fn elapsed_milliseconds(step: u8) -> u64 {
    (0..step).fold(10, |milliseconds, _| {
        milliseconds + milliseconds.div_ceil(5)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_gateway_took_or_may_have_taken_has_left_and_doubt_is_not_decided() {
        use SlotOutcome::{
            Accepted, Cancelled, Doubt, Expired, Failed, Suppressed, Unknown, Waiting,
        };
        for (outcome, expected) in [
            (Waiting, false),
            (Doubt, false),
            (Accepted, true),
            (Failed, false),
            (Unknown, true),
            (Suppressed, false),
            (Cancelled, false),
            (Expired, false),
        ] {
            assert_eq!(outcome.has_left(), expected, "{outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn any_three_bytes_are_a_slot_that_packs_to_itself(bytes: [u8; 3]) {
            let slot = Slot::unpack(bytes);

            let again = Slot::unpack(slot.pack());

            prop_assert_eq!(again, slot);
        }

        #[test]
        fn elapsed_time_keeps_its_size(milliseconds in 0u64..3_600_000) {
            let shown = elapsed_milliseconds(elapsed(milliseconds));

            prop_assert!(shown >= milliseconds && shown <= milliseconds + milliseconds / 5 + 10);
        }
    }
}
