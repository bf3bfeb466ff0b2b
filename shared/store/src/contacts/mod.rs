//! Contacts and who is on which list. The sets on a contact are the truth; beside each list stands an item for each member, written
//! in the transaction that changes the set, so that a list can be paged and counted. A contact is changed under the version that
//! was read.

mod change;
mod contact_item;
mod count;
mod marked;
mod members;
mod read;

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::{
    contact::{Contact, ContactError},
    id::{ContactId, ListId},
    phone::{Country, Phone},
};

pub use self::{
    count::{Count, SAMPLE},
    marked::{Marked, MarkedWrite, packs},
    read::ShardPage,
};
use crate::{
    StoreError,
    condition::held,
    core_table::{Condition, ConditionLost, CoreTable},
    item::Item,
    keys,
};

#[derive(Debug, Clone)]
pub struct Contacts {
    /// The contacts table.
    table: CoreTable,
}

/// Somebody changed it since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// Who a contact is, before anything else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    pub id: ContactId,
    pub number: Phone,
    pub country: Option<Country>,
}

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such contact")]
    NotFound,
    #[error(transparent)]
    Refused(#[from] ContactError),
    /// Others changed it again and again.
    #[error("others are changing this contact; try again")]
    Contended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Contacts {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes a contact over the one that it was made from, if that is still there as it was read; `None`: if there is none yet.
    pub async fn save(
        &self,
        before: Option<&Contact>,
        after: &Contact,
    ) -> Result<Result<(), Stale>, StoreError> {
        self.save_item(before, after, contact_item::to_item(after))
            .await
    }

    /// `item` is `after`, and perhaps more.
    async fn save_item(
        &self,
        before: Option<&Contact>,
        after: &Contact,
        item: Item,
    ) -> Result<Result<(), Stale>, StoreError> {
        let memberships = self.memberships(before, after);
        if memberships.is_empty() {
            return self.put(before, item).await;
        }
        let mut writes = vec![self.table.put(item, was(before))];
        writes.extend(memberships);
        let written = self.table.commit(writes, "write a contact").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Deletes the contact that was read, and with it what says that it is on lists.
    pub async fn delete(&self, contact: &Contact) -> Result<Result<(), Stale>, StoreError> {
        let writes = self.deletion(contact);
        let written = self.table.commit(writes, "delete a contact").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    fn deletion(&self, contact: &Contact) -> Vec<TransactWriteItem> {
        let key = keys::contact(contact.account, contact.id);
        let mut writes = vec![self.table.delete(&key, was(Some(contact)))];
        writes.extend(self.leaving(contact));
        writes
    }

    /// Writes what became of a contact that took up another one, which goes.
    pub async fn merge(
        &self,
        before: &Contact,
        after: &Contact,
        gone: &Contact,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::contact(gone.account, gone.id);
        let mut writes = vec![
            self.table
                .put(contact_item::to_item(after), was(Some(before))),
            self.table.delete(&key, was(Some(gone))),
        ];
        writes.extend(self.memberships(Some(before), after));
        writes.extend(self.leaving(gone));
        let written = self.table.commit(writes, "merge contacts").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Without a transaction, which would cost twice as much.
    async fn put(
        &self,
        before: Option<&Contact>,
        item: Item,
    ) -> Result<Result<(), Stale>, StoreError> {
        let Condition {
            expression,
            expected,
        } = was(before);
        let values = expected.map(|value| [(":expected".to_owned(), value)].into());
        let put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(item))
            .condition_expression(expression)
            .set_expression_attribute_values(values);
        let written = held(put.send().await, "write a contact")?;
        Ok(written.map(drop).ok_or(Stale))
    }

    /// What changes beside the lists that a contact enters and leaves.
    fn memberships(&self, before: Option<&Contact>, after: &Contact) -> Vec<TransactWriteItem> {
        let was_on = |list: &&ListId| before.is_some_and(|before| before.lists.contains(list));
        let key = |list: &ListId| keys::member(after.account, *list, after.id);
        let entered = after.lists.iter().filter(|list| !was_on(list));
        let entered = entered.map(|list| self.table.put(key(list).item(), Condition::ANY));
        let left = before.iter().flat_map(|before| &before.lists);
        let left = left.filter(|list| !after.lists.contains(list));
        let left = left.map(|list| self.table.delete(&key(list), Condition::ANY));
        entered.chain(left).collect()
    }

    fn leaving<'c>(&'c self, contact: &'c Contact) -> impl Iterator<Item = TransactWriteItem> + 'c {
        let key = |list: &ListId| keys::member(contact.account, *list, contact.id);
        let lists = contact.lists.iter();
        lists.map(move |list| self.table.delete(&key(list), Condition::ANY))
    }
}

fn was(before: Option<&Contact>) -> Condition {
    before.map_or(Condition::NEW, |before| Condition::version(before.version))
}
