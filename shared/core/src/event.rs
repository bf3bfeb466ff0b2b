//! What customers are told of: the envelope on the hooks queue. An event's id is a function of what it tells, so that telling twice is told once.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    id::{AccountId, BatchId, EventId},
    message_id::MessageId,
    reason::Reason,
    status::Status,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub id: EventId,
    pub account: AccountId,
    /// `message.delivered`, by Standard Webhooks' rules for names.
    #[serde(rename = "type")]
    pub kind: String,
    pub timestamp: Timestamp,
    pub data: MessageEvent,
}

/// A message came to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEvent {
    pub message: MessageId,
    pub batch: BatchId,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Event {
    pub fn of_message(account: AccountId, attempt: u8, data: MessageEvent, now: Timestamp) -> Self {
        let word = serde_json::to_value(data.status).expect("a plain enum is a JSON string");
        let word = word
            .as_str()
            .expect("a plain enum is a JSON string")
            .to_owned();
        let told = format!("{}.{attempt}.{word}", data.message);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(&SHA256, told.as_bytes()).as_ref()[..16]);
        let id = EventId::from_uuid(Uuid::from_bytes(bytes));
        Self {
            id,
            account,
            kind: format!("message.{word}"),
            timestamp: now,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_twice_is_the_same_event() {
        let message: MessageId = "msg_01h455vb4pex5vsknk084sn02q000010".parse().unwrap();
        let account: AccountId = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let of = |attempt, status| {
            let data = MessageEvent {
                message,
                batch: message.batch,
                status,
                reason: None,
            };
            Event::of_message(account, attempt, data, Timestamp::UNIX_EPOCH)
        };

        let event = of(1, Status::Delivered);

        assert_eq!(event.kind, "message.delivered");
        assert_eq!(event.id, of(1, Status::Delivered).id);
        assert_ne!(event.id, of(2, Status::Delivered).id);
        assert_ne!(event.id, of(1, Status::Failed).id);
    }
}
