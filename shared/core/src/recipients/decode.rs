//! The file as UTF-8, whatever it is written in, with its line ends noted as it passes.

use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::lines::Lines;
use super::{BUFFER, FileError};

/// Ends every file as a row of its own. A quote that is never closed swallows it, and so is found out.
const END_MARK: &[u8] = b"\n\0\n";
/// A row of 64 cells of 2,048 bytes, every byte a doubled quote, is a quarter of this.
const MAX_ROW: u64 = 1024 * 1024;
/// What is looked at to find the delimiter.
const SAMPLE: usize = 64 * 1024;
/// Less than this isn't worth a read, and the decoder needs some.
const LEAST_ROOM: usize = 16;
/// What is looked at to tell a text from a spreadsheet or an archive.
const HEAD: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileEncoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl FileEncoding {
    pub fn name(self) -> &'static str {
        match self {
            FileEncoding::Utf8 => "UTF-8",
            FileEncoding::Utf16Le => "UTF-16LE",
            FileEncoding::Utf16Be => "UTF-16BE",
            FileEncoding::Windows1252 => "Windows-1252",
        }
    }

    fn decoder(self) -> Option<Decoder> {
        match self {
            FileEncoding::Utf8 => None,
            FileEncoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            FileEncoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            FileEncoding::Windows1252 => Some(WINDOWS_1252.new_decoder_without_bom_handling()),
        }
    }
}

/// The encoding of a file, and the byte at which its text begins.
pub(super) fn detect<R: Read + Seek>(input: &mut R) -> Result<(FileEncoding, u64), FileError> {
    let mut head = Vec::with_capacity(HEAD);
    input.seek(SeekFrom::Start(0))?;
    input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    match head.as_slice() {
        [0xFF, 0xFE, ..] => return Ok((FileEncoding::Utf16Le, 2)),
        [0xFE, 0xFF, ..] => return Ok((FileEncoding::Utf16Be, 2)),
        [b'P', b'K', 3, 4, ..] => return Err(FileError::NotText),
        head if head.contains(&0) => return Err(FileError::NotText),
        _ => {}
    }
    let start = if head.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    input.seek(SeekFrom::Start(0))?;
    match (is_utf8(input)?, start) {
        (true, _) => Ok((FileEncoding::Utf8, start)),
        (false, 0) => Ok((FileEncoding::Windows1252, 0)),
        (false, _) => Err(FileError::Malformed {
            encoding: FileEncoding::Utf8.name(),
        }),
    }
}

fn is_utf8(input: &mut impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; BUFFER];
    let mut kept = 0;
    loop {
        let count = input.read(&mut buffer[kept..])?;
        if count == 0 {
            return Ok(kept == 0);
        }
        let filled = kept + count;
        kept = match std::str::from_utf8(&buffer[..filled]) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_some() => return Ok(false),
            Err(error) => {
                buffer.copy_within(error.valid_up_to()..filled, 0);
                filled - error.valid_up_to()
            }
        };
    }
}

/// A `Read` of the file as UTF-8, with the end mark after it.
pub(super) struct Decoded<R> {
    input: R,
    encoding: FileEncoding,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    /// What of `raw` is still to be decoded.
    pending: std::ops::Range<usize>,
    /// Bytes handed out.
    position: u64,
    /// Bytes taken from the file.
    taken: u64,
    /// What `position` was when the file ended.
    end: Option<u64>,
    row: u64,
    lines: Lines,
}

/// Inside an `io::Error`: a row longer than any can be.
#[derive(Debug, thiserror::Error)]
#[error("the row doesn't end")]
pub(super) struct EndlessRow;

/// Inside an `io::Error`: bytes that mean nothing in the encoding.
#[derive(Debug, thiserror::Error)]
#[error("malformed {0}")]
pub(super) struct MalformedText(pub &'static str);

impl<R: Read> Decoded<R> {
    pub(super) fn new(input: R, encoding: FileEncoding) -> Decoded<R> {
        let decoder = encoding.decoder();
        let raw = if decoder.is_some() {
            vec![0; BUFFER]
        } else {
            Vec::new()
        };
        let lines = Lines::default();
        Decoded {
            input,
            encoding,
            decoder,
            raw,
            pending: 0..0,
            position: 0,
            taken: 0,
            end: None,
            row: 0,
            lines,
        }
    }

    /// The beginning of the text. What comes after it is lost.
    pub(super) fn into_sample(mut self) -> io::Result<Vec<u8>> {
        let mut sample = vec![0; SAMPLE];
        let mut filled = 0;
        while sample.len() - filled > LEAST_ROOM {
            match self.read(&mut sample[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        sample.truncate(filled);
        Ok(sample)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.taken
    }

    /// Says where the row begins that is read next, so that it can be stopped if it doesn't end.
    pub(super) fn expect_row_at(&mut self, position: u64) {
        self.row = position;
    }

    /// Where the first row at or after `position` begins, and on which line. Positions must not decrease.
    pub(super) fn locate(&mut self, position: u64) -> (u64, u64) {
        self.lines.locate(position)
    }

    pub(super) fn is_end_mark(&self, row: u64) -> bool {
        self.end.is_some_and(|end| row > end)
    }

    /// Whether a row that ends at `position` has gone beyond the end of the file.
    pub(super) fn has_swallowed_end_mark(&self, position: u64) -> bool {
        self.end.is_some_and(|end| position > end + 2)
    }

    /// `output` must have room for a character or two.
    fn decode(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else {
            let count = self.input.read(output)?;
            self.taken += count as u64;
            return Ok(count);
        };
        loop {
            if self.pending.is_empty() {
                self.pending = 0..self.input.read(&mut self.raw)?;
                self.taken += self.pending.len() as u64;
            }
            let is_last = self.pending.is_empty();
            let source = &self.raw[self.pending.clone()];
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(source, output, is_last);
            self.pending.start += read;
            if let DecoderResult::Malformed(..) = result {
                let cause = MalformedText(self.encoding.name());
                return Err(io::Error::new(io::ErrorKind::InvalidData, cause));
            }
            if written > 0 || is_last {
                return Ok(written);
            }
        }
    }

    fn end_mark(&mut self, output: &mut [u8]) -> usize {
        let end = *self.end.get_or_insert(self.position);
        let told = usize::try_from(self.position - end).unwrap_or(END_MARK.len());
        let left = &END_MARK[told..];
        let count = left.len().min(output.len());
        output[..count].copy_from_slice(&left[..count]);
        count
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if self.position - self.row > MAX_ROW {
            return Err(io::Error::new(io::ErrorKind::InvalidData, EndlessRow));
        }
        let mut count = if self.end.is_some() {
            0
        } else {
            self.decode(output)?
        };
        if count == 0 {
            count = self.end_mark(output);
        }
        self.lines.note(&output[..count], self.position);
        self.position += count as u64;
        Ok(count)
    }
}
