//! What a dead message was about: its body, read as its queue's own function reads it.

use aws_lc_rs::digest::{SHA256, digest};
use carillon_core::{
    chunk::Pointer,
    dead_letter::{DeadQueue, Subject},
    event::QueuedEvents,
    id::{AccountId, BatchId, DeadLetterId},
    inbound::QueuedInbound,
    message_id::MessageId,
    queued_report::{About, QueuedReports},
};
use carillon_store::{
    imports::ImportRequest,
    queues::{ExportTask, PrepareRequest, Wake},
};
use serde::de::DeserializeOwned;
use uuid::Builder;

/// What a body says, and whose it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    pub subject: Subject,
    /// Only where nothing else can tell.
    pub account: Option<AccountId>,
}

pub fn told(queue: DeadQueue, body: &str) -> Told {
    match queue {
        DeadQueue::Prepare | DeadQueue::Schedules => read(body, of_request),
        DeadQueue::Dispatch => read(body, |Wake { wake }| of_batch(wake)),
        DeadQueue::Exports => read(body, |task: ExportTask| of_account(task.account())),
        DeadQueue::LaneHigh | DeadQueue::LaneNormal | DeadQueue::LaneLow => read(body, of_pointer),
        DeadQueue::Receipts => read(body, |reports: QueuedReports| of_reports(&reports)),
        DeadQueue::Inbound => read(body, |message: QueuedInbound| of_account(message.account)),
        DeadQueue::Imports => read(body, |request: ImportRequest| of_account(request.account)),
        DeadQueue::Hooks => read(body, |events: QueuedEvents| of_account(events.account)),
    }
}

fn read<T: DeserializeOwned>(body: &str, tell: impl FnOnce(T) -> Told) -> Told {
    serde_json::from_str(body).map_or_else(|_| Told::default(), tell)
}

fn of_request(request: PrepareRequest) -> Told {
    let PrepareRequest {
        batch,
        campaign,
        account,
    } = request;
    let subject = Subject {
        campaign: Some(campaign),
        batch: Some(batch),
        ..Subject::default()
    };
    Told {
        subject,
        account: Some(account),
    }
}

fn of_batch(batch: BatchId) -> Told {
    let subject = Subject {
        batch: Some(batch),
        ..Subject::default()
    };
    Told {
        subject,
        account: None,
    }
}

fn of_account(account: AccountId) -> Told {
    Told {
        account: Some(account),
        ..Told::default()
    }
}

fn of_pointer(Pointer { batch, chunk }: Pointer) -> Told {
    let subject = Subject {
        batch: Some(batch),
        chunk: Some(chunk),
        ..Subject::default()
    };
    Told {
        subject,
        account: None,
    }
}

/// The reports of one call are of one gateway account, and so of one account.
fn of_reports(reports: &QueuedReports) -> Told {
    let message = reports
        .reports
        .iter()
        .find_map(|report| match report.about {
            About::Message { message, .. } | About::Recipient { chunk: message, .. } => {
                Some(message)
            }
            About::ProviderId { .. } => None,
        });
    let Some(message) = message else {
        return Told::default();
    };
    let MessageId { batch, chunk, .. } = message;
    let alone = reports.reports.len() == 1;
    let subject = Subject {
        batch: Some(batch),
        chunk: Some(chunk),
        message: alone.then_some(message),
        ..Subject::default()
    };
    Told {
        subject,
        account: None,
    }
}

/// The same for the same message of a queue, however often it is found; in the order of the times that they were sent at.
pub fn id(message_id: &str, since: i64) -> DeadLetterId {
    let mut random = [0; 10];
    let hash = digest(&SHA256, message_id.as_bytes());
    random.copy_from_slice(&hash.as_ref()[..10]);
    let milliseconds = u64::try_from(since).unwrap_or_default();
    let uuid = Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
    DeadLetterId::from_uuid(uuid)
}
