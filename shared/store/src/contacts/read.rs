//! Reading contacts: by id, page by page in the order of their ids, and shard by shard.

use carillon_core::{
    contact::Contact,
    id::{AccountId, ContactId},
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Contacts, contact_item::from_item};
use crate::{
    StoreError,
    item::{Item, text},
    keys::{self, CONTACT_SHARDS, PARTITION, SORT},
};

/// Reads on their way at once.
const CONCURRENT: usize = 16;

/// Some contacts of one shard.
#[derive(Debug, Clone)]
pub struct ShardPage {
    pub contacts: Vec<Contact>,
    /// Where the next page begins; `None` at the end of the shard.
    pub next: Option<ContactId>,
}

impl Contacts {
    /// As it is now, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: ContactId,
    ) -> Result<Option<Contact>, StoreError> {
        let key = keys::contact(account, id);
        let item = self.table.get(&key, "read a contact").await?;
        item.map(|item| from_item(account, &item)).transpose()
    }

    /// Those that there are, strongly consistent, in no order.
    pub async fn find_all(
        &self,
        account: AccountId,
        ids: &[ContactId],
    ) -> Result<Vec<Contact>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let keys = ids.iter().map(|id| keys::contact(account, *id)).collect();
        let items = self.table.get_all(keys, "read contacts").await?;
        let contact = |item: &Item| from_item(account, item);
        items.iter().map(contact).collect()
    }

    /// Contacts in the order of their ids, after one of them.
    pub async fn page(
        &self,
        account: AccountId,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<Contact>, StoreError> {
        let first = after.map_or(0, keys::contact_shard);
        let shard = |shard, after| async move {
            let partition = keys::contacts(account, shard);
            self.items_after(partition, after, limit).await
        };
        let mut found = shard(first, after).await?;
        // Of a small account most shards are empty or nearly so.
        let rest = stream::iter(first + 1..CONTACT_SHARDS).map(|number| shard(number, None));
        let mut rest = Box::pin(rest.buffered(CONCURRENT));
        while found.len() < limit
            && let Some(more) = rest.try_next().await?
        {
            found.extend(more);
        }
        found.truncate(limit);
        found.iter().map(|item| from_item(account, item)).collect()
    }

    /// One read of a shard: up to a megabyte of it, strongly consistent.
    pub async fn shard_page(
        &self,
        account: AccountId,
        shard: u8,
        after: Option<ContactId>,
    ) -> Result<ShardPage, StoreError> {
        let partition = keys::contacts(account, shard);
        let query = self.query(&partition, after.map(keys::contact_sort));
        let answer = query
            .send()
            .await
            .map_err(StoreError::service("read a shard of contacts"))?;
        let items = answer.items.unwrap_or_default();
        let contacts: Vec<Contact> = items
            .iter()
            .map(|item| from_item(account, item))
            .collect::<Result<_, _>>()?;
        let more = answer.last_evaluated_key.is_some();
        Ok(ShardPage {
            next: contacts.last().filter(|_| more).map(|last| last.id),
            contacts,
        })
    }

    /// The first items of a partition after a contact, up to `limit` of them.
    pub(super) async fn items_after(
        &self,
        partition: String,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items: Vec<Item> = Vec::new();
        let mut after = after.map(keys::contact_sort);
        while items.len() < limit {
            let left = i32::try_from(limit - items.len()).unwrap_or(i32::MAX);
            let query = self.query(&partition, after).limit(left);
            let answer = query
                .send()
                .await
                .map_err(StoreError::service("read contacts"))?;
            items.extend(answer.items.unwrap_or_default());
            let last = answer
                .last_evaluated_key
                .and_then(|mut key| key.remove(SORT));
            after = last.and_then(|sort| sort.as_s().ok().cloned());
            if after.is_none() {
                break;
            }
        }
        Ok(items)
    }

    pub(super) fn query(
        &self,
        partition: &str,
        after: Option<String>,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let start = after.map(|sort| {
            Item::from([
                (PARTITION.to_owned(), text(partition)),
                (SORT.to_owned(), text(sort)),
            ])
        });
        self.table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .set_exclusive_start_key(start)
            .consistent_read(true)
    }
}
