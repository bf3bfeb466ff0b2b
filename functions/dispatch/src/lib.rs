//! The clock of the system: while anything runs or waits, it releases chunks, wakes the parked, recounts, sweeps and finishes.
//! One at a time.

mod budgets;
mod closing;
mod digesting;
pub mod dispatcher;
mod due;
mod each;
mod exporting;
mod judging;
mod lakes;
mod lanes;
mod minute;
mod outline;
mod paces;
mod preparing;
mod recount;
mod release;
mod rounds;
mod sweep;
mod telling;
mod tick;

use carillon_store::{
    StoreError, batches::Batches, deliveries::Deliveries, digests::Digests,
    dispatcher_lock::DispatcherLock, export_schedules::ExportSchedules, exports::Exports,
    lakes::Lakes, ledger::Ledger, queues::Queues, rate::Rate, safeguards::SafeguardStore,
    spending::Spending, told::Told,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::dispatcher::{Call, Dispatcher};

pub struct State {
    pub batches: Batches,
    pub exports: Exports,
    pub export_schedules: ExportSchedules,
    pub lakes: Lakes,
    pub digests: Digests,
    pub ledger: Ledger,
    pub queues: Queues,
    pub rate: Rate,
    pub deliveries: Deliveries,
    pub safeguards: SafeguardStore,
    pub spending: Spending,
    pub told: Told,
    pub lock: DispatcherLock,
    /// How old a release must be before its chunk is released again.
    pub sweep_after: SignedDuration,
    /// How long nobody may prepare a batch before that is asked for again.
    pub prepare_again: SignedDuration,
    /// A message of which nothing was heard for so long after it was sent is `unknown`.
    pub unknown_after: SignedDuration,
}

/// One invocation. `owner` is new for each.
pub async fn handle(
    state: &State,
    event: &Value,
    owner: &str,
    deadline: Timestamp,
) -> Result<Value, StoreError> {
    let mut dispatcher = Dispatcher::new(state, owner, deadline);
    dispatcher.run(Call::of(event)).await?;
    Ok(json!({ "batchItemFailures": [] }))
}
