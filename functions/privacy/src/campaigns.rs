//! The recipient files of an account's campaigns: a number's frame is found by the manifest, and exchanged in its part for one of the
//! same length. Then the manifest, which names the first number of each frame. What preparations left that died is deleted.

use carillon_core::{
    batch::Batch,
    chunk::{Pointer, window::SlotSet},
    frame,
    id::{BatchId, GatewayAccountId},
    manifest::Manifest,
    phone::Phone,
    privacy::Found,
};
use carillon_store::{StoreError, files::Files};

use crate::{
    PrivacyError, State,
    round::{Reached, Subject},
};

/// Batches that are looked at together.
const TOGETHER: i32 = 500;
/// How often a file is changed that others change.
const TRIES: u32 = 5;

pub async fn erase(
    state: &State,
    subject: &Subject,
    after: Option<String>,
    found: &mut Found,
) -> Result<Reached, PrivacyError> {
    go_through(state, subject, after, async |batch| {
        found.messages += u32::from(of_batch(state, subject, batch).await?);
        Ok(())
    })
    .await
}

/// Goes through the account's batches, the newest first: campaigns may be gone, or have had another batch before. What the API sent
/// is left out: that is found in the ledger.
pub async fn go_through(
    state: &State,
    subject: &Subject,
    mut after: Option<String>,
    mut visit: impl AsyncFnMut(&Batch) -> Result<(), PrivacyError>,
) -> Result<Reached, PrivacyError> {
    loop {
        let place = after.as_deref().and_then(|id| id.parse::<BatchId>().ok());
        let page = state.batches.list(subject.account, place, TOGETHER).await?;
        if page.is_empty() {
            return Ok(Reached::End);
        }
        for batch in page {
            if !subject.has_time() {
                return Ok(Reached::Key(after));
            }
            if batch.terms.campaign.is_some() {
                visit(&batch).await?;
            }
            after = Some(batch.terms.id.to_string());
        }
    }
}

/// Whether the number was still in it.
async fn of_batch(state: &State, subject: &Subject, batch: &Batch) -> Result<bool, PrivacyError> {
    for _ in 0..TRIES {
        let Some((manifest, etag)) = state.files.open_manifest(batch.terms.id).await? else {
            return Ok(false);
        };
        delete_left_over(state, &manifest).await?;
        let chunks = manifest.may_hold(subject.number);
        let (mut was_there, mut first_left) = (false, None);
        for chunk in chunks {
            let of_chunk = of_chunk(state, subject, batch, &manifest, chunk).await?;
            was_there |= of_chunk.was_there;
            if manifest.frames[chunk as usize].4 == subject.number.digits() {
                first_left = of_chunk.first_left;
            }
        }
        let Some(without) = manifest.without(subject.number, first_left) else {
            return Ok(was_there);
        };
        if state.files.replace_manifest(&without, &etag).await? {
            return Ok(was_there);
        }
    }
    Err(PrivacyError::Contended("a manifest"))
}

/// The parts of other runs: nobody reads them, and they hold the same numbers.
async fn delete_left_over(state: &State, manifest: &Manifest) -> Result<(), StoreError> {
    let prefix = Files::recipients_prefix(manifest.batch);
    let mut after = None;
    loop {
        let keys = state.files.keys(&prefix, after.as_deref()).await?;
        let Some(last) = keys.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for key in keys.iter().filter(|key| Files::is_left_over(manifest, key)) {
            state.files.delete(key).await?;
        }
    }
}

struct OfChunk {
    was_there: bool,
    first_left: Option<Phone>,
}

/// The gateways' ids go first: which slot it was, only the frame says. In a later look it is one of those that are nobody's.
async fn of_chunk(
    state: &State,
    subject: &Subject,
    batch: &Batch,
    manifest: &Manifest,
    chunk: u32,
) -> Result<OfChunk, PrivacyError> {
    let pointer = Pointer {
        batch: manifest.batch,
        chunk,
    };
    let address = manifest.address(&manifest.frames[chunk as usize]);
    let gateways: Vec<GatewayAccountId> = batch.terms.routes.iter().map(|it| it.gateway).collect();
    for _ in 0..TRIES {
        let before = state.files.read_frame(manifest.batch, address).await?;
        let numbers = frame::numbers(&before).map_err(frame::EraseError::from)?;
        let gone = |number: &Phone| *number == subject.number || *number == Phone::NOBODY;
        let slots: SlotSet = (0..)
            .zip(&numbers)
            .filter(|(_, number)| gone(number))
            .map(|(slot, _)| slot)
            .collect();
        if slots.iter().next().is_some() {
            state
                .ledger
                .forget_provider_ids(pointer, slots, &gateways)
                .await?;
        }
        let after = frame::erase(&before, subject.number)?;
        let of_chunk = OfChunk {
            was_there: after.is_some(),
            first_left: numbers.iter().find(|number| !gone(number)).copied(),
        };
        let Some(after) = after else {
            return Ok(of_chunk);
        };
        if state
            .files
            .exchange_frame(manifest.batch, address, &after)
            .await?
        {
            return Ok(of_chunk);
        }
    }
    Err(PrivacyError::Contended("a part of a campaign"))
}
