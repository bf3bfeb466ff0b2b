//! How many there are, in the same time for a hundred as for a million: one by one while they are few, else by how densely the first
//! ones stand.

use aws_sdk_dynamodb::types::Select;
use carillon_core::{
    contact::density,
    id::{AccountId, ContactId, ListId},
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Contacts, contact_item::id_of};
use crate::{
    StoreError,
    keys::{self, CONTACT_SHARDS, MEMBER_SHARDS},
};

/// Counted before the rest is told by them: off by two in a hundred, mostly.
pub const SAMPLE: u64 = 2_000;
const CONCURRENT: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    /// Or else about so many.
    pub is_exact: bool,
}

impl Contacts {
    /// How many are on a list: exactly, when the first shard has fewer than `sample`.
    pub async fn count_members(
        &self,
        account: AccountId,
        list: ListId,
        sample: u64,
    ) -> Result<Count, StoreError> {
        let shards = 0..MEMBER_SHARDS;
        let shards = shards.map(|shard| keys::members(account, list, shard));
        self.count(shards, sample).await
    }

    /// How many contacts an account has: exactly, when the first shard has fewer than `sample`.
    pub async fn count_all(&self, account: AccountId, sample: u64) -> Result<Count, StoreError> {
        let shards = 0..CONTACT_SHARDS;
        let shards = shards.map(|shard| keys::contacts(account, shard));
        self.count(shards, sample).await
    }

    /// Of partitions that hold ids in their order.
    async fn count(
        &self,
        mut partitions: impl Iterator<Item = String> + Send,
        sample: u64,
    ) -> Result<Count, StoreError> {
        let Some(first) = partitions.next() else {
            return Err(StoreError::corrupt("no partition to count"));
        };
        let (first, last) = self.count_first(first, sample).await?;
        if let Some(last) = last {
            return Ok(Count {
                count: density::estimate(first, last),
                is_exact: false,
            });
        }
        let whole = |partition| self.count_first(partition, u64::MAX);
        let rest = stream::iter(partitions.map(whole)).buffer_unordered(CONCURRENT);
        let rest: Vec<_> = rest.try_collect().await?;
        Ok(Count {
            count: first + rest.iter().map(|(count, _)| count).sum::<u64>(),
            is_exact: true,
        })
    }

    /// The first ones of a partition, and where they end if there are more.
    async fn count_first(
        &self,
        partition: String,
        most: u64,
    ) -> Result<(u64, Option<ContactId>), StoreError> {
        let (mut count, mut last) = (0, None);
        while count < most {
            let left = i32::try_from(most - count).ok();
            let query = self.query(&partition, last.map(keys::contact_sort));
            let query = query.select(Select::Count).set_limit(left);
            let answer = query
                .send()
                .await
                .map_err(StoreError::service("count contacts"))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            let Some(key) = answer.last_evaluated_key.filter(|key| !key.is_empty()) else {
                return Ok((count, None));
            };
            last = Some(id_of(&key)?);
        }
        Ok((count, last))
    }
}
