//! The GSM 03.38 default alphabet and its extension table (3GPP TS 23.038 section 6.2.1), as septets per character.

/// In order of code, 0x00 to 0x7F. 0x1B is the escape itself, which some gateways let through and count as one.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// After an escape: 0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40. The euro, 0x65, is outside the table below.
const EXTENSION: &str = "\u{0C}^{}\\[~]|";
const EURO: char = '€';

/// The alphabet lies below U+0400, but for the euro.
const TABLE_SIZE: usize = 0x400;
static SEPTETS: [u8; TABLE_SIZE] = septets_table();
/// The ASCII of it, with room for every byte, so that the loop over a text has one look-up and one branch.
static BYTES: [u8; 256] = bytes_table();

/// 1 or 2, or 0 for a character outside the alphabet.
pub(super) fn septets(character: char) -> u8 {
    match SEPTETS.get(character as usize) {
        Some(septets) => *septets,
        None if character == EURO => 2,
        None => 0,
    }
}

/// As `septets`, of a byte that is a character by itself; 0 too where it is but a piece of one.
#[inline]
pub(super) fn septets_of_byte(byte: u8) -> u8 {
    BYTES[usize::from(byte)]
}

/// As `septets`, of the first character of a text, with its length in bytes.
pub(super) fn septets_at(text: &str) -> (u8, usize) {
    text.chars().next().map_or((0, 0), |character| {
        (septets(character), character.len_utf8())
    })
}

const fn septets_table() -> [u8; TABLE_SIZE] {
    let table = mark([0; TABLE_SIZE], BASIC.as_bytes(), 1);
    mark(table, EXTENSION.as_bytes(), 2)
}

const fn bytes_table() -> [u8; 256] {
    let all = septets_table();
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        table[byte] = all[byte];
        byte += 1;
    }
    table
}

/// Notes the price of each character of `text`, which is one or two bytes of UTF-8.
const fn mark(mut table: [u8; TABLE_SIZE], text: &[u8], septets: u8) -> [u8; TABLE_SIZE] {
    let mut index = 0;
    while index < text.len() {
        let first = text[index] as usize;
        if first < 0x80 {
            table[first] = septets;
            index += 1;
        } else {
            let second = text[index + 1] as usize;
            table[(first & 0x1F) << 6 | second & 0x3F] = septets;
            index += 2;
        }
    }
    table
}
