//! What is wrong with a file or a row, and how to mend it. No message holds a number or the content of a cell.

use std::io;

use thiserror::Error;

use super::decode::{EndlessRow, MalformedText};
use super::{MAX_CELL, MAX_COLUMNS};
use crate::phone::PhoneError;

/// The file can't be used as a whole.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    #[error("the file isn't a text; export the spreadsheet as CSV (UTF-8) and upload that")]
    NotText,
    #[error("the file begins as {encoding} but isn't; export it as CSV (UTF-8) again")]
    Malformed { encoding: &'static str },
    #[error(
        "line {line}: the first line must name the columns, but it holds a number; add a header such as `phone`"
    )]
    NoHeader { line: u64 },
    #[error(
        "no phone column among {seen}; rename the column with the numbers to `phone`, or say which one it is"
    )]
    NoPhoneColumn { seen: String },
    #[error("no column `{wanted}` among {seen}; choose one of them as the phone column")]
    NoSuchColumn { wanted: String, seen: String },
    #[error("line {line}, column {column}: the column has no name; give it one or remove it")]
    EmptyHeader { line: u64, column: usize },
    #[error(
        "line {line}, column {column}: the column's name is longer than {MAX_CELL} bytes; shorten it"
    )]
    HeaderTooLong { line: u64, column: usize },
    #[error(
        "line {line}, column {column}: `{header}` names column {first} already; rename one of them"
    )]
    DuplicateHeader {
        line: u64,
        column: usize,
        first: usize,
        header: String,
    },
    #[error(
        "line {line}: {count} columns; {MAX_COLUMNS} are allowed, so remove those that no text needs"
    )]
    TooManyColumns { line: u64, count: usize },
    #[error(
        "line {line}: a quote is opened in this row and never closed; close it, or double it if it is meant"
    )]
    UnclosedQuote { line: u64 },
    #[error("the file can't be read")]
    Io(#[from] io::Error),
}

impl FileError {
    /// Stable, for answers and reports.
    pub fn code(&self) -> &'static str {
        match self {
            FileError::Empty => "empty_file",
            FileError::NotText => "not_text",
            FileError::Malformed { .. } => "malformed_encoding",
            FileError::NoHeader { .. } => "no_header",
            FileError::NoPhoneColumn { .. } => "no_phone_column",
            FileError::NoSuchColumn { .. } => "no_such_column",
            FileError::EmptyHeader { .. } => "empty_header",
            FileError::HeaderTooLong { .. } => "header_too_long",
            FileError::DuplicateHeader { .. } => "duplicate_header",
            FileError::TooManyColumns { .. } => "too_many_columns",
            FileError::UnclosedQuote { .. } => "unclosed_quote",
            FileError::Io(_) => "unreadable_file",
        }
    }

    pub(super) fn from_csv(error: csv::Error, line: u64) -> FileError {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => FileError::from_read(error, line),
            // Only a file that is written to while it is read: it was UTF-8 from end to end.
            csv::ErrorKind::Utf8 { .. } => FileError::Malformed { encoding: "UTF-8" },
            kind => FileError::Io(io::Error::other(csv_words(&kind))),
        }
    }

    /// `line`: where the row begins that was being read.
    pub(super) fn from_read(error: io::Error, line: u64) -> FileError {
        if let Some(cause) = error.get_ref() {
            if cause.is::<EndlessRow>() {
                return FileError::UnclosedQuote { line };
            }
            if let Some(MalformedText(encoding)) = cause.downcast_ref() {
                return FileError::Malformed { encoding };
            }
        }
        FileError::Io(error)
    }
}

fn csv_words(kind: &csv::ErrorKind) -> String {
    format!(
        "the CSV reader stopped at {:?}",
        kind.position().map(csv::Position::line)
    )
}

/// A row can't be used; the next one may.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct RowError {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// The header of the column, if it is about one.
    pub column: Option<String>,
    /// Stable, for answers and reports.
    pub code: &'static str,
    pub message: String,
}

impl RowError {
    pub(crate) fn phone(line: u64, column: &str, error: PhoneError) -> RowError {
        RowError {
            line,
            column: Some(column.to_owned()),
            code: error.code(),
            message: error.to_string(),
        }
    }

    pub(crate) fn unknown_zone(line: u64, column: &str) -> RowError {
        let message = "the cell isn't a time zone; write a name of the IANA database, such as `Europe/Paris`, or leave it empty, and the number's own zone counts".to_owned();
        RowError {
            line,
            column: Some(column.to_owned()),
            code: "unknown_time_zone",
            message,
        }
    }

    pub(crate) fn cell_too_long(line: u64, column: &str, length: usize) -> RowError {
        let message = format!(
            "the cell takes {length} bytes and {MAX_CELL} are allowed; shorten it, or look for a quote that isn't closed"
        );
        RowError {
            line,
            column: Some(column.to_owned()),
            code: "cell_too_long",
            message,
        }
    }

    pub(crate) fn spreadsheet_error(line: u64, column: &str) -> RowError {
        let message = "the cell is an error of the spreadsheet, such as `#REF!`; mend its formula and export again".to_owned();
        RowError {
            line,
            column: Some(column.to_owned()),
            code: "spreadsheet_error",
            message,
        }
    }

    pub(crate) fn wrong_column_count(line: u64, cells: usize, columns: usize) -> RowError {
        let message = format!(
            "the row has {cells} cells and the header {columns}; put a cell with a delimiter in it in quotes, and keep empty cells"
        );
        RowError {
            line,
            column: None,
            code: "wrong_column_count",
            message,
        }
    }
}
