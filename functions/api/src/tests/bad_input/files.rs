//! Recipients files, as the API looks at them before a campaign is made or begins: the fixtures of the reader.

use std::{fs, path::Path};

use bytes::Bytes;
use carillon_core::{content::Texts, recipients::Options};
use carillon_runtime::problem::Problem;

use crate::check;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/csv");
const POINTER: &str = "/audience/upload";

fn checked(file: Vec<u8>, text: &str) -> Result<(), Problem> {
    let texts = Texts::parse(&text.into()).unwrap();
    check::file(
        &Bytes::from(file),
        POINTER,
        &Options::default(),
        &texts,
        "/content/text",
    )
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(FIXTURES).join(format!("{name}.csv"))).unwrap()
}

#[test]
fn whatever_a_spreadsheet_writes_is_read() {
    for name in [
        "plain",
        "no-final-newline",
        "utf8-bom",
        "utf16-le",
        "utf16-be",
        "utf16-le-tabs",
        "windows-1252",
        "semicolons",
        "tabs",
        "pipes",
        "quoted-newlines",
        "doubled-quotes",
        "quoted-delimiters-in-header",
        "cr-only",
        "blank-lines",
        "trailing-delimiters",
        "leading-apostrophe",
        "equals-quotes",
        "usual-names",
        "one-column",
        "long-cell",
        "short-and-long-rows",
        "spaces-and-marks",
        "placeholders-in-values",
        // Some of their rows are no good, and one is.
        "scientific-notation",
        "spreadsheet-errors",
    ] {
        assert_eq!(checked(fixture(name), "Hi"), Ok(()), "{name}");
    }
}

#[test]
fn a_file_that_can_not_be_used_is_refused_with_what_is_wrong() {
    for (name, code, found) in [
        ("empty", "unusable_file", "empty_file"),
        ("blank", "unusable_file", "empty_file"),
        ("header-only", "empty_audience", "empty_audience"),
        ("no-phone-column", "unusable_file", "no_phone_column"),
        ("no-header", "unusable_file", "no_header"),
        ("duplicate-header", "unusable_file", "duplicate_header"),
        ("empty-header", "unusable_file", "empty_header"),
        ("many-columns", "unusable_file", "too_many_columns"),
        ("odd-utf16", "unusable_file", "malformed_encoding"),
        (
            "broken-utf8-after-bom",
            "unusable_file",
            "malformed_encoding",
        ),
        ("workbook", "unusable_file", "not_text"),
        ("national-numbers", "unusable_file", "no_country_code"),
        ("invalid-numbers", "unusable_file", "invalid_phone"),
    ] {
        let problem = checked(fixture(name), "Hi").unwrap_err();

        let error = &problem.errors[0];
        assert_eq!(
            (problem.code.as_str(), error.pointer.as_str(), error.code),
            (code, POINTER, found),
            "{name}"
        );
    }
}

#[test]
fn rows_of_which_none_can_be_sent_to_are_named_by_line_and_column() {
    let file = "phone,name\n4.47701E+11,Ann\n\"4,47701E+11\",Bea\n+447700900003\n";

    let problem = checked(file.into(), "Hi").unwrap_err();

    let told: Vec<_> = problem
        .errors
        .iter()
        .map(|error| {
            let place = error.detail.split_once(": ").unwrap().0;
            (error.code, place)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("damaged_number", "line 2, column `phone`"),
            ("damaged_number", "line 3, column `phone`"),
            ("wrong_column_count", "line 4"),
        ]
    );
}

#[test]
fn a_placeholder_without_a_column_is_named() {
    let problem = checked(fixture("plain"), "Hi {{first_name}}").unwrap_err();

    let error = &problem.errors[0];
    assert_eq!(
        (problem.code.as_str(), error.pointer.as_str()),
        ("unknown_placeholder", "/content/text")
    );
    assert!(error.detail.contains("`first_name`"), "{}", error.detail);
}

#[test]
fn a_long_file_that_begins_badly_may_get_better() {
    let mut file = b"phone\n".to_vec();
    while (file.len() as u64) < check::FILE_START {
        file.extend_from_slice(b"4.47701E+11\n");
    }
    file.truncate(usize::try_from(check::FILE_START).unwrap());

    assert_eq!(checked(file, "Hi"), Ok(()));
}

#[test]
fn no_refusal_repeats_a_number() {
    for name in ["invalid-numbers", "national-numbers", "no-header"] {
        let problem = checked(fixture(name), "Hi").unwrap_err();

        let told = format!("{problem:?}");
        for number in ["7700900", "2025550"] {
            assert!(!told.contains(number), "{name}: {told}");
        }
    }
}
