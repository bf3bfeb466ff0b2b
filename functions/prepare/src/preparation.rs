//! One invocation's work: find the batch's manifest or make it, write the ledger items that it names, call the batch ready.
//! Whoever dies on the way is followed by one who goes on from the manifest, or begins anew under another run.

use std::{io, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use carillon_core::{
    batch::{Batch, Control, Prepared, Stage},
    chunk::{Chunk, Pointer, source::Source as ChunkSource},
    content::Texts,
    dead_letter::Why,
    event::{CampaignTurn, Event},
    keyed_hash::DeploymentKey,
    manifest::{Frame, Manifest},
    recipients::FileError,
    rules::Class,
    safeguards::{NeedsConsent, Safeguards},
};
use carillon_runtime::{
    random,
    sqs::{self, UnreadableRecord},
};
use carillon_store::{
    StoreError,
    batches::Batches,
    consents::Consents,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    ledger::Ledger,
    queues::{PrepareRequest, Queues},
    safeguards::SafeguardStore,
    suppressions::{OptedOut, Suppressions},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{frequency::Frequency, problem::Problem, recipients::Recipients, source::Source};

/// A part is full when it has as many.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way to S3 at once.
const CONCURRENT_PARTS: usize = 4;
/// Numbers whose consents are looked up before the next.
const LOOKED_UP_TOGETHER: usize = 10_000;
/// Chunks on their way to the ledger at once.
const CONCURRENT_CHUNKS: usize = 64;
/// How often a chunk is tried: a new table takes 4,000 writes a second, and doubles that under load.
const CHUNK_TRIES: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Clone)]
pub struct Preparation {
    pub dead: DeadLetterQueues,
    pub batches: Batches,
    pub source: Source,
    pub files: Files,
    pub safeguards: SafeguardStore,
    pub suppressions: Suppressions,
    pub consents: Consents,
    pub ledger: Ledger,
    pub queues: Queues,
    pub key: DeploymentKey,
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a temporary file failed")]
    File(#[from] io::Error),
    /// Trying again wouldn't help.
    #[error("the audience can't be prepared")]
    Problem(#[from] Problem),
}

impl sqs::Fails for PrepareError {
    fn why(&self) -> Why {
        match self {
            Self::Record(_) => Why::Unreadable,
            Self::Store(_) => Why::Store,
            Self::File(_) | Self::Problem(_) => Why::Failed,
        }
    }
}

impl From<FileError> for PrepareError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::File(error),
            error => Self::Problem(Problem::File(error)),
        }
    }
}

/// A record is a batch. At the deadline nobody works on it any more.
pub async fn handle(
    preparation: &Preparation,
    event: SqsEvent,
    deadline: Timestamp,
) -> SqsBatchResponse {
    sqs::each(&preparation.dead, event, async |record| {
        preparation.prepare(&sqs::body(&record)?, deadline).await
    })
    .await
}

impl Preparation {
    /// Once it returns, the batch is ready or has failed. May be called again, and at the same time.
    pub async fn prepare(
        &self,
        request: &PrepareRequest,
        deadline: Timestamp,
    ) -> Result<(), PrepareError> {
        let id = request.batch;
        let batch = self.batches.find(id).await?;
        let batch = batch
            .filter(|batch| batch.terms.account == request.account)
            .ok_or_else(|| StoreError::corrupt(format!("the batch {id} of a request")))?;
        match batch.progress.stage {
            Stage::Preparing => self.batches.preparing_until(id, deadline).await?,
            // Whoever made it ready may not have come to this.
            Stage::Ready => return Ok(self.queues.wake_dispatcher(id).await?),
            Stage::Finished | Stage::Failed => return Ok(()),
        }
        let manifest = match self.manifest(request, &batch).await {
            Err(PrepareError::Problem(problem)) => {
                tracing::warn!(batch = %id, "a batch can't be prepared; it says why");
                let failed = Event::of_batch(&batch.terms, CampaignTurn::Failed, Timestamp::now());
                let told = failed.into_iter().collect();
                self.queues.send_events(told).await?;
                return Ok(self.batches.fail(id, &problem.to_string()).await?);
            }
            manifest => manifest?,
        };
        self.write_chunks(&manifest).await?;
        let Prepared {
            rows,
            accepted,
            rejected,
            duplicates,
            opted_out,
            capped,
            no_consent,
            parts,
        } = manifest.prepared;
        self.batches
            .ready(id, manifest.chunks(), &manifest.prepared)
            .await?;
        tracing::info!(
            batch = %id, rows, accepted, rejected, duplicates, opted_out, capped, no_consent, parts, chunks = manifest.chunks(),
            "a batch is prepared"
        );
        Ok(self.queues.wake_dispatcher(id).await?)
    }

    /// The batch's one manifest: the one that is there, or the one that is made now.
    async fn manifest(
        &self,
        request: &PrepareRequest,
        batch: &Batch,
    ) -> Result<Manifest, PrepareError> {
        match self.files.find_manifest(request.batch).await? {
            Some(manifest) => Ok(manifest),
            None => self.make_manifest(request, batch).await,
        }
    }

    /// Begins anew, for whoever finds no manifest. Another run's may be there by the end: that one is returned then.
    pub async fn make_manifest(
        &self,
        request: &PrepareRequest,
        batch: &Batch,
    ) -> Result<Manifest, PrepareError> {
        let manifest = if batch.progress.control == Control::Cancelled {
            // Nothing is in the ledger, and once this is settled nobody else's run will be.
            empty(request)
        } else {
            self.write_parts(request, batch).await?
        };
        Ok(self.files.settle_manifest(&manifest).await?)
    }

    /// Writes the audience under a run of its own, and the list of rejected rows.
    async fn write_parts(
        &self,
        request: &PrepareRequest,
        batch: &Batch,
    ) -> Result<Manifest, PrepareError> {
        let texts = Texts::parse(&batch.terms.content).map_err(Problem::Text)?;
        let names = texts.values();
        let campaign = self.source.campaign(request).await?;
        let rows = self.source.rows(&campaign, &names, batch.terms.starts());
        let rows = rows.await?;
        let safeguards = self.safeguards.find(request.account).await?;
        // What a test key sends never leaves.
        let destinations = (!batch.terms.test).then_some(&safeguards.destinations);
        let mut recipients = Recipients::read(rows, &texts, destinations)?;
        recipients.deduplicate();
        self.remove_opted_out(request, &mut recipients).await?;
        if asks_for_consent(batch, &safeguards) {
            self.remove_not_agreed(request, &mut recipients, batch.terms.starts())
                .await?;
        }
        if let Some(frequency) = Frequency::of(batch, &safeguards) {
            let (batches, files) = (&self.batches, &self.files);
            let forgotten = campaign.audience.retried();
            frequency
                .apply(batch, forgotten, batches, files, &mut recipients)
                .await?;
        }
        if let Some(csv) = recipients.rejected_csv()? {
            self.files
                .put_rejected(request.account, request.batch, csv.into())
                .await?;
        }
        recipients.check()?;
        let run = u64::from_be_bytes(random::bytes());
        let chunk_size = batch.terms.chunk_size(recipients.count());
        let mut parts = recipients.into_parts(chunk_size, PART_BYTES);
        stream::iter(parts.by_ref())
            .map(|part| async {
                let part = part?;
                let frames = part.frames.into();
                let put = self.files.put_part(request.batch, run, part.number, frames);
                Ok::<_, PrepareError>(put.await?)
            })
            .buffer_unordered(CONCURRENT_PARTS)
            .try_collect::<()>()
            .await?;
        Ok(parts.into_manifest(request.batch, run))
    }

    async fn remove_opted_out(
        &self,
        request: &PrepareRequest,
        recipients: &mut Recipients,
    ) -> Result<(), StoreError> {
        let lines = self.suppressions.since(request.account, None).await?;
        let opted_out: OptedOut = lines.into_iter().collect();
        if !opted_out.is_empty() {
            recipients.remove_opted_out(|number| {
                opted_out.contains(&self.key.number(request.account, number))
            });
        }
        Ok(())
    }

    /// By a look at each number, a hundred in a call: what is asked of an account that asks for it.
    async fn remove_not_agreed(
        &self,
        request: &PrepareRequest,
        recipients: &mut Recipients,
        begins: Timestamp,
    ) -> Result<(), StoreError> {
        let mut lacks = Vec::with_capacity(recipients.count());
        while lacks.len() < recipients.count() {
            let numbers = recipients.numbers(lacks.len(), LOOKED_UP_TOGETHER);
            let hashes: Vec<String> = numbers
                .iter()
                .map(|number| self.key.number(request.account, *number))
                .collect();
            let agreed = self
                .consents
                .agreed(request.account, hashes.clone(), begins);
            let agreed = agreed.await?;
            lacks.extend(hashes.iter().map(|hash| !agreed.contains(hash)));
        }
        recipients.remove_not_agreed(|place| lacks[place]);
        Ok(())
    }

    /// Writes the ledger items that aren't there yet.
    async fn write_chunks(&self, manifest: &Manifest) -> Result<(), StoreError> {
        stream::iter(chunks(manifest))
            .map(|(pointer, chunk)| self.write_chunk(pointer, chunk))
            .buffer_unordered(CONCURRENT_CHUNKS)
            .try_collect()
            .await
    }

    /// Longer than the SDK tries: a table that grows with its load refuses some writes for a while.
    async fn write_chunk(&self, pointer: Pointer, chunk: Chunk) -> Result<(), StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..CHUNK_TRIES {
            if self.ledger.create_chunk(pointer, &chunk).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.ledger.create_chunk(pointer, &chunk).await.map(drop)
    }
}

/// Whether marketing goes to those only who agreed. What a test key sends reaches nobody.
fn asks_for_consent(batch: &Batch, safeguards: &Safeguards) -> bool {
    let marketing = batch.terms.class == Class::Marketing && !batch.terms.test;
    marketing && safeguards.marketing_needs_consent == NeedsConsent::Skip
}

/// The chunks of a batch, as they begin.
fn chunks(manifest: &Manifest) -> impl Iterator<Item = (Pointer, Chunk)> {
    let chunk = |(chunk, frame): (u32, &Frame)| {
        let pointer = Pointer {
            batch: manifest.batch,
            chunk,
        };
        let source = ChunkSource::Frame(manifest.address(frame));
        let made = Chunk::new(usize::from(frame.3), source);
        (pointer, made.in_country(manifest.country_of(chunk)))
    };
    (0..).zip(&manifest.frames).map(chunk)
}

fn empty(request: &PrepareRequest) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        batch: request.batch,
        run: 0,
        parts: 0,
        groups: Vec::new(),
        frames: Vec::new(),
        prepared: Prepared::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_of_a_manifest_is_a_chunk() {
        let batch = "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let request = PrepareRequest {
            batch,
            campaign: "cmp_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        };
        let manifest = Manifest {
            run: 9,
            frames: vec![
                Frame(0, 0, 50, 100, 447_700_900_000),
                Frame(1, 7, 60, 3, 447_700_900_100),
            ],
            ..empty(&request)
        };

        let chunks: Vec<_> = chunks(&manifest).collect();

        let addresses: Vec<_> = chunks
            .iter()
            .map(|(pointer, chunk)| (pointer.chunk, chunk.slots.len(), chunk.source.pack()))
            .collect();
        let address = |frame| ChunkSource::Frame(manifest.address(frame)).pack();
        assert_eq!(
            addresses,
            [
                (0, 100, address(&manifest.frames[0])),
                (1, 3, address(&manifest.frames[1])),
            ]
        );
        assert!(chunks.iter().all(|(pointer, _)| pointer.batch == batch));
    }
}
