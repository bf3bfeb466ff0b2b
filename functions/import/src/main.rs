//! Function `import`: from the imports queue, one import a record; and each minute, which asks for those that nobody works on.

use carillon_runtime::{config::Config, logs};
use carillon_store::{
    aws::Aws,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    imports::Imports,
    queues::{QueueUrls, Queues},
    records::Records,
    suppressions::Suppressions,
};
use import::{GROUP, Importer, handle};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let importer = importer().await?;
    let importer = &importer;
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        handle(importer, event.payload, deadline).await
    }))
    .await
}

async fn importer() -> Result<Importer, Error> {
    let aws = Aws::from_environment().await;
    let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
    let core = Config::required("CORE_TABLE")?;
    let contacts = Config::required("CONTACTS_TABLE")?;
    let urls = QueueUrls {
        imports: Some(Config::required("IMPORTS_QUEUE_URL")?),
        ..QueueUrls::default()
    };
    let dead = Config::list("DEAD_LETTER_URLS");
    let key = aws.deployment_key(&secret).await?;
    Ok(Importer {
        dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
        imports: Imports::new(aws.dynamodb(), &core),
        lists: Records::new(aws.dynamodb(), &core),
        contacts: Contacts::new(aws.dynamodb(), &contacts),
        consents: Consents::new(aws.dynamodb(), &contacts, key.clone()),
        suppressions: Suppressions::new(aws.dynamodb(), contacts),
        files: Files::new(aws.s3(), Config::required("FILES_BUCKET")?),
        queues: Queues::new(aws.sqs(), urls),
        key,
        group: GROUP,
    })
}
