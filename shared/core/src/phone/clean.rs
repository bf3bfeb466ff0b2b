//! Takes from a written number what people and spreadsheets add to it, and refuses what a spreadsheet has destroyed.

use super::PhoneError;

/// Room for a `+`, an international prefix, a national zero and 15 digits, with some to spare for numbers that are too long.
const CAPACITY: usize = 32;

/// An optional `+` and then ASCII digits, at least one.
pub(super) struct Cleaned {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Cleaned {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("only ASCII was pushed")
    }

    pub(super) fn is_international(&self) -> bool {
        self.bytes[0] == b'+'
    }

    fn push(&mut self, byte: u8) -> Result<(), PhoneError> {
        let room = self.bytes.get_mut(self.length).ok_or(PhoneError::TooLong)?;
        *room = byte;
        self.length += 1;
        Ok(())
    }
}

pub(super) fn clean(text: &str) -> Result<Cleaned, PhoneError> {
    let text = text.trim_matches(is_decoration);
    if text.is_empty() {
        return Err(PhoneError::Empty);
    }
    if is_damaged(text) {
        return Err(PhoneError::Damaged);
    }
    let mut cleaned = Cleaned {
        bytes: [0; CAPACITY],
        length: 0,
    };
    for character in text.chars() {
        match character {
            '+' | '\u{FF0B}' if cleaned.length == 0 => cleaned.push(b'+')?,
            _ if is_decoration(character) || is_punctuation(character) => {}
            _ => cleaned.push(digit(character).ok_or(PhoneError::NotANumber)?)?,
        }
    }
    let digits = cleaned.length - usize::from(cleaned.is_international());
    if digits == 0 {
        Err(PhoneError::NotANumber)
    } else {
        Ok(cleaned)
    }
}

/// The ASCII digit for a digit as written in Latin, full-width, Arabic or Persian script.
fn digit(character: char) -> Option<u8> {
    const ZEROS: [char; 4] = ['0', '\u{FF10}', '\u{0660}', '\u{06F0}'];
    ZEROS.iter().find_map(|&zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        u8::try_from(value)
            .ok()
            .filter(|value| *value < 10)
            .map(|value| b'0' + value)
    })
}

/// Spaces of every width, and the invisible marks that copying from a contact list brings along.
fn is_decoration(character: char) -> bool {
    character.is_whitespace()
        || matches!(character,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn is_punctuation(character: char) -> bool {
    matches!(
        character,
        '-' | '.' | '(' | ')' | '/' | '[' | ']' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2212}'
                | '\u{FF08}'
                | '\u{FF09}'
                | '\u{FF0D}'
                | '\u{FF0E}'
                | '\u{30FC}'
    )
}

/// `4.47701E+11`, whose last digits are lost, and `447700900123.0`, whose last zero was never one.
fn is_damaged(text: &str) -> bool {
    let unsigned = text.trim_start_matches(['+', '-']);
    is_scientific(unsigned) || is_decimal(unsigned)
}

fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let exponent = exponent
        .strip_prefix(['+', '-'])
        .unwrap_or(exponent)
        .trim_start();
    mantissa.starts_with(|first: char| first.is_ascii_digit())
        && mantissa
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b' '))
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let Some((whole, fraction)) = text.split_once(['.', ',']) else {
        return false;
    };
    whole.len() >= super::MIN_DIGITS
        && whole.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte == b'0')
}
