//! A file without the rows of one number: the same rows in the same order, in UTF-8. The number is looked for in every cell, as
//! people write it, since a file doesn't say which of its columns somebody chose.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::{
    BUFFER, FileError,
    decode::{self, Decoded},
    delimiter,
};
use crate::phone::{Country, Phone};

/// Looks for one number in texts.
pub struct Finder {
    number: Phone,
    /// Its own: what is written without a country code is read as if it were from there.
    country: Option<Country>,
    /// Its last digits: what hasn't got them isn't worth a closer look.
    ending: String,
}

/// Digits that every way of writing a number has in common.
const ENDING: usize = 6;

impl Finder {
    pub fn new(number: Phone) -> Self {
        let digits = number.digits().to_string();
        Self {
            number,
            country: number.country(),
            ending: digits[digits.len() - ENDING..].to_owned(),
        }
    }

    /// Whether a text is the number, however it is written.
    pub fn is(&self, text: &str) -> bool {
        let digits = text.chars().filter(char::is_ascii_digit);
        let digits: String = digits.collect();
        digits.ends_with(&self.ending)
            && (digits == self.number.digits().to_string()
                || Phone::parse(text, self.country).is_ok_and(|phone| phone == self.number))
    }

    /// Whether a text that a machine wrote has the number's digits in it, and not as a part of a longer number.
    pub fn is_in(&self, text: &str) -> bool {
        let digits = self.number.digits().to_string();
        let is_digit = |character: Option<char>| character.is_some_and(|it| it.is_ascii_digit());
        text.match_indices(&digits).any(|(start, found)| {
            let (before, after) = (&text[..start], &text[start + found.len()..]);
            !is_digit(before.chars().next_back()) && !is_digit(after.chars().next())
        })
    }
}

/// Writes a CSV without the rows that have the number in a cell; how many those were. The first row stays, whatever it is.
pub fn csv_without<R: Read + Seek>(
    mut input: R,
    output: impl Write,
    finder: &Finder,
) -> Result<u64, FileError> {
    let (encoding, start) = decode::detect(&mut input)?;
    input.seek(SeekFrom::Start(start))?;
    let sample = Decoded::new(&mut input, encoding).into_sample();
    let sample = sample.map_err(|error| FileError::from_read(error, 1))?;
    let delimiter = delimiter::sniff(&sample, None);
    input.seek(SeekFrom::Start(start))?;
    let mut rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(BUFFER)
        .from_reader(Decoded::new(input, encoding));
    let mut kept = WriterBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_writer(output);
    let mut record = StringRecord::new();
    let (mut line, mut removed) = (0, 0);
    loop {
        line += 1;
        let position = rows.position().byte();
        rows.get_mut().expect_row_at(position);
        let is_read = rows.read_record(&mut record);
        let (start, _) = rows.get_mut().locate(position);
        if !is_read.map_err(|error| FileError::from_csv(error, line))?
            || rows.get_ref().is_end_mark(start)
        {
            break;
        }
        if rows
            .get_ref()
            .has_swallowed_end_mark(rows.position().byte())
        {
            return Err(FileError::UnclosedQuote { line });
        }
        if line > 1 && record.iter().any(|cell| finder.is(cell)) {
            removed += 1;
        } else {
            kept.write_record(&record)
                .map_err(|error| FileError::from_csv(error, line))?;
        }
    }
    kept.flush()?;
    Ok(removed)
}

/// Writes JSON lines without those that have the number in them; how many those were.
pub fn lines_without(
    mut input: impl BufRead,
    mut output: impl Write,
    finder: &Finder,
) -> io::Result<u64> {
    let mut line = String::new();
    let mut removed = 0;
    while input.read_line(&mut line)? > 0 {
        if finder.is_in(&line) {
            removed += 1;
        } else {
            output.write_all(line.as_bytes())?;
        }
        line.clear();
    }
    output.flush()?;
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn finder() -> Finder {
        Finder::new(Phone::from_digits(447_700_900_123).unwrap())
    }

    #[test]
    fn a_number_is_found_however_it_is_written_and_no_other_is() {
        for (text, found) in [
            ("+447700900123", true),
            ("447700900123", true),
            ("07700 900123", true),
            ("0044 7700 900 123", true),
            ("(0)7700-900123", true),
            (" tel: +44 7700 900123", true),
            ("+447700900124", false),
            ("+17700900123", false),
            ("order 900123", false),
            ("", false),
        ] {
            assert_eq!(finder().is(text), found, "{text}");
        }
    }

    #[test]
    fn a_longer_number_is_another_one() {
        for (text, found) in [
            (r#"{"to":"+447700900123"}"#, true),
            ("447700900123", true),
            ("4477009001230 447700900123", true),
            ("4477009001230", false),
            ("1447700900123", false),
        ] {
            assert_eq!(finder().is_in(text), found, "{text}");
        }
    }

    #[test]
    fn rows_of_the_number_go_and_all_others_stay_as_they_are() {
        let utf16 = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            [0xFF, 0xFE].into_iter().chain(units).collect::<Vec<u8>>()
        };
        for (name, file, left, removed) in [
            (
                "a comma, another column, a quote",
                b"name,mobile\r\n\"Ann, A.\",07700 900123\r\nBob,07700 900124\r\n".to_vec(),
                "name,mobile\nBob,07700 900124\n",
                1,
            ),
            (
                "a semicolon, twice",
                b"phone;name\n+447700900123;Ann\n+447700900124;Bob\n447700900123;Ann".to_vec(),
                "phone;name\n+447700900124;Bob\n",
                2,
            ),
            (
                "another encoding",
                utf16("phone\tname\n+447700900123\tAnn\n+447700900124\tBj\u{f6}rn\n"),
                "phone\tname\n+447700900124\tBj\u{f6}rn\n",
                1,
            ),
            (
                "not in there",
                b"phone\n+447700900124\n".to_vec(),
                "phone\n+447700900124\n",
                0,
            ),
            ("nothing", Vec::new(), "", 0),
        ] {
            let mut output = Vec::new();

            let gone = csv_without(Cursor::new(file), &mut output, &finder());

            assert_eq!(gone.unwrap(), removed, "{name}");
            assert_eq!(String::from_utf8(output).unwrap(), left, "{name}");
        }
    }

    #[test]
    fn json_lines_with_the_number_go() {
        let file = "{\"to\":\"+447700900123\"}\n{\"to\":\"+447700900124\"}\n";
        let mut output = Vec::new();

        let gone = lines_without(Cursor::new(file), &mut output, &finder()).unwrap();

        assert_eq!((gone, output.as_slice()), (1, &file.as_bytes()[23..]));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let archive = Cursor::new(b"PK\x03\x04 and more".to_vec());

        let refused = csv_without(archive, Vec::new(), &finder());

        assert!(matches!(refused, Err(FileError::NotText)), "{refused:?}");
    }
}
