//! The account's own files: stored events, exports and its lake, rejected rows, uploads. Each is read through, and written anew
//! without the number's rows where it has some. What can't be read is no list of anybody, and goes.

use std::{
    fs::File,
    io::{Seek, Write},
};

use aws_sdk_s3::primitives::ByteStream;
use carillon_core::{id::UploadId, privacy::Found, recipients::erase::Finder};
use carillon_store::{StoreError, files::Files, uploads::UploadFormat};
use tempfile::NamedTempFile;

use crate::{
    PrivacyError, State,
    rewrite::{self, Kind, RewriteError},
    round::{Reached, Subject},
};

pub async fn erase(
    state: &State,
    subject: &Subject,
    after: Option<String>,
    found: &mut Found,
) -> Result<Reached, PrivacyError> {
    let finder = Finder::new(subject.number);
    go_through(state, subject, after, async |key| {
        found.rows += of_file(state, subject, key, &finder).await?;
        Ok(())
    })
    .await
}

/// The keys of the account's files, in their order.
pub async fn go_through(
    state: &State,
    subject: &Subject,
    after: Option<String>,
    mut visit: impl AsyncFnMut(&str) -> Result<(), PrivacyError>,
) -> Result<Reached, PrivacyError> {
    let mut last = after;
    for prefix in Files::account_prefixes(subject.account) {
        if last
            .as_ref()
            .is_some_and(|last| *last > prefix && !last.starts_with(&prefix))
        {
            continue;
        }
        loop {
            let keys = state.files.keys(&prefix, last.as_deref()).await?;
            if keys.is_empty() {
                break;
            }
            for key in keys {
                if !subject.has_time() {
                    return Ok(Reached::Key(last));
                }
                visit(&key).await?;
                last = Some(key);
            }
        }
    }
    Ok(Reached::End)
}

/// How many rows were the number's. A file that others write meanwhile is looked at in the next round.
async fn of_file(
    state: &State,
    subject: &Subject,
    key: &str,
    finder: &Finder,
) -> Result<u32, PrivacyError> {
    match look(state, subject, key, finder).await? {
        Looked::Rows { rows: 0, .. } | Looked::Gone => Ok(0),
        Looked::Rows { rows, left, etag } => {
            let body = ByteStream::from_path(left.path()).await;
            let body = body.map_err(|error| std::io::Error::other(error.to_string()))?;
            state.files.replace(key, &etag, body).await?;
            Ok(rows)
        }
        Looked::Unreadable => {
            state.files.delete(key).await?;
            Ok(0)
        }
    }
}

pub enum Looked {
    Gone,
    /// No list of anybody.
    Unreadable,
    Rows {
        /// The number's.
        rows: u32,
        left: NamedTempFile,
        etag: String,
    },
}

pub async fn look(
    state: &State,
    subject: &Subject,
    key: &str,
    finder: &Finder,
) -> Result<Looked, PrivacyError> {
    let Some((body, etag)) = state.files.open(key).await? else {
        return Ok(Looked::Gone);
    };
    let Some(kind) = kind(state, subject, key).await? else {
        return Ok(Looked::Unreadable);
    };
    let input = save(body).await?;
    let left = NamedTempFile::new()?;
    match rewrite::without(kind, input, &mut left.reopen()?, finder) {
        Ok(rows) => Ok(Looked::Rows {
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            left,
            etag,
        }),
        Err(RewriteError::Unreadable) => Ok(Looked::Unreadable),
        Err(RewriteError::Io(error)) => Err(error.into()),
    }
}

/// What a file is; `None` for one that nobody writes.
async fn kind(state: &State, subject: &Subject, key: &str) -> Result<Option<Kind>, StoreError> {
    let name = key.rsplit('/').next().unwrap_or_default();
    if let Ok(id) = name.parse::<UploadId>() {
        let upload = state.uploads.find(subject.account, id).await?;
        return Ok(upload.map(|upload| match upload.format {
            UploadFormat::Csv => Kind::Csv,
            UploadFormat::Ndjson => Kind::Lines,
        }));
    }
    Ok(by_name(key))
}

fn by_name(key: &str) -> Option<Kind> {
    let json = if key.starts_with("rejected/") {
        Kind::Group
    } else {
        Kind::Lines
    };
    let endings = [
        (".csv", Kind::Csv),
        (".csv.gz", Kind::Gzip),
        (".json", json),
        (".ndjson.zst", Kind::PackedLines),
        (".parquet", Kind::Parquet),
    ];
    let known = endings.iter().find(|(ending, _)| key.ends_with(ending));
    known.map(|(_, kind)| *kind)
}

/// Into a file without a name.
async fn save(mut body: ByteStream) -> Result<File, PrivacyError> {
    let mut file = tempfile::tempfile()?;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| StoreError::Service {
            operation: "read a file",
            source: error.into(),
        })?;
        file.write_all(&bytes)?;
    }
    file.rewind()?;
    Ok(file)
}
