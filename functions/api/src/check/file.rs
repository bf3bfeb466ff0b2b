//! The beginning of a file of recipients: its header is sound, it has what the text needs, and there is somebody in it who
//! can be sent to.

use std::io::Cursor;

use bytes::Bytes;
use carillon_core::{
    content::Texts,
    frame::Recipient,
    recipients::{FileError, Options, RecipientReader, RowError},
};
use carillon_runtime::problem::{Code, FieldError, Problem};

use super::recipients::rendered;

/// The beginning of a file that is looked at before it is used.
pub const FILE_START: u64 = 64 * 1024;

/// Opens the beginning of a CSV, at `pointer` of the request, and reads up to the first row that can be sent to. Where the beginning is all there is, none is
/// a refusal; in a longer file it may come later.
pub fn file(
    start: &Bytes,
    pointer: &str,
    options: &Options,
    texts: &Texts,
    texts_at: &str,
) -> Result<(), Problem> {
    let unusable = |error: &FileError| {
        let error = FieldError::new(pointer, error.code(), error);
        Problem::of_fields(Code::UnusableFile, vec![error])
    };
    let mut reader = open_file(start, options, FILE_START).map_err(|error| unusable(&error))?;
    let columns: Vec<&str> = reader
        .columns()
        .iter()
        .flat_map(|column| [column.variable.as_str(), column.header.as_str()])
        .collect();
    if let Some(unknown) = unknown(texts, texts_at, &columns) {
        return Err(unknown);
    }
    let mut unusable_rows = Vec::new();
    while let Some(row) = reader.next().map_err(|error| unusable(&error))? {
        match row {
            Ok(_) => return Ok(()),
            Err(error) => unusable_rows.push(row_error(pointer, &error)),
        }
    }
    if is_cut(start, FILE_START) {
        return Ok(());
    }
    if unusable_rows.is_empty() {
        let words = "the file has a header and no rows; upload one with recipients";
        let error = FieldError::new(pointer, Code::EmptyAudience.as_str(), words);
        return Err(Problem::of_fields(Code::EmptyAudience, vec![error]));
    }
    Err(Problem::of_fields(Code::UnusableFile, unusable_rows))
}

fn row_error(pointer: &str, error: &RowError) -> FieldError {
    let RowError {
        line,
        column,
        code,
        message,
    } = error;
    let words = match column {
        Some(column) => format!("line {line}, column `{column}`: {message}"),
        None => format!("line {line}: {message}"),
    };
    FieldError::new(pointer, code, words)
}

/// The file, or the first `bytes` of it.
pub fn open_file<'f>(
    start: &'f Bytes,
    options: &Options,
    bytes: u64,
) -> Result<RecipientReader<Cursor<&'f [u8]>>, FileError> {
    RecipientReader::open(Cursor::new(whole_lines(start, bytes)), options)
}

/// Placeholders that no column gives a value for.
fn unknown(texts: &Texts, at: &str, columns: &[&str]) -> Option<Problem> {
    let errors = texts.unknown(columns).into_iter().map(|name| {
        let words = format!(
            "the file has no column for the placeholder `{name}`; rename one, or change the text"
        );
        FieldError::new(at, Code::UnknownPlaceholder.as_str(), words)
    });
    let errors: Vec<_> = errors.collect();
    (!errors.is_empty()).then(|| Problem::of_fields(Code::UnknownPlaceholder, errors))
}

/// Whether the file may go on after its beginning.
fn is_cut(start: &[u8], bytes: u64) -> bool {
    start.len() as u64 >= bytes
}

/// The beginning of a file up to the end of its last whole line, so that no row and no character is cut in two.
pub fn whole_lines(start: &[u8], bytes: u64) -> &[u8] {
    if !is_cut(start, bytes) {
        return start;
    }
    let end = match start {
        // UTF-16 by its byte order mark, in whole units.
        [0xFF, 0xFE, ..] => last_unit(start, [b'\n', 0]),
        [0xFE, 0xFF, ..] => last_unit(start, [0, b'\n']),
        _ => start
            .iter()
            .rposition(|byte| matches!(byte, b'\n' | b'\r'))
            .map(|at| at + 1),
    };
    &start[..end.unwrap_or(start.len())]
}

fn last_unit(start: &[u8], newline: [u8; 2]) -> Option<usize> {
    let units = start.as_chunks::<2>().0;
    units
        .iter()
        .rposition(|unit| *unit == newline)
        .map(|at| 2 * (at + 1))
}

/// The recipients at the beginning of an inline audience's file, of which these are the first `bytes`, or all.
pub fn recipients_of_lines(start: &Bytes, bytes: u64) -> impl Iterator<Item = Recipient> + '_ {
    let lines = whole_lines(start, bytes).split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// The beginning of an inline audience's file: the text has its values.
pub fn lines(start: &Bytes, texts: &Texts) -> Result<(), Problem> {
    let rows = (0..).zip(recipients_of_lines(start, FILE_START));
    let errors = rows.filter_map(|(row, recipient): (usize, _)| {
        rendered(
            texts,
            &recipient,
            &format!("/audience/recipients/{row}/vars"),
        )
    });
    let errors: Vec<_> = errors.collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::of_fields(Code::UnknownPlaceholder, errors))
}
