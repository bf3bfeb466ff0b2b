//! Reports on numbers in the bucket, under the number's hash, so that an erasure finds them: pieces while one is made, then one file.

use bytes::Bytes;
use carillon_core::id::{AccountId, PrivacyRequestId};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    files::{Files, collect},
    import_files::Download,
};

/// How long a report can be fetched; the bucket's lifecycle says the same.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Whose it is, the hash of its number, and which report.
pub type Of<'a> = (AccountId, &'a str, PrivacyRequestId);

fn all_of(account: AccountId, number_hash: &str) -> String {
    format!("reports/{account}/{number_hash}/")
}

fn pieces_of((account, number_hash, report): Of<'_>) -> String {
    format!("{}{report}/", all_of(account, number_hash))
}

fn report_of((account, number_hash, report): Of<'_>) -> String {
    format!("{}{report}.json", all_of(account, number_hash))
}

impl Files {
    /// Pieces are joined in the order of their names. Writing one again overwrites it.
    pub async fn put_piece(&self, of: Of<'_>, name: &str, body: Vec<u8>) -> Result<(), StoreError> {
        let key = format!("{}{name}.json", pieces_of(of));
        self.put(&key, body.into(), "write a piece of a report")
            .await
    }

    pub async fn pieces(&self, of: Of<'_>) -> Result<Vec<Bytes>, StoreError> {
        let operation = "read a piece of a report";
        let mut pieces = Vec::new();
        for key in self.all_keys(&pieces_of(of)).await? {
            if let Some(body) = self.read(&key, None, operation).await? {
                pieces.push(collect(body, operation).await?);
            }
        }
        Ok(pieces)
    }

    /// In the place of its pieces.
    pub async fn put_report(&self, of: Of<'_>, body: Vec<u8>) -> Result<(), StoreError> {
        self.put(&report_of(of), body.into(), "write a report")
            .await?;
        self.delete_all(&pieces_of(of)).await
    }

    /// Where a report can be fetched; whether it is there isn't looked at.
    pub async fn report_url(&self, of: Of<'_>, now: Timestamp) -> Result<Download, StoreError> {
        let (.., report) = of;
        let name = format!("{report}.json");
        self.download(&report_of(of), &name, now).await
    }

    /// All that were made on a number.
    pub async fn delete_reports(
        &self,
        account: AccountId,
        number_hash: &str,
    ) -> Result<(), StoreError> {
        self.delete_all(&all_of(account, number_hash)).await
    }

    async fn delete_all(&self, prefix: &str) -> Result<(), StoreError> {
        for key in self.all_keys(prefix).await? {
            self.delete(&key).await?;
        }
        Ok(())
    }

    async fn all_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut all = Vec::new();
        loop {
            let after: Option<&String> = all.last();
            let keys = self.keys(prefix, after.map(String::as_str)).await?;
            if keys.is_empty() {
                return Ok(all);
            }
            all.extend(keys);
        }
    }
}
