//! Any CSV, one record after the other, as text: what recipients and imports of contacts are read from.

use std::io::{Read, Seek, SeekFrom};

use csv::{ReaderBuilder, StringRecord};

use super::{
    BUFFER, FileError, cell,
    decode::{self, Decoded, FileEncoding},
    delimiter,
};

/// The records of a file that aren't blank.
pub struct Sheet<R> {
    rows: csv::Reader<Decoded<R>>,
    encoding: FileEncoding,
    delimiter: u8,
    record: StringRecord,
    /// Nothing more is to be had of the file.
    is_over: bool,
}

impl<R: Read + Seek> Sheet<R> {
    /// Finds out encoding and delimiter, which reads the file once if it has no byte order mark. `phone`: the header of the phone
    /// column, where it is known; `delimiter`: where it is told.
    pub fn open(
        mut input: R,
        phone: Option<&str>,
        delimiter: Option<u8>,
    ) -> Result<Sheet<R>, FileError> {
        let (encoding, start) = decode::detect(&mut input)?;
        input.seek(SeekFrom::Start(start))?;
        let delimiter = match delimiter {
            Some(told) => told,
            None => {
                let sample = Decoded::new(&mut input, encoding).into_sample();
                let sample = sample.map_err(|error| FileError::from_read(error, 1))?;
                input.seek(SeekFrom::Start(start))?;
                delimiter::sniff(&sample, phone)
            }
        };
        Ok(Sheet {
            rows: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .buffer_capacity(BUFFER)
                .from_reader(Decoded::new(input, encoding)),
            encoding,
            delimiter,
            record: StringRecord::new(),
            is_over: false,
        })
    }

    pub fn encoding(&self) -> FileEncoding {
        self.encoding
    }

    /// One of `,`, `;`, tab and `|`.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The record that was read last.
    pub fn record(&self) -> &StringRecord {
        &self.record
    }

    /// Bytes of the file that were read, some of them for records to come.
    pub fn bytes(&self) -> u64 {
        self.rows.get_ref().bytes()
    }

    /// Reads a record with something in it, and says on which line it begins; `None` at the end. After a `FileError` there is no more.
    pub fn read(&mut self) -> Result<Option<u64>, FileError> {
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
