//! The bucket: uploads, recipient files with their manifest, rejected rows.

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::{
        get_object::GetObjectError, head_object::HeadObjectError, put_object::PutObjectError,
    },
    primitives::ByteStream,
};
use bytes::Bytes;
use carillon_core::{
    chunk::source::FrameAddress,
    id::{AccountId, BatchId, UploadId},
    manifest::Manifest,
};
use jiff::Timestamp;

use crate::StoreError;

#[derive(Debug, Clone)]
pub struct Files {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

/// What is known of an upload that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub bytes: u64,
    pub etag: String,
}

impl Files {
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    pub fn upload_key(account: AccountId, upload: UploadId) -> String {
        format!("uploads/{account}/{upload}")
    }

    fn part_key(batch: BatchId, run: u64, part: u16) -> String {
        format!("recipients/{batch}/{run:016x}/part-{part:04}.ndjson.zst")
    }

    fn manifest_key(batch: BatchId) -> String {
        format!("recipients/{batch}/manifest.json")
    }

    /// Where the rows of a batch that can't be sent to are listed.
    pub fn rejected_key(account: AccountId, batch: BatchId) -> String {
        format!("rejected/{account}/{batch}.csv")
    }

    pub async fn put_upload(
        &self,
        account: AccountId,
        upload: UploadId,
        body: Bytes,
    ) -> Result<(), StoreError> {
        self.put(&Self::upload_key(account, upload), body, "write an upload")
            .await
    }

    /// `None` while nothing was put there.
    pub async fn find_upload(
        &self,
        account: AccountId,
        upload: UploadId,
    ) -> Result<Option<Arrived>, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(Self::upload_key(account, upload));
        match head.send().await {
            Ok(head) => Ok(Some(Arrived {
                bytes: head
                    .content_length()
                    .and_then(|length| u64::try_from(length).ok())
                    .unwrap_or(0),
                etag: head.e_tag().unwrap_or_default().to_owned(),
            })),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(HeadObjectError::is_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::service("look at an upload")(error)),
        }
    }

    /// An upload as a stream; `None` while nothing was put there.
    pub async fn read_upload(
        &self,
        account: AccountId,
        upload: UploadId,
    ) -> Result<Option<ByteStream>, StoreError> {
        self.read(&Self::upload_key(account, upload), None, "read an upload")
            .await
    }

    /// The first `bytes` of an upload, or all of it.
    pub async fn read_upload_start(
        &self,
        account: AccountId,
        upload: UploadId,
        bytes: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        let range = format!("bytes=0-{}", bytes.saturating_sub(1));
        let Some(body) = self
            .read(
                &Self::upload_key(account, upload),
                Some(range),
                "read an upload",
            )
            .await?
        else {
            return Ok(None);
        };
        collect(body, "read an upload").await.map(Some)
    }

    fn archive(account: AccountId) -> String {
        format!("events/{account}/")
    }

    /// Files of the archive sort by when they were written.
    fn archive_place(account: AccountId, at: Timestamp) -> String {
        let archive = Self::archive(account);
        format!("{archive}{:013}", at.as_millisecond())
    }

    /// Events of an account that are about to be delivered. `token` is new for every file.
    pub async fn archive_events(
        &self,
        account: AccountId,
        at: Timestamp,
        token: &str,
        packed: Vec<u8>,
    ) -> Result<(), StoreError> {
        let place = Self::archive_place(account, at);
        let key = format!("{place}-{token}.ndjson.zst");
        self.put(&key, packed.into(), "archive events").await
    }

    /// Files of the archive that were written in a time, oldest first, from the one after `after`.
    pub async fn archived(
        &self,
        account: AccountId,
        (since, until): (Timestamp, Timestamp),
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<String>, StoreError> {
        let since = Self::archive_place(account, since);
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(Self::archive(account))
            .start_after(after.unwrap_or(&since))
            .max_keys(limit);
        let answer = list.send().await;
        let answer = answer.map_err(StoreError::service("list archived events"))?;
        // `~` is behind every token of that very millisecond.
        let end = format!("{}~", Self::archive_place(account, until));
        let names = answer.contents().iter().filter_map(|object| object.key());
        let names = names.take_while(|name| *name <= end.as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// `None` of one that is too old to be there any more.
    pub async fn read_archived(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let operation = "read archived events";
        match self.read(name, None, operation).await? {
            Some(body) => collect(body, operation).await.map(Some),
            None => Ok(None),
        }
    }

    pub async fn put_part(
        &self,
        batch: BatchId,
        run: u64,
        part: u16,
        body: Bytes,
    ) -> Result<(), StoreError> {
        self.put(
            &Self::part_key(batch, run, part),
            body,
            "write a part of a batch's recipients",
        )
        .await
    }

    /// A part as a whole.
    pub async fn read_part(
        &self,
        batch: BatchId,
        run: u64,
        part: u16,
    ) -> Result<Bytes, StoreError> {
        let key = Self::part_key(batch, run, part);
        let body = self.read(&key, None, "read recipients").await?;
        let missing = || StoreError::corrupt("a batch without a part that its manifest names");
        collect(body.ok_or_else(missing)?, "read recipients").await
    }

    /// A chunk's frame.
    pub async fn read_frame(&self, batch: BatchId, at: FrameAddress) -> Result<Bytes, StoreError> {
        let range = format!(
            "bytes={}-{}",
            at.offset,
            at.offset + u64::from(at.length) - 1
        );
        let body = self
            .read(
                &Self::part_key(batch, at.run, at.part),
                Some(range),
                "read a chunk's recipients",
            )
            .await?;
        let body = body
            .ok_or_else(|| StoreError::corrupt("a batch without the part that its chunk names"))?;
        collect(body, "read a chunk's recipients").await
    }

    /// Writes the manifest unless there is one; returns the one that is there now.
    pub async fn settle_manifest(&self, manifest: &Manifest) -> Result<Manifest, StoreError> {
        let body = serde_json::to_vec(manifest).expect("a manifest is representable in JSON");
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(Self::manifest_key(manifest.batch))
            .body(ByteStream::from(body))
            .if_none_match("*");
        match put.send().await {
            // A repeated call whose first attempt arrived looks like a loss: what counts is what is there.
            Ok(_) => {}
            Err(error) if was_there_already(&error) => {}
            Err(error) => return Err(StoreError::service("write a manifest")(error)),
        }
        self.find_manifest(manifest.batch)
            .await?
            .ok_or_else(|| StoreError::corrupt("a manifest that was just written"))
    }

    pub async fn find_manifest(&self, batch: BatchId) -> Result<Option<Manifest>, StoreError> {
        let Some(body) = self
            .read(&Self::manifest_key(batch), None, "read a manifest")
            .await?
        else {
            return Ok(None);
        };
        let body = collect(body, "read a manifest").await?;
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| StoreError::corrupt(format!("the manifest of {batch}: {error}")))
    }

    pub async fn put_rejected(
        &self,
        account: AccountId,
        batch: BatchId,
        csv: Bytes,
    ) -> Result<(), StoreError> {
        self.put(
            &Self::rejected_key(account, batch),
            csv,
            "write rejected rows",
        )
        .await
    }

    pub async fn read_rejected(
        &self,
        account: AccountId,
        batch: BatchId,
    ) -> Result<Option<Bytes>, StoreError> {
        match self
            .read(
                &Self::rejected_key(account, batch),
                None,
                "read rejected rows",
            )
            .await?
        {
            Some(body) => collect(body, "read rejected rows").await.map(Some),
            None => Ok(None),
        }
    }

    /// The keys of objects that begin with `prefix`, in their order, from the one after `after`.
    pub async fn keys(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, StoreError> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned));
        let answer = list.send().await;
        let answer = answer.map_err(StoreError::service("list files"))?;
        let keys = answer.contents.unwrap_or_default().into_iter();
        Ok(keys.filter_map(|object| object.key).collect())
    }

    /// The keys of objects that begin with `prefix` and were written before a time.
    pub async fn older(&self, prefix: &str, before: Timestamp) -> Result<Vec<String>, StoreError> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::service("list old files"))?;
            let is_old = |object: &aws_sdk_s3::types::Object| {
                let written = object.last_modified.as_ref();
                written.is_some_and(|time| time.secs() < before.as_second())
            };
            let old = page.contents.unwrap_or_default().into_iter().filter(is_old);
            keys.extend(old.filter_map(|object| object.key));
        }
        Ok(keys)
    }

    /// All that belongs to a batch.
    pub fn recipients_prefix(batch: BatchId) -> String {
        format!("recipients/{batch}/")
    }

    /// What belongs to an account by its key: stored events, exports, its lake, rejected rows, uploads. In the order of keys.
    pub fn account_prefixes(account: AccountId) -> [String; 5] {
        let lake = format!("lake/account={account}");
        let account = account.to_string();
        [
            ("events", &account),
            ("exports", &account),
            ("exports", &lake),
            ("rejected", &account),
            ("uploads", &account),
        ]
        .map(|(kind, whose)| format!("{kind}/{whose}/"))
    }

    /// An object by its key, with what its version is known by; `None` when it isn't there.
    pub async fn open(&self, key: &str) -> Result<Option<(ByteStream, String)>, StoreError> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        match get.send().await {
            Ok(answer) => Ok(Some((answer.body, answer.e_tag.unwrap_or_default()))),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::service("read a file")(error)),
        }
    }

    /// Puts an object in the place of the version that was read. `false` when that isn't there any more.
    pub async fn replace(
        &self,
        key: &str,
        etag: &str,
        body: ByteStream,
    ) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .if_match(etag)
            .body(body);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if was_there_already(&error) => Ok(false),
            Err(error) => Err(StoreError::service("write a file anew")(error)),
        }
    }

    /// Deleting it twice changes nothing.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let deleted = delete.send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("delete a file"))
    }

    /// Puts a frame of the same length in the place of one of a part. `false` when somebody else changed the part meanwhile.
    pub async fn exchange_frame(
        &self,
        batch: BatchId,
        at: FrameAddress,
        frame: &[u8],
    ) -> Result<bool, StoreError> {
        let key = Self::part_key(batch, at.run, at.part);
        let missing = || StoreError::corrupt("a batch without a part that its manifest names");
        let (body, etag) = self.open(&key).await?.ok_or_else(missing)?;
        let mut part = collect(body, "read recipients").await?.to_vec();
        let from = usize::try_from(at.offset).map_err(|_| missing())?;
        let place = part.get_mut(from..from + frame.len());
        let length = usize::try_from(at.length).map_err(|_| missing())?;
        let place = place.filter(|_| length == frame.len());
        place.ok_or_else(missing)?.copy_from_slice(frame);
        self.replace(&key, &etag, part.into()).await
    }

    /// A manifest with what its version is known by.
    pub async fn open_manifest(
        &self,
        batch: BatchId,
    ) -> Result<Option<(Manifest, String)>, StoreError> {
        let Some((body, etag)) = self.open(&Self::manifest_key(batch)).await? else {
            return Ok(None);
        };
        let body = collect(body, "read a manifest").await?;
        let manifest = serde_json::from_slice(&body)
            .map_err(|error| StoreError::corrupt(format!("the manifest of {batch}: {error}")))?;
        Ok(Some((manifest, etag)))
    }

    /// `false` when somebody else changed it meanwhile.
    pub async fn replace_manifest(
        &self,
        manifest: &Manifest,
        etag: &str,
    ) -> Result<bool, StoreError> {
        let body = serde_json::to_vec(manifest).expect("a manifest is representable in JSON");
        let key = Self::manifest_key(manifest.batch);
        self.replace(&key, etag, body.into()).await
    }

    /// Whether a key is that of a part which the manifest doesn't name: one of a preparation that died.
    pub fn is_left_over(manifest: &Manifest, key: &str) -> bool {
        let run = format!(
            "{}{:016x}/",
            Self::recipients_prefix(manifest.batch),
            manifest.run
        );
        key != Self::manifest_key(manifest.batch) && !key.starts_with(&run)
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        body: Bytes,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from(body));
        put.send()
            .await
            .map(drop)
            .map_err(StoreError::service(operation))
    }

    pub(crate) async fn read(
        &self,
        key: &str,
        range: Option<String>,
        operation: &'static str,
    ) -> Result<Option<ByteStream>, StoreError> {
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_range(range);
        match get.send().await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                Ok(None)
            }
            // The first bytes of an empty object.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|answer| answer.status().as_u16() == 416) =>
            {
                Ok(Some(ByteStream::default()))
            }
            Err(error) => Err(StoreError::service(operation)(error)),
        }
    }
}

pub(crate) async fn collect(
    body: ByteStream,
    operation: &'static str,
) -> Result<Bytes, StoreError> {
    let collected = body.collect().await.map_err(|error| StoreError::Service {
        operation,
        source: error.into(),
    })?;
    Ok(collected.into_bytes())
}

/// 412 says that the object exists, 409 that another write of it is under way.
fn was_there_already(error: &SdkError<PutObjectError>) -> bool {
    error
        .raw_response()
        .is_some_and(|answer| matches!(answer.status().as_u16(), 409 | 412))
}
