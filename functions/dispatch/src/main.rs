//! The clock of the system: while anything runs or waits, it releases chunks, wakes the parked, recounts and finishes. One at a time.

mod dispatcher;
mod recount;
mod release;
mod shares;
#[cfg(test)]
mod tests;

use carillon_core::id::BatchId;
use carillon_runtime::{config::Config, logs};
use carillon_store::{
    StoreError,
    aws::Aws,
    batches::Batches,
    dispatcher_lock::DispatcherLock,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

use crate::dispatcher::Dispatcher;

pub struct State {
    batches: Batches,
    ledger: Ledger,
    queues: Queues,
    lock: DispatcherLock,
    /// How old a release must be before its chunk is released again.
    sweep_after: SignedDuration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    // A wake and the minute's tick ask for the same. What was asked for is in the tables, so every record is done with.
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let owner = &event.context.request_id;
        Ok::<_, Error>(handle(state, &event.payload, owner, deadline).await?)
    }))
    .await
}

async fn handle(
    state: &State,
    event: &Value,
    owner: &str,
    deadline: Timestamp,
) -> Result<Value, StoreError> {
    let mut dispatcher = Dispatcher::new(state, owner, deadline);
    dispatcher.run(woken_for(event)).await?;
    Ok(json!({ "batchItemFailures": [] }))
}

/// The batch that a wake names, where there is one: only for the log.
fn woken_for(event: &Value) -> Option<BatchId> {
    let body: Value = serde_json::from_str(event["Records"][0]["body"].as_str()?).ok()?;
    body["wake"].as_str()?.parse().ok()
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let core = Config::required("CORE_TABLE")?;
        let urls = QueueUrls {
            high: Some(Config::required("LANE_HIGH_QUEUE_URL")?),
            normal: Some(Config::required("LANE_NORMAL_QUEUE_URL")?),
            low: Some(Config::required("LANE_LOW_QUEUE_URL")?),
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        Ok(Self {
            batches: Batches::new(aws.dynamodb(), &core),
            ledger: Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?),
            queues: Queues::new(aws.sqs(), urls),
            lock: DispatcherLock::new(aws.dynamodb(), &core),
            sweep_after: SignedDuration::from_secs(Config::parsed("SWEEP_AFTER_SECONDS")?),
        })
    }
}
