//! The alphabets of SMS as a message centre reads and writes them, by the tables of `tests/vectors/`: nothing of the product's own.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

const TABLES: &str = include_str!("../../vectors/gsm0338-tables.json");
const ESCAPE: u8 = 0x1b;

#[derive(Deserialize)]
struct Tables {
    basic: Vec<Entry>,
    extension: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// `0x1B 0x65`.
    code: String,
    char: char,
}

static GSM: LazyLock<BTreeMap<Vec<u8>, char>> = LazyLock::new(|| {
    let tables: Tables = serde_json::from_str(TABLES).expect("the tables are JSON");
    let entries = tables.basic.into_iter().chain(tables.extension);
    let octet = |code: &str| u8::from_str_radix(&code[2..], 16).expect("hexadecimal");
    let code = |entry: &Entry| entry.code.split(' ').map(octet).collect();
    entries.map(|entry| (code(&entry), entry.char)).collect()
});

/// One septet an octet.
pub fn gsm(octets: &[u8]) -> String {
    let mut octets = octets.iter().copied();
    let mut text = String::new();
    while let Some(octet) = octets.next() {
        let mut code = vec![octet];
        if octet == ESCAPE {
            code.extend(octets.next());
        }
        text.push(*GSM.get(&code).unwrap_or(&char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Nothing where a character is not of the alphabet.
pub fn to_gsm(text: &str) -> Option<Vec<u8>> {
    let code = |character| {
        GSM.iter()
            .find(|(_, known)| **known == character)
            .map(|(code, _)| code.clone())
    };
    let codes: Option<Vec<_>> = text.chars().map(code).collect();
    Some(codes?.concat())
}

pub fn utf16(octets: &[u8]) -> String {
    let units: Vec<u16> = octets
        .chunks(2)
        .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

pub fn to_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}
