//! The queues. Pointers and requests are small; every entry of a batch call is looked at, and what was refused is sent again.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{BatchResultErrorEntry, QueueAttributeName, SendMessageBatchRequestEntry},
};
use carillon_core::{
    batch::Lane,
    chunk::Pointer,
    dead_letter::DeadQueue,
    digest::Hour,
    event::{Event, QueuedEvents},
    id::{AccountId, BatchId, CampaignId, ExportId, WebhookId},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{StoreError, dead_letters::Kept, imports::ImportRequest};

/// Entries of one batch call, by SQS's rule.
const BATCH: usize = 10;
/// Bytes of one batch call, by SQS's rule, less what the call itself needs.
const BATCH_BYTES: usize = 1_000_000;
/// How often refused entries are sent again before the call fails.
const TRIES: u32 = 4;
/// Batch calls at once.
const CONCURRENT: usize = 8;
/// SQS keeps a message back for at most this long.
pub const LONGEST_DELAY_SECONDS: u32 = 900;

/// Sends to the queues whose URL it was given; a function gets only those it may send to.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    urls: QueueUrls,
}

#[derive(Debug, Clone, Default)]
pub struct QueueUrls {
    pub prepare: Option<String>,
    pub dispatch: Option<String>,
    pub exports: Option<String>,
    pub high: Option<String>,
    pub normal: Option<String>,
    pub low: Option<String>,
    pub receipts: Option<String>,
    pub imports: Option<String>,
    pub inbound: Option<String>,
    /// `None` where customer events are off.
    pub hooks: Option<String>,
}

/// Asks for the audience of a batch to be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareRequest {
    pub batch: BatchId,
    pub campaign: CampaignId,
    pub account: AccountId,
}

/// Asks for an export to be written, or gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    pub export: ExportId,
    pub account: AccountId,
}

/// Asks for an hour of an account's API sends to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestRequest {
    pub digest: Hour,
    pub account: AccountId,
}

/// What the function `export` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExportTask {
    Export(ExportRequest),
    Digest(DigestRequest),
}

impl ExportTask {
    pub const fn account(&self) -> AccountId {
        match self {
            Self::Export(request) => request.account,
            Self::Digest(request) => request.account,
        }
    }
}

/// Asks the dispatcher to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wake {
    pub wake: BatchId,
}

/// Asks for a look at what waits for customers' endpoints, for the sake of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookSoon {
    pub look_soon: WebhookId,
}

/// One message on its way to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    pub body: String,
    pub delay_seconds: u32,
    /// Whose it is, for fair queues.
    pub group: Option<String>,
}

impl Outbound {
    pub fn now<T: Serialize>(body: &T) -> Self {
        let body = serde_json::to_string(body).expect("our own types are representable in JSON");
        Self {
            body,
            delay_seconds: 0,
            group: None,
        }
    }
}

impl Queues {
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    /// Pointers to chunks of one account. When it returns, all of them are on the lane.
    pub async fn send_pointers(
        &self,
        lane: Lane,
        account: AccountId,
        pointers: &[Pointer],
    ) -> Result<(), StoreError> {
        self.send_pointers_after(SignedDuration::ZERO, lane, account, pointers)
            .await
    }

    /// Pointers that nobody gets before that time, in whole seconds up to 15 minutes, is over.
    pub async fn send_pointers_after(
        &self,
        delay: SignedDuration,
        lane: Lane,
        account: AccountId,
        pointers: &[Pointer],
    ) -> Result<(), StoreError> {
        let group = Some(account.to_string());
        let messages = pointers.iter().map(|pointer| Outbound {
            group: group.clone(),
            delay_seconds: seconds(delay),
            ..Outbound::now(pointer)
        });
        self.send(self.lane(lane), messages.collect(), "send pointers")
            .await
    }

    /// About how many pointers wait in a lane: the queue tells what it had a moment ago.
    pub async fn waiting(&self, lane: Lane) -> Result<u32, StoreError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let url = self.lane(lane).cloned().unwrap_or_default();
        let call = self.client.get_queue_attributes().queue_url(url);
        let answer = call.attribute_names(name.clone()).send().await;
        let answer = answer.map_err(StoreError::service("read a lane's length"))?;
        let length = answer
            .attributes()
            .and_then(|attributes| attributes.get(&name)?.parse().ok());
        length.ok_or_else(|| StoreError::corrupt("a lane's length"))
    }

    fn lane(&self, lane: Lane) -> Option<&String> {
        match lane {
            Lane::High => self.urls.high.as_ref(),
            Lane::Normal => self.urls.normal.as_ref(),
            Lane::Low => self.urls.low.as_ref(),
        }
    }

    pub async fn prepare(&self, request: &PrepareRequest) -> Result<(), StoreError> {
        self.send(
            self.urls.prepare.as_ref(),
            vec![Outbound::now(request)],
            "ask for a batch to be prepared",
        )
        .await
    }

    pub async fn export(&self, request: &ExportRequest) -> Result<(), StoreError> {
        let message = vec![Outbound::now(request)];
        self.send(self.urls.exports.as_ref(), message, "ask for an export")
            .await
    }

    /// For hours to be counted.
    pub async fn digests(&self, requests: &[DigestRequest]) -> Result<(), StoreError> {
        let messages = requests.iter().map(Outbound::now).collect();
        self.send(self.urls.exports.as_ref(), messages, "ask for digests")
            .await
    }

    pub async fn import(&self, request: &ImportRequest) -> Result<(), StoreError> {
        let message = Outbound {
            group: Some(request.account.to_string()),
            ..Outbound::now(request)
        };
        let url = self.urls.imports.as_ref();
        self.send(url, vec![message], "ask for an import").await
    }

    pub async fn wake_dispatcher(&self, batch: BatchId) -> Result<(), StoreError> {
        self.send(
            self.urls.dispatch.as_ref(),
            vec![Outbound::now(&Wake { wake: batch })],
            "wake the dispatcher",
        )
        .await
    }

    pub async fn send_receipts(&self, receipts: Vec<Outbound>) -> Result<(), StoreError> {
        self.send(self.urls.receipts.as_ref(), receipts, "send receipts")
            .await
    }

    pub async fn send_inbound(&self, inbound: Vec<Outbound>) -> Result<(), StoreError> {
        self.send(self.urls.inbound.as_ref(), inbound, "send inbound messages")
            .await
    }

    /// Sends a dead letter to the queue that it died on.
    pub async fn redrive(&self, kept: &Kept) -> Result<(), StoreError> {
        let url = match kept.letter.queue {
            DeadQueue::Prepare | DeadQueue::Schedules => &self.urls.prepare,
            DeadQueue::Dispatch => &self.urls.dispatch,
            DeadQueue::Exports => &self.urls.exports,
            DeadQueue::LaneHigh => &self.urls.high,
            DeadQueue::LaneNormal => &self.urls.normal,
            DeadQueue::LaneLow => &self.urls.low,
            DeadQueue::Receipts => &self.urls.receipts,
            DeadQueue::Imports => &self.urls.imports,
            DeadQueue::Inbound => &self.urls.inbound,
            DeadQueue::Hooks => &self.urls.hooks,
        };
        let message = Outbound {
            body: kept.body.clone(),
            delay_seconds: 0,
            group: Some(kept.letter.account.to_string()),
        };
        self.send(url.as_ref(), vec![message], "send a dead letter again")
            .await
    }

    /// Events for customers; nothing where they are off.
    pub async fn send_events(&self, events: Vec<Event>) -> Result<(), StoreError> {
        self.send_events_after(SignedDuration::ZERO, events).await
    }

    /// As [`Self::send_pointers_after`].
    pub async fn send_events_after(
        &self,
        delay: SignedDuration,
        events: Vec<Event>,
    ) -> Result<(), StoreError> {
        if self.urls.hooks.is_none() {
            return Ok(());
        }
        let messages = QueuedEvents::packed(events).into_iter();
        let messages = messages.map(|packed| Outbound {
            group: Some(packed.account.to_string()),
            delay_seconds: seconds(delay),
            ..Outbound::now(&packed)
        });
        self.send(self.urls.hooks.as_ref(), messages.collect(), "send events")
            .await
    }

    /// Comes after so many seconds.
    pub async fn look_soon(&self, webhook: WebhookId, seconds: u32) -> Result<(), StoreError> {
        let look = Outbound {
            delay_seconds: seconds,
            ..Outbound::now(&LookSoon { look_soon: webhook })
        };
        let url = self.urls.hooks.as_ref();
        self.send(url, vec![look], "ask for a look at webhooks")
            .await
    }

    async fn send(
        &self,
        url: Option<&String>,
        messages: Vec<Outbound>,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let Some(url) = url else {
            return Err(StoreError::Service {
                operation,
                source: "this function was not given the queue's URL".into(),
            });
        };
        let calls =
            stream::iter(batches(messages)).map(|batch| self.send_batch(url, batch, operation));
        calls.buffer_unordered(CONCURRENT).try_collect().await
    }

    async fn send_batch(
        &self,
        url: &str,
        messages: Vec<Outbound>,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let mut left = messages;
        for attempt in 0..TRIES {
            let call = self
                .client
                .send_message_batch()
                .queue_url(url)
                .set_entries(Some(entries(&left)));
            let answer = call.send().await.map_err(StoreError::service(operation))?;
            left = refused(left, answer.failed());
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(StoreError::Busy {
            operation,
            source: format!("{} entries were refused {TRIES} times", left.len()).into(),
        })
    }
}

fn seconds(delay: SignedDuration) -> u32 {
    u32::try_from(delay.as_secs()).unwrap_or_default()
}

fn entries(messages: &[Outbound]) -> Vec<SendMessageBatchRequestEntry> {
    let entry = |(index, message): (usize, &Outbound)| {
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(&message.body)
            .delay_seconds(
                i32::try_from(message.delay_seconds.min(LONGEST_DELAY_SECONDS))
                    .expect("at most 900"),
            )
            .set_message_group_id(message.group.clone())
            .build()
            .expect("id and body are set")
    };
    messages.iter().enumerate().map(entry).collect()
}

/// Those of `messages` that an answer names as failed.
fn refused(messages: Vec<Outbound>, failed: &[BatchResultErrorEntry]) -> Vec<Outbound> {
    let failed = |index: usize| failed.iter().any(|entry| entry.id() == index.to_string());
    messages
        .into_iter()
        .enumerate()
        .filter(|(index, _)| failed(*index))
        .map(|(_, message)| message)
        .collect()
}

fn batches(messages: Vec<Outbound>) -> Vec<Vec<Outbound>> {
    let mut batches: Vec<Vec<Outbound>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        bytes += message.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && bytes <= BATCH_BYTES => batch.push(message),
            _ => {
                bytes = message.body.len();
                batches.push(vec![message]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: String) -> Outbound {
        Outbound {
            body,
            delay_seconds: 0,
            group: None,
        }
    }

    #[test]
    fn batches_hold_ten_entries_and_a_megabyte() {
        let small: Vec<_> = (0..23).map(|number| message(number.to_string())).collect();
        let large: Vec<_> = (0..3).map(|_| message("x".repeat(400_000))).collect();

        let sizes = |messages| batches(messages).iter().map(Vec::len).collect::<Vec<_>>();

        assert_eq!(sizes(small), [10, 10, 3]);
        assert_eq!(sizes(large), [2, 1]);
    }

    #[test]
    fn only_what_was_refused_is_sent_again() {
        let messages: Vec<_> = (0..4).map(|number| message(number.to_string())).collect();
        let failed = |id: &str| {
            BatchResultErrorEntry::builder()
                .id(id)
                .sender_fault(false)
                .code("InternalError")
                .build()
                .unwrap()
        };

        let left = refused(messages, &[failed("1"), failed("3")]);

        assert_eq!(
            left.iter()
                .map(|message| message.body.as_str())
                .collect::<Vec<_>>(),
            ["1", "3"]
        );
    }
}
