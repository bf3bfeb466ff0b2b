//! Reading contacts, deciding, writing them: again for those that somebody else changed in between.

use std::collections::HashMap;

use carillon_core::{
    contact::{Contact, ContactChange, Effect},
    id::{AccountId, ContactId},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{ChangeError, Contacts, Seed, Stale};
use crate::StoreError;

/// How often a contact is tried that others change at the same time.
const TRIES: u32 = 8;
/// Contacts on their way at once.
const CONCURRENT: usize = 32;

impl Contacts {
    /// Makes the contacts that aren't there and changes those that are; what became of each, in their order. No number may be
    /// there twice.
    pub async fn upsert(
        &self,
        account: AccountId,
        wanted: &[(Seed, ContactChange)],
        now: Timestamp,
    ) -> Result<Vec<Result<(Contact, Effect), ChangeError>>, StoreError> {
        let ids: Vec<ContactId> = wanted.iter().map(|(seed, _)| seed.id).collect();
        let read = self.known(account, &ids).await?;
        let one = |(seed, change): &(Seed, ContactChange)| {
            let (seed, change) = (*seed, change.clone());
            let found = read.get(&seed.id).cloned();
            async move {
                let new = || Contact::new(account, seed.id, seed.number, seed.country, now);
                self.settle(account, seed.id, found, |found| {
                    let mut contact = found.map_or_else(new, Clone::clone);
                    let effect = contact.change(&change, now)?;
                    Ok((contact, effect))
                })
                .await
            }
        };
        let futures: Vec<_> = wanted.iter().map(one).collect();
        Ok(stream::iter(futures).buffered(CONCURRENT).collect().await)
    }

    /// Changes those that are there; what became of each, in their order.
    pub async fn change(
        &self,
        account: AccountId,
        ids: &[ContactId],
        change: &ContactChange,
        now: Timestamp,
    ) -> Result<Vec<Result<(Contact, Effect), ChangeError>>, StoreError> {
        let read = self.known(account, ids).await?;
        let one = |id: &ContactId| {
            let (id, found) = (*id, read.get(id).cloned());
            async move {
                self.settle(account, id, found, |found| {
                    let mut contact = found.ok_or(ChangeError::NotFound)?.clone();
                    let effect = contact.change(change, now)?;
                    Ok((contact, effect))
                })
                .await
            }
        };
        let futures: Vec<_> = ids.iter().map(one).collect();
        Ok(stream::iter(futures).buffered(CONCURRENT).collect().await)
    }

    async fn known(
        &self,
        account: AccountId,
        ids: &[ContactId],
    ) -> Result<HashMap<ContactId, Contact>, StoreError> {
        let contacts = self.find_all(account, ids).await?;
        Ok(contacts.into_iter().map(|it| (it.id, it)).collect())
    }

    /// Decides by what was read and writes it, until nobody came between.
    async fn settle(
        &self,
        account: AccountId,
        id: ContactId,
        mut found: Option<Contact>,
        decide: impl Fn(Option<&Contact>) -> Result<(Contact, Effect), ChangeError>,
    ) -> Result<(Contact, Effect), ChangeError> {
        for _ in 0..TRIES {
            let (contact, effect) = decide(found.as_ref())?;
            if effect == Effect::Unchanged {
                return Ok((contact, effect));
            }
            match self.save(found.as_ref(), &contact).await? {
                Ok(()) => return Ok((contact, effect)),
                Err(Stale) => found = self.find(account, id).await?,
            }
        }
        Err(ChangeError::Contended)
    }
}
