//! Campaigns and batches, and what `dispatch` finds its work by. Where a key is of all accounts, its sort key names whose.

use carillon_core::{
    id::{AccountId, BatchId, CampaignId},
    moment::sortable,
};
use jiff::Timestamp;

use super::Key;

pub fn batch(batch: BatchId) -> Key {
    Key::new(batch.to_string(), "batch")
}

/// What a closed batch came to, where that doesn't fit into the batch.
pub fn snapshot(batch: BatchId) -> Key {
    Key::new(batch.to_string(), "snapshot")
}

/// The index partition that lists an account's batches.
pub fn batches_of(account: AccountId) -> String {
    format!("{account}#batches")
}

/// The partition of an account's marketing, in the order of time.
pub fn marketing(account: AccountId) -> String {
    format!("{account}#marketing")
}

/// A batch of it, by when it begins.
pub fn marketed(account: AccountId, starts: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(starts);
    Key::new(marketing(account), format!("{at}#{batch}"))
}

/// The partition of the batches of an account's campaigns, in the order of when they were made.
pub fn campaign_batches(account: AccountId) -> String {
    format!("{account}#campaign-batches")
}

pub fn campaign_batch(account: AccountId, began: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(began);
    Key::new(campaign_batches(account), format!("{at}#{batch}"))
}

/// The partition of an account's batches that were made for a later time, in the order of that time.
pub fn planned_batches(account: AccountId) -> String {
    format!("{account}#planned-batches")
}

pub fn planned_batch(account: AccountId, starts: Timestamp, batch: BatchId) -> Key {
    let at = closing_time(starts);
    Key::new(planned_batches(account), format!("{at}#{batch}"))
}

/// When a campaign that recurs is looked at next.
pub fn recurring(account: AccountId, campaign: CampaignId) -> Key {
    Key::new(RECURRING, format!("{account}#{campaign}"))
}

pub const RECURRING: &str = "recurring";

/// Marks a batch that the dispatcher has work with.
pub fn active_batch(batch: BatchId) -> Key {
    Key::new(ACTIVE, batch.to_string())
}

pub const ACTIVE: &str = "active";

/// Batches that are looked at after they are done are spread over as many partitions.
pub const CLOSING_SHARDS: u32 = 16;

/// A partition of the batches to close, in the order of time.
pub fn closings(shard: u32) -> String {
    format!("closing#{shard}")
}

pub fn closing(batch: BatchId, since: Timestamp) -> Key {
    let shard = u32::from(batch.uuid().as_bytes()[15]) % CLOSING_SHARDS;
    Key::new(closings(shard), format!("{}#{batch}", closing_time(since)))
}

/// Digits that sort by time.
pub fn closing_time(since: Timestamp) -> String {
    format!("{:013}", sortable(since).as_millisecond())
}

pub fn campaign(account: AccountId, campaign: CampaignId) -> Key {
    Key::new(account.to_string(), format!("{CAMPAIGN}{campaign}"))
}

pub const CAMPAIGN: &str = "campaign#";

/// How many numbers of short links are given.
pub fn next_link() -> Key {
    Key::new("links", "next")
}

pub const LINK_BLOCKS: &str = "link-blocks";

/// The block whose first number it is. It says whose it is.
pub fn link_block(first: u64) -> Key {
    Key::new(LINK_BLOCKS, link_number(first))
}

/// Digits that sort.
pub fn link_number(link: u64) -> String {
    format!("{link:016}")
}

pub fn dispatcher_lock() -> Key {
    Key::new("lock", "dispatch")
}
