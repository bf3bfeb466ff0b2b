//! Clicks: batch after batch, each batch's in the order of time. A place is that of a batch and the click in it after which the next
//! block begins.

use std::collections::HashMap;

use carillon_core::{
    batch::Batch,
    chunk::Pointer,
    click::Click,
    export::{Export, clicks::Clicker},
    frame::Recipient,
    id::BatchId,
    phone::Country,
};
use carillon_runtime::recipients;
use carillon_store::StoreError;
use futures::{StreamExt, TryStreamExt, future, stream};

use super::{
    Block,
    batches::{Batches, Place},
};
use crate::State;

/// Clicks of a block.
const PAGE: i32 = 1_000;
/// Chunks read at once.
const CONCURRENT: usize = 16;

pub struct Clicks<'a> {
    state: &'a State,
    export: &'a Export,
    batches: Batches<'a>,
    /// The last click of the batch at hand that was taken.
    after: Option<String>,
}

/// A chunk's country, and its recipients.
type Known = (Option<Country>, Vec<Recipient>);

impl<'a> Clicks<'a> {
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<&str>,
    ) -> Result<Self, StoreError> {
        let from = from.map(read_place).transpose()?;
        let (batch, after) = from.unzip();
        Ok(Self {
            state,
            export,
            batches: Batches::open(state, export, batch).await?,
            after: after.flatten(),
        })
    }

    pub async fn next(&mut self) -> Result<Block, StoreError> {
        let Some(batch) = self.batches.front() else {
            return Ok(Block {
                rows: Vec::new(),
                steps: 0,
                next: None,
            });
        };
        let clicks = self.page(batch).await?;
        let rows = self.rows(batch, &clicks).await?;
        self.after = clicks.last().map(|(place, _)| place.clone());
        if self.after.is_none() {
            self.batches.advance().await?;
        }
        let place = self.batches.place();
        let next =
            place.map(|batch| format!("{batch}.{}", self.after.as_deref().unwrap_or_default()));
        Ok(Block {
            rows,
            steps: 1,
            next,
        })
    }

    /// None without a question where the batch has no tracked links.
    async fn page(&self, batch: &Batch) -> Result<Vec<(String, Click)>, StoreError> {
        if batch.terms.content.links.is_none() {
            return Ok(Vec::new());
        }
        let (ledger, after) = (&self.state.ledger, self.after.as_deref());
        ledger.clicks(batch.terms.id, after, PAGE).await
    }

    async fn rows(
        &self,
        batch: &Batch,
        clicks: &[(String, Click)],
    ) -> Result<Vec<carillon_core::export::table::Row>, StoreError> {
        let mut chunks: Vec<u32> = clicks
            .iter()
            .map(|(_, click)| click.message.chunk)
            .collect();
        chunks.sort_unstable();
        chunks.dedup();
        let known: HashMap<u32, Known> = stream::iter(chunks)
            .map(|chunk| self.known(batch.terms.id, chunk))
            .buffer_unordered(CONCURRENT)
            .try_filter_map(|known| future::ready(Ok(known)))
            .try_collect()
            .await?;
        let row = |(_, click): &(String, Click)| {
            let of_chunk = known.get(&click.message.chunk);
            let clicker = of_chunk.and_then(|(country, recipients)| {
                Some(Clicker {
                    recipient: recipients.get(usize::from(click.message.slot))?,
                    country: *country,
                })
            });
            self.export.click(batch, click, clicker)
        };
        Ok(clicks.iter().map(row).collect())
    }

    /// `None` where the ledger has forgotten the chunk.
    async fn known(&self, batch: BatchId, number: u32) -> Result<Option<(u32, Known)>, StoreError> {
        let (ledger, files) = (&self.state.ledger, &self.state.files);
        let pointer = Pointer {
            batch,
            chunk: number,
        };
        let Some(chunk) = ledger.find(pointer).await? else {
            return Ok(None);
        };
        let recipients = recipients::of_chunk(ledger, files, pointer, &chunk).await?;
        Ok(Some((number, (chunk.country, recipients))))
    }
}

fn read_place(place: &str) -> Result<(Place, Option<String>), StoreError> {
    let read = place.split_once('.').and_then(|(batch, after)| {
        let after = (!after.is_empty()).then(|| after.to_owned());
        Some((batch.parse().ok()?, after))
    });
    read.ok_or_else(|| StoreError::corrupt("the place of an export"))
}
