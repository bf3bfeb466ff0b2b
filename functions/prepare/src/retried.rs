//! The audience of a retry: what failed of an earlier batch, by its ledger and its recipient files.

use std::io::{BufWriter, IntoInnerError, Write};

use carillon_core::{
    campaign::Retried,
    chunk::{
        Chunk, Pointer,
        source::{FrameAddress, Source as ChunkSource},
        window::SlotSet,
    },
    frame,
    id::AccountId,
    retry,
};
use carillon_store::{StoreError, ledger::Consistency};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{preparation::PrepareError, problem::Problem, rows::Rows, source::Source};

/// Frames on their way from S3 at once.
const CONCURRENT_FRAMES: usize = 16;

/// A chunk with messages that failed.
struct Failed {
    chunk: u32,
    frame: FrameAddress,
    slots: SlotSet,
}

impl Source {
    /// Into a file without a name, a line for each, in the order of the batch.
    pub(crate) async fn retried(
        &self,
        account: AccountId,
        retried: &Retried,
        now: Timestamp,
    ) -> Result<Rows, PrepareError> {
        let failed = self.failed(account, retried, now).await?;
        let mut frames = stream::iter(failed)
            .map(async |failed| {
                let bytes = self.files.read_frame(retried.batch, failed.frame).await?;
                Ok::<_, StoreError>((bytes, failed.slots))
            })
            .buffered(CONCURRENT_FRAMES);
        let mut file = BufWriter::new(tempfile::tempfile()?);
        while let Some((bytes, slots)) = frames.try_next().await? {
            let recipients = frame::decode(&bytes);
            let recipients = recipients.map_err(|error| StoreError::corrupt(error.to_string()))?;
            for slot in slots.iter() {
                let recipient = recipients.get(slot);
                let recipient =
                    recipient.ok_or_else(|| StoreError::corrupt("the number of recipients"))?;
                if recipient.is_erased() {
                    continue;
                }
                serde_json::to_writer(&mut file, recipient).map_err(std::io::Error::from)?;
                file.write_all(b"\n")?;
            }
        }
        drop(frames);
        let file = file.into_inner().map_err(IntoInnerError::into_error)?;
        Ok(Rows::retried(file)?)
    }

    async fn failed(
        &self,
        account: AccountId,
        retried: &Retried,
        now: Timestamp,
    ) -> Result<Vec<Failed>, PrepareError> {
        let batch = self.batches.find(retried.batch).await?;
        let batch = batch.filter(|batch| batch.terms.account == account);
        let view = batch.ok_or(Problem::NothingToRetry)?.view(now);
        let mut failed = Vec::new();
        let look = |Pointer { chunk: number, .. }, chunk: Chunk| {
            let slots = retry::slots(&chunk, &retried.ends, view);
            // Campaigns keep all of their recipients in files.
            if let (false, ChunkSource::Frame(frame)) = (slots.is_empty(), chunk.source) {
                failed.push(Failed {
                    chunk: number,
                    frame,
                    slots,
                });
            }
        };
        self.ledger
            .each_chunk(retried.batch, Consistency::Strong, look)
            .await?;
        if failed.is_empty() {
            return Err(Problem::NothingToRetry.into());
        }
        failed.sort_unstable_by_key(|failed| failed.chunk);
        Ok(failed)
    }
}
