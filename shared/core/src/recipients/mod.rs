//! Reads recipients and contacts from the CSV files that people export: any encoding, delimiter and line end that
//! spreadsheets write. A file that can't be used is a `FileError`; a row that can't be used is a `RowError`, and the next
//! one is read. Memory stays bounded whatever the file holds, and no error repeats a number or a cell.

mod cell;
mod columns;
mod decode;
mod delimiter;
mod error;
mod lines;
mod row;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek, SeekFrom};

use csv::{ReaderBuilder, StringRecord};

use crate::phone::Country;

use columns::Columns;
use decode::Decoded;

pub use columns::Column;
pub use decode::FileEncoding;
pub use error::{FileError, RowError};
pub use row::Row;

pub const MAX_COLUMNS: usize = 64;
/// Bytes of UTF-8 in a cell.
pub const MAX_CELL: usize = 2048;

const BUFFER: usize = 64 * 1024;

/// What a file doesn't say by itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The country of numbers without `+`; without it they are refused.
    pub default_country: Option<Country>,
    /// The header of the phone column, where it has none of the usual names.
    pub phone_column: Option<String>,
}

/// A file of recipients, one row after the other.
pub struct RecipientReader<R> {
    rows: csv::Reader<Decoded<R>>,
    columns: Columns,
    default_country: Option<Country>,
    encoding: FileEncoding,
    delimiter: u8,
    record: StringRecord,
    /// Nothing more is to be had of the file.
    is_over: bool,
}

impl<R: Read + Seek> RecipientReader<R> {
    /// Finds out encoding and delimiter, which reads the file once if it has no byte order mark, and reads the header.
    pub fn open(mut input: R, options: &Options) -> Result<RecipientReader<R>, FileError> {
        let (encoding, start) = decode::detect(&mut input)?;
        input.seek(SeekFrom::Start(start))?;
        let sample = Decoded::new(&mut input, encoding).into_sample();
        let sample = sample.map_err(|error| FileError::from_read(error, 1))?;
        let delimiter = delimiter::sniff(&sample, options.phone_column.as_deref());
        input.seek(SeekFrom::Start(start))?;
        let mut reader = RecipientReader {
            rows: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .buffer_capacity(BUFFER)
                .from_reader(Decoded::new(input, encoding)),
            columns: Columns::default(),
            default_country: options.default_country,
            encoding,
            delimiter,
            record: StringRecord::new(),
            is_over: false,
        };
        let line = reader.read()?.ok_or(FileError::Empty)?;
        reader.columns =
            Columns::from_header(&reader.record, line, options.phone_column.as_deref())?;
        Ok(reader)
    }

    /// The columns as the header names them, in order.
    pub fn columns(&self) -> &[Column] {
        self.columns.all()
    }

    /// The place of the phone column among the columns.
    pub fn phone_column(&self) -> usize {
        self.columns.phone()
    }

    pub fn encoding(&self) -> FileEncoding {
        self.encoding
    }

    /// One of `,`, `;`, tab and `|`.
    pub fn delimiter(&self) -> char {
        char::from(self.delimiter)
    }

    /// The next row that isn't blank; `None` at the end. After a `FileError` there is no more.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the reader, which an Iterator's items can't"
    )]
    pub fn next(&mut self) -> Result<Option<Result<Row<'_>, RowError>>, FileError> {
        let Some(line) = self.read()? else {
            return Ok(None);
        };
        Ok(Some(Row::check(
            &self.record,
            &self.columns,
            line,
            self.default_country,
        )))
    }

    /// Reads a record with something in it, and says on which line it begins.
    fn read(&mut self) -> Result<Option<u64>, FileError> {
        while !self.is_over {
            let position = self.rows.position().byte();
            self.rows.get_mut().expect_row_at(position);
            let is_read = self.rows.read_record(&mut self.record);
            let (start, line) = self.rows.get_mut().locate(position);
            match is_read {
                Err(error) => {
                    self.is_over = true;
                    return Err(FileError::from_csv(error, line));
                }
                Ok(false) => self.is_over = true,
                Ok(true) if self.rows.get_ref().is_end_mark(start) => self.is_over = true,
                Ok(true)
                    if self
                        .rows
                        .get_ref()
                        .has_swallowed_end_mark(self.rows.position().byte()) =>
                {
                    self.is_over = true;
                    return Err(FileError::UnclosedQuote { line });
                }
                Ok(true) if self.record.iter().all(cell::is_blank) => {}
                Ok(true) => return Ok(Some(line)),
            }
        }
        Ok(None)
    }
}
