//! A file without the rows of one number, by what kind of file it is. Nothing else of it changes.

pub(crate) mod parquet;

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
};

use carillon_core::recipients::{
    FileError,
    erase::{Finder, csv_without, lines_without},
};
use carillon_store::import_files::Group;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

/// As the archive of events is packed.
const LEVEL: i32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Csv,
    /// CSV in gzip.
    Gzip,
    /// JSON lines.
    Lines,
    /// JSON lines in zstd.
    PackedLines,
    /// What became of a group of rows of an import.
    Group,
    Parquet,
}

#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// It isn't what it should be, and so no list of anybody.
    #[error("a file can't be read row by row")]
    Unreadable,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes what is left of a file; how many rows were the number's.
pub fn without(
    kind: Kind,
    input: File,
    output: &mut File,
    finder: &Finder,
) -> Result<u64, RewriteError> {
    match kind {
        Kind::Csv => csv(input, output, finder),
        Kind::Gzip => gzip(input, output, finder),
        Kind::Lines => Ok(lines_without(
            BufReader::new(input),
            BufWriter::new(output),
            finder,
        )?),
        Kind::PackedLines => packed_lines(input, output, finder),
        Kind::Group => group(input, output, finder),
        Kind::Parquet => parquet::without(input, output, finder).map_err(|error| match error {
            ::parquet::errors::ParquetError::External(source) => io::Error::other(source).into(),
            _ => RewriteError::Unreadable,
        }),
    }
}

fn csv(input: File, output: impl Write, finder: &Finder) -> Result<u64, RewriteError> {
    csv_without(input, BufWriter::new(output), finder).map_err(|error| match error {
        FileError::Io(error) => error.into(),
        _ => RewriteError::Unreadable,
    })
}

/// Through a file, since a CSV is looked at twice.
fn gzip(input: File, output: &mut File, finder: &Finder) -> Result<u64, RewriteError> {
    let mut plain = tempfile::tempfile()?;
    let mut packed = MultiGzDecoder::new(BufReader::new(input));
    io::copy(&mut packed, &mut plain).map_err(unpacking)?;
    plain.rewind()?;
    let mut encoder = GzEncoder::new(output, Compression::default());
    let removed = csv(plain, &mut encoder, finder)?;
    encoder.finish()?;
    Ok(removed)
}

fn packed_lines(input: File, output: &mut File, finder: &Finder) -> Result<u64, RewriteError> {
    // A file of the archive holds what came together: some hundred kilobytes.
    let lines = zstd::decode_all(input).map_err(unpacking)?;
    let mut left = Vec::new();
    let removed = lines_without(lines.as_slice(), &mut left, finder)?;
    output.write_all(&zstd::encode_all(left.as_slice(), LEVEL)?)?;
    Ok(removed)
}

/// What its rows came to stays, by which an import is counted and undone.
fn group(mut input: File, output: &mut File, finder: &Finder) -> Result<u64, RewriteError> {
    let mut text = Vec::new();
    input.read_to_end(&mut text)?;
    let mut group: Group = serde_json::from_slice(&text).map_err(|_| RewriteError::Unreadable)?;
    let before = group.rejected.len();
    let theirs = |cells: &[String]| cells.iter().any(|cell| finder.is(cell));
    group.rejected.retain(|row| !theirs(&row.cells));
    serde_json::to_writer(output, &group).map_err(io::Error::from)?;
    Ok((before - group.rejected.len()) as u64)
}

/// What decoders say of bytes that aren't theirs; a disk that is full says something else.
fn unpacking(error: io::Error) -> RewriteError {
    match error.kind() {
        io::ErrorKind::StorageFull => error.into(),
        _ => RewriteError::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::phone::Phone;
    use carillon_store::import_files::RejectedRow;

    use super::*;

    const CSV: &str = "to,name\n+447700900123,Zebulon\n+447700900124,Rosalind\n";

    fn without(kind: Kind, file: &[u8]) -> (Result<u64, RewriteError>, Vec<u8>) {
        let finder = Finder::new(Phone::from_digits(447_700_900_123).unwrap());
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(file).unwrap();
        input.rewind().unwrap();
        let mut output = tempfile::tempfile().unwrap();

        let removed = super::without(kind, input, &mut output, &finder);

        let mut left = Vec::new();
        output.rewind().unwrap();
        output.read_to_end(&mut left).unwrap();
        (removed, left)
    }

    #[test]
    fn a_csv_in_gzip_is_one_again() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(CSV.as_bytes()).unwrap();

        let (removed, left) = without(Kind::Gzip, &packed.finish().unwrap());

        let text = io::read_to_string(MultiGzDecoder::new(left.as_slice())).unwrap();
        assert_eq!(removed.unwrap(), 1);
        assert_eq!(text, "to,name\n+447700900124,Rosalind\n");
    }

    #[test]
    fn packed_lines_are_packed_again() {
        let lines = "{\"to\":\"+447700900123\"}\n{\"to\":\"+447700900124\"}\n";
        let packed = zstd::encode_all(lines.as_bytes(), 3).unwrap();

        let (removed, left) = without(Kind::PackedLines, &packed);

        assert_eq!(removed.unwrap(), 1);
        assert_eq!(
            zstd::decode_all(left.as_slice()).unwrap(),
            b"{\"to\":\"+447700900124\"}\n"
        );
    }

    #[test]
    fn a_group_of_an_import_keeps_what_its_rows_came_to() {
        let row = |line, number: &str| RejectedRow {
            line,
            code: "duplicate".to_owned(),
            column: None,
            reason: "it is on line 1 already".to_owned(),
            cells: vec![number.to_owned()],
        };
        let (theirs, others) = (row(2, "07700 900123"), row(3, "07700 900124"));
        let before = Group {
            outcomes: "crr".to_owned(),
            rejected: vec![theirs, others.clone()],
        };

        let (removed, left) = without(Kind::Group, &serde_json::to_vec(&before).unwrap());

        let after: Group = serde_json::from_slice(&left).unwrap();
        assert_eq!(removed.unwrap(), 1);
        assert_eq!(
            (after.outcomes, after.rejected),
            (before.outcomes, vec![others])
        );
    }

    #[test]
    fn what_is_not_what_its_name_says_is_unreadable() {
        for kind in [Kind::Gzip, Kind::PackedLines, Kind::Group, Kind::Parquet] {
            let (removed, _) = without(kind, CSV.as_bytes());

            assert!(
                matches!(removed, Err(RewriteError::Unreadable)),
                "{kind:?}: {removed:?}"
            );
        }
    }
}
