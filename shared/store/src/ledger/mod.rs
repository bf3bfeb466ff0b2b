//! The ledger: one item of at most 1 KB a chunk, and what stands beside it. Every update of a chunk requires that it exists:
//! a pointer, a receipt or a click must never create one.

mod chunk_item;
mod clicks;
mod count;
mod due;
mod erasing;
mod lease;
mod provider_ids;
mod receipts;
mod recipients;

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder};
use carillon_core::{
    chunk::{Chunk, Pointer},
    closing::CHUNKS_KEPT as KEPT,
};

pub use self::{
    chunk_item::to_item as chunk_item,
    clicks::KEPT as CLICKS_KEPT,
    count::{Consistency, PageOfChunks},
    lease::LeaseLost,
    recipients::Indexed,
};
use crate::{StoreError, condition, item::Item, keys};

#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Whether it was written now; `false` when the chunk was there.
    pub async fn create_chunk(&self, pointer: Pointer, chunk: &Chunk) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(chunk_item::to_item(pointer, chunk)))
            .condition_expression("attribute_not_exists(pk)");
        let written = condition::held(put.send().await, "write a chunk")?;
        Ok(written.is_some())
    }

    pub async fn find(&self, pointer: Pointer) -> Result<Option<Chunk>, StoreError> {
        self.get(keys::chunk(pointer).item())
            .await?
            .as_ref()
            .map(chunk_item::from_item)
            .transpose()
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true);
        Ok(read
            .send()
            .await
            .map_err(StoreError::service("read the ledger"))?
            .item)
    }

    /// Writes what stands beside a chunk: the same again changes nothing.
    async fn put(&self, item: Item, operation: &'static str) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let written = put.send().await;
        written.map(drop).map_err(StoreError::service(operation))
    }

    fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
    }
}
