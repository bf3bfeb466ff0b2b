//! Messages as the API shows them: a slot of a chunk, with its recipient.

use axum::response::Response;
use carillon_core::{
    batch::Batch,
    chunk::{Chunk, Pointer},
    content::Texts,
    frame::Recipient,
    id::CampaignId,
    link::{LinkMaker, Place},
    message_id::MessageId,
    phone::Phone,
    reason::Reason,
    segments::segment,
    status::{self, Status},
};
use carillon_runtime::{principal::Principal, problem::Problem, recipients};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    list::{Asked, PageQuery},
    services::Api,
    time,
};

/// Chunks that one page of messages looks at, at most.
const CHUNKS: usize = 20;

#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    #[schema(value_type = String, example = "msg_0068m1d6v3k2q7r0a5t9w4x8yz01000000")]
    pub id: MessageId,
    #[schema(value_type = String, example = "bat_01h455vb4pex5vsknk084sn02q")]
    pub batch: carillon_core::id::BatchId,
    /// The campaign that sent it, if one did.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// The number, in E.164; absent when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it says, with this recipient's values in it; absent when they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// It doesn't leave before: when it was asked for, or the time that it was planned for.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[schema(value_type = StatusWord)]
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<WhyNot>,
    /// When a held message is looked at again.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Timestamp>,
    /// How many SMS it is.
    pub parts: u32,
    /// How often it was handed to a gateway.
    pub attempts: u8,
    /// Your own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Made by a test key.
    pub test: bool,
}

/// Why a message did not go as hoped.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhyNot {
    /// `class.reason`, stable.
    #[schema(value_type = String, example = "handset.absent")]
    pub code: Reason,
    pub words: &'static str,
}

/// Which messages of a batch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// How many: 1 to 500, 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that stand so now. A page may be short, or empty, and still not be the last.
    #[param(value_type = Option<StatusWord>)]
    status: Option<Status>,
}

impl MessagesQuery {
    /// A page of those of `path`, and the status to look for.
    pub fn asked(
        self,
        api: &Api,
        who: &Principal,
        path: &str,
    ) -> Result<(Asked, Option<Status>), Problem> {
        let Self {
            limit,
            cursor,
            status,
        } = self;
        let filter = status.map(|status| ("status", status.as_str().to_owned()));
        let query = PageQuery { limit, cursor };
        let asked = Asked::filtered(api, who, path, filter.as_slice(), query)?;
        Ok((asked, status))
    }
}

impl WhyNot {
    pub fn new(code: Reason) -> Self {
        Self {
            code,
            words: code.facts().words,
        }
    }
}

/// Where a message stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its description is used")]
pub enum StatusWord {
    Scheduled,
    Queued,
    Held,
    Sending,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Expired,
    Suppressed,
    Cancelled,
    Unknown,
}

/// A chunk with its recipients, as messages of its batch.
pub struct OpenChunk<'b> {
    batch: &'b Batch,
    texts: Option<Texts>,
    links: Option<LinkMaker>,
    pointer: Pointer,
    chunk: Chunk,
    recipients: Vec<Recipient>,
}

impl<'b> OpenChunk<'b> {
    /// `None` when there is no such chunk, or not yet.
    pub async fn find(api: &Api, batch: &'b Batch, number: u32) -> Result<Option<Self>, Problem> {
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk: number,
        };
        let Some(chunk) = api.ledger.find(pointer).await? else {
            return Ok(None);
        };
        let recipients = recipients::of_chunk(&api.ledger, &api.files, pointer, &chunk).await?;
        let content = &batch.terms.content;
        let texts = Texts::parse(content).ok();
        let links = content.link_maker(&api.key);
        Ok(Some(Self {
            batch,
            texts,
            links,
            pointer,
            chunk,
            recipients,
        }))
    }

    pub fn slots(&self) -> usize {
        self.chunk.slots.len()
    }

    fn status(&self, slot: usize, now: Timestamp) -> Status {
        status::status(&self.chunk, slot, self.batch.view(now)).0
    }

    /// The message to a number, if its recipients are of this chunk.
    pub fn to_number(&self, number: Phone, now: Timestamp) -> Option<Message> {
        let mut numbers = self.recipients.iter().map(|recipient| recipient.number);
        self.message(numbers.position(|found| found == number)?, now)
    }

    /// `None` when there is no such slot.
    pub fn message(&self, slot: usize, now: Timestamp) -> Option<Message> {
        let recipient = self.recipients.get(slot)?;
        let attempts = self.chunk.slots.get(slot)?.attempt;
        let (status, reason) = status::status(&self.chunk, slot, self.batch.view(now));
        let value = |name: &str| recipient.vars.get(name).map(String::as_str);
        let links = self.links.as_ref().and_then(|links| {
            let slot = u8::try_from(slot).ok()?;
            let chunk = self.pointer.chunk;
            links.urls(Place { chunk, slot })
        });
        let texts = self.texts.as_ref();
        let text = texts.and_then(|texts| texts.render(value, links.as_deref()).ok());
        let parts = text.as_deref().map_or(0, |text| segment(text).parts);
        Some(Message {
            id: MessageId {
                batch: self.pointer.batch,
                chunk: self.pointer.chunk,
                slot: u8::try_from(slot).ok()?,
            },
            batch: self.pointer.batch,
            campaign: self.batch.terms.campaign,
            text: text.filter(|_| !recipient.is_erased()),
            at: self.batch.terms.starts(),
            to: (!recipient.is_erased()).then(|| recipient.number.e164()),
            status,
            reason: reason.map(WhyNot::new),
            held_until: self.chunk.wake.filter(|_| status == Status::Held),
            parts,
            attempts,
            reference: recipient.reference.clone(),
            test: self.batch.terms.test,
        })
    }
}

/// Messages are counted through chunk by chunk; a cursor is the chunk and the slot that come next.
pub async fn page_of_messages(
    api: &Api,
    who: &Principal,
    batch: &Batch,
    asked: &Asked,
    wanted: Option<Status>,
) -> Result<Response, Problem> {
    let now = time::now();
    let chunks = batch.progress.chunks.unwrap_or(0);
    let (mut chunk, mut slot) = asked
        .after
        .as_deref()
        .and_then(read_place)
        .unwrap_or((0, 0));
    let mut data = Vec::new();
    let mut looked_at = 0;
    while chunk < chunks && data.len() < asked.limit && looked_at < CHUNKS {
        looked_at += 1;
        if let Some(open) = OpenChunk::find(api, batch, chunk).await? {
            while slot < open.slots() && data.len() < asked.limit {
                let wants = wanted.is_none_or(|wanted| open.status(slot, now) == wanted);
                data.extend(open.message(slot, now).filter(|_| wants));
                slot += 1;
            }
            if slot < open.slots() {
                break;
            }
        }
        (chunk, slot) = (chunk + 1, 0);
    }
    let next = (chunk < chunks).then(|| format!("{chunk}.{slot}"));
    Ok(asked.answer_until(api, who, data, next.as_deref()))
}

fn read_place(place: &str) -> Option<(u32, usize)> {
    let (chunk, slot) = place.split_once('.')?;
    Some((chunk.parse().ok()?, slot.parse().ok()?))
}
