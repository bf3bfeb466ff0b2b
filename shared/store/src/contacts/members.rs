//! The members of a list: paged, counted, and let go of when the list goes.

use aws_sdk_dynamodb::types::{Select, TransactWriteItem, Update};
use carillon_core::id::{AccountId, ContactId, ListId};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Contacts, contact_item::id_of};
use crate::{
    StoreError,
    core_table::{Condition, ConditionLost},
    item::{Item, number},
    keys::{self, CONTACT_SHARDS, MEMBER_SHARDS},
};

const CONCURRENT: usize = 16;

/// A count that may have been stopped early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    /// There are no more.
    pub is_complete: bool,
}

impl Contacts {
    /// Members of a list in the order of their ids, after one of them.
    pub async fn members(
        &self,
        account: AccountId,
        list: ListId,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactId>, StoreError> {
        let first = after.map_or(0, keys::member_shard);
        let shard = |shard, after| async move {
            let partition = keys::members(account, list, shard);
            self.items_after(partition, after, limit).await
        };
        let mut found = shard(first, after).await?;
        let rest = stream::iter(first + 1..MEMBER_SHARDS).map(|number| shard(number, None));
        let mut rest = Box::pin(rest.buffered(CONCURRENT));
        while found.len() < limit
            && let Some(more) = rest.try_next().await?
        {
            found.extend(more);
        }
        found.truncate(limit);
        found.iter().map(id_of).collect()
    }

    /// Members of one shard of a list, after one of them.
    pub async fn member_shard(
        &self,
        account: AccountId,
        list: ListId,
        shard: u8,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactId>, StoreError> {
        let partition = keys::members(account, list, shard);
        let items = self.items_after(partition, after, limit).await?;
        items.iter().map(id_of).collect()
    }

    /// How many are on a list: exactly, or at least, when more than `pages` megabytes would have to be read.
    pub async fn count_members(
        &self,
        account: AccountId,
        list: ListId,
        pages: u32,
    ) -> Result<Count, StoreError> {
        let each = pages.div_ceil(MEMBER_SHARDS.into());
        let count = |shard| self.count(keys::members(account, list, shard), each);
        let counts = stream::iter(0..MEMBER_SHARDS).map(count);
        let counts: Vec<Count> = counts.buffer_unordered(CONCURRENT).try_collect().await?;
        Ok(Count {
            count: counts.iter().map(|part| part.count).sum(),
            is_complete: counts.iter().all(|part| part.is_complete),
        })
    }

    /// About how many contacts an account has, by one of its shards: ids are hashes, so each holds a fair share.
    pub async fn estimate(&self, account: AccountId) -> Result<u64, StoreError> {
        let counted = self.count(keys::contacts(account, 0), u32::MAX).await?;
        Ok(counted.count * u64::from(CONTACT_SHARDS))
    }

    async fn count(&self, partition: String, pages: u32) -> Result<Count, StoreError> {
        let mut count = 0;
        let mut start: Option<Item> = None;
        for _ in 0..pages {
            let query = self.query(&partition, None).select(Select::Count);
            let query = query.set_exclusive_start_key(start);
            let answer = query
                .send()
                .await
                .map_err(StoreError::service("count contacts"))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                let is_complete = true;
                return Ok(Count { count, is_complete });
            }
        }
        let is_complete = false;
        Ok(Count { count, is_complete })
    }

    /// Takes up to `limit` members off a list; whether there may be more.
    pub async fn empty(
        &self,
        account: AccountId,
        list: ListId,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let members = self.members(account, list, None, limit).await?;
        let more = members.len() == limit;
        stream::iter(members)
            .map(|contact| self.leave(account, list, contact))
            .buffer_unordered(CONCURRENT)
            .try_collect::<()>()
            .await?;
        Ok(more)
    }

    async fn leave(
        &self,
        account: AccountId,
        list: ListId,
        contact: ContactId,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "take a contact off a list";
        let member = keys::member(account, list, contact);
        let member = self.table.delete(&member, Condition::ANY);
        let off = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(keys::contact(account, contact).item()))
            .update_expression("DELETE lists :list ADD version :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(
                ":list",
                aws_sdk_dynamodb::types::AttributeValue::Ss(vec![list.to_string()]),
            )
            .expression_attribute_values(":one", number(1))
            .build()
            .expect("table, key and expression are set");
        let off = TransactWriteItem::builder().update(off).build();
        let writes = vec![off, member.clone()];
        let Err(ConditionLost) = self.table.commit(writes, OPERATION).await? else {
            return Ok(());
        };
        // The contact is gone, and this was left.
        let written = self.table.commit(vec![member], OPERATION).await?;
        written.map_err(|ConditionLost| StoreError::corrupt("a list's member"))
    }
}
