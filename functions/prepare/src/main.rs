//! Function `prepare`: from the prepare queue, one batch a record.

use aws_lambda_events::sqs::SqsEvent;
use carillon_runtime::{config::Config, logs};
use carillon_store::{
    audiences::Audiences,
    aws::Aws,
    batches::Batches,
    campaigns::Campaigns,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    records::Records,
    safeguards::SafeguardStore,
    suppressions::Suppressions,
    uploads::Uploads,
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use prepare::{
    preparation::{Preparation, handle},
    source::Source,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let preparation = preparation().await?;
    let preparation = &preparation;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(handle(preparation, event.payload, deadline).await)
    }))
    .await
}

async fn preparation() -> Result<Preparation, Error> {
    let aws = Aws::from_environment().await;
    let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
    let core = Config::required("CORE_TABLE")?;
    let contacts = Config::required("CONTACTS_TABLE")?;
    let ledger = Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?);
    let files = Files::new(aws.s3(), Config::required("FILES_BUCKET")?);
    let urls = QueueUrls {
        dispatch: Some(Config::required("DISPATCH_QUEUE_URL")?),
        hooks: Config::optional("HOOKS_QUEUE_URL"),
        ..QueueUrls::default()
    };
    let key = aws.deployment_key(&secret).await?;
    let dead = Config::list("DEAD_LETTER_URLS");
    Ok(Preparation {
        dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
        batches: Batches::new(aws.dynamodb(), &core),
        source: Source {
            campaigns: Campaigns::new(aws.dynamodb(), &core),
            uploads: Uploads::new(aws.dynamodb(), &core),
            files: files.clone(),
            audiences: Audiences {
                lists: Records::new(aws.dynamodb(), &core),
                segments: Records::new(aws.dynamodb(), &core),
                contacts: Contacts::new(aws.dynamodb(), &contacts),
            },
            batches: Batches::new(aws.dynamodb(), &core),
            ledger: ledger.clone(),
        },
        files,
        safeguards: SafeguardStore::new(aws.dynamodb(), &core),
        suppressions: Suppressions::new(aws.dynamodb(), &contacts),
        consents: Consents::new(aws.dynamodb(), contacts, key.clone()),
        ledger,
        queues: Queues::new(aws.sqs(), urls),
        key,
    })
}
