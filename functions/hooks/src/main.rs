//! Customers' webhooks: delivers events to their endpoints, signed; what doesn't get through waits in the core table and is tried again.

mod alerting;
mod backlog;
mod call;
mod deliver;
mod disable;
mod endpoints;
mod nudge;
mod park;
mod replay;
mod standing;
mod state;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use carillon_core::{
    dead_letter::Why,
    event::{Event, QueuedEvents},
    id::AccountId,
};
use carillon_runtime::{
    logs::{self, chain},
    sqs,
};
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

use crate::state::State;

/// No call begins later than this before the function's end: it may take its whole time, and what became of it is written down.
const LAST_CALL: SignedDuration = SignedDuration::from_secs(25);

/// Why events go back to their queue.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl sqs::Fails for Failure {
    fn why(&self) -> Why {
        match self {
            Self::Store(_) => Why::Store,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        let owner = &event.context.request_id;
        handle(state, event.payload, owner, deadline).await
    }))
    .await
}

/// Events from the queue, and what asks there for a look at what waits; or the minute's look.
async fn handle(
    state: &State,
    event: Value,
    owner: &str,
    deadline: Timestamp,
) -> Result<Value, Error> {
    let stop = deadline - LAST_CALL;
    let answer = if event.get("Records").is_some() {
        let event: SqsEvent = serde_json::from_value(event)?;
        let looks = nudge::is_asked_for(&event);
        let answer = serde_json::to_value(of_queue(state, event, stop).await)?;
        if looks {
            // To fail now would deliver once more what was delivered. The minute's look makes good for this one.
            if let Err(error) = sweep::once(state, owner, stop, deadline).await {
                tracing::error!(
                    error = chain(&error),
                    "backlogs of webhooks can't be looked up"
                );
            }
        }
        answer
    } else {
        sweep::sweep(state, owner, stop, deadline).await?;
        Value::Null
    };
    state.tally.hand_on(Timestamp::now()).await;
    Ok(answer)
}

async fn of_queue(state: &State, event: SqsEvent, stop: Timestamp) -> SqsBatchResponse {
    sqs::groups(&state.dead, event, read, async |account, events| {
        deliver::deliver(state, account, events, stop).await?;
        Ok::<_, Failure>(())
    })
    .await
}

fn read(record: &SqsMessage) -> Result<Vec<(AccountId, Event)>, sqs::UnreadableRecord> {
    if nudge::is_nudge(record) {
        return Ok(Vec::new());
    }
    let QueuedEvents { account, events } = sqs::body(record)?;
    Ok(events.into_iter().map(|event| (account, event)).collect())
}
