//! Consent records: one item each, in the order in which they were recorded, under the keyed hash of the number. Added, never
//! changed, and never expired by the table. Beside each stands an item under its id, so that one that is recorded again is found.
//! Beside all of a number's stands until when they allow marketing, so that sending needs one look.

use std::collections::HashSet;

use aws_sdk_dynamodb::{Client, types::TransactWriteItem};
use carillon_core::{
    consent::{ConsentRecord, Sealed},
    id::{AccountId, ConsentId},
    keyed_hash::DeploymentKey,
    opt_in::Asked,
    phone::Phone,
    rules::Class,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text},
    keys::{self, PARTITION, SORT},
};

/// Numbers that get their first record together: three writes each, a hundred in a transaction.
pub const TOGETHER: usize = 33;
/// Records on their way at once.
const CONCURRENT: usize = 16;
/// Of a number, read at once.
const RECORDS: i32 = 100;
/// How often a record is tried that others come before.
const TRIES: u32 = 8;
const PREVIOUS: &str = "prev";
const SEAL: &str = "seal";
const PLACE: &str = "place";
const MESSAGE: &str = "message";
/// Seconds; an agreement without it has no end.
const UNTIL: &str = "until";
/// How long a question is kept after its time: longer than a message may come again.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 15);

#[derive(Debug, Clone)]
pub struct Consents {
    /// The contacts table.
    table: CoreTable,
    key: DeploymentKey,
}

/// A record, and whether it is what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub sealed: Sealed,
    pub is_intact: bool,
}

impl Consents {
    pub fn new(client: Client, table: impl Into<String>, key: DeploymentKey) -> Self {
        let table = CoreTable::new(client, table);
        Self { table, key }
    }

    /// Adds a record after those of its number, once: one whose id is there already stays as it is, and is returned.
    pub async fn record(
        &self,
        account: AccountId,
        number: Phone,
        record: &ConsentRecord,
    ) -> Result<Sealed, StoreError> {
        const OPERATION: &str = "record a consent";
        let hash = self.key.number(account, number);
        for _ in 0..TRIES {
            let last = self.before(account, &hash, None, 1).await?.pop();
            let next = Sealed::after(last.as_ref(), record.clone(), &self.key, &hash);
            let mut writes = vec![
                self.table
                    .put(to_item(account, &hash, &next), Condition::NEW),
                self.table.put(named(account, &hash, &next), Condition::NEW),
            ];
            // Read after the last record: who adds one in the meantime takes its place, and this is tried again.
            writes.extend(self.agreement(account, &hash, record).await?);
            let Err(ConditionLost) = self.table.commit(writes, OPERATION).await? else {
                return Ok(next);
            };
            if let Some(there) = self.find(account, &hash, record.id).await? {
                return Ok(there);
            }
        }
        let source = "others were recorded before it each time".into();
        Err(StoreError::Busy {
            operation: OPERATION,
            source,
        })
    }

    /// Adds a record to each of up to [`TOGETHER`] numbers, as [`Self::record`] does. Those that have none yet, which are most
    /// where a file is imported, are written in one transaction. No number may be there twice.
    pub async fn record_together(
        &self,
        account: AccountId,
        records: &[(Phone, ConsentRecord)],
    ) -> Result<(), StoreError> {
        let hash = |(number, _): &(Phone, ConsentRecord)| self.key.number(account, *number);
        let first = |record| keys::consent(account, &hash(record), 1);
        let keys = records.iter().map(first).collect();
        let there = self.table.get_all(keys, "look for consents").await?;
        let there: HashSet<&str> = there
            .iter()
            .map(|item| item.text(PARTITION))
            .collect::<Result<_, _>>()?;
        let (mut later, firsts): (Vec<_>, Vec<_>) = records
            .iter()
            .partition(|record| there.contains(keys::consents(account, &hash(record)).as_str()));
        let writes = firsts.iter().flat_map(|record| {
            let hash = hash(record);
            let sealed = Sealed::after(None, record.1.clone(), &self.key, &hash);
            self.first(account, &hash, &sealed)
        });
        let writes: Vec<TransactWriteItem> = writes.collect();
        if !writes.is_empty() {
            let written = self.table.commit(writes, "record consents").await?;
            if let Err(ConditionLost) = written {
                later.extend(firsts);
            }
        }
        stream::iter(later)
            .map(|(number, record)| self.record(account, *number, record))
            .buffer_unordered(CONCURRENT)
            .try_for_each(async |_| Ok(()))
            .await
    }

    /// What writes the first record of a number. With it nobody agreed before to anything.
    fn first(&self, account: AccountId, hash: &str, sealed: &Sealed) -> Vec<TransactWriteItem> {
        let named = named(account, hash, sealed);
        let mut writes = vec![
            self.table
                .put(to_item(account, hash, sealed), Condition::NEW),
            self.table.put(named, Condition::NEW),
        ];
        if sealed.record.scope.allows(Class::Marketing) {
            let until = sealed.record.expires;
            writes.push(
                self.table
                    .put(agreement(account, hash, until), Condition::ANY),
            );
        }
        writes
    }

    /// The write that says until when a number's owner agrees to marketing, if a record changes that.
    async fn agreement(
        &self,
        account: AccountId,
        hash: &str,
        record: &ConsentRecord,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        if !record.scope.allows(Class::Marketing) {
            return Ok(None);
        }
        let key = keys::agreement(account, hash);
        let there = self.table.get(&key, "look for an agreement").await?;
        let before = there.map(|item| item.find_number(UNTIL)).transpose()?;
        let until = record.expires.map(Timestamp::as_second);
        let longer = match (before, until) {
            (None, _) | (Some(Some(_)), None) => true,
            (Some(None), _) => false,
            (Some(Some(before)), Some(until)) => until > before,
        };
        Ok(longer.then(|| {
            let item = agreement(account, hash, record.expires);
            self.table.put(item, Condition::ANY)
        }))
    }

    /// Which of these numbers' owners agree to marketing, by their hashes. No hash may be there twice. Records of a time when nothing
    /// stood beside them are read themselves.
    pub async fn agreed(
        &self,
        account: AccountId,
        number_hashes: Vec<String>,
        now: Timestamp,
    ) -> Result<HashSet<String>, StoreError> {
        let keys = number_hashes.iter();
        let keys = keys.map(|hash| keys::agreement(account, hash)).collect();
        let items = self.table.get_all(keys, "look for agreements").await?;
        let (mut agreed, mut told) = (HashSet::with_capacity(items.len()), HashSet::new());
        for item in items {
            let until = item.find_number(UNTIL)?;
            let hash = hash_of(&item)?;
            if until.is_none_or(|until| now.as_second() < until) {
                agreed.insert(hash.clone());
            }
            told.insert(hash);
        }
        let untold = number_hashes.iter().filter(|hash| !told.contains(*hash));
        let firsts = untold.map(|hash| keys::consent(account, hash, 1)).collect();
        for first in self.table.get_all(firsts, "look for consents").await? {
            let hash = hash_of(&first)?;
            if self.agrees(account, &hash, now).await? {
                agreed.insert(hash);
            }
        }
        Ok(agreed)
    }

    /// By the records themselves.
    async fn agrees(
        &self,
        account: AccountId,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut before = None;
        loop {
            let records = self.before(account, hash, before, RECORDS).await?;
            let holds = |sealed: &Sealed| {
                let ConsentRecord { scope, expires, .. } = &sealed.record;
                scope.allows(Class::Marketing) && expires.is_none_or(|expires| now < expires)
            };
            if records.iter().any(holds) {
                return Ok(true);
            }
            let Some(last) = records.last() else {
                return Ok(false);
            };
            before = Some(last.place);
        }
    }

    /// The newest of a number, or the newest before a place: up to `limit`.
    pub async fn page(
        &self,
        account: AccountId,
        number: Phone,
        before: Option<u32>,
        limit: i32,
    ) -> Result<Vec<Proved>, StoreError> {
        let hash = self.key.number(account, number);
        // One more, which the last is compared with.
        let read = self.before(account, &hash, before, limit + 1).await?;
        let proved = read.iter().enumerate().map(|(index, sealed)| Proved {
            is_intact: sealed.is_intact(read.get(index + 1), &self.key, &hash),
            sealed: sealed.clone(),
        });
        Ok(proved
            .take(usize::try_from(limit).unwrap_or_default())
            .collect())
    }

    /// What a number was asked last, strongly consistent.
    pub async fn asked(
        &self,
        account: AccountId,
        number: Phone,
    ) -> Result<Option<Asked>, StoreError> {
        let key = keys::asked(account, &self.key.number(account, number));
        let item = self.table.get(&key, "look for a question").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Writes down that a number is asked, in the place of what it was asked before. Doing it again changes nothing, not even an
    /// answer that came meanwhile.
    pub async fn ask(
        &self,
        account: AccountId,
        number: Phone,
        asked: &Asked,
    ) -> Result<(), StoreError> {
        let new = "attribute_not_exists(pk) OR message <> :expected";
        self.put_asked(account, number, asked, new).await
    }

    /// Records the consent that answers a question, and that it is answered. Doing it again changes nothing.
    pub async fn agree(
        &self,
        account: AccountId,
        number: Phone,
        asked: &Asked,
        record: &ConsentRecord,
    ) -> Result<(), StoreError> {
        self.record(account, number, record).await?;
        let answered = Asked {
            answered: record.inbound,
            ..asked.clone()
        };
        self.put_asked(account, number, &answered, "message = :expected")
            .await
    }

    /// Takes out of all records of a number what says who its owner is, and seals them anew, the oldest first; also what the number
    /// was asked. How many records there are. Doing it again goes on where it was.
    pub async fn redact(
        &self,
        account: AccountId,
        number: Phone,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let hash = self.key.number(account, number);
        let mut count = 0;
        let mut before: Option<Sealed> = None;
        while let Some(sealed) = self.at(account, &hash, count + 1).await? {
            count += 1;
            let redacted = Sealed::after(
                before.as_ref(),
                sealed.record.clone().redact(now),
                &self.key,
                &hash,
            );
            if redacted != sealed {
                self.replace(account, &hash, &redacted).await?;
            }
            before = Some(redacted);
        }
        let asked = keys::asked(account, &hash);
        self.table.remove(&asked, "forget a question").await?;
        Ok(count)
    }

    async fn at(
        &self,
        account: AccountId,
        hash: &str,
        place: u32,
    ) -> Result<Option<Sealed>, StoreError> {
        let key = keys::consent(account, hash, place);
        let item = self.table.get(&key, "read a consent").await?;
        item.as_ref().map(from_item).transpose()
    }

    async fn replace(
        &self,
        account: AccountId,
        hash: &str,
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        let item = to_item(account, hash, sealed);
        let writes = vec![self.table.put(item, Condition::ANY)];
        match self.table.commit(writes, "redact a consent").await? {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// A question that another one took the place of is left.
    async fn put_asked(
        &self,
        account: AccountId,
        number: Phone,
        asked: &Asked,
        expression: &'static str,
    ) -> Result<(), StoreError> {
        let message = text(asked.message);
        let mut item = keys::asked(account, &self.key.number(account, number)).item();
        item.insert(DOC.to_owned(), json(asked));
        item.insert(MESSAGE.to_owned(), message.clone());
        let ttl = (asked.expires + KEPT).as_second();
        item.insert("ttl".to_owned(), crate::item::number(ttl));
        let condition = Condition {
            expression,
            expected: Some(message),
        };
        let writes = vec![self.table.put(item, condition)];
        let written = self.table.commit(writes, "write a question down").await?;
        written.or_else(|ConditionLost| Ok(()))
    }

    async fn before(
        &self,
        account: AccountId,
        hash: &str,
        place: Option<u32>,
        limit: i32,
    ) -> Result<Vec<Sealed>, StoreError> {
        let after = place.map(keys::consent_place);
        let page = Page {
            partition: &keys::consents(account, hash),
            prefix: keys::CONSENT_PLACES,
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list consents").await?;
        items.iter().map(from_item).collect()
    }

    async fn find(
        &self,
        account: AccountId,
        hash: &str,
        id: ConsentId,
    ) -> Result<Option<Sealed>, StoreError> {
        let operation = "look for a consent";
        let key = keys::consent_named(account, hash, id);
        let Some(named) = self.table.get(&key, operation).await? else {
            return Ok(None);
        };
        let key = keys::consent(account, hash, named.number(PLACE)?);
        let item = self.table.get(&key, operation).await?;
        item.as_ref().map(from_item).transpose()
    }
}

/// Of the number that an item is about.
fn hash_of(item: &Item) -> Result<String, StoreError> {
    let hash = item.text(PARTITION)?.rsplit('#').next();
    Ok(hash.unwrap_or_default().to_owned())
}

fn to_item(account: AccountId, hash: &str, sealed: &Sealed) -> Item {
    let Sealed {
        place,
        record,
        previous,
        seal,
    } = sealed;
    let mut item = keys::consent(account, hash, *place).item();
    item.insert(DOC.to_owned(), json(record));
    item.insert(SEAL.to_owned(), text(seal));
    item.extend(
        previous
            .as_ref()
            .map(|previous| (PREVIOUS.to_owned(), text(previous))),
    );
    item
}

fn agreement(account: AccountId, hash: &str, until: Option<Timestamp>) -> Item {
    let mut item = keys::agreement(account, hash).item();
    item.extend(until.map(|until| (UNTIL.to_owned(), number(until.as_second()))));
    item
}

fn named(account: AccountId, hash: &str, sealed: &Sealed) -> Item {
    let mut item = keys::consent_named(account, hash, sealed.record.id).item();
    item.insert(PLACE.to_owned(), number(sealed.place));
    item
}

fn from_item(item: &Item) -> Result<Sealed, StoreError> {
    let place = keys::consent_place_of(item.text(SORT)?);
    let previous = item.find(PREVIOUS).map(|_| item.text(PREVIOUS));
    Ok(Sealed {
        place: place.ok_or_else(|| StoreError::corrupt("a consent's place"))?,
        record: item.json(DOC)?,
        previous: previous.transpose()?.map(str::to_owned),
        seal: item.text(SEAL)?.to_owned(),
    })
}
