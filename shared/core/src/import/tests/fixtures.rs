//! Files as people have them, and what becomes of each row: read with the layout that a preview suggests.

use std::io::Cursor;

use super::*;
use crate::{import::suggest::suggest, phone::Country};

struct Fixture {
    name: &'static str,
    file: Vec<u8>,
    country: Option<&'static str>,
    /// A line for each row: its line, number and values, or the code of its error and the column. A file's error is the last.
    expected: &'static [&'static str],
}

fn fixture(
    name: &'static str,
    file: impl Into<Vec<u8>>,
    expected: &'static [&'static str],
) -> Fixture {
    Fixture {
        name,
        file: file.into(),
        country: None,
        expected,
    }
}

impl Fixture {
    fn of(self, country: &'static str) -> Self {
        Self {
            country: Some(country),
            ..self
        }
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let marked = std::iter::once(0xfeff).chain(text.encode_utf16());
    marked.flat_map(bytes).collect()
}

fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn encodings() -> Vec<Fixture> {
    const TEXT: &str = "phone,name\r\n+447700900001,Zoë\r\n";
    const ROWS: &[&str] = &["2 +447700900001 name=Zoë"];
    vec![
        fixture("UTF-8", TEXT, ROWS),
        fixture(
            "UTF-8 with a byte order mark",
            format!("\u{feff}{TEXT}"),
            ROWS,
        ),
        fixture("UTF-16, little endian", utf16(TEXT, u16::to_le_bytes), ROWS),
        fixture("UTF-16, big endian", utf16(TEXT, u16::to_be_bytes), ROWS),
        fixture("Windows-1252", windows_1252(TEXT), ROWS),
        fixture(
            "Windows-1252 with a euro sign and curly quotes",
            windows_1252("phone;name\n+447700900001;“5 €”\n"),
            &["2 +447700900001 name=“5 €”"],
        ),
        fixture(
            "UTF-16 from Excel, tabs",
            utf16("phone\tname\r\n+447700900001\tZoë\r\n", u16::to_le_bytes),
            ROWS,
        ),
        fixture(
            "UTF-16 that is cut in a character",
            {
                let mut file = utf16(TEXT, u16::to_le_bytes);
                file.truncate(file.len() - 5);
                file
            },
            &["!!malformed_encoding"],
        ),
        fixture(
            "a workbook",
            b"PK\x03\x04 xl/workbook.xml".to_vec(),
            &["!!not_text"],
        ),
        fixture("nothing", "", &["!!empty_file"]),
        fixture("only a header", "phone,name\n", &[]),
    ]
}

fn dialects() -> Vec<Fixture> {
    const ROWS: &[&str] = &[
        "2 +447700900001 name=Ann city=Leeds",
        "3 +447700900002 name=Bo city=York",
    ];
    vec![
        fixture(
            "commas",
            "phone,name,city\n+447700900001,Ann,Leeds\n+447700900002,Bo,York\n",
            ROWS,
        ),
        fixture(
            "semicolons, CRLF",
            "phone;name;city\r\n+447700900001;Ann;Leeds\r\n+447700900002;Bo;York\r\n",
            ROWS,
        ),
        fixture(
            "tabs, CR only",
            "phone\tname\tcity\r+447700900001\tAnn\tLeeds\r+447700900002\tBo\tYork\r",
            ROWS,
        ),
        fixture(
            "pipes, no line end at the end",
            "phone|name|city\n+447700900001|Ann|Leeds\n+447700900002|Bo|York",
            ROWS,
        ),
        fixture(
            "every cell in quotes",
            "\"phone\",\"name\",\"city\"\n\"+447700900001\",\"Ann\",\"Leeds\"\n\"+447700900002\",\"Bo\",\"York\"\n",
            ROWS,
        ),
        fixture(
            "blank lines and lines of delimiters",
            "phone,name,city\n\n+447700900001,Ann,Leeds\n,,\n   \n+447700900002,Bo,York\n\n",
            &[
                "3 +447700900001 name=Ann city=Leeds",
                "6 +447700900002 name=Bo city=York",
            ],
        ),
        fixture(
            "quotes, delimiters and line ends inside of quotes",
            "phone,name,city\n+447700900001,\"Ann \"\"Nan\"\" O'Hara\",\"Leeds, UK\"\n+447700900002,\"Bo\nJr\",York\n+447700900003,Cy,Bath\n",
            &[
                "2 +447700900001 name=Ann \"Nan\" O'Hara city=Leeds, UK",
                "3 +447700900002 name=Bo\nJr city=York",
                "5 +447700900003 name=Cy city=Bath",
            ],
        ),
        fixture(
            "a quote that is never closed",
            "phone,name\n+447700900001,Ann\n+447700900002,\"Bo\n+447700900003,Cy\n",
            &["2 +447700900001 name=Ann", "!!unclosed_quote"],
        ),
        fixture(
            "a delimiter that should be in quotes",
            "phone,name,city\n+447700900001,Ann,Leeds, UK\n+447700900002,Bo,York\n",
            &["2 !wrong_column_count", "3 +447700900002 name=Bo city=York"],
        ),
        fixture(
            "empty columns behind the header",
            "phone,name,,,\n+447700900001,Ann,,,\n+447700900002,Bo,,x,\n",
            &["2 +447700900001 name=Ann", "3 !wrong_column_count"],
        ),
        fixture(
            "cells that Excel leaves out at the end",
            "phone,name,city\n+447700900001,Ann\n+447700900002\n",
            &["2 +447700900001 name=Ann", "3 +447700900002"],
        ),
        fixture(
            "no header",
            "Ann,+447700900001,Leeds\nBo,+447700900002,York\n",
            &[
                "1 +447700900001 column_1=Ann column_3=Leeds",
                "2 +447700900002 column_1=Bo column_3=York",
            ],
        ),
        fixture(
            "no header, one column",
            "+447700900001\n+447700900002\n",
            &["1 +447700900001", "2 +447700900002"],
        ),
        fixture(
            "a header as people write it",
            "Mobile Number,First name,E-mail\n+447700900001,Ann,a@x.test\n",
            &["2 +447700900001 First_name=Ann E_mail=a@x.test"],
        ),
        fixture(
            "two columns of one name, one without",
            "phone,name,name,\n+447700900001,Ann,Smith,\n",
            &["2 +447700900001 name=Ann"],
        ),
        fixture(
            "a number column between others",
            "id;given;Telefon;ort\n007;Jörg;+491512 3456789;Köln\n",
            &["2 +4915123456789 id=007 given=Jörg ort=Köln"],
        ),
    ]
}

fn damage() -> Vec<Fixture> {
    vec![
        fixture(
            "scientific notation",
            "phone,name\n4.47911E+11,Ann\n\"4,47911E+11\",Bo\n",
            &["2 !damaged_number phone", "3 !damaged_number phone"],
        )
        .of("GB"),
        fixture(
            "zeros eaten, national",
            "phone,name\n7400123456,Ann\n07400123457,Bo\n",
            &["2 +447400123456 name=Ann", "3 +447400123457 name=Bo"],
        )
        .of("GB"),
        fixture(
            "a plus eaten, with the country told",
            "phone,name\n447400123456,Ann\n00447400123457,Bo\n",
            &["2 +447400123456 name=Ann", "3 +447400123457 name=Bo"],
        )
        .of("GB"),
        fixture(
            "a plus eaten, and no country told",
            "phone,name\n447400123456,Ann\n",
            &["2 !no_country_code phone"],
        ),
        fixture(
            "protected as a text formula",
            "phone,name\n\"=\"\"+447400123456\"\"\",Ann\n=\"+447400123457\",Bo\n'+447400123458,Cy\n",
            &[
                "2 +447400123456 name=Ann",
                "3 +447400123457 name=Bo",
                "4 +447400123458 name=Cy",
            ],
        ),
        fixture(
            "formulas",
            "phone,name\n=A1&B1,Ann\n+447400123456,=CONCAT(A2)\n+447400123457,=\n",
            &[
                "2 !formula phone",
                "3 !formula name",
                "4 +447400123457 name==",
            ],
        ),
        fixture(
            "errors of the sheet",
            "phone,name\n#REF!,Ann\n+447400123456,#N/A\n########,Bo\n",
            &[
                "2 !spreadsheet_error phone",
                "3 !spreadsheet_error name",
                "4 !spreadsheet_error phone",
            ],
        ),
        fixture(
            "spaces that can't be seen, and marks",
            "phone,name\n\u{202a}+44\u{a0}7400\u{a0}123456\u{202c},\u{a0}Ann \n",
            &["2 +447400123456 name=Ann"],
        ),
        fixture(
            "a NUL in a cell",
            {
                let mut file = b"phone,name\n".to_vec();
                for row in 0..60_u64 {
                    file.extend(format!("+4474001{:05},Somebody\n", 23_000 + row).bytes());
                }
                file.extend(b"+447400123456,A\0nn\n+447400123457,Bo\n");
                file
            },
            &["62 !control_character name", "63 +447400123457 name=Bo"],
        ),
        fixture(
            "a cell of a megabyte",
            format!(
                "phone,name\n+447400123456,{}\n+447400123457,Bo\n",
                "x".repeat(3000)
            ),
            &["2 !cell_too_long name", "3 +447400123457 name=Bo"],
        ),
        fixture(
            "two numbers in a cell, letters, nothing",
            "phone,name\n+447400123456 / +447400123457,Ann\ncall me,Bo\n,Cy\n",
            &[
                "2 !invalid_phone phone",
                "3 !invalid_phone phone",
                "4 !missing_phone phone",
            ],
        ),
    ]
}

fn values() -> Vec<Fixture> {
    vec![
        fixture(
            "numbers and codes",
            "phone,age,zip\n+447400123456,30,01234\n+447400123457,41.5,10117\n",
            &[
                "2 +447400123456 age=30 zip=01234",
                "3 +447400123457 age=41.5 zip=10117",
            ],
        ),
        fixture(
            "numbers with a comma",
            "phone;spent\n+447400123456;12,50\n+447400123457;7,25\n",
            &["2 +447400123456 spent=12.5", "3 +447400123457 spent=7.25"],
        ),
        fixture(
            "days that come first",
            "phone,born\n+447400123456,31/12/1990\n+447400123457,01/02/1991\n",
            &[
                "2 +447400123456 born=1990-12-31",
                "3 +447400123457 born=1991-02-01",
            ],
        ),
        fixture(
            "months that come first",
            "phone,born\n+447400123456,12/31/1990\n+447400123457,01/02/1991\n",
            &[
                "2 +447400123456 born=1990-12-31",
                "3 +447400123457 born=1991-01-02",
            ],
        ),
        fixture(
            "dates that may mean either stay texts",
            "phone,born\n+447400123456,01/02/1991\n",
            &["2 +447400123456 born=01/02/1991"],
        ),
        fixture(
            "true in three languages",
            "phone,member\n+447400123456,WAHR\n+447400123457,faux\n+447400123458,yes\n",
            &[
                "2 +447400123456 member=true",
                "3 +447400123457 member=false",
                "4 +447400123458 member=true",
            ],
        ),
        fixture(
            "languages, zones and tags",
            "phone,lang,time zone,tags\n+447400123456,en_gb,Europe/London,\"VIP; new|x\"\n+447400123457,english,,\n+447400123458,,GMT+1,\n+447400123459,,,\n",
            &[
                "2 +447400123456 lang=en-GB tz=Europe/London tags=new+vip+x",
                "3 !unknown_language lang",
                "4 !unknown_time_zone time zone",
                "5 +447400123459",
            ],
        ),
        fixture(
            "rejected rows that were mended",
            "import_line,import_code,import_column,import_reason,phone,name\n7,invalid_phone,phone,too short,'+447400123456,Ann\n",
            &["2 +447400123456 name=Ann"],
        ),
    ]
}

fn read(fixture: &Fixture) -> Vec<String> {
    let mut shown = Vec::new();
    if let Err(error) = read_into(fixture, &mut shown) {
        shown.push(format!("!!{}", error.code()));
    }
    shown
}

fn read_into(fixture: &Fixture, shown: &mut Vec<String>) -> Result<(), FileError> {
    let country = fixture.country.map(|code| Country::parse(code).unwrap());
    let mut sheet = Sheet::open(Cursor::new(&fixture.file), None, None)?;
    sheet.read()?.ok_or(FileError::Empty)?;
    let header = has_header(sheet.record());
    let headers = Headers::of(sheet.record(), header);
    let mut sample = Vec::new();
    if !header {
        sample.push(sheet.record().clone());
    }
    while let Ok(Some(_)) = sheet.read() {
        sample.push(sheet.record().clone());
    }
    let suggested = suggest(&headers, &sample, country).into_iter().enumerate();
    let mapping: Vec<(String, Target)> = suggested
        .filter_map(|(place, it)| Some((format!("#{}", place + 1), it.target?)))
        .collect();
    let mapping: Vec<(&str, Target)> = mapping
        .iter()
        .map(|(column, target)| (column.as_str(), target.clone()))
        .collect();
    let terms = Terms {
        default_country: country,
        ..terms(&fixture.file, header, &mapping)?
    };
    let mut reader = Reader::open(Cursor::new(&fixture.file), &terms)?;
    while let Some(row) = reader.next()? {
        shown.push(match row {
            Ok(row) => described(&row),
            Err(error) => {
                let column = error.column.unwrap_or_default();
                format!("{} !{} {column}", error.line, error.code)
                    .trim_end()
                    .to_owned()
            }
        });
    }
    Ok(())
}

/// In the order of the file's columns, as far as the fixtures need it.
fn described(row: &Row) -> String {
    let mut words = vec![format!("{} {}", row.line, row.number.e164())];
    let change = &row.change;
    let language = change.language.iter().flatten();
    words.extend(language.map(|it| format!("lang={it}")));
    words.extend(
        change
            .time_zone
            .iter()
            .flatten()
            .map(|it| format!("tz={it}")),
    );
    let mut attributes: Vec<String> = change
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_ref().unwrap()))
        .collect();
    attributes.sort_unstable();
    words.extend(attributes);
    if !change.tags.add.is_empty() {
        let tags: Vec<&str> = change.tags.add.iter().map(Tag::as_str).collect();
        words.push(format!("tags={}", tags.join("+")));
    }
    words.join(" ")
}

/// Attributes in the order of their names, as they are shown.
fn sorted(line: &str) -> Vec<&str> {
    let mut words: Vec<&str> = line.split(' ').collect();
    words.sort_unstable();
    words
}

#[test]
fn every_row_of_every_file_becomes_what_it_says_or_is_refused_with_a_reason() {
    let all: Vec<Fixture> = [encodings(), dialects(), damage(), values()]
        .into_iter()
        .flatten()
        .collect();
    assert!(all.len() >= 40, "{} fixtures", all.len());
    for fixture in &all {
        let shown = read(fixture);

        let last = shown.len().saturating_sub(fixture.expected.len());
        // A long file's last rows.
        let shown = if fixture.name == "a NUL in a cell" {
            &shown[last..]
        } else {
            &shown[..]
        };
        let shown: Vec<_> = shown.iter().map(|line| sorted(line)).collect();
        let expected: Vec<_> = fixture.expected.iter().map(|line| sorted(line)).collect();
        assert_eq!(shown, expected, "{}", fixture.name);
    }
}
