//! Chunks, what stands beside them, and what messages are found by.

use carillon_core::{
    chunk::Pointer,
    click::Click,
    id::{AccountId, BatchId, GatewayAccountId},
    message_id::MessageId,
};

use super::Key;

/// Partitions a batch's chunks are spread over.
pub const CHUNK_SHARDS: u32 = 16;
/// Partitions of the index of what is due.
pub const WAKE_SHARDS: u32 = 16;

pub fn chunk(pointer: Pointer) -> Key {
    Key::new(
        chunk_shard(pointer.batch, pointer.chunk % CHUNK_SHARDS),
        chunk_sort(pointer.chunk),
    )
}

pub fn chunk_shard(batch: BatchId, shard: u32) -> String {
    format!("{batch}#{shard}")
}

/// Chunks sort before what stands beside them, so that counting reads chunks only.
fn chunk_sort(chunk: u32) -> String {
    format!("{chunk:08}")
}

/// The address of a chunk from the keys of its item; `None` for the items beside it.
pub fn chunk_pointer(partition: &str, sort: &str) -> Option<Pointer> {
    let (batch, _shard) = partition.split_once('#')?;
    Some(Pointer {
        batch: batch.parse().ok()?,
        chunk: (sort.len() == 8).then(|| sort.parse().ok())??,
    })
}

/// Which partition of the index of what is due a chunk is found in.
pub fn wake_shard(pointer: Pointer) -> u32 {
    let low = u32::from(pointer.batch.uuid().as_bytes()[15]);
    low.wrapping_add(pointer.chunk) % WAKE_SHARDS
}

/// The recipients of a chunk that are too long for the chunk itself.
pub fn chunk_recipients(pointer: Pointer) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("to#{}", chunk.sort))
}

/// The gateway's ids of the slots of one window.
pub fn provider_ids(pointer: Pointer, window: u32) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("ids#{}#{window:08}", chunk.sort))
}

/// What the sort keys of all of a chunk's begin with.
pub fn provider_ids_of(pointer: Pointer) -> Key {
    let chunk = chunk(pointer);
    Key::new(chunk.partition, format!("ids#{}#", chunk.sort))
}

/// Ids that a gateway told when it was asked after that window: of this slot, and of those it was asked for with it.
pub fn found_provider_ids(pointer: Pointer, window: u32, first: usize) -> Key {
    let Key { partition, sort } = provider_ids(pointer, window);
    Key::new(partition, format!("{sort}#{first}"))
}

/// Of a batch's clicks, which may come by the thousand a second.
pub const CLICK_SHARDS: u32 = 4;

pub fn clicks(batch: BatchId, shard: u32) -> String {
    format!("{batch}#clicks#{shard}")
}

/// In the order of time. All of a click but its visitor.
pub fn click(click: &Click) -> Key {
    let MessageId { batch, chunk, slot } = click.message;
    let (ms, link, request) = (click.at.as_millisecond(), click.link, &click.request);
    Key::new(
        clicks(batch, chunk % CLICK_SHARDS),
        format!("{ms:013}#{chunk:08}#{slot:02}#{link:02}#{request}"),
    )
}

/// A message found by its gateway's id, for gateways that echo nothing of ours.
pub fn provider_map(gateway: GatewayAccountId, provider_id: &str) -> Key {
    Key::new(format!("ref#{gateway}#{provider_id}"), "message")
}

/// "What did we send to this number": API sends only.
pub fn recipient_index(account: AccountId, number_hash: &str) -> String {
    format!("to#{account}#{number_hash}")
}

/// In one of these partitions.
pub fn recipient_place(partition: String, place: &str) -> Key {
    Key::new(partition, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_by_its_keys_and_its_neighbours_are_not() {
        let pointer = Pointer {
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            chunk: 4_711,
        };
        let key = chunk(pointer);
        let beside = found_provider_ids(pointer, 3, 99);

        assert_eq!(
            key,
            Key::new("bat_01h455vb4pex5vsknk084sn02q#7", "00004711")
        );
        assert_eq!(chunk_pointer(&key.partition, &key.sort), Some(pointer));
        assert_eq!(chunk_pointer(&beside.partition, &beside.sort), None);
    }
}
