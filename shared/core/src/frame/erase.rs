//! A frame without one of its recipients, of the same length, so that a part of many frames stays as its manifest says: offsets,
//! lengths and places hold, and `zstd -dc` still reads it.
//!
//! What is left is compressed again, which takes fewer bytes. The gap is filled with what decoders pass over:
//!
//! ```text
//!  8 bytes or more  a skippable frame behind: magic 0x184d2a50, length 4, zeros
//!  1 to 7 bytes     an unused dictionary id of 1 or 2 bytes in the header, and empty blocks of 3 bytes behind the header
//! ```
//!
//! RFC 8878, 3.1.1.1 (header), 3.1.1.2 (blocks), 3.1.2 (skippable frames).

use zstd::bulk::Compressor;

use super::{LEVEL, Recipient, UnreadableFrame, decode};
use crate::phone::Phone;

/// The first of the sixteen that say that a frame is to be skipped, and the length after it.
const SKIPPABLE: [u8; 4] = 0x184d_2a50_u32.to_le_bytes();
const SKIPPABLE_HEADER: usize = 8;
/// Bytes of an empty block.
const BLOCK: usize = 3;
/// Behind the frame's own magic: says which fields the header has.
const DESCRIPTOR: usize = 4;
/// The windows of our frames are as large as they are, and the header has no byte for that.
const SINGLE_SEGMENT: u8 = 0x20;

/// From what is written anyway to the smallest that zstd makes of it: level, and whether with a checksum.
const TRIES: [(i32, bool); 3] = [(LEVEL, true), (19, true), (19, false)];

#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableFrame),
    #[error("what is left of a frame doesn't fit where the frame was")]
    TooLong,
}

/// The frame with nobody in that number's places; `None` where it isn't in there.
pub fn erase(frame: &[u8], number: Phone) -> Result<Option<Vec<u8>>, EraseError> {
    let mut recipients = decode(frame)?;
    let theirs = |recipient: &&mut Recipient| recipient.number == number;
    let mut found = false;
    for recipient in recipients.iter_mut().filter(theirs) {
        recipient.erase();
        found = true;
    }
    if !found {
        return Ok(None);
    }
    let lines = lines(&recipients);
    let fitting = TRIES
        .iter()
        .find_map(|(level, checksum)| fill(compress(&lines, *level, *checksum), frame.len()));
    fitting.map(Some).ok_or(EraseError::TooLong)
}

fn lines(recipients: &[Recipient]) -> Vec<u8> {
    let mut lines = Vec::new();
    for recipient in recipients {
        serde_json::to_writer(&mut lines, recipient).expect("a recipient is representable in JSON");
        lines.push(b'\n');
    }
    lines
}

fn compress(lines: &[u8], level: i32, checksum: bool) -> Vec<u8> {
    let mut compressor = Compressor::new(level).expect("the level exists");
    compressor
        .include_checksum(checksum)
        .expect("zstd knows checksums");
    compressor.compress(lines).expect("memory takes it")
}

/// Makes a frame longer without a change to what it holds; `None` where it is too long already.
fn fill(mut frame: Vec<u8>, length: usize) -> Option<Vec<u8>> {
    let gap = length.checked_sub(frame.len())?;
    if gap >= SKIPPABLE_HEADER {
        let zeros = gap - SKIPPABLE_HEADER;
        let zeros_length = u32::try_from(zeros).expect("a frame is shorter than 2^24 bytes");
        frame.extend_from_slice(&SKIPPABLE);
        frame.extend_from_slice(&zeros_length.to_le_bytes());
        frame.resize(length, 0);
        return Some(frame);
    }
    let (blocks, id) = (gap / BLOCK, gap % BLOCK);
    let header = header_length(&frame);
    // A block of no bytes that isn't the last, taken as it is: three zeros.
    frame.splice(header..header, vec![0; blocks * BLOCK]);
    let id_at = DESCRIPTOR + 1 + usize::from(frame[DESCRIPTOR] & SINGLE_SEGMENT == 0);
    // An id of 0 says that there is no dictionary.
    frame.splice(id_at..id_at, vec![0; id]);
    frame[DESCRIPTOR] |= u8::try_from(id).expect("0, 1 or 2");
    Some(frame)
}

/// Of a frame that zstd just made for us, without a dictionary.
fn header_length(frame: &[u8]) -> usize {
    let descriptor = frame[DESCRIPTOR];
    let single = descriptor & SINGLE_SEGMENT != 0;
    let content_size = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    DESCRIPTOR + 1 + usize::from(!single) + content_size
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{frame::encode, hours::hours_key, phone::Country};

    fn recipient(digits: u64, vars: BTreeMap<String, String>) -> Recipient {
        let number = Phone::from_digits(digits).unwrap();
        let country = Country::parse("GB").ok();
        Recipient::new(number, vars, None).located(hours_key(number, country, None))
    }

    prop_compose! {
        /// Sorted numbers of one country with variables of any kind, as `prepare` writes them, or of one request.
        fn recipients()(
            digits in prop::collection::btree_set(447_000_000_000u64..447_999_999_999, 1..101),
            names in prop::collection::vec("[a-z]{1,8}", 0..3),
            values in prop::collection::vec("\\PC{0,24}", 300),
            references in any::<bool>(),
        ) -> Vec<Recipient> {
            let mut values = values.into_iter().cycle();
            digits.into_iter().map(|digits| {
                let vars = names.iter().map(|name| (name.clone(), values.next().unwrap())).collect();
                let mut recipient = recipient(digits, vars);
                recipient.reference = references.then(|| format!("order-{}", digits * 7_919 % 100_003));
                recipient
            }).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn whoever_is_erased_is_gone_and_nobody_else_changes(
            recipients in recipients(),
            whom in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        ) {
            let mut frame = encode(&recipients);
            let length = frame.len();
            let mut left = recipients.clone();

            for index in whom {
                let at = index.index(recipients.len());
                let number = recipients[at].number;
                let was_there = left[at].number == number;
                let erased = erase(&frame, number).unwrap();
                prop_assert_eq!(erased.is_some(), was_there);
                frame = erased.unwrap_or(frame);
                left[at].erase();
            }

            prop_assert_eq!(frame.len(), length);
            prop_assert_eq!(decode(&frame).unwrap(), left);
        }
    }

    #[test]
    fn a_gap_of_any_size_is_filled_and_read_over() {
        let few = [recipient(447_700_900_001, BTreeMap::new())];
        let many: Vec<_> = (447_700_900_000..447_700_900_100)
            .map(|digits| recipient(digits, BTreeMap::from([("n".into(), digits.to_string())])))
            .collect();
        for recipients in [few.as_slice(), &many[..5], &many] {
            for gap in 0..40 {
                for checksum in [true, false] {
                    let frame = compress(&lines(recipients), 1, checksum);
                    let length = frame.len() + gap;

                    let filled = fill(frame, length).unwrap();
                    let in_a_part = [&filled, encode(&few).as_slice()].concat();

                    let name = format!("{} recipients, {gap} bytes", recipients.len());
                    assert_eq!(filled.len(), length, "{name}");
                    assert_eq!(decode(&filled).unwrap(), recipients, "{name}");
                    let both = [recipients, &few].concat();
                    assert_eq!(decode(&in_a_part).unwrap(), both, "{name}");
                }
            }
        }
    }

    #[test]
    fn nothing_of_the_number_its_words_or_its_reference_is_left() {
        let vars = BTreeMap::from([("name".to_owned(), "Zebulon".to_owned())]);
        let mut them = recipient(447_700_900_123, vars);
        them.reference = Some("order-4711".to_owned());
        let other = recipient(447_700_900_124, BTreeMap::new());
        let frame = encode(&[them.clone(), other.clone()]);

        let erased = erase(&frame, them.number).unwrap().unwrap();

        let text = String::from_utf8(zstd::decode_all(erased.as_slice()).unwrap()).unwrap();
        for gone in ["447700900123", "Zebulon", "name", "order-4711"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert!(text.starts_with(r#"{"v":1,"to":"","cc":"GB"}"#), "{text}");
        assert_eq!(erase(&erased, them.number).unwrap(), None);
        assert_eq!(decode(&erased).unwrap()[1], other);
    }
}
