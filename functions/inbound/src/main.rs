//! What handsets write: opt-outs and opt-ins first, before anything is acknowledged; then the log, then the customers' events.

#[cfg(test)]
mod tests;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use carillon_core::{
    dead_letter::Why,
    event::Event,
    inbound::QueuedInbound,
    keyed_hash::DeploymentKey,
    keyword::{self, Meaning, Wish},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::{config::Config, logs, sqs};
use carillon_store::{
    StoreError,
    aws::Aws,
    dead_letter_queues::DeadLetterQueues,
    inbound_log::{InboundLog, LoggedInbound},
    queues::{Outbound, QueueUrls, Queues},
    suppressions::Suppressions,
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

pub struct State {
    dead: DeadLetterQueues,
    key: DeploymentKey,
    suppressions: Suppressions,
    log: InboundLog,
    queues: Queues,
}

/// Why a message goes back to its queue.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the message can't be read")]
    Record(#[from] sqs::UnreadableRecord),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl sqs::Fails for Failure {
    fn why(&self) -> Why {
        match self {
            Self::Record(_) => Why::Unreadable,
            Self::Store(_) => Why::Store,
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
    sqs::each(&state.dead, event, async |record| {
        let message: QueuedInbound = sqs::body(&record)?;
        take(state, message, now).await?;
        Ok::<_, Failure>(())
    })
    .await
}

/// Every step can be repeated: the message may come again after any of them.
async fn take(state: &State, message: QueuedInbound, now: Timestamp) -> Result<(), StoreError> {
    let meaning = keyword::meaning(&message.text, message.from);
    if let Some(meaning) = meaning {
        obey(state, &message, meaning, now).await?;
    }
    let mut events = vec![Event::of_inbound(&message, meaning)];
    events.extend(meaning.and_then(|meaning| Event::of_consent(&message, meaning)));
    let logged = LoggedInbound { message, meaning };
    state.log.put(&logged, now).await?;
    let events = events.iter().map(Outbound::now).collect();
    state.queues.send_events(events).await
}

async fn obey(
    state: &State,
    message: &QueuedInbound,
    meaning: Meaning,
    now: Timestamp,
) -> Result<(), StoreError> {
    let consent = match meaning.wish {
        Wish::Stop => Consent::OptedOut,
        Wish::Start => Consent::OptedIn,
        Wish::Help => return Ok(()),
    };
    let hash = state.key.number(message.account, message.from);
    let word = Word {
        number: Some(message.from),
        inbound: Some(message.id()),
        ..Word::new(consent, message.at, Cause::Reply)
    };
    let stands = state
        .suppressions
        .take(message.account, &hash, &word, now)
        .await?;
    if stands.consent != consent {
        tracing::info!(account = %message.account, "an opt-out or opt-in came after a later one, which stands");
    }
    Ok(())
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let contacts = Config::required("CONTACTS_TABLE")?;
        let urls = QueueUrls {
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
        let dead = Config::list("DEAD_LETTER_URLS");
        Ok(Self {
            dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
            key: aws.deployment_key(&secret).await?,
            suppressions: Suppressions::new(aws.dynamodb(), &contacts),
            log: InboundLog::new(aws.dynamodb(), contacts),
            queues: Queues::new(aws.sqs(), urls),
        })
    }
}
