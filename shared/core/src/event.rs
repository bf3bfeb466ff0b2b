//! What customers are told of: the envelope on the hooks queue. An event's id is a function of what it tells, so that telling twice is told once.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    id::{AccountId, BatchId, EventId, GatewayAccountId},
    inbound::QueuedInbound,
    keyword::{Match, Meaning, Wish},
    message_id::MessageId,
    phone::Phone,
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
    pub data: EventData,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventData {
    Message(MessageEvent),
    Inbound(InboundEvent),
    Consent(ConsentEvent),
    OptOutLink(OptOutLinkEvent),
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

/// A handset wrote to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundEvent {
    pub inbound: EventId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayAccountId>,
    pub from: String,
    pub to: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
}

/// A person wants no more messages of the account, or wants them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentEvent {
    pub number: String,
    /// The message that said so.
    pub inbound: EventId,
    pub by: Match,
}

/// A person opened the link of a message and wants no more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOutLinkEvent {
    pub number: String,
    pub message: MessageId,
    pub by: ByLink,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByLink {
    Link,
}

impl EventId {
    /// The same for the same text.
    pub fn of_text(told: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(&SHA256, told.as_bytes()).as_ref()[..16]);
        Self::from_uuid(Uuid::from_bytes(bytes))
    }
}

impl Event {
    pub fn of_message(account: AccountId, attempt: u8, data: MessageEvent, now: Timestamp) -> Self {
        let word = serde_json::to_value(data.status).expect("a plain enum is a JSON string");
        let word = word
            .as_str()
            .expect("a plain enum is a JSON string")
            .to_owned();
        Self {
            id: EventId::of_text(&format!("{}.{attempt}.{word}", data.message)),
            account,
            kind: format!("message.{word}"),
            timestamp: now,
            data: EventData::Message(data),
        }
    }

    pub fn of_inbound(message: &QueuedInbound, meaning: Option<Meaning>) -> Self {
        let inbound = message.id();
        let data = InboundEvent {
            inbound,
            gateway: message.gateway,
            from: message.from.e164(),
            to: message.to.clone(),
            text: message.text.clone(),
            meaning,
        };
        Self {
            id: inbound,
            account: message.account,
            kind: "inbound.received".to_owned(),
            timestamp: message.at,
            data: EventData::Inbound(data),
        }
    }

    /// `None` for a message that changes nothing about who may be written to.
    pub fn of_consent(message: &QueuedInbound, meaning: Meaning) -> Option<Self> {
        let kind = match meaning.wish {
            Wish::Stop => "contact.opted_out",
            Wish::Start => "contact.opted_in",
            Wish::Help => return None,
        };
        let inbound = message.id();
        Some(Self {
            id: EventId::of_text(&format!("{kind}.{inbound}")),
            account: message.account,
            kind: kind.to_owned(),
            timestamp: message.at,
            data: EventData::Consent(ConsentEvent {
                number: message.from.e164(),
                inbound,
                by: meaning.by,
            }),
        })
    }

    /// The same however often the link is answered.
    pub fn of_opt_out_link(
        account: AccountId,
        number: Phone,
        message: MessageId,
        now: Timestamp,
    ) -> Self {
        let kind = "contact.opted_out";
        Self {
            id: EventId::of_text(&format!("{kind}.{message}")),
            account,
            kind: kind.to_owned(),
            timestamp: now,
            data: EventData::OptOutLink(OptOutLinkEvent {
                number: number.e164(),
                message,
                by: ByLink::Link,
            }),
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
