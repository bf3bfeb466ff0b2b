//! The files of `tests/fixtures/csv`, and what each of them yields.

use std::fs::File;
use std::path::Path;

use super::{Options, summary};

pub(super) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/csv");

/// A line for each row, as `summary` writes it.
#[rustfmt::skip]
const FIXTURES: &[(&str, &[&str])] = &[
    ("plain", &["2 +447700900001 name=Ada", "3 +12025550143 name=Grace"]),
    ("no-final-newline", &["2 +447700900001 name=Ada", "3 +12025550143 name=Grace"]),
    ("utf8-bom", &["2 +447700900001 name=Zoë"]),
    ("utf16-le", &["2 +447700900001 name=Zoë 😀"]),
    ("utf16-be", &["2 +447700900001 name=Zoë 😀"]),
    ("utf16-le-tabs", &["2 +447700900001 name=Zoë, of Köln"]),
    ("windows-1252", &["2 +447700900001 name=Zoë “Z” €5"]),
    ("semicolons", &["2 +447700900001 name=Ada text=Hi; there", "3 +12025550143 name=Grace text=Hi, there"]),
    ("tabs", &["2 +447700900001 name=Ada, Countess", "3 +12025550143 name=Grace"]),
    ("pipes", &["2 +447700900001 name=Ada, Countess", "3 +12025550143 name=Grace"]),
    ("quoted-delimiters-in-header", &["2 +447700900001 Name;_first,_or_|_only=Ada"]),
    ("quoted-newlines", &["2 +447700900001 text=one\r\ntwo\nthree", "5 +12025550143 text=four"]),
    ("doubled-quotes", &["2 +447700900001 text=the \"best\" one", "3 +12025550143 text="]),
    ("cr-only", &["2 +447700900001 name=Ada", "4 +12025550143 name=Grace", "5 !damaged_number phone"]),
    ("blank-lines", &["5 +447700900001 name=Ada", "9 !no_country_code phone", "10 +12025550143 name=Grace"]),
    ("header-only", &[]),
    ("empty", &["!!empty_file"]),
    ("blank", &["!!empty_file"]),
    ("no-phone-column", &["!!no_phone_column"]),
    ("no-header", &["!!no_header"]),
    ("usual-names", &["2 +447700900001 ref a-1 First_name=Ada REF=a-1", "3 +12025550143 First_name=Grace REF="]),
    ("national-numbers", &["2 !no_country_code phone", "3 !no_country_code phone", "4 !no_country_code phone"]),
    ("scientific-notation", &[
        "2 !damaged_number phone",
        "3 !damaged_number phone",
        "4 !damaged_number phone",
        "5 +12025550143 name=Joan",
    ]),
    ("spreadsheet-errors", &[
        "2 !spreadsheet_error name",
        "3 !spreadsheet_error phone",
        "4 !spreadsheet_error phone",
        "5 +12025550143 name=#1 fan",
    ]),
    ("leading-apostrophe", &["2 +447700900001 name=007"]),
    ("equals-quotes", &["2 +447700900001 code=00123", "3 +12025550143 code=00456"]),
    ("spaces-and-marks", &["2 +447700900001 name=Ada", "3 +12025550143 name=Grace", "4 +447700900003 name=Joan"]),
    ("invalid-numbers", &[
        "2 !invalid_phone phone",
        "3 !invalid_phone phone",
        "4 !invalid_phone phone",
        "5 !missing_phone phone",
        "6 !no_country_code phone",
        "7 !invalid_phone phone",
    ]),
    ("short-and-long-rows", &[
        "2 !wrong_column_count ",
        "3 +12025550143 name=Grace city=Arlington",
        "4 !wrong_column_count ",
        "5 +12025550145 name=Mary city=Blackburn",
    ]),
    ("trailing-delimiters", &["2 +447700900001 name=Ada", "3 +12025550143 name=Grace"]),
    ("duplicate-header", &["!!duplicate_header"]),
    ("empty-header", &["!!empty_header"]),
    ("many-columns", &["!!too_many_columns"]),
    ("long-cell", &[
        "2 +447700900001 text=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "3 !cell_too_long text",
        "4 +12025550144 text=short",
    ]),
    ("unclosed-quote", &["2 +447700900001 name=Ada", "!!unclosed_quote"]),
    ("broken-utf8-after-bom", &["!!malformed_encoding"]),
    ("odd-utf16", &["!!malformed_encoding"]),
    ("workbook", &["!!not_text"]),
    ("one-column", &["2 +447700900001", "3 +12025550143"]),
    ("placeholders-in-values", &["2 +447700900001 name={{code}}"]),
];

#[test]
fn every_fixture_yields_what_is_said_here() {
    for (name, expected) in FIXTURES {
        let file = File::open(Path::new(FOLDER).join(format!("{name}.csv"))).unwrap();

        assert_eq!(summary(file, &Options::default()), *expected, "{name}");
    }
}

#[test]
fn every_fixture_is_in_the_table() {
    let files = std::fs::read_dir(FOLDER).unwrap();

    assert_eq!(files.count(), FIXTURES.len());
}
