//! The recipients of a chunk, wherever it keeps them.

use bytes::Bytes;
use carillon_core::{
    chunk::{Chunk, Pointer, source::Source},
    frame::{self, Recipient},
};
use carillon_store::{StoreError, files::Files, ledger::Ledger};

/// One for every slot, in their order.
pub async fn of_chunk(
    ledger: &Ledger,
    files: &Files,
    pointer: Pointer,
    chunk: &Chunk,
) -> Result<Vec<Recipient>, StoreError> {
    let frame = match &chunk.source {
        Source::Inline(frame) => Bytes::copy_from_slice(frame),
        Source::Frame(address) => files.read_frame(pointer.batch, *address).await?,
        Source::Sibling => {
            let frame = ledger.find_recipients(pointer).await?;
            let frame =
                frame.ok_or_else(|| StoreError::corrupt("what should stand beside a chunk"))?;
            frame.into()
        }
    };
    let recipients =
        frame::decode(&frame).map_err(|error| StoreError::corrupt(error.to_string()))?;
    if recipients.len() == chunk.slots.len() {
        Ok(recipients)
    } else {
        Err(StoreError::corrupt("the number of a chunk's recipients"))
    }
}
