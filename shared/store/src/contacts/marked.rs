//! Contacts with what an import noted on them. Every other write of a contact writes it without.

use std::collections::HashMap;

use carillon_core::{
    contact::Contact,
    id::{AccountId, ContactId},
    import::Mark,
};

use super::{Contacts, Stale, contact_item};
use crate::{
    StoreError,
    item::{Item, ReadItem, json},
    keys,
};

const MARK: &str = "imp";

/// A contact as it is now, strongly consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    pub contact: Contact,
    pub mark: Option<Mark>,
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

    /// Writes a contact over the one that it was made from, with a mark.
    pub async fn save_marked(
        &self,
        before: Option<&Contact>,
        after: &Contact,
        mark: &Mark,
    ) -> Result<Result<(), Stale>, StoreError> {
        let mut item = contact_item::to_item(after);
        item.insert(MARK.to_owned(), json(mark));
        self.save_item(before, after, item).await
    }
}
