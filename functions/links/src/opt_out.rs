//! From a code to the message that it stands in, and from that to the number that wants no more.

use carillon_core::{
    batch::Batch,
    chunk::Pointer,
    event::Event,
    link::Place,
    message_id::MessageId,
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::recipients;
use carillon_store::StoreError;
use jiff::Timestamp;

use crate::State;

/// A link of a batch that has links.
pub struct Link {
    pub batch: Batch,
    place: Place,
}

/// `None` for a code that nobody was given, as far as that can be told without its chunk.
pub async fn find(state: &State, code: &str) -> Result<Option<Link>, StoreError> {
    let Some(number) = state.codes.number(code) else {
        return Ok(None);
    };
    let Some(block) = state.blocks.find(number).await? else {
        return Ok(None);
    };
    let Some(place) = Place::at(number - block.first) else {
        return Ok(None);
    };
    let batch = state.batches.find(block.batch).await?;
    // A block that was drawn twice belongs to the draw that the batch names.
    let own = batch.filter(|batch| {
        let links = batch.terms.content.links.as_ref();
        batch.terms.account == block.account
            && links.is_some_and(|links| links.first == block.first)
    });
    Ok(own.map(|batch| Link { batch, place }))
}

/// Writes the opt-out; `None` where there is no such recipient, or none any more.
pub async fn record(state: &State, link: &Link, now: Timestamp) -> Result<Option<()>, StoreError> {
    let Link { batch, place } = link;
    let pointer = Pointer {
        batch: batch.terms.id,
        chunk: place.chunk,
    };
    let Some(chunk) = state.ledger.find(pointer).await? else {
        return Ok(None);
    };
    let recipients = recipients::of_chunk(&state.ledger, &state.files, pointer, &chunk).await?;
    let recipient = recipients.get(usize::from(place.slot));
    // Who was erased is opted out already.
    let Some(recipient) = recipient.filter(|recipient| !recipient.is_erased()) else {
        return Ok(None);
    };
    let account = batch.terms.account;
    let hash = state.key.number(account, recipient.number);
    let word = Word {
        number: Some(recipient.number),
        ..Word::new(Consent::OptedOut, now, Cause::Link)
    };
    state.suppressions.take(account, &hash, &word, now).await?;
    let message = MessageId {
        batch: pointer.batch,
        chunk: place.chunk,
        slot: place.slot,
    };
    let event = Event::of_opt_out_link(account, recipient.number, message, now);
    state.queues.send_events(vec![event]).await?;
    Ok(Some(()))
}
