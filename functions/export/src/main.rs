//! Function `export`: from the exports queue, one export a record.

use aws_lambda_events::sqs::SqsEvent;
use carillon_runtime::{config::Config, logs};
use carillon_store::{
    aws::Aws,
    batches::Batches,
    campaigns::Campaigns,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    digests::Digests,
    export_files::ExportFiles,
    exports::Exports,
    files::Files,
    inbound_log::InboundLog,
    lake_days::LakeDays,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use export::{Limits, State, worker::handle};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = &state().await?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(handle(state, event.payload, deadline).await)
    }))
    .await
}

async fn state() -> Result<State, Error> {
    let aws = Aws::from_environment().await;
    let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
    let core = Config::required("CORE_TABLE")?;
    let contacts = Config::required("CONTACTS_TABLE")?;
    let bucket = Config::required("FILES_BUCKET")?;
    let dead = Config::list("DEAD_LETTER_URLS");
    let urls = QueueUrls {
        hooks: Config::optional("HOOKS_QUEUE_URL"),
        ..QueueUrls::default()
    };
    Ok(State {
        dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
        digests: Digests::new(aws.dynamodb(), &core),
        exports: Exports::new(aws.dynamodb(), &core),
        queues: Queues::new(aws.sqs(), urls),
        export_files: ExportFiles::new(aws.s3(), &bucket),
        lake_days: LakeDays::new(aws.dynamodb(), &core),
        batches: Batches::new(aws.dynamodb(), &core),
        campaigns: Campaigns::new(aws.dynamodb(), &core),
        contacts: Contacts::new(aws.dynamodb(), &contacts),
        inbound: InboundLog::new(aws.dynamodb(), &contacts),
        suppressions: Suppressions::new(aws.dynamodb(), contacts),
        ledger: Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?),
        files: Files::new(aws.s3(), bucket),
        key: aws.deployment_key(&secret).await?,
        limits: Limits {
            part_rows: Config::parsed("EXPORT_PART_ROWS")?,
            lease: SignedDuration::from_secs(Config::parsed("EXPORT_LEASE_SECONDS")?),
            ..Limits::USUAL
        },
    })
}
