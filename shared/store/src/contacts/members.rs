//! The members of a list: paged, and let go of when the list goes.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use carillon_core::id::{AccountId, ContactId, ListId};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Contacts, contact_item::id_of};
use crate::{
    StoreError,
    core_table::{Condition, ConditionLost},
    item::number,
    keys::{self, MEMBER_SHARDS},
};

const CONCURRENT: usize = 16;

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
