//! Uploads: files of recipients, and what is known of them. The file itself is put to S3 by its owner, and deleted there by the
//! bucket's lifecycle; its record stays.

use aws_sdk_dynamodb::Client;
use carillon_core::id::{AccountId, UploadId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC},
    item::{ReadItem, json},
    keys,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    pub id: UploadId,
    pub account: AccountId,
    pub format: UploadFormat,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadFormat {
    /// As people export it.
    Csv,
    /// A recipient of `carillon_core::frame` a line: numbers that were checked before.
    Ndjson,
}

#[derive(Debug, Clone)]
pub struct Uploads {
    table: CoreTable,
}

impl Uploads {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes the record once; a second call with the same id changes nothing.
    pub async fn create(&self, upload: &Upload, audit: &Audit) -> Result<(), StoreError> {
        let mut item = keys::upload(upload.account, upload.id).item();
        item.insert(DOC.to_owned(), json(upload));
        let writes = vec![
            self.table.put(item, Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "create an upload").await?;
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        id: UploadId,
    ) -> Result<Option<Upload>, StoreError> {
        let key = keys::upload(account, id);
        let item = self.table.get(&key, "read an upload's record").await?;
        item.map(|item| item.json(DOC)).transpose()
    }
}
