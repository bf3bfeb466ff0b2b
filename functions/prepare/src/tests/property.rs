//! Whatever the rows are: everybody who can be sent to is sent to once, and can be found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Ranges where every number is valid, of three countries.
const RANGES: [u64; 3] = [447_700_900_000, 4_915_123_456_000, 905_321_234_000];

#[derive(Debug, Clone)]
enum Given {
    Valid(u64),
    Invalid,
    /// A valid number without the value that the text needs.
    Nameless(u64),
}

fn given() -> impl Strategy<Value = Given> {
    let number = (0..RANGES.len(), 0..400_u64).prop_map(|(range, offset)| RANGES[range] + offset);
    prop_oneof![
        8 => number.clone().prop_map(Given::Valid),
        1 => Just(Given::Invalid),
        1 => number.prop_map(Given::Nameless),
    ]
}

fn to_csv(rows: &[Given]) -> String {
    let mut csv = "phone,name\n".to_owned();
    for (index, row) in rows.iter().enumerate() {
        match row {
            Given::Valid(number) => writeln!(csv, "+{number},n{index}").unwrap(),
            Given::Invalid => writeln!(csv, "+12,n{index}").unwrap(),
            Given::Nameless(number) => writeln!(csv, "+{number},").unwrap(),
        }
    }
    csv
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everybody_is_in_one_frame_once(
        rows in prop::collection::vec(given(), 0..900),
        part in 1_usize..2000,
        out in prop::collection::btree_set(0..1200_u64, 0..50),
    ) {
        let is_out = |number: u64| out.contains(&(number % 1200));
        let mut first_names: BTreeMap<u64, String> = BTreeMap::new();
        let (mut rejected, mut valid) = (0, 0);
        for (index, row) in rows.iter().enumerate() {
            match row {
                Given::Valid(number) => {
                    valid += 1;
                    first_names.entry(*number).or_insert(format!("n{index}"));
                }
                Given::Invalid | Given::Nameless(_) => rejected += 1,
            }
        }
        let distinct = first_names.len() as u64;
        first_names.retain(|number, _| !is_out(*number));

        let mut recipients = read(&to_csv(&rows), "Hi {{name}}").unwrap();
        recipients.deduplicate();
        recipients.remove_opted_out(|number| is_out(number.digits()));
        let outcome = cut(recipients, part);

        let prepared = outcome.manifest.prepared;
        prop_assert_eq!(prepared.rows, rows.len() as u64);
        prop_assert_eq!(prepared.rejected, rejected);
        prop_assert_eq!(prepared.duplicates, valid - distinct);
        prop_assert_eq!(prepared.accepted, first_names.len() as u64);
        prop_assert_eq!(prepared.rows, prepared.accepted + prepared.rejected + prepared.duplicates + prepared.opted_out + prepared.capped + prepared.no_consent);
        prop_assert_eq!(prepared.parts, prepared.accepted);

        let mut seen = BTreeSet::new();
        for (chunk, recipients) in (0_u32..).zip(&outcome.chunks) {
            prop_assert!((1..=100).contains(&recipients.len()));
            for recipient in recipients {
                prop_assert!(seen.insert(recipient.number.digits()), "a number in two slots");
                prop_assert_eq!(Some(&recipient.vars["name"]), first_names.get(&recipient.number.digits()));
                let found: Vec<u32> = outcome.manifest.may_hold(recipient.number).collect();
                prop_assert!(found.contains(&chunk), "a number that can't be found");
            }
        }
        prop_assert!(seen.iter().eq(first_names.keys()));
    }
}
