//! A message id is the address of its slot: batch (128 bits), chunk (24), slot (8), in 32 characters of base32.
//! A delivery report that carries it finds its slot with no lookup.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

use crate::{
    base32::{decode, encode},
    id::BatchId,
};

/// The slot number of a reference that means a whole chunk: the recipient's number says which slot.
pub const WHOLE_CHUNK: u8 = 255;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    pub batch: BatchId,
    /// Below 2^24.
    pub chunk: u32,
    pub slot: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: expected `msg_` and 32 characters")]
pub struct NotAMessageId;

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(given: &str) -> Result<Self, NotAMessageId> {
        let body = given
            .strip_prefix("msg_")
            .filter(|body| body.len() == 32)
            .ok_or(NotAMessageId)?;
        let bytes: [u8; 20] = decode(body).ok_or(NotAMessageId)?;
        let (batch, address) = bytes.split_at(16);
        Ok(Self {
            batch: BatchId::from_uuid(Uuid::from_slice(batch).map_err(|_| NotAMessageId)?),
            chunk: u32::from_be_bytes([0, address[0], address[1], address[2]]),
            slot: address[3],
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(self.batch.uuid().as_bytes());
        bytes[16..].copy_from_slice(&(self.chunk << 8 | u32::from(self.slot)).to_be_bytes());
        write!(f, "msg_{}", encode(&bytes))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_its_address(batch: u128, chunk in 0u32..1 << 24, slot: u8) {
            let id = MessageId { batch: BatchId::from_uuid(Uuid::from_u128(batch)), chunk, slot };

            let read: MessageId = id.to_string().parse().unwrap();

            prop_assert_eq!(read, id);
            prop_assert_eq!(id.to_string().len(), 36);
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<MessageId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
