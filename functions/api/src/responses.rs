//! What recipients did about messages beside opening links: who wrote back, and who opted out, by a reply or by the link in a message. The logs
//! of both know numbers and times, not messages: a recipient counts for every batch of the days before.

use std::collections::{BTreeMap, HashSet};

use carillon_core::{
    batch::Batch, chunk::Pointer, frame, id::AccountId, manifest::Manifest, phone::Phone,
    suppression::Cause,
};
use carillon_runtime::{principal::Principal, problem::Problem, recipients};
use carillon_store::{StoreError, inbound_log, suppressions};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::services::Api;

/// What somebody does so long after a batch began is taken for an answer to it.
pub const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(72);
/// Lines of a log that are looked at for an answer. Of more it is told that nobody counted them.
const LOOKED_AT: usize = 5_000;
/// Lines read together.
const TOGETHER: i32 = 500;
/// Chunks whose recipients are looked through for an answer, each a read of a file.
const CHUNKS: usize = 1_000;
/// Frames read at once.
const CONCURRENT: usize = 16;

/// Persons, each once; `None` where there are too many to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Responses {
    pub replied: Option<u64>,
    pub opted_out: Option<u64>,
}

impl Responses {
    /// Whatever an account's recipients did in a time.
    pub async fn in_time(
        api: &Api,
        who: &Principal,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Self, Problem> {
        let replied = replies(api, who, from, until).await?;
        let opted_out = opt_outs(api, who.account, from, until).await?;
        Ok(Self {
            replied: replied.map(|numbers| numbers.len() as u64),
            opted_out: opted_out.map(|people| people.len() as u64),
        })
    }

    /// What recipients of a batch did in the three days after it began.
    pub async fn to_batch(api: &Api, who: &Principal, batch: &Batch) -> Result<Self, Problem> {
        let from = batch.terms.starts();
        let until = from + ANSWERED_WITHIN;
        let replied = replies(api, who, from, until).await?;
        let opted_out = opt_outs(api, who.account, from, until).await?;
        let opted_out: Option<HashSet<Phone>> =
            opted_out.map(|people| people.into_values().flatten().collect());
        let asked: HashSet<Phone> = [&replied, &opted_out]
            .into_iter()
            .flatten()
            .flatten()
            .copied()
            .collect();
        let reached = reached(api, batch, &asked).await?;
        let Some(reached) = reached else {
            return Ok(Self {
                replied: None,
                opted_out: None,
            });
        };
        let count = |numbers: HashSet<Phone>| numbers.intersection(&reached).count() as u64;
        Ok(Self {
            replied: replied.map(count),
            opted_out: opted_out.map(count),
        })
    }
}

/// Who wrote in a time.
async fn replies(
    api: &Api,
    who: &Principal,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<HashSet<Phone>>, StoreError> {
    let (mut numbers, mut place, mut seen) = (HashSet::new(), inbound_log::place_before(until), 0);
    loop {
        let page = api
            .inbound
            .newest(who.account, Some(&place), TOGETHER)
            .await?;
        let Some(last) = page.last() else {
            return Ok(Some(numbers));
        };
        place = last.place();
        let over = last.message.at < from;
        seen += page.len();
        let of_time = page.into_iter().map(|logged| logged.message);
        let of_time = of_time.filter(|it| it.at >= from && who.sees(it.gateway.is_none()));
        numbers.extend(of_time.map(|message| message.from));
        if over {
            return Ok(Some(numbers));
        }
        if seen >= LOOKED_AT {
            return Ok(None);
        }
    }
}

/// Who opted out of their own accord in a time, and still is: by hash, with the number where it is kept.
async fn opt_outs(
    api: &Api,
    account: AccountId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<BTreeMap<String, Option<Phone>>>, StoreError> {
    let (mut people, mut place, mut seen) = (BTreeMap::new(), suppressions::place_before(until), 0);
    let together = usize::try_from(TOGETHER).expect("some hundreds");
    loop {
        let page = api.suppressions.page(account, Some(&place), together);
        let page = page.await?;
        let Some(last) = page.last() else {
            return Ok(Some(people));
        };
        place.clone_from(&last.place);
        let over = last.suppression.since < from;
        seen += page.len();
        for listed in page {
            let own = matches!(listed.suppression.cause, Cause::Reply | Cause::Link);
            if own && listed.suppression.since >= from {
                people.insert(listed.number_hash, listed.suppression.number);
            }
        }
        if over {
            return Ok(Some(people));
        }
        if seen >= LOOKED_AT {
            return Ok(None);
        }
    }
}

/// Those of the numbers that a batch has a message to; `None`: too many chunks may have one.
async fn reached(
    api: &Api,
    batch: &Batch,
    numbers: &HashSet<Phone>,
) -> Result<Option<HashSet<Phone>>, StoreError> {
    if numbers.is_empty() {
        return Ok(Some(HashSet::new()));
    }
    let manifest = api.files.find_manifest(batch.terms.id).await?;
    let mut chunks: Vec<u32> = match &manifest {
        Some(manifest) => numbers
            .iter()
            .flat_map(|number| manifest.may_hold(*number))
            .collect(),
        None => (0..batch.progress.chunks.unwrap_or(0)).collect(),
    };
    chunks.sort_unstable();
    chunks.dedup();
    if chunks.len() > CHUNKS {
        return Ok(None);
    }
    let held: Vec<Vec<Phone>> = stream::iter(chunks)
        .map(|chunk| held(api, batch, manifest.as_ref(), chunk))
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await?;
    let held = held.into_iter().flatten();
    let reached = held.filter(|number| numbers.contains(number));
    Ok(Some(reached.collect()))
}

/// The numbers of a chunk. The file of a campaign has them for longer than the ledger.
async fn held(
    api: &Api,
    batch: &Batch,
    manifest: Option<&Manifest>,
    number: u32,
) -> Result<Vec<Phone>, StoreError> {
    let id = batch.terms.id;
    let frame = manifest.and_then(|manifest| {
        let frame = manifest.frames.get(number as usize)?;
        Some(manifest.address(frame))
    });
    let recipients = match frame {
        Some(address) => {
            let frame = api.files.read_frame(id, address).await?;
            frame::decode(&frame).map_err(|error| StoreError::corrupt(error.to_string()))?
        }
        None => {
            let pointer = Pointer {
                batch: id,
                chunk: number,
            };
            match api.ledger.find(pointer).await? {
                Some(chunk) => {
                    recipients::of_chunk(&api.ledger, &api.files, pointer, &chunk).await?
                }
                None => Vec::new(),
            }
        }
    };
    Ok(recipients.iter().map(|it| it.number).collect())
}
