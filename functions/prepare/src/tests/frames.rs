//! How recipients are ordered and cut.

use std::fmt::Write as _;

use carillon_core::{phone::Country, zones::state_of};

use super::*;

/// A file of numbers in this order.
fn csv(numbers: impl IntoIterator<Item = u64>) -> String {
    let mut csv = "phone\n".to_owned();
    for number in numbers {
        writeln!(csv, "+{number}").unwrap();
    }
    csv
}

#[test]
fn chunks_hold_up_to_a_hundred_of_one_group() {
    let british = |count| (447_700_900_000..).take(count).collect::<Vec<u64>>();
    let german = |count| (4_915_123_456_000..).take(count).collect::<Vec<u64>>();
    for (name, numbers, expected) in [
        ("one", british(1), vec![1]),
        ("a chunk and no more", british(100), vec![100]),
        ("one more", british(101), vec![100, 1]),
        ("several", british(250), vec![100, 100, 50]),
        (
            "two countries, never in one chunk",
            [british(130), german(20)].concat(),
            vec![100, 30, 20],
        ),
        (
            "two countries, turn by turn",
            german(3)
                .into_iter()
                .zip(british(3))
                .flat_map(|(g, b)| [g, b])
                .collect(),
            vec![3, 3],
        ),
    ] {
        let outcome = prepare(&csv(numbers), "Hi");

        let sizes: Vec<_> = outcome.chunks.iter().map(Vec::len).collect();
        assert_eq!(sizes, expected, "{name}");
    }
}

#[test]
fn slots_are_in_the_order_of_numbers_and_groups_in_that_of_their_first_row() {
    let outcome = prepare(
        &csv([
            4_915_123_456_003,
            447_700_900_009,
            447_700_900_001,
            4_915_123_456_001,
            80_012_345_678,
            447_700_900_005,
        ]),
        "Hi",
    );

    assert_eq!(
        outcome.numbers(),
        [
            vec![4_915_123_456_001, 4_915_123_456_003],
            vec![447_700_900_001, 447_700_900_005, 447_700_900_009],
            vec![80_012_345_678],
        ]
    );
    let groups: Vec<_> = outcome
        .manifest
        .groups
        .iter()
        .map(|group| {
            let (first, last) = (group.first.digits(), group.last.digits());
            let country = group.country.as_ref().map(Country::as_str);
            (
                group.hours.as_str(),
                country,
                first,
                last,
                group.chunk,
                group.chunks,
            )
        })
        .collect();
    assert_eq!(
        groups,
        [
            ("DE", Some("DE"), 4_915_123_456_001, 4_915_123_456_003, 0, 1),
            ("GB", Some("GB"), 447_700_900_001, 447_700_900_009, 1, 1),
            ("unknown", None, 80_012_345_678, 80_012_345_678, 2, 1),
        ]
    );
}

#[test]
fn a_part_is_full_when_it_has_its_bytes() {
    let recipients = || read(&csv(447_700_900_000..447_700_900_950), "Hi").unwrap();
    let whole = cut(recipients(), usize::MAX);
    let longest = whole.manifest.frames.iter().map(|frame| frame.2).max();

    let single = cut(recipients(), 1);
    let pairs = cut(recipients(), longest.unwrap() as usize + 1);

    assert_eq!(whole.manifest.parts, 1);
    assert_eq!(single.manifest.parts, 10);
    assert_eq!(pairs.manifest.parts, 5);
    assert!(single.manifest.frames.iter().all(|frame| frame.1 == 0));
    assert_eq!(whole.chunks, single.chunks);
    assert_eq!(whole.chunks, pairs.chunks);
}

#[test]
fn rows_that_swell_make_shorter_chunks_and_still_decode() {
    const COLUMNS: usize = 60;
    let names: Vec<_> = (0..COLUMNS).map(|column| format!("c{column}")).collect();
    let header = names.join(",");
    let text = format!("{{{{{}|}}}}", names.join("|}}{{"));
    // Six bytes each in JSON, and nothing in a text.
    let cells = vec!["\u{1}".repeat(2048); COLUMNS].join(",");
    let mut csv = format!("phone,{header}\n");
    for number in 447_700_900_000_u64..447_700_900_030 {
        writeln!(csv, "+{number},{cells}").unwrap();
    }

    let outcome = prepare(&csv, &text);

    assert_eq!(outcome.manifest.prepared.accepted, 30);
    assert!(outcome.chunks.len() > 1);
    assert_eq!(outcome.chunks.iter().map(Vec::len).sum::<usize>(), 30);
}

#[test]
fn three_hundred_area_codes_share_the_chunks_of_a_dozen_hours() {
    let area_codes: Vec<u64> = (200..1000)
        .filter(|code| state_of(phone(10_002_345_000 + code * 10_000_000)).is_some())
        .collect();
    let numbers = (0..10_000).map(|row| {
        let code = area_codes[row % area_codes.len()];
        10_002_345_000 + code * 10_000_000 + row as u64 % 1_000
    });

    let outcome = prepare(&csv(numbers), "Hi");

    assert!(area_codes.len() > 300);
    let accepted = usize::try_from(outcome.manifest.prepared.accepted).unwrap();
    assert!(accepted > 9_000, "{:?}", outcome.manifest.prepared);
    let groups = outcome.manifest.groups.len();
    assert!(groups <= 20, "{groups}");
    assert!(outcome.chunks.len() <= accepted / 100 + groups);
    assert_eq!(outcome.manifest.groups[0].hours, "US@America/New_York");
}

#[test]
fn recipients_are_grouped_by_their_own_zone_where_it_is_known() {
    let outcome = prepare(
        "phone,Time Zone\n\
         +447700900001,\n\
         +447700900002,Europe/Paris\n\
         +447700900003,europe/london\n\
         +447700900004, Europe/Paris \n\
         +12123456789,America/Chicago\n",
        "Hi",
    );

    assert_eq!(
        outcome.numbers(),
        [
            vec![447_700_900_001, 447_700_900_003],
            vec![447_700_900_002, 447_700_900_004],
            vec![12_123_456_789],
        ]
    );
    let groups: Vec<_> = outcome
        .manifest
        .groups
        .iter()
        .map(|group| group.hours.as_str())
        .collect();
    assert_eq!(groups, ["GB", "GB@Europe/Paris", "US@America/Chicago"]);
    for (chunk, group) in outcome.chunks.iter().zip(&outcome.manifest.groups) {
        for recipient in chunk {
            assert_eq!(recipient.hours(), Some(group.hours.as_str()));
            assert_eq!(recipient.country, group.country);
        }
    }
}
