//! What customers are told of a chunk's messages: enqueued before the write that it tells of.

use carillon_core::{
    chunk::{
        Pointer,
        slot::{Slot, SlotOutcome},
    },
    event::{Event, MessageEvent},
    id::AccountId,
    message_id::MessageId,
    status::Status,
};
use jiff::Timestamp;

/// One event for every slot that was decided between `before` and `after`.
pub fn of_decisions(
    account: AccountId,
    pointer: Pointer,
    before: &[Slot],
    after: &[Slot],
    now: Timestamp,
) -> Vec<Event> {
    let decided = before.iter().zip(after).enumerate();
    let decided = decided.filter(|(_, (before, after))| before.outcome != after.outcome);
    let events = decided.filter_map(|(slot, (_, after))| {
        let message = MessageId {
            batch: pointer.batch,
            chunk: pointer.chunk,
            slot: u8::try_from(slot).ok()?,
        };
        let data = MessageEvent {
            message,
            batch: pointer.batch,
            status: status(after.outcome)?,
            reason: after.reason,
        };
        Some(Event::of_message(account, after.attempt, data, now))
    });
    events.collect()
}

const fn status(outcome: SlotOutcome) -> Option<Status> {
    Some(match outcome {
        SlotOutcome::Waiting | SlotOutcome::Doubt => return None,
        SlotOutcome::Accepted => Status::Sent,
        SlotOutcome::Failed => Status::Failed,
        SlotOutcome::Unknown => Status::Unknown,
        SlotOutcome::Suppressed => Status::Suppressed,
        SlotOutcome::Cancelled => Status::Cancelled,
        SlotOutcome::Expired => Status::Expired,
    })
}
