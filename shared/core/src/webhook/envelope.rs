//! The body of a call: one event as the customer sees it, or a list of them. Made from the events alone, so that every attempt
//! signs the same bytes under the same id.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    event::{Event, EventData},
    id::{AccountId, EventId},
};

/// Of the payloads. A field that is added leaves it; one that changes its meaning or goes is a new version.
pub const VERSION: u32 = 1;
/// Events of a call.
pub const MOST: usize = 100;
/// Bytes of events in a call, about: the standard wants small ones.
pub const MOST_BYTES: usize = 64 * 1024;

/// What is posted, and the id that it has in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub id: EventId,
    pub body: String,
}

/// An event in the words of docs/events.md.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u32,
    account: AccountId,
    timestamp: Timestamp,
    data: &'a EventData,
}

#[derive(Debug, Serialize)]
struct BatchPayload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
    account: AccountId,
    timestamp: Timestamp,
    data: Events<'a>,
}

#[derive(Debug, Serialize)]
struct Events<'a> {
    events: Vec<Payload<'a>>,
}

impl Envelope {
    pub fn single(event: &Event) -> Self {
        Self {
            id: event.id,
            body: text(&payload(event)),
        }
    }

    /// Its id is a function of those of its events. `None` of no events.
    pub fn batch(events: &[&Event]) -> Option<Self> {
        let newest = events.iter().max_by_key(|event| event.timestamp)?;
        let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
        let body = BatchPayload {
            kind: "batch",
            version: VERSION,
            account: newest.account,
            timestamp: newest.timestamp,
            data: Events {
                events: events.iter().map(|event| payload(event)).collect(),
            },
        };
        Some(Self {
            id: EventId::of_text(&ids.join(".")),
            body: text(&body),
        })
    }
}

fn payload(event: &Event) -> Payload<'_> {
    let Event {
        id,
        account,
        kind,
        timestamp,
        data,
        only: _,
    } = event;
    Payload {
        id: *id,
        kind,
        version: VERSION,
        account: *account,
        timestamp: *timestamp,
        data,
    }
}

fn text<T: Serialize>(payload: &T) -> String {
    serde_json::to_string(payload).expect("our own types are representable in JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{event::MessageEvent, message_id::MessageId, status::Status};

    fn message(slot: u8) -> MessageId {
        let message: MessageId = "msg_01h455vb4pex5vsknk084sn02q000010".parse().unwrap();
        MessageId { slot, ..message }
    }

    fn event(slot: u8) -> Event {
        let message = message(slot);
        let data = MessageEvent {
            message,
            batch: message.batch,
            status: Status::Delivered,
            reason: None,
        };
        let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let at = Timestamp::from_second(1_790_000_000 + i64::from(slot)).unwrap();
        Event::of_message(account, 1, data, at)
    }

    #[test]
    fn an_event_is_told_by_the_standard() {
        let event = event(0);

        let envelope = Envelope::single(&event);

        let body: Value = serde_json::from_str(&envelope.body).unwrap();
        assert_eq!(envelope.id, event.id);
        assert_eq!(
            body,
            json!({
                "id": event.id, "type": "message.delivered", "version": 1, "account": event.account,
                "timestamp": "2026-09-21T14:13:20Z",
                "data": {"message": message(0), "batch": message(0).batch, "status": "delivered"},
            })
        );
    }

    #[test]
    fn a_batch_has_the_same_id_for_the_same_events() {
        let (first, second) = (event(1), event(2));

        let batch = Envelope::batch(&[&first, &second]).unwrap();
        let again = Envelope::batch(&[&first, &second]).unwrap();
        let other = Envelope::batch(&[&first]).unwrap();

        let body: Value = serde_json::from_str(&batch.body).unwrap();
        assert_eq!(batch, again);
        assert_ne!(batch.id, other.id);
        assert_eq!(body["type"], "batch");
        assert_eq!(body["timestamp"], "2026-09-21T14:13:22Z");
        assert_eq!(body["data"]["events"][1]["id"], second.id.to_string());
        assert_eq!(Envelope::batch(&[]), None);
    }
}
