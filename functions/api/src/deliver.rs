//! An API send: the batch, its chunks with their recipients, then the pointers to the lane. Once this returns it is durable.
//! Done twice with the same ids it comes to the same messages.

use carillon_core::{
    batch::{Batch, BatchTerms, DoubtPolicy, Lane, Prepared, QuietHours, Stage},
    chunk::{CHUNK_SLOTS, Chunk, ChunkState, Pointer, slot::SlotOutcome, source::Source},
    content::{Content, Texts},
    frame::{self, Recipient},
    id::{AccountId, BatchId, CampaignId},
    link,
    message_id::MessageId,
    phone::Country,
    reason::Reason,
    rules::Class,
    segments::segment,
};
use carillon_runtime::{logs::chain, problem::Problem, random};
use carillon_store::{
    StoreError,
    batches::Activity,
    item,
    ledger::{self, Indexed},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{marketing, pin::Pinned, services::Api, wording};

/// A pointer that was lost is found by then.
const WAKE_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Bytes of a chunk's item at most, less what a lease and an open window add.
const ROOM: usize = 1_024 - 120;
/// Writes at once.
const CONCURRENT: usize = 16;

pub struct Sending {
    pub account: AccountId,
    pub campaign: Option<CampaignId>,
    pub test: bool,
    pub recipients: Vec<Recipient>,
    pub content: Content,
    pub texts: Texts,
    pub pinned: Pinned,
    pub lane: Lane,
    pub policy: DoubtPolicy,
    pub class: Class,
    pub quiet_hours: QuietHours,
    pub valid_for: SignedDuration,
    pub send_at: Option<Timestamp>,
}

impl Sending {
    /// Its time: caps, consents and what was sent to a number go by it.
    fn begins(&self, drawn: Drawn) -> Timestamp {
        self.send_at.unwrap_or(drawn.at)
    }
}

/// Drawn once for a request, however often it is tried.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Drawn {
    pub batch: BatchId,
    pub at: Timestamp,
}

impl Drawn {
    pub fn now(now: Timestamp) -> Self {
        let batch = random::id(now);
        Self { batch, at: now }
    }
}

/// A message that was taken.
pub struct Taken {
    pub id: MessageId,
    pub recipient: Recipient,
    pub parts: u32,
    /// Why it isn't sent at all.
    pub suppressed: Option<Reason>,
}

pub async fn deliver(api: &Api, mut sending: Sending, drawn: Drawn) -> Result<Vec<Taken>, Problem> {
    let stretch = link::stretch_of(sending.recipients.len());
    let (account, content) = (sending.account, &mut sending.content);
    wording::number_links(api, content, account, drawn.batch, stretch, drawn.at).await?;
    let begins = sending.begins(drawn);
    let refusals = marketing::refusals(api, &sending, drawn.batch, begins).await?;
    let taken = taken(&sending, drawn.batch, &refusals);
    let batch = batch(&sending, drawn, &taken);
    api.batches.create(&batch, Activity::Passive).await?;
    let (pointers, ()) = futures::try_join!(
        write_chunks(api, &sending, &refusals, drawn),
        index(api, &sending, &taken, begins)
    )?;
    if sending.send_at.is_none() {
        let sent = api
            .queues
            .send_pointers(sending.lane, sending.account, &pointers)
            .await;
        if let Err(error) = sent {
            // It is durable all the same: the dispatcher finds it by its `wake`.
            tracing::warn!(batch = %drawn.batch, error = chain(&error), "messages go out a minute late");
        }
    }
    Ok(taken)
}

fn taken(sending: &Sending, batch: BatchId, refusals: &[Option<Reason>]) -> Vec<Taken> {
    let recipients = sending.recipients.iter().enumerate();
    let take = |(place, recipient): (usize, &Recipient)| {
        let chunk = u32::try_from(place / CHUNK_SLOTS).expect("a request has few chunks");
        let slot = u8::try_from(place % CHUNK_SLOTS).expect("a chunk has a hundred slots");
        let value = |name: &str| recipient.vars.get(name).map(String::as_str);
        let text = sending.texts.render(value, None).unwrap_or_default();
        Taken {
            id: MessageId { batch, chunk, slot },
            recipient: recipient.clone(),
            parts: segment(&text).parts,
            suppressed: refusals[place],
        }
    };
    recipients.map(take).collect()
}

fn batch(sending: &Sending, drawn: Drawn, taken: &[Taken]) -> Batch {
    let begins = sending.begins(drawn);
    let terms = BatchTerms {
        id: drawn.batch,
        account: sending.account,
        campaign: sending.campaign,
        test: sending.test,
        lane: sending.lane,
        policy: sending.policy,
        class: sending.class,
        quiet_hours: sending.quiet_hours,
        content: sending.content.clone(),
        routes: sending.pinned.routes.clone(),
        routing: sending.pinned.routing.clone(),
        answers: None,
        began: drawn.at,
        not_before: sending.send_at,
        local: None,
        spread_over: None,
        expires_at: begins + sending.valid_for,
    };
    let accepted = taken.len() as u64;
    let chunks =
        u32::try_from(taken.len().div_ceil(CHUNK_SLOTS)).expect("a request has few chunks");
    let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
    batch.progress.prepared = Some(Prepared {
        rows: accepted,
        accepted,
        parts: taken.iter().map(|message| u64::from(message.parts)).sum(),
        ..Prepared::default()
    });
    batch
}

async fn write_chunks(
    api: &Api,
    sending: &Sending,
    refusals: &[Option<Reason>],
    drawn: Drawn,
) -> Result<Vec<Pointer>, StoreError> {
    let mut pointers = Vec::new();
    let chunks = sending.recipients.chunks(CHUNK_SLOTS);
    let chunks = chunks.zip(refusals.chunks(CHUNK_SLOTS));
    for (chunk, (recipients, refusals)) in (0..).zip(chunks) {
        let pointer = Pointer {
            batch: drawn.batch,
            chunk,
        };
        write_chunk(api, pointer, recipients, refusals, sending, drawn.at).await?;
        pointers.push(pointer);
    }
    Ok(pointers)
}

async fn write_chunk(
    api: &Api,
    pointer: Pointer,
    recipients: &[Recipient],
    refusals: &[Option<Reason>],
    sending: &Sending,
    now: Timestamp,
) -> Result<(), StoreError> {
    let frame = frame::encode(recipients);
    let mut chunk = Chunk::new(recipients.len(), Source::Inline(frame.clone()));
    chunk.country = country_of_all(recipients);
    for (slot, reason) in chunk.slots.iter_mut().zip(refusals) {
        if reason.is_some() {
            slot.outcome = SlotOutcome::Suppressed;
            slot.reason = *reason;
        }
    }
    chunk.wake = Some(sending.send_at.unwrap_or(now + WAKE_AFTER));
    if sending.send_at.is_some() {
        chunk.state = ChunkState::Parked;
    }
    if item::size(&ledger::chunk_item(pointer, &chunk)) > ROOM {
        chunk.source = Source::Sibling;
        api.ledger.put_recipients(pointer, frame, now).await?;
    }
    // What is there is from an earlier attempt, and the same.
    api.ledger.create_chunk(pointer, &chunk).await.map(drop)
}

fn country_of_all(recipients: &[Recipient]) -> Option<Country> {
    let country = recipients.first()?.country;
    let alike = recipients
        .iter()
        .all(|recipient| recipient.country == country);
    country.filter(|_| alike)
}

/// For "what did we send to this number".
async fn index(
    api: &Api,
    sending: &Sending,
    taken: &[Taken],
    begins: Timestamp,
) -> Result<(), StoreError> {
    let account = sending.account;
    let hash = |message: &Taken| api.key.number(account, message.recipient.number);
    let counts = marketing::counts(sending);
    let kind = |message: &Taken| match message.suppressed {
        None if counts => Indexed::Marketing,
        _ => Indexed::Other,
    };
    let entries: Vec<_> = taken
        .iter()
        .map(|message| (hash(message), message.id, kind(message)))
        .collect();
    stream::iter(entries)
        .map(async |(hash, id, kind)| {
            api.ledger
                .index_recipient(account, &hash, id, kind, begins)
                .await
        })
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await
}
