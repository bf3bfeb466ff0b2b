//! Contacts with what an import noted on them, many in one transaction. Every other write of a contact writes it without.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use carillon_core::{
    contact::Contact,
    id::{AccountId, ContactId},
    import::Mark,
};

use super::{Contacts, Stale, contact_item, was};
use crate::{
    StoreError,
    core_table::ConditionLost,
    item::{self, Item, ReadItem, json},
    keys,
};

const MARK: &str = "imp";
/// Of a `TransactWriteItems`.
const MOST_ACTIONS: usize = 100;
/// A transaction takes 4 MB; keys of lists and deletions aren't counted here.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// A contact as it is now, strongly consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    pub contact: Contact,
    pub mark: Option<Mark>,
}

/// What an import, or its undoing, does to a contact that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "almost all are saved")]
pub enum MarkedWrite {
    /// `before`: what it is made from, `None` where there is none yet.
    Save {
        before: Option<Contact>,
        after: Contact,
        mark: Mark,
    },
    Delete(Contact),
}

impl MarkedWrite {
    fn item(after: &Contact, mark: &Mark) -> Item {
        let mut item = contact_item::to_item(after);
        item.insert(MARK.to_owned(), json(mark));
        item
    }

    /// One for the contact, and one for each list that it enters or leaves.
    fn actions(&self) -> usize {
        1 + match self {
            Self::Save { before, after, .. } => before.as_ref().map_or(after.lists.len(), |it| {
                it.lists.symmetric_difference(&after.lists).count()
            }),
            Self::Delete(contact) => contact.lists.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Save { after, mark, .. } => item::size(&Self::item(after, mark)),
            Self::Delete(_) => 0,
        }
    }
}

impl Contacts {
    /// Those that there are. No id may be there twice.
    pub async fn find_marked(
        &self,
        account: AccountId,
        ids: &[ContactId],
    ) -> Result<HashMap<ContactId, Marked>, StoreError> {
        let keys = ids.iter().map(|id| keys::contact(account, *id)).collect();
        let items = self.table.get_all(keys, "read contacts").await?;
        let marked = |item: &Item| {
            let contact = contact_item::from_item(account, item)?;
            let mark = item.find_json(MARK)?;
            Ok((contact.id, Marked { contact, mark }))
        };
        items.iter().map(marked).collect()
    }

    /// Makes all of these writes or none, if each contact is still there as it was read. No contact may be there twice, and no
    /// more than [`packs`] puts together. A single one without lists is no transaction, which would cost twice as much.
    pub async fn write_marked(
        &self,
        writes: &[MarkedWrite],
    ) -> Result<Result<(), Stale>, StoreError> {
        if let [write] = writes {
            return match write {
                MarkedWrite::Save {
                    before,
                    after,
                    mark,
                } => {
                    let item = MarkedWrite::item(after, mark);
                    self.save_item(before.as_ref(), after, item).await
                }
                MarkedWrite::Delete(contact) => self.delete(contact).await,
            };
        }
        let actions = writes.iter().flat_map(|write| self.actions(write));
        let written = self
            .table
            .commit(actions.collect(), "write contacts")
            .await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    fn actions(&self, write: &MarkedWrite) -> Vec<TransactWriteItem> {
        match write {
            MarkedWrite::Save {
                before,
                after,
                mark,
            } => {
                let before = before.as_ref();
                let item = MarkedWrite::item(after, mark);
                let mut actions = vec![self.table.put(item, was(before))];
                actions.extend(self.memberships(before, after));
                actions
            }
            MarkedWrite::Delete(contact) => self.deletion(contact),
        }
    }
}

/// Cut into what fits into a transaction each, in their order.
pub fn packs(writes: Vec<MarkedWrite>) -> Vec<Vec<MarkedWrite>> {
    let mut packs: Vec<Vec<MarkedWrite>> = Vec::new();
    let (mut actions, mut bytes) = (MOST_ACTIONS, 0);
    for write in writes {
        actions += write.actions();
        bytes += write.bytes();
        match packs.last_mut() {
            Some(pack) if actions <= MOST_ACTIONS && bytes <= MOST_BYTES => pack.push(write),
            _ => {
                (actions, bytes) = (write.actions(), write.bytes());
                packs.push(vec![write]);
            }
        }
    }
    packs
}
