mod fixtures;
mod round_trip;

use std::fmt::Write;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use super::*;

fn default_country(code: &str) -> Options {
    Options {
        default_country: Some(Country::parse(code).unwrap()),
        ..Options::default()
    }
}

/// A line for each row: where it is and what it says, or its error's code and column; the file's error as the last.
fn summary<R: Read + Seek>(input: R, options: &Options) -> Vec<String> {
    let mut summary = Vec::new();
    match RecipientReader::open(input, options) {
        Ok(mut reader) => loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(Ok(row))) => summary.push(describe(&row)),
                Ok(Some(Err(error))) => {
                    summary.push(format!(
                        "{} !{} {}",
                        error.line,
                        error.code,
                        error.column.unwrap_or_default()
                    ));
                }
                Err(error) => {
                    summary.push(format!("!!{}", error.code()));
                    break;
                }
            }
        },
        Err(error) => summary.push(format!("!!{}", error.code())),
    }
    summary
}

fn describe(row: &Row<'_>) -> String {
    let mut text = format!("{} {}", row.line, row.phone.e164());
    if let Some(reference) = row.reference() {
        write!(text, " ref {reference}").unwrap();
    }
    for (name, cell) in row.values() {
        let shown: String = cell.chars().take(40).collect();
        write!(text, " {name}={shown}").unwrap();
    }
    text
}

#[test]
fn a_default_country_completes_national_numbers() {
    let file = File::open(Path::new(fixtures::FOLDER).join("national-numbers.csv")).unwrap();

    let rows = summary(file, &default_country("GB"));

    assert_eq!(
        rows,
        [
            "2 +447700900001 name=Ada",
            "3 +447700900002 name=Grace",
            "4 +447700900003 name=Joan"
        ]
    );
}

#[test]
fn encoding_and_delimiter_are_told() {
    let cases = [
        ("plain", FileEncoding::Utf8, ','),
        ("utf16-le-tabs", FileEncoding::Utf16Le, '\t'),
        ("utf16-be", FileEncoding::Utf16Be, ','),
        ("windows-1252", FileEncoding::Windows1252, ';'),
        ("pipes", FileEncoding::Utf8, '|'),
        ("one-column", FileEncoding::Utf8, ','),
    ];
    for (name, encoding, delimiter) in cases {
        let file = File::open(Path::new(fixtures::FOLDER).join(format!("{name}.csv"))).unwrap();
        let reader = RecipientReader::open(file, &Options::default()).unwrap();

        assert_eq!(
            (reader.encoding(), reader.delimiter()),
            (encoding, delimiter),
            "{name}"
        );
    }
}

#[test]
fn the_phone_column_has_many_names() {
    let cases = [
        ("upper case", "id,PHONE", None, Some(1)),
        ("words", "id,Phone Number", None, Some(1)),
        ("underscores", "id,cell_phone_number", None, Some(1)),
        ("dashes", "id,mobile-number", None, Some(1)),
        ("to", "to,id", None, Some(0)),
        ("the likeliest of several", "to,number,phone", None, Some(2)),
        ("not a part of a name", "phone model,tone", None, None),
        ("chosen", "Kontakt,phone", Some("Kontakt"), Some(0)),
        (
            "chosen loosely",
            "my_contact,phone",
            Some("My contact"),
            Some(0),
        ),
        ("chosen wrongly", "id,phone", Some("Kontakt"), None),
    ];
    for (name, header, chosen, expected) in cases {
        let options = Options {
            phone_column: chosen.map(str::to_owned),
            ..Options::default()
        };

        let reader = RecipientReader::open(Cursor::new(header), &options);

        assert_eq!(
            reader.ok().map(|reader| reader.phone_column()),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_cell_is_found_by_header_or_variable() {
    let input = "phone,First  name\n+447700900001,Ada\n";
    let mut reader = RecipientReader::open(Cursor::new(input), &Options::default()).unwrap();

    let row = reader.next().unwrap().unwrap().unwrap();

    assert_eq!(row.value("First  name"), Some("Ada"));
    assert_eq!(row.value("First_name"), Some("Ada"));
    assert_eq!(row.value("first_name"), None);
    assert_eq!(row.country, Some(Country::parse("GB").unwrap()));
}

#[test]
fn errors_say_where_and_how_to_mend_it() {
    let cases = [
        (
            "no phone",
            "a,b\n",
            "no phone column among `a`, `b`; rename the column with the numbers to `phone`, or say which one it is",
        ),
        (
            "no header",
            "x,+447700900001\n",
            "line 1: the first line must name the columns, but it holds a number; add a header such as `phone`",
        ),
        (
            "duplicate",
            "\nphone,a,A\n",
            "line 2, column 3: `A` names column 2 already; rename one of them",
        ),
        (
            "empty",
            "phone,\"\",b\n",
            "line 1, column 2: the column has no name; give it one or remove it",
        ),
    ];
    for (name, input, expected) in cases {
        let error = RecipientReader::open(Cursor::new(input), &Options::default())
            .err()
            .unwrap();

        assert_eq!(error.to_string(), expected, "{name}");
    }
}

#[test]
fn a_row_that_never_ends_does_not_fill_the_memory() {
    let mut input = String::from("phone,name\n+447700900001,Ada\n+447700900002,\"Grace\n");
    for _ in 0..200_000 {
        input.push_str("+447700900003,Joan\n");
    }

    let rows = summary(Cursor::new(input), &Options::default());

    assert_eq!(rows, ["2 +447700900001 name=Ada", "!!unclosed_quote"]);
}

#[test]
fn lines_are_counted_across_buffers() {
    let mut input = String::from("phone,text\r\n");
    for _ in 0..20_000 {
        input.push_str("+447700900001,\"two\r\nlines\"\r\n");
    }
    input.push_str("bad,x\r\n");

    let rows = summary(Cursor::new(input), &Options::default());

    assert_eq!(rows.last().unwrap(), "40002 !invalid_phone phone");
}

#[test]
fn a_time_zone_is_read_from_the_column_that_is_called_so() {
    for (name, header, cell, expected) in [
        ("no such column", "city", "Europe/Paris", Ok(None)),
        (
            "as one word",
            "timezone",
            "Europe/Paris",
            Ok(Some("Europe/Paris")),
        ),
        (
            "as two",
            "Time Zone",
            "europe/paris",
            Ok(Some("Europe/Paris")),
        ),
        (
            "with blanks",
            "time_zone",
            " Asia/Kolkata ",
            Ok(Some("Asia/Kolkata")),
        ),
        (
            "as Excel keeps texts",
            "time-zone",
            "\"=\"\"Europe/Paris\"\"\"",
            Ok(Some("Europe/Paris")),
        ),
        ("empty", "time_zone", "", Ok(None)),
        (
            "no zone",
            "time_zone",
            "Pacific Time",
            Err("unknown_time_zone"),
        ),
        ("an offset", "time_zone", "+01:00", Err("unknown_time_zone")),
    ] {
        let csv = format!("phone,{header}\n+447700900001,{cell}\n");
        let mut reader = RecipientReader::open(Cursor::new(csv), &Options::default()).unwrap();

        let row = reader.next().unwrap().unwrap();

        let zone = row.map(|row| row.zone.map(crate::zones::Zone::as_str));
        assert_eq!(zone.map_err(|error| error.code), expected, "{name}");
    }
}

#[test]
fn a_phone_column_that_is_called_time_zone_is_no_time_zone() {
    let options = Options {
        phone_column: Some("timezone".to_owned()),
        ..Options::default()
    };
    let csv = "timezone\n+447700900001\n";
    let mut reader = RecipientReader::open(Cursor::new(csv), &options).unwrap();

    let row = reader.next().unwrap().unwrap().unwrap();

    assert_eq!(row.zone, None);
}
