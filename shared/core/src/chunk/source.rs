//! Where a chunk's recipients are written.
//!
//! ```text
//!  frame    1 | run 8 | part 2 | offset 5 | length 3
//!  inline   2 | the frame itself
//!  sibling  3
//! ```

/// A zstd frame of recipients in a part of a batch's recipient files, or in the ledger itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Frame(FrameAddress),
    /// The frame fits into the chunk.
    Inline(Vec<u8>),
    /// The frame is the item beside the chunk, `<chunk>#to`.
    Sibling,
}

/// `recipients/<batch>/<run>/part-<part>.ndjson.zst`, bytes `offset..offset + length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FrameAddress {
    /// The run of `prepare` that wrote the parts.
    pub run: u64,
    pub part: u16,
    /// Below 2^40.
    pub offset: u64,
    /// Below 2^24.
    pub length: u32,
}

impl Source {
    pub fn pack(&self) -> Vec<u8> {
        match self {
            Self::Frame(address) => {
                let mut bytes = vec![1];
                bytes.extend_from_slice(&address.run.to_be_bytes());
                bytes.extend_from_slice(&address.part.to_be_bytes());
                bytes.extend_from_slice(&address.offset.to_be_bytes()[3..]);
                bytes.extend_from_slice(&address.length.to_be_bytes()[1..]);
                bytes
            }
            Self::Inline(frame) => [&[2], frame.as_slice()].concat(),
            Self::Sibling => vec![3],
        }
    }

    /// `None` for anything that [`Source::pack`] doesn't write.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match kind {
            1 => {
                let (run, rest) = rest.split_first_chunk::<8>()?;
                let (part, rest) = rest.split_first_chunk::<2>()?;
                let (offset, length) = rest.split_first_chunk::<5>()?;
                let [o0, o1, o2, o3, o4] = *offset;
                let [l0, l1, l2] = *length.as_array::<3>()?;
                Some(Self::Frame(FrameAddress {
                    run: u64::from_be_bytes(*run),
                    part: u16::from_be_bytes(*part),
                    offset: u64::from_be_bytes([0, 0, 0, o0, o1, o2, o3, o4]),
                    length: u32::from_be_bytes([0, l0, l1, l2]),
                }))
            }
            2 => Some(Self::Inline(rest.to_vec())),
            3 => rest.is_empty().then_some(Self::Sibling),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_address_unpacks_to_itself(run: u64, part: u16, offset in 0u64..1 << 40, length in 0u32..1 << 24) {
            let source = Source::Frame(FrameAddress { run, part, offset, length });

            prop_assert_eq!(Source::unpack(&source.pack()), Some(source));
        }

        #[test]
        fn any_bytes_are_a_source_or_none(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some(source) = Source::unpack(&bytes) {
                prop_assert_eq!(source.pack(), bytes);
            }
        }
    }
}
