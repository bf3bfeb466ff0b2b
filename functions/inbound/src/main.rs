//! What handsets write: opt-outs and opt-ins first, before anything is acknowledged; then the log, then the customers' events.

mod reply;
#[cfg(test)]
mod tests;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use carillon_core::{
    dead_letter::Why,
    event::Event,
    inbound::QueuedInbound,
    keyed_hash::DeploymentKey,
    keyword::{self, Match, Meaning, Wish},
    suppression::{Cause, Consent, OBEYED_AFTER, Word},
};
use carillon_runtime::{config::Config, logs, sqs};
use carillon_store::{
    StoreError,
    aws::Aws,
    consents::Consents,
    dead_letter_queues::DeadLetterQueues,
    inbound_log::{InboundLog, LoggedInbound},
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use crate::reply::Answers;

pub struct State {
    answers: Answers,
    consents: Consents,
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
    let hash = state.key.number(message.account, message.from);
    let message = state.log.as_it_came_first(message, &hash).await?;
    agree(state, &message, &hash, now).await?;
    let meaning = meaning(state, &message, &hash).await?;
    let answer = match meaning {
        Some(meaning) => obey(state, &message, meaning, &hash, now).await?,
        None => false,
    };
    let wrote = Event::of_inbound(&message, meaning);
    let consent = meaning.and_then(|meaning| Event::of_consent(&message, meaning));
    let logged = LoggedInbound { message, meaning };
    state.log.put(&logged, &hash, now).await?;
    if let Some(meaning) = meaning.filter(|_| answer) {
        let answers = &state.answers;
        answers
            .answer(&state.queues, &logged.message, meaning, &hash, now)
            .await?;
    }
    state.queues.send_events(vec![wrote]).await?;
    let Some((consent, meaning)) = consent.zip(meaning) else {
        return Ok(());
    };
    let delay = told_after(meaning.wish);
    state.queues.send_events_after(delay, vec![consent]).await
}

/// Neither its writer nor the account is told of an opt-out before it is obeyed.
fn told_after(wish: Wish) -> SignedDuration {
    match wish {
        Wish::Stop => OBEYED_AFTER,
        Wish::Start | Wish::Help => SignedDuration::ZERO,
    }
}

/// YES is a consent where its number was asked for one. Before `obey`, which changes what stands.
async fn agree(
    state: &State,
    message: &QueuedInbound,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !keyword::is_yes(&message.text) {
        return Ok(());
    }
    let account = message.account;
    let Some(asked) = state.consents.asked(account, message.from).await? else {
        return Ok(());
    };
    let stands = state.suppressions.find(account, hash).await?;
    let Some(record) = asked.agreed_by(message, stands.as_ref(), now) else {
        return Ok(());
    };
    state
        .consents
        .agree(account, message.from, &asked, &record)
        .await
}

/// YES is a START only of whoever has opted out, and where the account wants it so: others answer a question with it.
async fn meaning(
    state: &State,
    message: &QueuedInbound,
    hash: &str,
) -> Result<Option<Meaning>, StoreError> {
    let meaning = keyword::meaning(&message.text, message.from);
    if meaning.is_some() || !keyword::is_yes(&message.text) {
        return Ok(meaning);
    }
    let account = message.account;
    let stands = state.suppressions.find(account, hash).await?;
    // Its own YES, which comes again, finds what it made.
    let returns =
        stands.is_some_and(|stands| stands.holds() || stands.inbound == Some(message.id()));
    let starts = returns && state.answers.settings.find(account).await?.yes_starts;
    Ok(starts.then_some(Meaning {
        wish: Wish::Start,
        by: Match::Keyword,
    }))
}

/// Returns whether there is something to answer: this message, and none before it, changed what stands.
async fn obey(
    state: &State,
    message: &QueuedInbound,
    meaning: Meaning,
    hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let consent = match meaning.wish {
        Wish::Stop => Consent::OptedOut,
        Wish::Start => Consent::OptedIn,
        Wish::Help => return Ok(true),
    };
    let inbound = Some(message.id());
    let word = Word {
        number: Some(message.from),
        inbound,
        ..Word::new(consent, message.at, Cause::Reply)
    };
    let stands = state
        .suppressions
        .take(message.account, hash, &word, now)
        .await?;
    if stands.consent != consent {
        tracing::info!(account = %message.account, "an opt-out or opt-in came after a later one, which stands");
    }
    Ok(stands.consent == consent && stands.inbound == inbound)
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let contacts = Config::required("CONTACTS_TABLE")?;
        let core = Config::required("CORE_TABLE")?;
        let ledger = Config::required("LEDGER_TABLE")?;
        let urls = QueueUrls {
            high: Some(Config::required("LANE_HIGH_QUEUE_URL")?),
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
        let dead = Config::list("DEAD_LETTER_URLS");
        let key = aws.deployment_key(&secret).await?;
        Ok(Self {
            answers: Answers::new(&aws, &contacts, &core, &ledger),
            dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
            consents: Consents::new(aws.dynamodb(), &contacts, key.clone()),
            key,
            suppressions: Suppressions::new(aws.dynamodb(), &contacts),
            log: InboundLog::new(aws.dynamodb(), contacts),
            queues: Queues::new(aws.sqs(), urls),
        })
    }
}
