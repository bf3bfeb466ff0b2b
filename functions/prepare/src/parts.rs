//! Cuts sorted entries into frames, one a chunk, and frames into parts; notes for the manifest what it made.

use std::{io, vec};

use carillon_core::{
    batch::Prepared,
    frame::{FrameEncoder, RawRecipient},
    id::BatchId,
    manifest::{self, Manifest},
    phone::Phone,
};

use crate::{
    index::{Entry, Group},
    payloads::PayloadReader,
};

/// Payloads in a frame, which must not decode to more than 16 MiB. Only rows full of control characters come near.
const FRAME_BYTES: usize = 6 << 20;

/// Some frames, one after the other.
pub struct Part {
    pub number: u16,
    pub frames: Vec<u8>,
}

/// The parts in order, each made when it is asked for.
pub struct Parts {
    entries: std::iter::Peekable<vec::IntoIter<Entry>>,
    groups: Vec<Group>,
    payloads: PayloadReader,
    encoder: FrameEncoder,
    chunk_size: usize,
    bytes: usize,
    made: Made,
}

/// What the manifest says.
struct Made {
    parts: u16,
    groups: Vec<manifest::Group>,
    frames: Vec<manifest::Frame>,
    prepared: Prepared,
    /// Of the last frame.
    group: Option<usize>,
}

/// A frame, and what is to be noted of it.
struct Cut {
    group: usize,
    first: Phone,
    last: Phone,
    recipients: u8,
    frame: Vec<u8>,
}

impl Parts {
    /// `entries`: group by group, the numbers sorted inside. `chunk_size`: recipients of a frame at most. `bytes`: a part is full when
    /// it has as many.
    pub(crate) fn new(
        entries: Vec<Entry>,
        groups: Vec<Group>,
        payloads: PayloadReader,
        prepared: Prepared,
        chunk_size: usize,
        bytes: usize,
    ) -> Self {
        Self {
            entries: entries.into_iter().peekable(),
            groups,
            payloads,
            encoder: FrameEncoder::new(),
            chunk_size,
            bytes,
            made: Made {
                parts: 0,
                groups: Vec::new(),
                frames: Vec::new(),
                prepared,
                group: None,
            },
        }
    }

    /// Of the parts that were made: all, once there are no more.
    pub fn into_manifest(self, batch: BatchId, run: u64) -> Manifest {
        Manifest {
            version: Manifest::VERSION,
            batch,
            run,
            parts: self.made.parts,
            groups: self.made.groups,
            frames: self.made.frames,
            prepared: self.made.prepared,
        }
    }

    fn next_part(&mut self) -> io::Result<Option<Part>> {
        let mut frames = Vec::new();
        while frames.len() < self.bytes
            && let Some(cut) = self.next_frame()?
        {
            self.note(&cut, frames.len() as u64);
            frames.extend_from_slice(&cut.frame);
        }
        if frames.is_empty() {
            return Ok(None);
        }
        let number = self.made.parts;
        self.made.parts += 1;
        Ok(Some(Part { number, frames }))
    }

    /// Up to as many recipients of one group as a chunk may have.
    fn next_frame(&mut self) -> io::Result<Option<Cut>> {
        let Some(first) = self.entries.peek().copied() else {
            return Ok(None);
        };
        let mut last = first;
        let whereabouts = &self.groups[first.group()].whereabouts;
        let (mut recipients, mut bytes) = (0, 0);
        while usize::from(recipients) < self.chunk_size
            && bytes < FRAME_BYTES
            && let Some(entry) = self.entries.next_if(|next| next.group() == first.group())
        {
            let payload = self.payloads.read(entry.place())?;
            let line =
                RawRecipient::new(entry.number(), whereabouts, payload.vars, payload.reference);
            self.encoder.push(&line);
            self.made.prepared.parts += u64::from(payload.parts);
            recipients += 1;
            bytes += entry.place().length();
            last = entry;
        }
        Ok(Some(Cut {
            group: first.group(),
            first: first.number(),
            last: last.number(),
            recipients,
            frame: self.encoder.finish(),
        }))
    }

    fn note(&mut self, cut: &Cut, offset: u64) {
        let made = &mut self.made;
        if made.group != Some(cut.group) {
            let hours = self.groups[cut.group].hours;
            made.group = Some(cut.group);
            made.groups.push(manifest::Group {
                hours: hours.to_string(),
                country: hours.country(),
                first: cut.first,
                last: cut.last,
                chunk: u32::try_from(made.frames.len()).expect("there are fewer than 2^24 chunks"),
                chunks: 0,
            });
        }
        let group = made
            .groups
            .last_mut()
            .expect("one was pushed for the first");
        group.last = cut.last;
        group.chunks += 1;
        let length = u32::try_from(cut.frame.len()).expect("a frame is less than 16 MiB");
        made.frames.push(manifest::Frame(
            made.parts,
            offset,
            length,
            cut.recipients,
            cut.first.digits(),
        ));
    }
}

impl Iterator for Parts {
    type Item = io::Result<Part>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_part().transpose()
    }
}
