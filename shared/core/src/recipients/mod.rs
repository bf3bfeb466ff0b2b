//! Reads recipients and contacts from the CSV files that people export: any encoding, delimiter and line end that
//! spreadsheets write. A file that can't be used is a `FileError`; a row that can't be used is a `RowError`, and the next
//! one is read. Memory stays bounded whatever the file holds, and no error repeats a number or a cell.

pub(crate) mod cell;
pub(crate) mod columns;
mod decode;
mod delimiter;
pub mod erase;
mod error;
mod lines;
mod row;
mod sheet;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek};

use crate::phone::Country;

use columns::Columns;

pub use columns::Column;
pub use decode::FileEncoding;
pub use error::{FileError, RowError};
pub use row::Row;
pub use sheet::Sheet;

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
    sheet: Sheet<R>,
    columns: Columns,
    default_country: Option<Country>,
}

impl<R: Read + Seek> RecipientReader<R> {
    /// Finds out encoding and delimiter, which reads the file once if it has no byte order mark, and reads the header.
    pub fn open(input: R, options: &Options) -> Result<RecipientReader<R>, FileError> {
        let phone = options.phone_column.as_deref();
        let mut sheet = Sheet::open(input, phone, None)?;
        let line = sheet.read()?.ok_or(FileError::Empty)?;
        let columns = Columns::from_header(sheet.record(), line, phone)?;
        Ok(RecipientReader {
            sheet,
            columns,
            default_country: options.default_country,
        })
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
        self.sheet.encoding()
    }

    /// One of `,`, `;`, tab and `|`.
    pub fn delimiter(&self) -> char {
        char::from(self.sheet.delimiter())
    }

    /// The next row that isn't blank; `None` at the end. After a `FileError` there is no more.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the reader, which an Iterator's items can't"
    )]
    pub fn next(&mut self) -> Result<Option<Result<Row<'_>, RowError>>, FileError> {
        let Some(line) = self.sheet.read()? else {
            return Ok(None);
        };
        Ok(Some(Row::check(
            self.sheet.record(),
            &self.columns,
            line,
            self.default_country,
        )))
    }
}
