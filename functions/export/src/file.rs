//! A part on its way to the bucket: encoded, hashed and sent piece by piece.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use carillon_core::export::{
    Format, Part,
    table::{Column, Row},
};
use carillon_store::{
    StoreError,
    export_files::{ExportFiles, Writing},
};

use crate::encode::{EncodeError, Encoder};

/// More than S3's least; some of these are in memory at once.
const PIECE: usize = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

pub struct PartFile<'a> {
    files: &'a ExportFiles,
    writing: Writing,
    encoder: Encoder,
    pending: BytesMut,
    hash: Context,
    rows: u64,
    bytes: u64,
}

impl<'a> PartFile<'a> {
    pub async fn begin(
        files: &'a ExportFiles,
        key: String,
        format: Format,
        columns: &'static [Column],
    ) -> Result<Self, FileError> {
        let encoder = Encoder::new(format, columns)?;
        let writing = files.begin(key, format.content_type()).await?;
        Ok(Self {
            files,
            writing,
            encoder,
            pending: BytesMut::new(),
            hash: Context::new(&SHA256),
            rows: 0,
            bytes: 0,
        })
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Written so far; what waits to be compressed is not in it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub async fn write(&mut self, rows: Vec<Row>) -> Result<(), FileError> {
        self.rows += rows.len() as u64;
        self.encoder.write(rows)?;
        let ready = self.encoder.take();
        self.add(&ready);
        while self.pending.len() >= PIECE {
            let piece = self.pending.split_to(PIECE).freeze();
            self.files.write(&mut self.writing, piece).await?;
        }
        Ok(())
    }

    /// From now on the part is there.
    pub async fn finish(mut self) -> Result<Part, FileError> {
        let encoder = self.encoder;
        let rest = encoder.finish()?;
        self.hash.update(&rest);
        self.bytes += rest.len() as u64;
        self.pending.extend_from_slice(&rest);
        let last: Bytes = self.pending.freeze();
        self.files.write(&mut self.writing, last).await?;
        let sha256 = self.hash.finish();
        Ok(Part {
            key: self.files.finish(self.writing).await?,
            rows: self.rows,
            bytes: self.bytes,
            sha256: sha256
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        })
    }

    pub async fn abandon(self) -> Result<(), StoreError> {
        self.files.abandon(self.writing).await
    }

    fn add(&mut self, ready: &[u8]) {
        self.hash.update(ready);
        self.bytes += ready.len() as u64;
        self.pending.extend_from_slice(ready);
    }
}
