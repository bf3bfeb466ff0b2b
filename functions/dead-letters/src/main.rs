//! Each minute: takes what lies in the dead-letter queues to the accounts that it belongs to. What belongs to nobody stays, where
//! its alarm rings.

mod letter;
mod round;
#[cfg(test)]
mod tests;

use carillon_core::dead_letter::DeadQueue;
use carillon_runtime::{config::Config, logs};
use carillon_store::{
    aws::Aws, batches::Batches, dead_letter_queues::DeadLetterReader, dead_letters::DeadLetters,
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

pub struct State {
    reader: DeadLetterReader,
    /// Each queue's URL.
    queues: Vec<(DeadQueue, String)>,
    letters: DeadLetters,
    batches: Batches,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a queue and its URL; the function's template resource lists them")]
struct NotAQueue(String);

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
        let queues = Config::list("DEAD_LETTER_QUEUES");
        let queues = queues.iter().map(|given| queue(given));
        let queues = queues.collect::<Result<_, _>>()?;
        Ok(Self::new(&aws, &Config::required("CORE_TABLE")?, queues))
    }

    fn new(aws: &Aws, core_table: &str, queues: Vec<(DeadQueue, String)>) -> Self {
        Self {
            reader: DeadLetterReader::new(aws.sqs()),
            queues,
            letters: DeadLetters::new(aws.dynamodb(), core_table),
            batches: Batches::new(aws.dynamodb(), core_table),
        }
    }
}

/// `lane_high=https://…`
fn queue(given: &str) -> Result<(DeadQueue, String), NotAQueue> {
    let read = || {
        let (name, url) = given.split_once('=')?;
        Some((DeadQueue::parse(name)?, url.to_owned()))
    };
    read().ok_or_else(|| NotAQueue(given.to_owned()))
}
