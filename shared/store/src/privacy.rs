//! Requests and reports: an item each, and while there is work with it an item in the list of what is due. Both are written together, under the
//! version that was read.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, PrivacyRequestId},
    privacy::{Act, Request},
};
use jiff::Timestamp;

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text},
    keys::{self, SORT},
    records::Stale,
};

#[derive(Debug, Clone)]
pub struct PrivacyRequests {
    table: CoreTable,
}

impl PrivacyRequests {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes one once; a second call with the same id changes nothing.
    pub async fn create(&self, request: &Request, audit: &Audit) -> Result<(), StoreError> {
        let mut writes = vec![
            self.table.put(to_item(request), Condition::NEW),
            audit.write(&self.table),
        ];
        writes.extend(work(request).map(|key| self.table.put(key.item(), Condition::ANY)));
        match self.table.commit(writes, "take a privacy request").await? {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        act: Act,
        id: PrivacyRequestId,
    ) -> Result<Option<Request>, StoreError> {
        let key = keys::privacy_request(account, act, id);
        let item = self.table.get(&key, "read a privacy request").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        act: Act,
        after: Option<PrivacyRequestId>,
        limit: i32,
    ) -> Result<Vec<Request>, StoreError> {
        let after = after.map(|id| keys::privacy_request(account, act, id).sort);
        let page = Page {
            partition: &account.to_string(),
            prefix: &keys::privacy_requests(act),
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list privacy requests").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Those whose time has come, the longest due first.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<Request>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :work AND sk < :now")
            .expression_attribute_values(":work", text(keys::PRIVACY_DUE))
            .expression_attribute_values(":now", text(keys::closing_time(now)))
            .consistent_read(true)
            .limit(limit);
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::service("look for privacy requests"))?;
        let mut due = Vec::new();
        for item in answer.items() {
            let named = keys::privacy_due_of(item.text(SORT)?);
            let (account, act, id) =
                named.ok_or_else(|| StoreError::corrupt("a due privacy request"))?;
            due.extend(self.find(account, act, id).await?);
        }
        Ok(due)
    }

    /// Writes what became of one that was read, unless somebody was faster. The result carries its new version.
    pub async fn change(
        &self,
        before: &Request,
        after: Request,
    ) -> Result<Result<Request, Stale>, StoreError> {
        let after = Request {
            version: before.version + 1,
            ..after
        };
        let mut writes = vec![
            self.table
                .put(to_item(&after), Condition::version(before.version)),
        ];
        let (was_due, is_due) = (work(before), work(&after));
        if was_due != is_due {
            writes.extend(was_due.map(|key| self.table.delete(&key, Condition::ANY)));
            writes.extend(is_due.map(|key| self.table.put(key.item(), Condition::ANY)));
        }
        let written = self
            .table
            .commit(writes, "go on with a privacy request")
            .await?;
        Ok(written.map(|()| after).map_err(|ConditionLost| Stale))
    }
}

fn work(request: &Request) -> Option<keys::Key> {
    let Request {
        account, act, id, ..
    } = *request;
    Some(keys::privacy_due(request.due()?, account, act, id))
}

fn to_item(request: &Request) -> Item {
    let mut item = keys::privacy_request(request.account, request.act, request.id).item();
    item.insert("version".to_owned(), number(request.version));
    item.insert(DOC.to_owned(), json(request));
    item
}
