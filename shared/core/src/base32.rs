//! Crockford's base32, lower case, most significant bit first, left-padded with zero bits: what `TypeID`s and message ids are written in.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters for 16 bytes, 32 for 20.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let characters = (bytes.len() * 8).div_ceil(5);
    let mut text = String::with_capacity(characters);
    for index in 0..characters {
        // The bits of this character, counted from the end.
        let low = (characters - 1 - index) * 5;
        let value = (0..5)
            .filter(|bit| bit_from_end(bytes, low + bit))
            .fold(0usize, |value, bit| value | 1 << bit);
        text.push(char::from(ALPHABET[value]));
    }
    text
}

/// `None` for a character outside the alphabet or bits that don't fit into `N` bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (index, character) in text.bytes().rev().enumerate() {
        let value = ALPHABET.iter().position(|letter| *letter == character)?;
        for bit in (0..5).filter(|bit| value >> bit & 1 == 1) {
            let position = index * 5 + bit;
            *bytes.get_mut(N.checked_sub(1 + position / 8)?)? |= 1 << (position % 8);
        }
    }
    Some(bytes)
}

fn bit_from_end(bytes: &[u8], position: usize) -> bool {
    bytes
        .len()
        .checked_sub(1 + position / 8)
        .is_some_and(|index| bytes[index] >> (position % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_decodes(bytes: [u8; 20]) {
            prop_assert_eq!(decode::<20>(&encode(&bytes)), Some(bytes));
        }
    }
}
