//! What closed batches came to. A snapshot is small enough to stand with its batch, so that a list of batches is a report of them; that of a
//! campaign to many countries stands beside it.

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::{
    batch::{Batch, Snapshot, Stage},
    breakdown::Breakdown,
    id::BatchId,
    snapshot,
    status::Totals,
};

use super::{Batches, batch_item::stage};
use crate::{
    StoreError,
    item::{Item, ReadItem, binary, json},
    keys,
};

/// `snapshot` is a reserved word.
pub(super) const SNAPSHOT: &str = "came_to";
/// Bytes that may stand with a batch: a list of batches reads them all.
const SMALL: usize = 768;
/// Bytes that fit into an item of their own; a larger one isn't kept, and its batch is counted as long as there are chunks.
const MOST: usize = 350 * 1024;

impl Batches {
    /// What a batch came to: it is over, and its totals and its breakdown outlive its chunks. May be said again, with later ones.
    pub async fn close(
        &self,
        id: BatchId,
        totals: &Totals,
        breakdown: &Breakdown,
    ) -> Result<(), StoreError> {
        let packed = snapshot::pack(breakdown).filter(|packed| packed.len() <= MOST);
        let Some(packed) = packed else {
            let cells = breakdown.cells.len();
            tracing::warn!(batch = %id, cells, "the snapshot of a batch is too large to be kept");
            return self.freeze(id, totals).await;
        };
        let kept = if packed.len() <= SMALL {
            binary(packed)
        } else {
            self.put_beside(id, packed).await?;
            AttributeValue::Bool(true)
        };
        let values = [
            (":finished", stage(Stage::Finished)),
            (":ready", stage(Stage::Ready)),
            (":totals", json(totals)),
            (":snapshot", kept),
        ];
        let condition = "stage = :ready OR stage = :finished";
        let update = "SET stage = :finished, totals = :totals, came_to = :snapshot";
        let closed = self.change(id, update, condition, values, "close a batch");
        closed.await.map(drop)
    }

    /// `None` of a batch that isn't closed.
    pub async fn snapshot(&self, batch: &Batch) -> Result<Option<Breakdown>, StoreError> {
        let packed = match &batch.progress.snapshot {
            None => return Ok(None),
            Some(Snapshot::Here(packed)) => packed.clone(),
            Some(Snapshot::Beside) => self.find_beside(batch.terms.id).await?,
        };
        let read = snapshot::unpack(&packed);
        read.map(Some)
            .map_err(|error| StoreError::corrupt(error.to_string()))
    }

    async fn put_beside(&self, id: BatchId, packed: Vec<u8>) -> Result<(), StoreError> {
        let mut item = keys::snapshot(id).item();
        item.insert(SNAPSHOT.to_owned(), binary(packed));
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map(drop)
            .map_err(StoreError::service("keep a batch's snapshot"))
    }

    async fn find_beside(&self, id: BatchId) -> Result<Vec<u8>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let answer = get
            .set_key(Some(keys::snapshot(id).item()))
            .send()
            .await
            .map_err(StoreError::service("read a batch's snapshot"))?;
        let packed = answer.item.and_then(|item| bytes(&item));
        packed.ok_or_else(|| StoreError::corrupt("what should stand beside a batch"))
    }
}

/// Of a batch's own item.
pub(super) fn from_item(item: &Item) -> Option<Snapshot> {
    match item.find(SNAPSHOT)? {
        AttributeValue::Bool(true) => Some(Snapshot::Beside),
        _ => bytes(item).map(Snapshot::Here),
    }
}

pub(super) fn to_value(snapshot: &Snapshot) -> AttributeValue {
    match snapshot {
        Snapshot::Here(packed) => binary(packed.clone()),
        Snapshot::Beside => AttributeValue::Bool(true),
    }
}

fn bytes(item: &Item) -> Option<Vec<u8>> {
    let value = item.find(SNAPSHOT)?.as_b().ok()?;
    Some(value.as_ref().to_vec())
}
