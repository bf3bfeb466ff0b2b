//! Templates: the newest version of each under its name in the account, and every version by its number, written with it and
//! never again.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, TemplateId},
    saved_template::SavedTemplate,
};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number},
    keys::{self, Key},
    records::Stale,
};

#[derive(Debug, Clone)]
pub struct Templates {
    table: CoreTable,
}

impl Templates {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes a template once; a second call with the same id changes nothing.
    pub async fn create(&self, template: &SavedTemplate, audit: &Audit) -> Result<(), StoreError> {
        let written = self.write(template, Condition::NEW, audit).await?;
        // The same id is the same request.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// Its newest version, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: TemplateId,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        self.read(&keys::template(account, id)).await
    }

    /// One of its versions, whether or not the template was deleted since.
    pub async fn version(
        &self,
        account: AccountId,
        id: TemplateId,
        version: u32,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        self.read(&keys::template_version(account, id, version))
            .await
    }

    /// The newest version of each, newest template first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<TemplateId>,
        limit: i32,
    ) -> Result<Vec<SavedTemplate>, StoreError> {
        let after = after.map(|id| keys::template(account, id).sort);
        self.page(account, keys::TEMPLATE, after, limit).await
    }

    /// The versions of one, newest first, from the one after `after`.
    pub async fn versions(
        &self,
        account: AccountId,
        id: TemplateId,
        after: Option<u32>,
        limit: i32,
    ) -> Result<Vec<SavedTemplate>, StoreError> {
        let after = after.map(|version| keys::template_version(account, id, version).sort);
        let prefix = keys::template_versions(id);
        self.page(account, &prefix, after, limit).await
    }

    /// Writes the next version over the one that was read.
    pub async fn change(
        &self,
        template: &SavedTemplate,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(template.version - 1);
        let written = self.write(template, before, audit).await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Deletes the template that was read. Its versions stay: they tell what was sent, and hold nothing of anybody.
    pub async fn delete(
        &self,
        template: &SavedTemplate,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::template(template.account, template.id);
        let writes = vec![
            self.table
                .delete(&key, Condition::version(template.version)),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "delete a template").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    async fn write(
        &self,
        template: &SavedTemplate,
        before: Condition,
        audit: &Audit,
    ) -> Result<Result<(), ConditionLost>, StoreError> {
        let (account, id) = (template.account, template.id);
        let version = keys::template_version(account, id, template.version);
        let writes = vec![
            self.table
                .put(to_item(&keys::template(account, id), template), before),
            self.table.put(to_item(&version, template), Condition::NEW),
            audit.write(&self.table),
        ];
        self.table.commit(writes, "write a template").await
    }

    async fn read(&self, key: &Key) -> Result<Option<SavedTemplate>, StoreError> {
        let item = self.table.get(key, "read a template").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    async fn page(
        &self,
        account: AccountId,
        prefix: &str,
        after: Option<String>,
        limit: i32,
    ) -> Result<Vec<SavedTemplate>, StoreError> {
        let page = Page {
            partition: &account.to_string(),
            prefix,
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list templates").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }
}

fn to_item(key: &Key, template: &SavedTemplate) -> Item {
    let mut item = key.item();
    item.insert("version".to_owned(), number(template.version));
    item.insert(DOC.to_owned(), json(template));
    item
}
