//! Rows into bytes.

mod csv;
mod parquet;

use carillon_core::export::{
    Format,
    table::{Column, Row},
};

use self::{csv::CsvEncoder, parquet::ParquetEncoder};

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("rows can't be compressed")]
    Gzip(#[from] std::io::Error),
    #[error("rows can't be written as Parquet")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

pub enum Encoder {
    Csv(CsvEncoder),
    Parquet(ParquetEncoder),
}

impl Encoder {
    pub fn new(format: Format, columns: &'static [Column]) -> Result<Self, EncodeError> {
        Ok(match format {
            Format::Csv { cells, gzip } => Self::Csv(CsvEncoder::new(columns, cells, gzip)?),
            Format::Parquet => Self::Parquet(ParquetEncoder::new(columns)?),
        })
    }

    /// Each row has a cell for each column.
    pub fn write(&mut self, rows: Vec<Row>) -> Result<(), EncodeError> {
        match self {
            Self::Csv(csv) => csv.write(&rows),
            Self::Parquet(parquet) => parquet.write(rows),
        }
    }

    /// The bytes that are ready.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Csv(csv) => csv.take(),
            Self::Parquet(parquet) => parquet.take(),
        }
    }

    /// The bytes that are left.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Csv(csv) => csv.finish(),
            Self::Parquet(parquet) => parquet.finish(),
        }
    }
}
