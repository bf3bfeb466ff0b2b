//! Applies delivery reports to the ledger: grouped by chunk, each chunk written once, whatever order and however often they come.

mod apply;
mod batch_terms;
mod chunk;
mod tally;
#[cfg(test)]
mod tests;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use carillon_core::{
    chunk::Pointer,
    dead_letter::Why,
    id::GatewayAccountId,
    queued_report::{About, QueuedReport, QueuedReports},
};
use carillon_runtime::{config::Config, logs, sqs};
use carillon_store::{
    StoreError,
    aws::Aws,
    batches::Batches,
    dead_letter_queues::DeadLetterQueues,
    deliveries::Deliveries,
    files::Files,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use crate::{batch_terms::BatchTermsCache, tally::Tally};

pub struct State {
    dead: DeadLetterQueues,
    queues: Queues,
    ledger: Ledger,
    files: Files,
    batches: BatchTermsCache,
    tally: Tally,
}

/// What is worked on together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Chunk(Pointer),
    /// A message known by the gateway's id only.
    ProviderId(GatewayAccountId, String),
}

/// Why a record goes back to its queue.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The send that it speaks of may not be in the ledger yet.
    #[error("a report for a provider id that is not known yet")]
    TooEarly,
    #[error("others wrote to the chunk again and again")]
    Contention,
}

impl sqs::Fails for Failure {
    fn why(&self) -> Why {
        match self {
            Self::Store(_) => Why::Store,
            Self::TooEarly => Why::Early,
            Self::Contention => Why::Contended,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(handle(state, event.payload, Timestamp::now()).await)
    }))
    .await
}

async fn handle(state: &State, event: SqsEvent, now: Timestamp) -> SqsBatchResponse {
    let answer = sqs::groups(
        &state.dead,
        event,
        read,
        async |group, reports| match group {
            Group::Chunk(pointer) => chunk::to_chunk(state, pointer, &reports, now).await,
            Group::ProviderId(gateway, id) => {
                chunk::to_provider_id(state, gateway, &id, reports, now).await
            }
        },
    )
    .await;
    state.tally.hand_on(now).await;
    answer
}

fn read(record: &SqsMessage) -> Result<Vec<(Group, QueuedReport)>, sqs::UnreadableRecord> {
    let queued: QueuedReports = sqs::body(record)?;
    let grouped = queued.reports.into_iter().map(|report| {
        let group = match &report.about {
            About::Message { message, .. } | About::Recipient { chunk: message, .. } => {
                Group::Chunk(Pointer {
                    batch: message.batch,
                    chunk: message.chunk,
                })
            }
            About::ProviderId { gateway, id } => Group::ProviderId(*gateway, id.clone()),
        };
        (group, report)
    });
    Ok(grouped.collect())
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let core = Config::required("CORE_TABLE")?;
        let batches = Batches::new(aws.dynamodb(), &core);
        let urls = QueueUrls {
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        let dead = Config::list("DEAD_LETTER_URLS");
        Ok(Self {
            dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
            queues: Queues::new(aws.sqs(), urls),
            ledger: Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?),
            files: Files::new(aws.s3(), Config::required("FILES_BUCKET")?),
            batches: BatchTermsCache::new(batches),
            tally: Tally::new(Deliveries::new(aws.dynamodb(), core)),
        })
    }
}
