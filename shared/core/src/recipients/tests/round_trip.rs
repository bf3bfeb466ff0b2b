//! Whatever is written, in whatever dialect, is read as it was.

use std::io::Cursor;

use proptest::prelude::*;

use crate::recipients::{FileEncoding, MAX_CELL, Options, RecipientReader};

/// How a file is written, as spreadsheets differ.
#[derive(Clone, Debug)]
struct Dialect {
    encoding: &'static str,
    delimiter: char,
    line_end: &'static str,
    ends_last_line: bool,
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let encodings = prop::sample::select(vec![
        "utf-8",
        "utf-8 with bom",
        "utf-16le",
        "utf-16be",
        "windows-1252",
    ]);
    let delimiters = prop::sample::select(vec![',', ';', '\t', '|']);
    let line_ends = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    (encodings, delimiters, line_ends, any::<bool>()).prop_map(
        |(encoding, delimiter, line_end, ends_last_line)| Dialect {
            encoding,
            delimiter,
            line_end,
            ends_last_line,
        },
    )
}

impl Dialect {
    fn write(&self, rows: &[Vec<String>]) -> Vec<u8> {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|cell| quote(cell))
                    .collect::<Vec<_>>()
                    .join(&self.delimiter.to_string())
            })
            .collect();
        let mut text = lines.join(self.line_end);
        if self.ends_last_line {
            text.push_str(self.line_end);
        }
        match self.encoding {
            "utf-8" => text.into_bytes(),
            "utf-8 with bom" => ["\u{feff}", &text].concat().into_bytes(),
            "utf-16le" => "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(u16::to_le_bytes)
                .collect(),
            "utf-16be" => "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(u16::to_be_bytes)
                .collect(),
            _ => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        }
    }

    /// Cells that the encoding can write, and that aren't what spreadsheets do to cells.
    fn holds(&self, cell: &str) -> bool {
        let is_plain = !cell.starts_with(['\'', '=', '#']) && cell.len() <= MAX_CELL;
        // A NUL near the beginning is what makes a file no text.
        let is_text = !cell.contains('\0');
        is_plain
            && is_text
            && (self.encoding != "windows-1252"
                || encoding_rs::WINDOWS_1252.encode(cell).0.len() == cell.chars().count())
    }
}

fn quote(cell: &str) -> String {
    if cell.contains(['"', ',', ';', '\t', '|', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

proptest! {
    #[test]
    fn cells_come_back_as_they_were_written(
        dialect in dialects(),
        cells in prop::collection::vec((prop_oneof!["[a-zé,;|\"\t\r\n ]{0,20}", any::<String>()], "[a-z\"\n]{0,8}"), 0..30),
    ) {
        let cells: Vec<_> = cells.into_iter().filter(|(first, _)| dialect.holds(first)).collect();
        let mut rows = vec![vec!["phone".to_owned(), "first, é".to_owned(), "second".to_owned()]];
        for (index, (first, second)) in cells.iter().enumerate() {
            rows.push(vec![format!("+4477009{index:05}"), first.clone(), second.clone()]);
        }
        let is_latin = dialect.encoding == "windows-1252";

        let mut reader = RecipientReader::open(Cursor::new(dialect.write(&rows)), &Options::default()).unwrap();

        prop_assert_eq!(reader.delimiter(), dialect.delimiter);
        prop_assert_eq!(is_latin, reader.encoding() == FileEncoding::Windows1252);
        for (index, (first, second)) in cells.iter().enumerate() {
            let row = reader.next().unwrap().unwrap().unwrap();
            prop_assert_eq!(row.phone.digits(), 447_700_900_000 + index as u64);
            prop_assert_eq!((row.cell(1), row.cell(2)), (first.as_str(), second.as_str()));
        }
        prop_assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn no_file_panics_and_no_error_tells_a_number(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "(phone|to|id)[,;]?[a-z]{0,3}\n([+0-9a-z,;\"'=#\r\n]|447700900123){0,80}".prop_map(String::into_bytes),
        ],
    ) {
        let Ok(mut reader) = RecipientReader::open(Cursor::new(bytes), &Options::default()) else {
            return Ok(());
        };
        while let Ok(Some(row)) = reader.next() {
            if let Err(error) = row {
                prop_assert!(!error.to_string().contains("7700900"), "{}", error);
            }
        }
    }
}
