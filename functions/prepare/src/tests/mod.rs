//! From a file to frames and back, with nothing of AWS between.

mod files;
mod frames;
mod property;

use std::{
    fs::File,
    io::{Seek, Write},
};

use carillon_core::{
    chunk::CHUNK_SLOTS,
    content::Texts,
    frame::{self, Recipient},
    id::BatchId,
    manifest::Manifest,
    phone::Phone,
    recipients::{FileError, Options},
};

use crate::{recipients::Recipients, rows::Rows};

/// What was made of a file.
struct Outcome {
    manifest: Manifest,
    /// Chunk by chunk.
    chunks: Vec<Vec<Recipient>>,
}

impl Outcome {
    fn numbers(&self) -> Vec<Vec<u64>> {
        let numbers = |chunk: &Vec<Recipient>| chunk.iter().map(|it| it.number.digits()).collect();
        self.chunks.iter().map(numbers).collect()
    }

    fn recipient(&self, digits: u64) -> &Recipient {
        let mut all = self.chunks.iter().flatten();
        all.find(|recipient| recipient.number.digits() == digits)
            .unwrap()
    }
}

fn batch() -> BatchId {
    "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap()
}

fn file(content: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

fn read(csv: &str, text: &str) -> Result<Recipients, FileError> {
    let rows = Rows::csv(file(csv), &Options::default())?;
    Recipients::read(rows, &Texts::parse(&text.into()).unwrap(), None)
}

fn rejected(recipients: &mut Recipients) -> String {
    let csv = recipients.rejected_csv().unwrap().unwrap_or_default();
    String::from_utf8(csv).unwrap()
}

/// Cuts into parts of `bytes`, and reads every frame from where the manifest says it is.
fn cut(recipients: Recipients, bytes: usize) -> Outcome {
    let mut parts = recipients.into_parts(CHUNK_SLOTS, bytes);
    let files: Vec<Vec<u8>> = parts.by_ref().map(|part| part.unwrap().frames).collect();
    let manifest = parts.into_manifest(batch(), 7);
    assert_eq!(usize::from(manifest.parts), files.len());
    let frames = manifest.frames.iter().map(|frame| {
        let at = manifest.address(frame);
        let start = usize::try_from(at.offset).unwrap();
        let bytes = &files[usize::from(at.part)][start..start + at.length as usize];
        let recipients = frame::decode(bytes).unwrap();
        assert_eq!(recipients.len(), usize::from(frame.3));
        assert_eq!(recipients[0].number.digits(), frame.4);
        recipients
    });
    let chunks = frames.collect();
    Outcome { manifest, chunks }
}

fn prepare(csv: &str, text: &str) -> Outcome {
    let mut recipients = read(csv, text).unwrap();
    recipients.deduplicate();
    cut(recipients, 1 << 20)
}

fn phone(digits: u64) -> Phone {
    Phone::from_digits(digits).unwrap()
}
