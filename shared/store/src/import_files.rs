//! What an import leaves in the bucket: for each group of rows what became of them, and in the end the rows that were rejected as one
//! CSV. All of it under `rejected/`, and gone with that.

use std::path::Path;

use aws_sdk_s3::{presigning::PresigningConfig, primitives::ByteStream};
use carillon_core::id::{AccountId, ImportId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    files::{Files, collect},
};

/// How long a download's URL can be used.
pub const VALID: SignedDuration = SignedDuration::from_mins(15);

/// A group of rows, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// A letter of `carillon_core::import::Outcome` for each row.
    pub outcomes: String,
    pub rejected: Vec<RejectedRow>,
}

/// A row that made no contact, and why.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub line: u64,
    pub code: String,
    pub column: Option<String>,
    pub reason: String,
    /// As the file has them.
    pub cells: Vec<String>,
}

/// Without the cells, which are somebody's.
impl std::fmt::Debug for RejectedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("RejectedRow");
        shown.field("line", &self.line).field("code", &self.code);
        shown.finish_non_exhaustive()
    }
}

/// Where a file can be fetched, by whoever has this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    pub url: String,
    pub expires: Timestamp,
}

impl Files {
    fn group_key(account: AccountId, import: ImportId, first: u64) -> String {
        format!("rejected/{account}/{import}/{first:09}.json")
    }

    fn rejected_rows_key(account: AccountId, import: ImportId) -> String {
        format!("rejected/{account}/{import}.csv")
    }

    /// Writes what became of the rows from `first` on, counted from 0. Doing it again overwrites it with the same.
    pub async fn put_group(
        &self,
        account: AccountId,
        import: ImportId,
        first: u64,
        group: &Group,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_vec(group).expect("our own types are representable in JSON");
        let key = Self::group_key(account, import, first);
        self.put(&key, body.into(), "write what became of rows")
            .await
    }

    /// `None` where there is none any more.
    pub async fn read_group(
        &self,
        account: AccountId,
        import: ImportId,
        first: u64,
    ) -> Result<Option<Group>, StoreError> {
        let operation = "read what became of rows";
        let key = Self::group_key(account, import, first);
        let Some(body) = self.read(&key, None, operation).await? else {
            return Ok(None);
        };
        let body = collect(body, operation).await?;
        let group = serde_json::from_slice(&body);
        group.map(Some).map_err(|error| {
            StoreError::corrupt(format!("the rows of {import} from {first} on: {error}"))
        })
    }

    pub async fn put_rejected_rows(
        &self,
        account: AccountId,
        import: ImportId,
        csv: &Path,
    ) -> Result<(), StoreError> {
        let operation = "write rejected rows";
        let body = ByteStream::from_path(csv).await;
        let body = body.map_err(|error| StoreError::Service {
            operation,
            source: error.into(),
        })?;
        let put = self.client.put_object().bucket(&self.bucket).body(body);
        let put = put
            .key(Self::rejected_rows_key(account, import))
            .content_type("text/csv; charset=utf-8");
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service(operation))
    }

    /// Where the rejected rows can be fetched; whether they are there isn't looked at.
    pub async fn rejected_rows_url(
        &self,
        account: AccountId,
        import: ImportId,
        now: Timestamp,
    ) -> Result<Download, StoreError> {
        let key = Self::rejected_rows_key(account, import);
        let name = format!("{import}-rejected.csv");
        self.download(&key, &name, now).await
    }

    pub(crate) async fn download(
        &self,
        key: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Download, StoreError> {
        let operation = "sign a download";
        let valid = PresigningConfig::expires_in(VALID.unsigned_abs());
        let valid = valid.map_err(|error| StoreError::Service {
            operation,
            source: error.into(),
        })?;
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_disposition(format!("attachment; filename=\"{name}\""))
            .presigned(valid)
            .await
            .map_err(StoreError::service(operation))?;
        Ok(Download {
            url: get.uri().to_owned(),
            expires: now + VALID,
        })
    }
}
