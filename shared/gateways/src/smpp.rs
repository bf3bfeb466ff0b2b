//! What SMPP carriers say and how they write texts, as Kannel and Jasmin hand it on.
//!
//! Sources: SMPP 3.4, sections 5.1.3 (status of a submission), 5.2.19 (data coding), 5.2.28 and appendix B (states of receipts);
//! 3GPP TS 23.038 section 6.2.1 (the alphabet).

use carillon_core::report::ReportWord;
use encoding_rs::{Encoding, UTF_8, UTF_16BE};

use crate::class::ErrorClass;

/// The state in a receipt, `stat:DELIVRD`.
pub(crate) fn state(state: &str) -> Option<ReportWord> {
    Some(match state {
        "DELIVRD" => ReportWord::Delivered,
        "EXPIRED" => ReportWord::Expired,
        "DELETED" => ReportWord::Failed,
        "UNDELIV" => ReportWord::Undelivered,
        "ACCEPTD" | "ENROUTE" => ReportWord::Sent,
        "UNKNOWN" => ReportWord::Unknown,
        "REJECTD" => ReportWord::Rejected,
        _ => return None,
    })
}

/// What a refused submission says, by number and by name. The classes are ours.
const REFUSALS: [(u32, &str, ErrorClass); 12] = [
    (0x01, "ESME_RINVMSGLEN", ErrorClass::BadRequest),
    (0x08, "ESME_RSYSERR", ErrorClass::Temporary),
    (0x0a, "ESME_RINVSRCADR", ErrorClass::SenderConfig),
    (0x0b, "ESME_RINVDSTADR", ErrorClass::InvalidNumber),
    (0x14, "ESME_RMSGQFUL", ErrorClass::RateLimited),
    (0x45, "ESME_RSUBMITFAIL", ErrorClass::Temporary),
    (0x58, "ESME_RTHROTTLED", ErrorClass::RateLimited),
    (0x62, "ESME_RINVEXPIRY", ErrorClass::BadRequest),
    (0x64, "ESME_RX_T_APPN", ErrorClass::Temporary),
    (0x65, "ESME_RX_P_APPN", ErrorClass::Blocked),
    (0x66, "ESME_RX_R_APPN", ErrorClass::Blocked),
    (0xff, "ESME_RUNKNOWNERR", ErrorClass::Unknown),
];

pub(crate) fn class_of_name(name: &str) -> Option<ErrorClass> {
    let refusal = REFUSALS.iter().find(|(_, known, _)| *known == name);
    refusal.map(|(.., class)| *class)
}

/// By the number as Kannel writes it: `0x0000000b`.
pub(crate) fn class_of_hex(status: &str) -> Option<ErrorClass> {
    let digits = status.strip_prefix("0x")?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let refusal = REFUSALS.iter().find(|(known, ..)| *known == number);
    refusal.map(|(.., class)| *class)
}

/// A text by its data coding: septets of the alphabet, one an octet; Latin 1; UTF-16.
pub(crate) fn text(octets: &[u8], data_coding: u8) -> Option<String> {
    Some(match data_coding {
        0 => alphabet(octets),
        1 | 3 => octets.iter().copied().map(char::from).collect(),
        8 => in_charset(octets, UTF_16BE),
        _ => return None,
    })
}

/// A text by the name of its charset; UTF-8 where that is no name.
pub(crate) fn text_in(octets: &[u8], charset: &str) -> String {
    in_charset(
        octets,
        Encoding::for_label(charset.as_bytes()).unwrap_or(UTF_8),
    )
}

fn in_charset(octets: &[u8], charset: &'static Encoding) -> String {
    let (text, _) = charset.decode_without_bom_handling(octets);
    text.into_owned()
}

/// As UTF-16 in hex digits, which carries any text.
pub(crate) fn utf16_hex(text: &str) -> String {
    use std::fmt::Write;
    text.encode_utf16().fold(String::new(), |mut hex, unit| {
        write!(hex, "{unit:04x}").expect("a string takes everything");
        hex
    })
}

/// In order of code; after an escape, 0x1B, counts `escaped`.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const ESCAPE: u8 = 0x1b;

fn alphabet(septets: &[u8]) -> String {
    let table: Vec<char> = ALPHABET.chars().collect();
    let plain = |septet: u8| table.get(usize::from(septet)).copied();
    let unknown = char::REPLACEMENT_CHARACTER;
    let mut text = String::new();
    let mut septets = septets.iter().copied();
    while let Some(septet) = septets.next() {
        if septet != ESCAPE {
            text.push(plain(septet).unwrap_or(unknown));
            continue;
        }
        // A phone that doesn't know what follows shows the plain character.
        let Some(septet) = septets.next() else { break };
        text.push(escaped(septet).or_else(|| plain(septet)).unwrap_or(unknown));
    }
    text
}

const fn escaped(septet: u8) -> Option<char> {
    Some(match septet {
        0x0a => '\u{0c}',
        0x14 => '^',
        0x28 => '{',
        0x29 => '}',
        0x2f => '\\',
        0x3c => '[',
        0x3d => '~',
        0x3e => ']',
        0x40 => '|',
        0x65 => '€',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{fixtures::vectors, recorded};

    #[test]
    fn every_state_of_the_status_map_is_known() {
        let map = recorded::status_map("kannel");

        for (word, expected) in recorded::words(&map["stat"]) {
            assert_eq!(state(&word), expected, "{word}");
        }
        assert_eq!(state("delivrd"), None);
    }

    #[test]
    fn every_refusal_of_the_status_map_has_its_class() {
        let map = recorded::status_map("jasmin");
        let classes = map["esme_classes"].as_object().unwrap();

        for (name, class) in classes {
            let expected = serde_json::from_value(class.clone()).unwrap();
            assert_eq!(class_of_name(name), expected, "{name}");
        }
        assert_eq!(class_of_hex("0x0000000b"), Some(ErrorClass::InvalidNumber));
        for unknown in ["0x00000000", "0x", "11", "0xéé", "0xfffffffff"] {
            assert_eq!(class_of_hex(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_alphabet_is_that_of_the_specification() {
        let tables: Value = vectors("gsm0338-tables.json");
        for entry in tables["basic"].as_array().unwrap() {
            let code = entry["code"].as_str().unwrap().trim_start_matches("0x");
            let octet = u8::from_str_radix(code, 16).unwrap();
            if octet == ESCAPE {
                continue;
            }
            assert_eq!(Some(&*alphabet(&[octet])), entry["char"].as_str(), "{code}");
        }
        for entry in tables["extension"].as_array().unwrap() {
            let code = entry["code"].as_str().unwrap();
            let octet = u8::from_str_radix(&code[code.len() - 2..], 16).unwrap();
            let read = alphabet(&[ESCAPE, octet]);
            assert_eq!(Some(&*read), entry["char"].as_str(), "{code}");
        }
    }

    #[test]
    fn a_text_is_read_by_its_coding() {
        for (name, octets, coding, expected) in [
            ("an escape at the end", &b"a\x1b"[..], 0, Some("a")),
            ("an escape of nothing", b"\x1ba", 0, Some("a")),
            ("no septet", b"a\x80", 0, Some("a\u{fffd}")),
            ("Latin 1", b"\xe9", 3, Some("é")),
            ("UTF-16", b"\x04\x1f\xd8\x3d\xde\x00", 8, Some("П😀")),
            ("half of a unit", b"\x04\x1f\xd8", 8, Some("П\u{fffd}")),
            ("octets", b"a", 4, None),
        ] {
            assert_eq!(text(octets, coding).as_deref(), expected, "{name}");
        }
        assert_eq!(text_in(b"\x00e", "UTF-16BE"), "e");
        assert_eq!(text_in("é".as_bytes(), "no charset"), "é");
        assert_eq!(utf16_hex("П😀"), "041fd83dde00");
    }
}
