//! Releasing: pointers to the next chunks of running batches, and to parked chunks that are due. Pointers first, then the cursor:
//! a crash in between only doubles pointers.

use std::collections::BTreeMap;

use carillon_core::{
    batch::{Batch, Sweep},
    chunk::Pointer,
    id::AccountId,
};
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::{dispatcher::Dispatcher, shares::share};

/// Chunks released a second at most, over all batches: 40,000 messages.
const CHUNKS_A_SECOND: u32 = 400;
/// Chunks released ahead of what a rate allows, so that workers never wait for pointers.
const AHEAD: u32 = 2;
/// Due chunks pointed to in a second, of each partition of the index.
const DUE_A_SECOND: i32 = 100;
/// A pointer to a due chunk is given this long to be worked on.
const WAKE_AGAIN: SignedDuration = SignedDuration::from_secs(20);

impl Dispatcher<'_> {
    pub async fn release(
        &mut self,
        batches: &mut [Batch],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut accounts: BTreeMap<AccountId, Vec<&mut Batch>> = BTreeMap::new();
        for batch in batches.iter_mut().filter(|batch| batch.may_release(now)) {
            accounts.entry(batch.terms.account).or_default().push(batch);
        }
        let wanted: Vec<u32> = accounts
            .values()
            .map(|batches| batches.iter().map(|batch| releasable(batch)).sum())
            .collect();
        let granted = share(CHUNKS_A_SECOND, &wanted, self.round);
        self.round = self.round.wrapping_add(1);
        for (batches, mut grant) in accounts.into_values().zip(granted) {
            // Within an account the older batch first.
            for batch in batches {
                let chunks = releasable(batch).min(grant);
                grant -= chunks;
                self.release_next(batch, chunks, now).await?;
            }
        }
        Ok(())
    }

    async fn release_next(
        &self,
        batch: &mut Batch,
        chunks: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if chunks == 0 {
            return Ok(());
        }
        let (terms, cursor) = (&batch.terms, batch.progress.cursor);
        if cursor == 0 {
            // The first period of sweeping begins with the first release.
            let sweep = Sweep { at: now, below: 0 };
            self.state.batches.swept(terms.id, sweep).await?;
            batch.progress.swept = Some(sweep);
        }
        let next = cursor + chunks;
        let pointers: Vec<Pointer> = (cursor..next)
            .map(|chunk| Pointer {
                batch: terms.id,
                chunk,
            })
            .collect();
        self.state
            .queues
            .send_pointers(terms.lane, terms.account, &pointers)
            .await?;
        self.state.batches.advance(terms.id, next).await?;
        batch.progress.cursor = next;
        Ok(())
    }

    /// Points to the chunks whose time has come: parked ones, and those of API sends that nobody took.
    pub async fn wake(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.woken
            .retain(|_, woken| now.duration_since(*woken) < WAKE_AGAIN);
        let due = self.state.ledger.due(now, DUE_A_SECOND).await?;
        let mut by_batch: BTreeMap<_, Vec<Pointer>> = BTreeMap::new();
        for pointer in due
            .into_iter()
            .filter(|pointer| !self.woken.contains_key(pointer))
        {
            by_batch.entry(pointer.batch).or_default().push(pointer);
        }
        for (id, pointers) in by_batch {
            let Some(batch) = self.state.batches.find(id).await? else {
                tracing::error!(batch = %id, "a chunk is due and its batch is gone");
                continue;
            };
            self.state
                .queues
                .send_pointers(batch.terms.lane, batch.terms.account, &pointers)
                .await?;
            self.woken
                .extend(pointers.into_iter().map(|pointer| (pointer, now)));
        }
        Ok(())
    }
}

/// How many chunks of a batch could be released now: what is left, within a second of its fastest route's rate.
fn releasable(batch: &Batch) -> u32 {
    let left = batch
        .progress
        .chunks
        .unwrap_or(0)
        .saturating_sub(batch.progress.cursor);
    let rates: Option<Vec<u32>> = batch
        .terms
        .routes
        .iter()
        .map(|route| route.parts_per_second)
        .collect();
    let Some(rate) = rates
        .filter(|_| !batch.terms.test)
        .and_then(|rates| rates.into_iter().max())
    else {
        return left;
    };
    let parts_per_chunk = batch.progress.prepared.map_or(100, |prepared| {
        let chunks = u64::from(batch.progress.chunks.unwrap_or(1).max(1));
        u32::try_from(prepared.parts.div_ceil(chunks))
            .unwrap_or(u32::MAX)
            .max(1)
    });
    left.min(rate.div_ceil(parts_per_chunk) + AHEAD)
}
