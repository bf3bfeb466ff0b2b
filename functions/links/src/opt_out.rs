//! The number that wants no more, from the link that its owner answered.

use carillon_core::{
    event::Event,
    suppression::{Cause, Consent, OBEYED_AFTER, Word},
};
use carillon_runtime::recipients;
use carillon_store::StoreError;
use jiff::Timestamp;

use crate::{State, link::Link};

/// Writes the opt-out; `None` where there is no such recipient, or none any more.
pub async fn record(state: &State, link: &Link, now: Timestamp) -> Result<Option<()>, StoreError> {
    let Link { batch, place, .. } = link;
    let pointer = link.pointer();
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
    let event = Event::of_opt_out_link(account, recipient.number, link.message(), now);
    let events = state.queues.send_events_after(OBEYED_AFTER, vec![event]);
    events.await?;
    Ok(Some(()))
}
