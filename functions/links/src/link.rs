//! From a code to the recipient who was given it, and what it does.

use carillon_core::{
    batch::Batch,
    chunk::Pointer,
    link::{Place, Purpose},
    message_id::MessageId,
};
use carillon_store::StoreError;

use crate::State;

/// A link of a batch that has links.
pub struct Link {
    pub batch: Batch,
    pub purpose: Purpose,
    pub place: Place,
}

impl Link {
    pub fn pointer(&self) -> Pointer {
        Pointer {
            batch: self.batch.terms.id,
            chunk: self.place.chunk,
        }
    }

    pub fn message(&self) -> MessageId {
        let Place { chunk, slot } = self.place;
        MessageId {
            batch: self.batch.terms.id,
            chunk,
            slot,
        }
    }
}

/// `None` for a code that nobody was given, as far as that can be told without its chunk.
pub async fn find(state: &State, code: &str) -> Result<Option<Link>, StoreError> {
    let Some(number) = state.codes.number(code) else {
        return Ok(None);
    };
    let Some(block) = state.blocks.find(number).await? else {
        return Ok(None);
    };
    let Some(batch) = state.batches.find(block.batch).await? else {
        return Ok(None);
    };
    // A block that was drawn twice belongs to the draw that the batch names.
    let links = batch.terms.content.links.as_ref();
    let own = links
        .filter(|links| batch.terms.account == block.account && links.first == block.first)
        .and_then(|links| links.read(number));
    Ok(own.map(|(purpose, place)| Link {
        batch,
        purpose,
        place,
    }))
}
