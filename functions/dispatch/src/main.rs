//! Function `dispatch`: each minute, and when somebody wakes it.

use carillon_runtime::{config::Config, logs};
use carillon_store::{
    aws::Aws,
    batches::Batches,
    deliveries::Deliveries,
    digests::Digests,
    dispatcher_lock::DispatcherLock,
    export_schedules::ExportSchedules,
    exports::Exports,
    lakes::Lakes,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    rate::Rate,
    safeguards::SafeguardStore,
    spending::Spending,
    told::Told,
};
use dispatch::{State, handle};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = state().await?;
    let state = &state;
    // A wake and the minute's tick ask for the same. What was asked for is in the tables, so every record is done with.
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let owner = &event.context.request_id;
        Ok::<_, Error>(handle(state, &event.payload, owner, deadline).await?)
    }))
    .await
}

async fn state() -> Result<State, Error> {
    let aws = Aws::from_environment().await;
    let core = Config::required("CORE_TABLE")?;
    let urls = QueueUrls {
        prepare: Some(Config::required("PREPARE_QUEUE_URL")?),
        exports: Some(Config::required("EXPORTS_QUEUE_URL")?),
        high: Some(Config::required("LANE_HIGH_QUEUE_URL")?),
        normal: Some(Config::required("LANE_NORMAL_QUEUE_URL")?),
        low: Some(Config::required("LANE_LOW_QUEUE_URL")?),
        receipts: Some(Config::required("RECEIPTS_QUEUE_URL")?),
        hooks: Config::optional("HOOKS_QUEUE_URL"),
        ..QueueUrls::default()
    };
    let seconds = |name| Config::parsed(name).map(SignedDuration::from_secs);
    Ok(State {
        batches: Batches::new(aws.dynamodb(), &core),
        exports: Exports::new(aws.dynamodb(), &core),
        export_schedules: ExportSchedules::new(aws.dynamodb(), &core),
        lakes: Lakes::new(aws.dynamodb(), &core),
        digests: Digests::new(aws.dynamodb(), &core),
        ledger: Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?),
        queues: Queues::new(aws.sqs(), urls),
        rate: Rate::new(aws.dynamodb(), &core),
        deliveries: Deliveries::new(aws.dynamodb(), &core),
        safeguards: SafeguardStore::new(aws.dynamodb(), &core),
        spending: Spending::new(aws.dynamodb(), &core),
        told: Told::new(aws.dynamodb(), &core),
        lock: DispatcherLock::new(aws.dynamodb(), &core),
        sweep_after: seconds("SWEEP_AFTER_SECONDS")?,
        prepare_again: seconds("PREPARE_AGAIN_SECONDS")?,
        unknown_after: seconds("UNKNOWN_AFTER_SECONDS")?,
    })
}
