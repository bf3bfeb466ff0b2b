//! What an account has some of, such as senders and routes: an item each under the account, changed under the version that was read.

use std::{fmt::Display, marker::PhantomData};

use aws_sdk_dynamodb::Client;
use carillon_core::{
    contact::{List, Segment},
    id::{AccountId, ListId, RouteId, SegmentId, SenderId},
    routing::Route,
    sender::Sender,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number},
    keys,
};

/// A kind of them.
pub trait Record: Serialize + DeserializeOwned {
    type Id: Display;
    /// The word that its keys begin with.
    const WORD: &'static str;
    /// An account has this many at most, so that all of them are one read.
    const MOST: usize;

    fn account(&self) -> AccountId;
    fn id(&self) -> Self::Id;
    /// Counts its edits, from 1.
    fn version(&self) -> u32;
}

#[derive(Debug, Clone)]
pub struct Records<R> {
    table: CoreTable,
    kind: PhantomData<fn() -> R>,
}

/// Somebody changed it since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl<R: Record> Records<R> {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        let kind = PhantomData;
        Self { table, kind }
    }

    /// Writes a record once; a second call with the same id changes nothing.
    pub async fn create(&self, record: &R, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(record), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "create a record").await?;
        // The same id is the same request.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// As it is now, strongly consistent.
    pub async fn find(&self, account: AccountId, id: R::Id) -> Result<Option<R>, StoreError> {
        let key = keys::record(account, R::WORD, id);
        let item = self.table.get(&key, "read a record").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<R>, StoreError> {
        let page = Page {
            partition: &account.to_string(),
            prefix: &keys::records(R::WORD),
            after: None,
            order: Order::OldestFirst,
            limit: i32::try_from(R::MOST).expect("some hundreds"),
        };
        let items = self.table.page(page, "list records").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Writes a changed record over the one it was made from: its version must be the next one.
    pub async fn change(&self, record: &R, audit: &Audit) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(record.version() - 1);
        let writes = vec![
            self.table.put(to_item(record), before),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "change a record").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Deletes the record that was read.
    pub async fn delete(&self, record: &R, audit: &Audit) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::record(record.account(), R::WORD, record.id());
        let writes = vec![
            self.table
                .delete(&key, Condition::version(record.version())),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "delete a record").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

fn to_item<R: Record>(record: &R) -> Item {
    let mut item = keys::record(record.account(), R::WORD, record.id()).item();
    item.insert("version".to_owned(), number(record.version()));
    item.insert(DOC.to_owned(), json(record));
    item
}

impl Record for Sender {
    type Id = SenderId;
    const WORD: &'static str = "sender";
    const MOST: usize = 500;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> SenderId {
        self.id
    }

    fn version(&self) -> u32 {
        self.version
    }
}

impl Record for Route {
    type Id = RouteId;
    const WORD: &'static str = "route";
    const MOST: usize = 100;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> RouteId {
        self.id
    }

    fn version(&self) -> u32 {
        self.version
    }
}

impl Record for List {
    type Id = ListId;
    const WORD: &'static str = "list";
    const MOST: usize = 500;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> ListId {
        self.id
    }

    fn version(&self) -> u32 {
        self.version
    }
}

impl Record for Segment {
    type Id = SegmentId;
    const WORD: &'static str = "segment";
    const MOST: usize = 200;

    fn account(&self) -> AccountId {
        self.account
    }

    fn id(&self) -> SegmentId {
        self.id
    }

    fn version(&self) -> u32 {
        self.version
    }
}
