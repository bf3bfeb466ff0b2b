//! Brings the contacts of files in, and takes them back. A file is read in groups of rows: what a group came to is written beside the
//! file, then the import says how far it is. Whoever is killed between is followed by one who does that group again, and comes to the
//! same, since each contact says which import wrote it.

mod forward;
mod minute;
mod rejected;
mod source;
mod undo;
mod upsert;
mod work;

use aws_lambda_events::sqs::SqsEvent;
use carillon_core::{
    contact::List, dead_letter::Why, keyed_hash::DeploymentKey, recipients::FileError,
};
use carillon_runtime::sqs::{self, UnreadableRecord};
use carillon_store::{
    StoreError,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    imports::{Imports, LostLease},
    queues::Queues,
    records::Records,
    suppressions::Suppressions,
};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::Value;

/// Rows that are done together, and again when their worker dies.
pub const GROUP: usize = 2_500;

pub struct Importer {
    pub dead: DeadLetterQueues,
    pub imports: Imports,
    pub lists: Records<List>,
    pub contacts: Contacts,
    pub consents: Consents,
    pub suppressions: Suppressions,
    pub files: Files,
    pub queues: Queues,
    pub key: DeploymentKey,
    /// [`GROUP`], but in tests.
    pub group: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a temporary file failed")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Lost(#[from] LostLease),
    /// Trying again wouldn't help: words for the import's owner.
    #[error("{0}")]
    Problem(String),
}

impl sqs::Fails for ImportError {
    fn why(&self) -> Why {
        match self {
            Self::Record(_) => Why::Unreadable,
            Self::Store(_) => Why::Store,
            Self::File(_) | Self::Problem(_) => Why::Failed,
            Self::Lost(_) => Why::Contended,
        }
    }
}

impl From<FileError> for ImportError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::File(error),
            error => Self::Problem(error.to_string()),
        }
    }
}

/// One invocation. At the deadline nobody works any more.
pub async fn handle(
    importer: &Importer,
    event: Value,
    deadline: Timestamp,
) -> Result<Value, Error> {
    if event.get("Records").is_none() {
        importer.ask_again(Timestamp::now()).await?;
        return Ok(Value::Null);
    }
    let event: SqsEvent = serde_json::from_value(event)?;
    let answer = sqs::each(&importer.dead, event, async |record| {
        importer.work(sqs::body(&record)?, deadline).await
    })
    .await;
    Ok(serde_json::to_value(answer)?)
}
