//! What a row holds beside its number, in a temporary file: written in the order of the rows, read in that of the slots.
//! The file has no name, so nothing of it outlives the invocation.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{index::Place, rows::Row};

const BUFFER: usize = 256 * 1024;

/// A row as it is written.
#[derive(Serialize)]
pub struct Written<'r> {
    line: u64,
    parts: u32,
    #[serde(skip_serializing_if = "Vars::is_empty")]
    vars: Vars<'r>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'r str>,
}

/// The values that the text uses. No others are kept: nothing would read them.
struct Vars<'r> {
    row: &'r Row<'r>,
    names: &'r [&'r str],
}

/// A row as it is read.
#[derive(Deserialize)]
pub struct Payload<'p> {
    pub line: u64,
    /// Message parts of its text.
    pub parts: u32,
    #[serde(borrow)]
    pub vars: Option<&'p RawValue>,
    #[serde(borrow, rename = "ref")]
    pub reference: Option<&'p RawValue>,
}

pub struct PayloadWriter {
    file: BufWriter<File>,
    offset: u64,
    buffer: Vec<u8>,
}

pub struct PayloadReader {
    file: File,
    buffer: Vec<u8>,
}

impl<'r> Written<'r> {
    pub fn new(row: &'r Row<'r>, names: &'r [&'r str], parts: u32) -> Self {
        Self {
            line: row.line,
            parts,
            vars: Vars { row, names },
            reference: row.reference,
        }
    }
}

impl<'r> Vars<'r> {
    fn filled(&self) -> impl Iterator<Item = (&'r str, &'r str)> {
        let named = self.names.iter();
        let values = named.filter_map(|name| Some((*name, self.row.value(name)?)));
        values.filter(|(_, value)| !value.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.filled().next().is_none()
    }
}

impl Serialize for Vars<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.filled())
    }
}

impl PayloadWriter {
    pub fn new() -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
        Ok(Self {
            file,
            offset: 0,
            buffer: Vec::new(),
        })
    }

    pub fn write(&mut self, payload: &Written<'_>) -> io::Result<Place> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, payload)?;
        self.file.write_all(&self.buffer)?;
        let place = Place::new(self.offset, self.buffer.len());
        self.offset += self.buffer.len() as u64;
        Ok(place)
    }

    pub fn into_reader(self) -> io::Result<PayloadReader> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let buffer = Vec::new();
        Ok(PayloadReader { file, buffer })
    }
}

impl PayloadReader {
    pub fn read(&mut self, place: Place) -> io::Result<Payload<'_>> {
        self.buffer.resize(place.length(), 0);
        self.file.read_exact_at(&mut self.buffer, place.offset())?;
        // Without the parser's words, which could quote a value.
        serde_json::from_slice(&self.buffer).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a payload is not as it was written",
            )
        })
    }
}
