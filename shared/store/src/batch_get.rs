//! `BatchGetItem`: a hundred keys a call, and again what an answer left out.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::KeysAndAttributes};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{StoreError, item::Item, keys::Key, ledger::Consistency};

/// Keys of a call.
const TOGETHER: usize = 100;
/// Reads on their way at once.
const CONCURRENT: usize = 16;
/// How often keys are asked for again that an answer left out.
const LEFT_OUT_TRIES: u32 = 8;

/// Those of a table's items that there are, in no order. No key may be there twice.
pub(crate) async fn get_all(
    client: &Client,
    table: &str,
    keys: &[Key],
    consistency: Consistency,
    operation: &'static str,
) -> Result<Vec<Item>, StoreError> {
    let groups = keys.chunks(TOGETHER);
    let groups: Vec<Vec<Item>> = groups
        .map(|keys| keys.iter().map(Key::item).collect())
        .collect();
    let reads = groups
        .into_iter()
        .map(|keys| get_together(client, table, keys, consistency, operation));
    let read: Vec<Vec<Item>> = stream::iter(reads)
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

async fn get_together(
    client: &Client,
    table: &str,
    mut keys: Vec<Item>,
    consistency: Consistency,
    operation: &'static str,
) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    for attempt in 0..LEFT_OUT_TRIES {
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistency == Consistency::Strong)
            .build()
            .expect("the keys are set");
        let read = client.batch_get_item();
        let answer = read.request_items(table, asked).send().await;
        let answer = answer.map_err(StoreError::service(operation))?;
        let found = answer.responses.into_iter().flatten();
        items.extend(found.flat_map(|(_, items)| items));
        let left = answer.unprocessed_keys.unwrap_or_default().into_iter();
        keys = left.flat_map(|(_, left)| left.keys).collect();
        if keys.is_empty() {
            return Ok(items);
        }
        tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
    }
    let source = "the table left some keys of a batch unread, time after time".into();
    Err(StoreError::Busy { operation, source })
}
