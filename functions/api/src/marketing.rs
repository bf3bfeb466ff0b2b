//! Marketing by `POST /v1/messages`: who had enough of it lately, and who never agreed to it where that is asked for, gets none.
//! Their messages are made all the same, `suppressed` from the beginning, so that every recipient of a request has one.

use std::collections::HashSet;

use carillon_core::{
    frame::Recipient,
    id::BatchId,
    limits::frequency::{Frequency, FrequencyCap, caps, frequency},
    reason::Reason,
    rules::{self, Class},
    safeguards::{NeedsConsent, Safeguards},
    zones::state_of,
};
use carillon_runtime::problem::Problem;
use carillon_store::StoreError;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{deliver::Sending, services::Api};

/// Numbers looked up at once.
const CONCURRENT: usize = 16;

/// Why a recipient gets none at the time when it begins, one for each, in their order. What a test key sends reaches nobody, and a campaign's test whoever asks
/// for it.
pub async fn refusals(
    api: &Api,
    sending: &Sending,
    batch: BatchId,
    begins: Timestamp,
) -> Result<Vec<Option<Reason>>, Problem> {
    if !counts(sending) {
        return Ok(vec![None; sending.recipients.len()]);
    }
    let safeguards = api.safeguards.find(sending.account).await?;
    let agreed = agreed(api, sending, &safeguards, begins).await?;
    let number = |recipient: &Recipient| {
        let hash = api.key.number(sending.account, recipient.number);
        (hash, caps_of(&safeguards, recipient))
    };
    let numbers: Vec<_> = sending.recipients.iter().map(number).collect();
    let looked = stream::iter(numbers).map(async |(hash, caps)| {
        let lacks = |agreed: &HashSet<String>| !agreed.contains(&hash);
        if agreed.as_ref().is_some_and(lacks) {
            return Ok(Some(Reason::NoConsent));
        }
        let Some(longest) = caps.iter().map(|cap| cap.hours).max() else {
            return Ok(None);
        };
        let since = begins - SignedDuration::from_hours(longest.into());
        let sent = api.ledger.marketed_to(sending.account, &hash, since, batch);
        let full = frequency(&caps, sending.class, &sent.await?, begins) != Frequency::Allowed;
        Ok::<_, StoreError>(full.then_some(Reason::Flood))
    });
    Ok(looked.buffered(CONCURRENT).try_collect().await?)
}

/// Whether frequency caps look at it later.
pub fn counts(sending: &Sending) -> bool {
    sending.class == Class::Marketing && !sending.test && sending.campaign.is_none()
}

fn caps_of(safeguards: &Safeguards, recipient: &Recipient) -> Vec<FrequencyCap> {
    let state = state_of(recipient.number).and_then(rules::of_state);
    caps(
        &safeguards.frequency,
        state.and_then(|state| state.frequency),
    )
}

/// The hashes of those who agreed; `None` where nobody has to.
async fn agreed(
    api: &Api,
    sending: &Sending,
    safeguards: &Safeguards,
    now: Timestamp,
) -> Result<Option<HashSet<String>>, StoreError> {
    if safeguards.marketing_needs_consent == NeedsConsent::Off {
        return Ok(None);
    }
    let numbers = sending.recipients.iter();
    let hashes = numbers.map(|it| api.key.number(sending.account, it.number));
    let agreed = api.consents.agreed(sending.account, hashes.collect(), now);
    agreed.await.map(Some)
}
