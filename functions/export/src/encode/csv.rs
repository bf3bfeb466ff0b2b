//! CSV, as it is or in one gzip stream.

use std::io::Write;

use carillon_core::export::{
    CsvCells,
    table::{Column, Row, csv_header, csv_row},
};
use flate2::{Compression, write::GzEncoder};

use super::EncodeError;

pub struct CsvEncoder {
    cells: CsvCells,
    text: String,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl CsvEncoder {
    pub fn new(columns: &[Column], cells: CsvCells, gzip: bool) -> Result<Self, EncodeError> {
        let mut encoder = Self {
            cells,
            text: String::new(),
            gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        };
        csv_header(columns, cells, &mut encoder.text);
        encoder.compress()?;
        Ok(encoder)
    }

    pub fn write(&mut self, rows: &[Row]) -> Result<(), EncodeError> {
        for row in rows {
            csv_row(row, self.cells, &mut self.text);
        }
        self.compress()
    }

    fn compress(&mut self) -> Result<(), EncodeError> {
        if let Some(gzip) = &mut self.gzip {
            gzip.write_all(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }

    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.gzip {
            Some(gzip) => std::mem::take(gzip.get_mut()),
            None => std::mem::take(&mut self.text).into_bytes(),
        }
    }

    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        Ok(match self.gzip {
            Some(gzip) => gzip.finish()?,
            None => self.text.into_bytes(),
        })
    }
}
