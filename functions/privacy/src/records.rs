//! What stands under the hash of a number: its contact, consents, messages of the API, what its owner wrote; and dead letters and
//! events that endpoints didn't take, few enough to be looked through.
//!
//! The opt-out comes first, so that nothing is sent to the number that is on its way meanwhile; what others are found by comes last.
//! How often the number was sent passwords, and which of its messages were answered, is kept under its hash without it, for days.

use carillon_core::{
    batch::{Batch, Stage},
    chunk::{Pointer, source::Source, window::SlotSet},
    event::Event,
    frame::{self, Recipient},
    id::GatewayAccountId,
    message_id::MessageId,
    privacy::Found,
    recipients::erase::Finder,
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::recipients;
use carillon_store::{StoreError, dead_letters::Kept, webhooks::Parked};
use jiff::Timestamp;

use crate::{PrivacyError, State, round::Subject};

/// How often a contact is deleted that others change.
const TRIES: u32 = 8;
/// Letters that are looked at together.
const LETTERS: i32 = 100;
/// Deliveries that are looked at together.
const DELIVERIES: i32 = 200;

pub async fn erase(
    state: &State,
    subject: &Subject,
    found: &mut Found,
) -> Result<(), PrivacyError> {
    let Subject {
        account,
        number,
        ref hash,
        ..
    } = *subject;
    let now = Timestamp::now();
    let word = Word::new(Consent::OptedOut, now, Cause::Erasure);
    state.suppressions.take(account, hash, &word, now).await?;
    state.suppressions.forget_number(account, hash).await?;
    found.contacts += contact(state, subject).await?;
    found.consents = state.consents.redact(account, number, now).await?;
    messages(state, subject, found).await?;
    found.dead_letters += dead_letters(state, subject).await?;
    found.events += deliveries(state, subject).await?;
    state.velocity.forget(account, hash).await?;
    state.files.delete_reports(account, hash).await?;
    found.inbound += state.inbound.forget(account, hash).await?;
    Ok(())
}

async fn contact(state: &State, subject: &Subject) -> Result<u32, PrivacyError> {
    let id = state.key.contact(subject.account, subject.number);
    for _ in 0..TRIES {
        let Some(contact) = state.contacts.find(subject.account, id).await? else {
            return Ok(0);
        };
        if state.contacts.delete(&contact).await?.is_ok() {
            return Ok(1);
        }
    }
    Err(PrivacyError::Contended("a contact"))
}

/// What the API sent. The index goes in the last round: what is on its way is found by it again.
async fn messages(state: &State, subject: &Subject, found: &mut Found) -> Result<(), PrivacyError> {
    let sent = state
        .ledger
        .all_sent_to(subject.account, &subject.hash)
        .await?;
    for (place, message) in sent {
        found.messages += u32::from(self::message(state, subject, message).await?);
        if subject.last_round {
            state
                .ledger
                .forget_recipient(subject.account, &subject.hash, &place)
                .await?;
        }
    }
    Ok(())
}

/// Whether the number was still in it.
async fn message(
    state: &State,
    subject: &Subject,
    message: MessageId,
) -> Result<bool, PrivacyError> {
    let batch = state.batches.find(message.batch).await?;
    let own = batch.filter(|batch| batch.terms.account == subject.account);
    let Some(batch) = own else {
        return Ok(false);
    };
    let pointer = Pointer {
        batch: message.batch,
        chunk: message.chunk,
    };
    let gateways: Vec<GatewayAccountId> = batch.terms.routes.iter().map(|it| it.gateway).collect();
    let slots: SlotSet = [usize::from(message.slot)].into_iter().collect();
    state
        .ledger
        .forget_provider_ids(pointer, slots, &gateways)
        .await?;
    let was_there = exchange_surely(state, subject, pointer).await?;
    forget_text(state, subject, &batch).await?;
    Ok(was_there)
}

async fn exchange_surely(
    state: &State,
    subject: &Subject,
    pointer: Pointer,
) -> Result<bool, PrivacyError> {
    for _ in 0..TRIES {
        match exchange(state, subject, pointer).await? {
            Exchanged::Nothing => return Ok(false),
            Exchanged::Yes => return Ok(true),
            Exchanged::Changed => {}
        }
    }
    Err(PrivacyError::Contended("a chunk"))
}

/// The text of an API send, which may be about whom it goes to, once all of these were erased. Before its end only in the last round:
/// what waits is suppressed without a look at it.
async fn forget_text(state: &State, subject: &Subject, batch: &Batch) -> Result<(), PrivacyError> {
    let is_over = batch.progress.stage == Stage::Finished;
    let chunks = batch
        .progress
        .chunks
        .filter(|_| is_over || subject.last_round);
    let Some(chunks) = chunks.filter(|_| batch.terms.campaign.is_none()) else {
        return Ok(());
    };
    for chunk in 0..chunks {
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk,
        };
        let Some(found) = state.ledger.find(pointer).await? else {
            if is_over {
                continue;
            }
            // It may be just about to be written.
            return Ok(());
        };
        let recipients = recipients::of_chunk(&state.ledger, &state.files, pointer, &found);
        if !recipients.await?.iter().all(Recipient::is_erased) {
            return Ok(());
        }
    }
    Ok(state.batches.forget_text(&batch.terms).await?)
}

enum Exchanged {
    /// The number isn't in there.
    Nothing,
    Yes,
    /// It was another one by then.
    Changed,
}

async fn exchange(
    state: &State,
    subject: &Subject,
    pointer: Pointer,
) -> Result<Exchanged, PrivacyError> {
    let Some(chunk) = state.ledger.find(pointer).await? else {
        return Ok(Exchanged::Nothing);
    };
    let replaced = match chunk.source {
        Source::Inline(ref before) => {
            let Some(after) = frame::erase(before, subject.number)? else {
                return Ok(Exchanged::Nothing);
            };
            let after = Source::Inline(after);
            state
                .ledger
                .replace_source(pointer, &chunk.source, &after)
                .await?
        }
        Source::Sibling => {
            let before = state.ledger.find_recipients(pointer).await?;
            let before =
                before.ok_or_else(|| StoreError::corrupt("what should stand beside a chunk"))?;
            let Some(after) = frame::erase(&before, subject.number)? else {
                return Ok(Exchanged::Nothing);
            };
            state
                .ledger
                .replace_recipients(pointer, before, after)
                .await?
        }
        // Of a campaign: found by its files.
        Source::Frame(_) => return Ok(Exchanged::Nothing),
    };
    Ok(if replaced {
        Exchanged::Yes
    } else {
        Exchanged::Changed
    })
}

async fn dead_letters(state: &State, subject: &Subject) -> Result<u32, StoreError> {
    let mut count = 0;
    for kept in letters(state, subject).await? {
        let id = kept.letter.id;
        state.dead_letters.delete(subject.account, id).await?;
        count += 1;
    }
    Ok(count)
}

/// Dead letters whose body names the number.
pub async fn letters(state: &State, subject: &Subject) -> Result<Vec<Kept>, StoreError> {
    let finder = Finder::new(subject.number);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = state
            .dead_letters
            .list(subject.account, after, LETTERS)
            .await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some(last.letter.id);
        found.extend(page.into_iter().filter(|kept| finder.is_in(&kept.body)));
    }
}

/// They are not delivered any more. One that is being tried just then is looked at again in the next round.
async fn deliveries(state: &State, subject: &Subject) -> Result<u32, StoreError> {
    let mut count = 0;
    for parked in waiting(state, subject).await? {
        count += u32::from(state.deliveries.delete(&parked).await?);
    }
    Ok(count)
}

/// Deliveries to the account's endpoints whose event names the number.
pub async fn waiting(state: &State, subject: &Subject) -> Result<Vec<Parked>, StoreError> {
    let finder = Finder::new(subject.number);
    let names = |event: &Event| {
        let text = serde_json::to_string(event).expect("an event is representable in JSON");
        finder.is_in(&text)
    };
    let mut found = Vec::new();
    for kept in state.endpoints.list(subject.account).await? {
        let endpoint = kept.endpoint.id;
        let mut after = None;
        loop {
            let page = state
                .deliveries
                .list(endpoint, after.as_deref(), DELIVERIES)
                .await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.place());
            found.extend(
                page.into_iter()
                    .filter(|parked| parked.event.as_ref().is_some_and(names)),
            );
        }
    }
    Ok(found)
}
