use std::borrow::Cow;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    text: String,
    smart_encoding: bool,
    text_after_smart_encoding: Option<String>,
    encoding: String,
    units: u32,
    segments: u32,
    units_per_segment: Vec<u32>,
    part_char_counts: Option<Vec<usize>>,
}

#[derive(Deserialize)]
struct Tables {
    basic: Vec<Entry>,
    extension: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    char: char,
}

#[derive(Deserialize)]
struct SmartMap {
    map: Vec<Substitution>,
}

#[derive(Deserialize)]
struct Substitution {
    char: char,
    to: String,
}

fn vectors<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob")]
    let folder = std::env::var_os("CARILLON_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors")),
        PathBuf::from,
    );
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_vector_is_counted_as_it_says() {
    for vector in vectors::<Vectors>("segments.json").vectors {
        let text = if vector.smart_encoding {
            smart_encode(&vector.text)
        } else {
            vector.text.as_str().into()
        };

        let segments = segment(&text);
        let parts = parts_of(&text);

        let name = &vector.id;
        if let Some(expected) = &vector.text_after_smart_encoding {
            assert_eq!(&text, expected, "{name}");
        }
        assert_eq!(segments.encoding.name(), vector.encoding, "{name}");
        assert_eq!(
            (segments.units, segments.parts),
            (vector.units, vector.segments),
            "{name}"
        );
        assert_eq!(
            parts.iter().map(|part| part.units).collect::<Vec<_>>(),
            vector.units_per_segment,
            "{name}"
        );
        if let Some(expected) = vector.part_char_counts {
            let counts: Vec<_> = parts
                .iter()
                .map(|part| text[part.range.clone()].chars().count())
                .collect();
            assert_eq!(counts, expected, "{name}");
        }
    }
}

#[test]
fn the_alphabet_is_that_of_the_tables_and_nothing_else() {
    let tables: Tables = vectors("gsm0338-tables.json");
    let basic: Vec<_> = tables.basic.iter().map(|entry| entry.char).collect();
    let extension: Vec<_> = tables.extension.iter().map(|entry| entry.char).collect();

    for character in '\0'..=char::MAX {
        let expected =
            u8::from(basic.contains(&character)) + 2 * u8::from(extension.contains(&character));
        assert_eq!(alphabet::septets(character), expected, "{character:?}");
    }
}

#[test]
fn the_substitutions_are_those_of_the_map() {
    let mut map = vectors::<SmartMap>("smart-encoding-map.json").map;
    map.sort_by_key(|substitution| substitution.char);

    let ours: Vec<_> = substitutions::SUBSTITUTIONS
        .iter()
        .map(|(from, to)| (*from, (*to).to_owned()))
        .collect();

    assert_eq!(
        ours,
        map.into_iter()
            .map(|entry| (entry.char, entry.to))
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_first_character_outside_the_alphabet_is_named() {
    let cases = [
        ("all inside", "Grüße, 5 € [now]", None),
        ("empty", "", None),
        ("curly quote", "It’s", Some((2, '’'))),
        ("counted in characters", "äöü…", Some((3, '…'))),
        ("small c with cedilla", "ça", Some((0, 'ç'))),
        ("emoji", "Hi 😀", Some((3, '😀'))),
    ];
    for (name, text, expected) in cases {
        assert_eq!(first_non_gsm(text), expected, "{name}");
    }
}

#[test]
fn a_text_is_made_gsm_only_if_nothing_is_lost() {
    let cases = [
        ("already", "plain", Some("plain")),
        (
            "quotes and dash",
            "“It’s” – now…",
            Some("\"It's\" - now..."),
        ),
        ("no-break space", "10\u{a0}000", Some("10 000")),
        ("tab", "a\tb", Some("a b")),
        ("zero width", "a\u{200b}b", Some("ab")),
        (
            "letters that came apart",
            "Gru\u{308}ße, cafe\u{301}",
            Some("Grüße, café"),
        ),
        ("a mark that the alphabet lacks", "informacio\u{301}n", None),
        ("a mark that Twilio makes a character", "a\u{303}", None),
        ("Cyrillic in quotes", "“Привет”", None),
    ];
    for (name, text, expected) in cases {
        assert_eq!(to_gsm(text).as_deref(), expected, "{name}");
    }
}

#[test]
fn a_text_without_substitutions_is_not_copied() {
    assert!(matches!(smart_encode("Grüße, 5 €"), Cow::Borrowed(_)));
    assert_eq!(smart_encode("\u{200b}"), "");
}

/// The rule read aloud: price each character, then fill parts one after the other.
fn slow_parts(text: &str) -> (Encoding, Vec<u32>) {
    let is_gsm = text
        .chars()
        .all(|character| alphabet::septets(character) != 0);
    let encoding = if is_gsm {
        Encoding::Gsm7
    } else {
        Encoding::Ucs2
    };
    let costs: Vec<u32> = text
        .chars()
        .map(|character| match encoding {
            Encoding::Gsm7 => 1 + u32::from("\u{c}^{}\\[~]|€".contains(character)),
            Encoding::Ucs2 => character
                .encode_utf16(&mut [0; 2])
                .len()
                .try_into()
                .unwrap(),
        })
        .collect();
    let total: u32 = costs.iter().sum();
    if total <= encoding.single_limit() {
        return (encoding, vec![total]);
    }
    let mut parts = vec![0];
    for cost in costs {
        match parts.last_mut() {
            Some(last) if *last + cost <= encoding.part_limit() => *last += cost,
            _ => parts.push(cost),
        }
    }
    (encoding, parts)
}

/// The fewest parts that any way of cutting between characters could give.
fn fewest_parts(text: &str, encoding: Encoding) -> u32 {
    let costs: Vec<_> = text
        .chars()
        .map(|character| encoding.cost(character))
        .collect();
    let mut fewest = vec![u32::MAX; costs.len() + 1];
    fewest[0] = 0;
    for end in 1..=costs.len() {
        let mut units = 0;
        for start in (0..end).rev() {
            units += costs[start];
            if units > encoding.part_limit() {
                break;
            }
            fewest[end] = fewest[end].min(fewest[start].saturating_add(1));
        }
    }
    fewest[costs.len()]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z{}€éΔ\n]{0,500}",
        "[a-zя😀{€]{0,300}",
        "[😀👍]{0,200}",
        "[a-z]{150,165}[€{]{0,3}[a-z]{0,160}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn counts_agree_with_the_rule_read_aloud(text in texts()) {
        let segments = segment(&text);
        let parts = parts_of(&text);

        let (encoding, expected) = slow_parts(&text);
        prop_assert_eq!(segments.encoding, encoding);
        prop_assert_eq!(parts.iter().map(|part| part.units).collect::<Vec<_>>(), expected);
        prop_assert_eq!(parts.len(), segments.parts as usize);
        prop_assert_eq!(parts.iter().map(|part| part.units).sum::<u32>(), segments.units);
    }

    #[test]
    fn parts_are_whole_full_and_as_few_as_can_be(text in texts()) {
        let segments = segment(&text);
        let parts = parts_of(&text);

        let joined: String = parts.iter().map(|part| &text[part.range.clone()]).collect();
        prop_assert_eq!(joined, text.as_str());
        if segments.parts > 1 {
            prop_assert!(parts.iter().all(|part| part.units <= segments.encoding.part_limit()));
            prop_assert_eq!(segments.parts, fewest_parts(&text, segments.encoding));
        } else {
            prop_assert!(segments.units <= segments.encoding.single_limit());
        }
    }

    #[test]
    fn a_text_made_gsm_is_gsm(text in texts()) {
        if let Some(encoded) = to_gsm(&text) {
            prop_assert_eq!(segment(&encoded).encoding, Encoding::Gsm7);
        }
    }
}
