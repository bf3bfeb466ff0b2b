//! Each minute: goes on with the erasures and reports that are due, and forgets what accounts keep for a time of their own. The only
//! function that changes or deletes what others wrote.

mod campaigns;
mod files;
mod records;
mod report;
mod retention;
mod rewrite;
mod round;
#[cfg(test)]
mod tests;

use carillon_core::keyed_hash::DeploymentKey;
use carillon_runtime::{config::Config, logs};
use carillon_store::{
    StoreError,
    audit::AuditLog,
    aws::Aws,
    batches::Batches,
    consents::Consents,
    contacts::Contacts,
    dead_letters::DeadLetters,
    files::Files,
    inbound_log::InboundLog,
    ledger::Ledger,
    privacy::PrivacyRequests,
    retention::Sweeps,
    safeguards::SafeguardStore,
    suppressions::Suppressions,
    uploads::Uploads,
    velocity::Velocity,
    webhooks::{Deliveries, Endpoints},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

pub struct State {
    key: DeploymentKey,
    requests: PrivacyRequests,
    audit: AuditLog,
    batches: Batches,
    consents: Consents,
    contacts: Contacts,
    dead_letters: DeadLetters,
    deliveries: Deliveries,
    endpoints: Endpoints,
    files: Files,
    inbound: InboundLog,
    ledger: Ledger,
    safeguards: SafeguardStore,
    suppressions: Suppressions,
    sweeps: Sweeps,
    uploads: Uploads,
    velocity: Velocity,
    /// How long after the first round of an erasure its second begins: longer than a preparation takes that read its audience before.
    second_look: SignedDuration,
}

/// The names of tables and bucket.
struct Names {
    ledger: String,
    core: String,
    contacts: String,
    bucket: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a file could not be written anew")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] carillon_core::frame::EraseError),
    #[error("others changed {0} each time")]
    Contended(&'static str),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        round::make(state, deadline).await.map_err(Error::from)
    }))
    .await
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let key = aws
            .deployment_key(&Config::required("DEPLOYMENT_SECRET_ARN")?)
            .await?;
        let names = Names {
            ledger: Config::required("LEDGER_TABLE")?,
            core: Config::required("CORE_TABLE")?,
            contacts: Config::required("CONTACTS_TABLE")?,
            bucket: Config::required("FILES_BUCKET")?,
        };
        let second_look = Config::parsed("SECOND_LOOK_SECONDS")?;
        Ok(Self::new(
            &aws,
            key,
            &names,
            SignedDuration::from_secs(second_look),
        ))
    }

    fn new(aws: &Aws, key: DeploymentKey, names: &Names, second_look: SignedDuration) -> Self {
        let Names {
            ledger,
            core,
            contacts,
            bucket,
        } = names;
        let dynamodb = || aws.dynamodb();
        Self {
            requests: PrivacyRequests::new(dynamodb(), core),
            audit: AuditLog::new(dynamodb(), core),
            batches: Batches::new(dynamodb(), core),
            consents: Consents::new(dynamodb(), contacts, key.clone()),
            contacts: Contacts::new(dynamodb(), contacts),
            dead_letters: DeadLetters::new(dynamodb(), core),
            deliveries: Deliveries::new(dynamodb(), core),
            endpoints: Endpoints::new(dynamodb(), core),
            files: Files::new(aws.s3(), bucket),
            inbound: InboundLog::new(dynamodb(), contacts),
            ledger: Ledger::new(dynamodb(), ledger),
            safeguards: SafeguardStore::new(dynamodb(), core),
            sweeps: Sweeps::new(dynamodb(), core),
            suppressions: Suppressions::new(dynamodb(), contacts),
            uploads: Uploads::new(dynamodb(), core),
            velocity: Velocity::new(dynamodb(), core),
            key,
            second_look,
        }
    }
}
