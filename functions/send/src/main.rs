//! The only function that spends money: takes a chunk by its pointer, and hands its messages to gateways.

mod batch_cache;
mod calls;
mod events;
mod inquiries;
mod opt_outs;
mod outgoing;
mod provider_ids;
mod requests;
mod safeguards;
mod simulated;
mod spending;
mod state;
#[cfg(test)]
mod tests;
mod traffic;
mod velocity;
mod ways;
mod window;
mod worker;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use carillon_core::{chunk::Pointer, dead_letter::Why};
use carillon_runtime::{logs, sqs};
use carillon_store::StoreError;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use crate::state::State;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(handle(state, event.payload, deadline).await)
    }))
    .await
}

/// Why a pointer goes back to its lane. What was leased stays leased until its time is over.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the pointer can't be read")]
    Pointer(#[from] sqs::UnreadableRecord),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl sqs::Fails for Failure {
    fn why(&self) -> Why {
        match self {
            Self::Pointer(_) => Why::Unreadable,
            Self::Store(_) => Why::Store,
        }
    }
}

async fn handle(state: &State, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
    sqs::each(&state.dead, event, async |record| {
        let pointer: Pointer = sqs::body(&record)?;
        worker::work(state, pointer, deadline).await?;
        Ok::<_, Failure>(())
    })
    .await
}
