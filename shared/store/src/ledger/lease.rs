//! What `send` writes to a chunk: its lease, its windows, its end.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use carillon_core::{
    batch::Control,
    chunk::{Chunk, ChunkState, Pointer, pack_slots, window::Token},
    session::{ChunkWrite, Then},
};
use jiff::{SignedDuration, Timestamp};

use super::{KEPT, Ledger, chunk_item};
use crate::{
    StoreError, condition,
    item::{binary, number, time},
    keys,
};

/// Workers' clocks may differ by this much when they look whether a chunk is due.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Somebody else holds the chunk, or a later write of ours was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLost;

impl Ledger {
    /// Takes a chunk that is not done, not leased and not parked into the future; `None` when that is not so.
    ///
    /// Its `wake` stays until the chunk is let go of, and so finds it again if the worker dies.
    ///
    /// A chunk of a cancelled batch is taken although it is parked: waiting is over for it.
    ///
    /// `token` must be new for every call; the condition admits it again, since the SDK repeats a call whose answer was lost.
    pub async fn lease(
        &self,
        pointer: Pointer,
        token: Token,
        now: Timestamp,
        until: Timestamp,
        control: Control,
    ) -> Result<Option<Chunk>, StoreError> {
        let soon = if control == Control::Cancelled {
            Timestamp::MAX
        } else {
            now + SKEW
        };
        let update = self
            .update(keys::chunk(pointer).item())
            .update_expression("SET st = :leased, ow = :token, un = :until")
            .condition_expression(
                "attribute_exists(pk) AND st <> :done AND (attribute_not_exists(un) OR un <= :now OR ow = :token) \
                 AND (st <> :parked OR wt <= :soon)",
            )
            .expression_attribute_values(":leased", chunk_item::state(ChunkState::Leased))
            .expression_attribute_values(":done", chunk_item::state(ChunkState::Done))
            .expression_attribute_values(":parked", chunk_item::state(ChunkState::Parked))
            .expression_attribute_values(":token", binary(token))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":soon", time(soon))
            .return_values(ReturnValue::AllNew);
        let leased = condition::held(update.send().await, "lease a chunk")?;
        let chunk = leased.map(|answer| chunk_item::from_answer(answer.attributes()));
        chunk.transpose()
    }

    /// A write of the worker that holds the lease. Returns the chunk as it is then, with the reports that came in the meantime.
    pub async fn write(
        &self,
        pointer: Pointer,
        write: &ChunkWrite,
        now: Timestamp,
    ) -> Result<Result<Chunk, LeaseLost>, StoreError> {
        let update = self
            .update(keys::chunk(pointer).item())
            .condition_expression(
                "attribute_exists(pk) AND ow = :token AND (o = :before OR o = :after)",
            )
            .expression_attribute_values(":token", binary(write.token))
            .expression_attribute_values(":before", binary(write.before.pack()))
            .expression_attribute_values(":after", binary(write.window.pack()))
            .expression_attribute_values(":slots", binary(pack_slots(&write.slots)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match write.then {
            Then::Keep => update.update_expression("SET s = :slots, o = :after"),
            Then::Park(until) => update
                .update_expression("SET s = :slots, o = :after, st = :parked, w = :shard, wt = :wake REMOVE ow, un")
                .expression_attribute_values(":parked", chunk_item::state(ChunkState::Parked))
                .expression_attribute_values(":shard", number(keys::wake_shard(pointer)))
                .expression_attribute_values(":wake", time(until)),
            Then::GiveBack => update
                .update_expression("SET s = :slots, o = :after, st = :ready REMOVE ow, un, w, wt")
                .expression_attribute_values(":ready", chunk_item::state(ChunkState::Ready)),
            Then::Finish => update
                .update_expression("SET s = :slots, o = :after, st = :done, #ttl = :ttl REMOVE ow, un, w, wt")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":done", chunk_item::state(ChunkState::Done))
                .expression_attribute_values(":ttl", number((now + KEPT).as_second())),
        };
        match condition::or_there(update.send().await, "write a chunk")? {
            Ok(answer) => chunk_item::from_answer(answer.attributes()).map(Ok),
            Err(there) => {
                // A write that lets go of the lease and whose answer was lost finds itself when it is repeated.
                let there = there.as_ref().map(chunk_item::from_item).transpose()?;
                Ok(there
                    .filter(|chunk| write.then != Then::Keep && chunk.window == write.window)
                    .ok_or(LeaseLost))
            }
        }
    }
}
