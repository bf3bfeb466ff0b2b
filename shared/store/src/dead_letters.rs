//! Dead letters of accounts, each with its body, until they are sent again or discarded. Also how many there are in all, for the alarm.

use aws_sdk_dynamodb::{Client, types::Select};
use carillon_core::{
    dead_letter::DeadLetter,
    id::{AccountId, DeadLetterId},
};
use jiff::SignedDuration;

use crate::{
    StoreError,
    audit::Audit,
    condition,
    core_table::{Condition, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text},
    keys::{self, INDEX, INDEX_PARTITION, INDEX_SORT},
};

/// Bodies of receipts and inbound messages may hold numbers.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A letter with what it takes to send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub letter: DeadLetter,
    pub body: String,
}

#[derive(Debug, Clone)]
pub struct DeadLetters {
    table: CoreTable,
}

impl DeadLetters {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Once it returns the letter is kept. Twice the same is one.
    pub async fn keep(&self, kept: &Kept) -> Result<(), StoreError> {
        let put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(to_item(kept)))
            .condition_expression("attribute_not_exists(pk)");
        condition::held(put.send().await, "keep a dead letter").map(drop)
    }

    pub async fn find(
        &self,
        account: AccountId,
        id: DeadLetterId,
    ) -> Result<Option<Kept>, StoreError> {
        let key = keys::dead_letter(account, id);
        let item = self.table.get(&key, "read a dead letter").await?;
        item.as_ref().map(from_item).transpose()
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<DeadLetterId>,
        limit: i32,
    ) -> Result<Vec<Kept>, StoreError> {
        let after = after.map(|id| id.to_string());
        let page = Page {
            partition: &keys::dead_letters(account),
            prefix: "dlt_",
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list dead letters").await?;
        items.iter().map(from_item).collect()
    }

    /// Of all accounts, up to a megabyte of them.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name(INDEX)
            .key_condition_expression("gpk = :dead")
            .expression_attribute_values(":dead", text(keys::DEAD))
            .select(Select::Count);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("count dead letters"))?;
        Ok(u64::try_from(answer.count).unwrap_or_default())
    }

    /// Deleting it twice changes nothing.
    pub async fn delete(&self, account: AccountId, id: DeadLetterId) -> Result<(), StoreError> {
        let delete = self
            .table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(keys::dead_letter(account, id).item()));
        let deleted = delete.send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("delete a dead letter"))
    }

    /// Whether it was there. With its audit entry, both or neither.
    pub async fn discard(
        &self,
        account: AccountId,
        id: DeadLetterId,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        let there = Condition {
            expression: "attribute_exists(pk)",
            expected: None,
        };
        let delete = self.table.delete(&keys::dead_letter(account, id), there);
        let writes = vec![delete, audit.write(&self.table)];
        let discarded = self.table.commit(writes, "discard a dead letter").await?;
        Ok(discarded.is_ok())
    }
}

fn to_item(kept: &Kept) -> Item {
    let Kept { letter, body } = kept;
    let mut item = keys::dead_letter(letter.account, letter.id).item();
    item.insert(DOC.to_owned(), json(letter));
    item.insert("body".to_owned(), text(body));
    item.insert(INDEX_PARTITION.to_owned(), text(keys::DEAD));
    item.insert(INDEX_SORT.to_owned(), text(letter.id));
    item.insert("ttl".to_owned(), number((letter.died + KEPT).as_second()));
    item
}

fn from_item(item: &Item) -> Result<Kept, StoreError> {
    Ok(Kept {
        letter: item.json(DOC)?,
        body: item.text("body")?.to_owned(),
    })
}
