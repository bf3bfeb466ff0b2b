//! Files of exports in the bucket: written in pieces, so that memory does not grow with them, and read by links that end soon.

use std::{collections::HashSet, time::Duration};

use aws_sdk_s3::{
    Client,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use carillon_core::{
    export::{Export, Part, Purpose},
    id::AccountId,
};
use jiff::{SignedDuration, civil::Date};

use crate::StoreError;

/// How long a link to a file works.
pub const LINK_VALID: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone)]
pub struct ExportFiles {
    client: Client,
    bucket: String,
}

/// A file on its way. Until it is finished there is nothing under its key.
#[derive(Debug)]
pub struct Writing {
    key: String,
    upload: String,
    pieces: Vec<CompletedPart>,
}

impl ExportFiles {
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        let bucket = bucket.into();
        Self { client, bucket }
    }

    /// Where a part goes. It has the word of its worker in it: two workers never write one file, and what a dead one left is named by
    /// nobody. Also a lake's: in the lake itself, whatever lies there is read.
    pub fn part_key(export: &Export, part: usize, worker: &str) -> String {
        let extension = export.format.extension();
        format!("{}/part-{part:05}-{worker}.{extension}", home(export))
    }

    pub fn manifest_key(export: &Export) -> String {
        format!("{}/manifest.json", home(export))
    }

    pub async fn begin(&self, key: String, content_type: &str) -> Result<Writing, StoreError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(content_type)
            .send()
            .await
            .map_err(StoreError::service("begin a file of an export"))?;
        let upload = begun.upload_id().unwrap_or_default().to_owned();
        let pieces = Vec::new();
        Ok(Writing {
            key,
            upload,
            pieces,
        })
    }

    /// At least 5 MiB, by S3's rule, but for the last.
    pub async fn write(&self, file: &mut Writing, piece: Bytes) -> Result<(), StoreError> {
        let number = i32::try_from(file.pieces.len() + 1).expect("10,000 pieces at most");
        let written = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(&file.key)
            .upload_id(&file.upload)
            .part_number(number)
            .body(ByteStream::from(piece))
            .send()
            .await
            .map_err(StoreError::service("write a piece of an export"))?;
        let piece = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(written.e_tag);
        file.pieces.push(piece.build());
        Ok(())
    }

    /// From now on the file is there, under the key that it returns.
    pub async fn finish(&self, file: Writing) -> Result<String, StoreError> {
        let Writing {
            key,
            upload,
            pieces,
        } = file;
        let pieces = CompletedMultipartUpload::builder().set_parts(Some(pieces));
        let finish = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&key)
            .upload_id(upload)
            .multipart_upload(pieces.build());
        finish
            .send()
            .await
            .map_err(StoreError::service("finish a file of an export"))?;
        Ok(key)
    }

    /// Nothing is left of it. What isn't abandoned so, because its worker died, the bucket's lifecycle removes.
    pub async fn abandon(&self, file: Writing) -> Result<(), StoreError> {
        let abort = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(file.key)
            .upload_id(file.upload);
        let aborted = abort.send().await;
        aborted
            .map(drop)
            .map_err(StoreError::service("abandon a file of an export"))
    }

    /// Puts a part into a day of the lake, over what was there under its number: at once, as readers see it.
    pub async fn put_in_lake(
        &self,
        export: &Export,
        day: Date,
        number: usize,
        part: &Part,
    ) -> Result<(), StoreError> {
        let copy = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(in_lake(export, day, number))
            // Nothing in a key has to be escaped.
            .copy_source(format!("{}/{}", self.bucket, part.key));
        let copied = copy.send().await;
        copied
            .map(drop)
            .map_err(StoreError::service("put a file into a lake"))
    }

    /// Deletes what a day of the lake has beside so many parts: it had more of them.
    pub async fn clear_lake(
        &self,
        export: &Export,
        day: Date,
        parts: usize,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "clear a day of a lake";
        let own: HashSet<String> = (0..parts)
            .map(|number| in_lake(export, day, number))
            .collect();
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let list = list.prefix(lake_day(export.account, day));
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::service(OPERATION))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            for key in keys.filter(|key| !own.contains(*key)) {
                let delete = self.client.delete_object().bucket(&self.bucket).key(key);
                let deleted = delete.send().await;
                deleted.map_err(StoreError::service(OPERATION))?;
            }
        }
        Ok(())
    }

    pub async fn put_manifest(&self, export: &Export, body: Vec<u8>) -> Result<String, StoreError> {
        let key = Self::manifest_key(export);
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/json")
            .body(ByteStream::from(body));
        put.send()
            .await
            .map_err(StoreError::service("write an export's manifest"))?;
        Ok(key)
    }

    /// A link that gives a file to whoever has it, as an attachment of that name.
    pub async fn link(&self, key: &str, name: &str) -> Result<String, StoreError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Service {
            operation: "sign a link to an export",
            source,
        };
        let seconds = u64::try_from(LINK_VALID.as_secs()).expect("not negative");
        let valid = PresigningConfig::expires_in(Duration::from_secs(seconds));
        let valid = valid.map_err(|error| failed(error.into()))?;
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let get = get.response_content_disposition(format!("attachment; filename=\"{name}\""));
        let signed = get.presigned(valid).await;
        signed
            .map(|signed| signed.uri().to_owned())
            .map_err(|error| failed(error.into()))
    }
}

fn lake_day(account: AccountId, day: Date) -> String {
    format!("exports/lake/account={account}/dt={day}/")
}

fn in_lake(export: &Export, day: Date, number: usize) -> String {
    let (day, extension) = (lake_day(export.account, day), export.format.extension());
    format!("{day}part-{number:05}.{extension}")
}

/// A schedule's are found by who knows the schedule and the day.
fn home(export: &Export) -> String {
    let Export { id, account, .. } = export;
    match export.purpose {
        Purpose::Download | Purpose::Lake { .. } => format!("exports/{account}/{id}"),
        Purpose::Schedule { schedule, on } => format!("exports/{account}/{schedule}/{on}"),
    }
}
