//! The first retry comes after some 5 s, the minute's look after up to 60: so whoever parks a first failure asks, by a message that the queue
//! holds back for as long, for a look at what is due then. A lost one is made good by the minute's; a look sends none, so none follows on
//! another.

use std::sync::Mutex;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use carillon_core::id::WebhookId;
use carillon_runtime::{logs::chain, sqs};
use carillon_store::queues::{LookSoon, Queues};
use jiff::{SignedDuration, Timestamp};

/// One asks for what others park within this time too.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);
/// The first step of the schedule with its jitter (6 s), and [`TOGETHER`].
pub const DELAY_SECONDS: u32 = 7;

pub struct Nudge {
    queues: Queues,
    last: Mutex<Option<Timestamp>>,
}

impl Nudge {
    pub const fn new(queues: Queues) -> Self {
        Self {
            queues,
            last: Mutex::new(None),
        }
    }

    /// Something was parked whose first retry comes soon.
    pub async fn soon(&self, webhook: WebhookId, now: Timestamp) {
        if !self.is_first(now) {
            return;
        }
        // It waits in the table whatever becomes of this.
        if let Err(error) = self.queues.look_soon(webhook, DELAY_SECONDS).await {
            tracing::warn!(%webhook, error = chain(&error), "an early look at what waits can't be asked for");
        }
    }

    fn is_first(&self, now: Timestamp) -> bool {
        let mut last = self
            .last
            .lock()
            .expect("nothing panics while it holds the lock");
        let first = last.is_none_or(|last| now.duration_since(last) >= TOGETHER);
        if first {
            *last = Some(now);
        }
        first
    }
}

/// Whether a record asks for a look.
pub fn is_nudge(record: &SqsMessage) -> bool {
    sqs::body::<LookSoon>(record).is_ok()
}

pub fn is_asked_for(event: &SqsEvent) -> bool {
    event.records.iter().any(is_nudge)
}
