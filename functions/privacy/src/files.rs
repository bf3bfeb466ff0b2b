//! The account's own files: stored events, exports and its lake, rejected rows, uploads. Each is read through, and written anew
//! without the number's rows where it has some. What can't be read is no list of anybody, and goes.

use std::{
    fs::File,
    io::{Seek, Write},
};

use aws_sdk_s3::primitives::ByteStream;
use carillon_core::{erasure::Found, id::UploadId, recipients::erase::Finder};
use carillon_store::{StoreError, files::Files, uploads::UploadFormat};

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
    let mut last = after;
    // In the order of their keys.
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
                found.rows += of_file(state, subject, &key, &finder).await?;
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
    let Some((body, etag)) = state.files.open(key).await? else {
        return Ok(0);
    };
    let Some(kind) = kind(state, subject, key).await? else {
        state.files.delete(key).await?;
        return Ok(1);
    };
    let input = save(body).await?;
    let output = tempfile::NamedTempFile::new()?;
    match rewrite::without(kind, input, &mut output.reopen()?, finder) {
        Ok(0) => Ok(0),
        Ok(rows) => {
            let body = ByteStream::from_path(output.path()).await;
            let body = body.map_err(|error| std::io::Error::other(error.to_string()))?;
            state.files.replace(key, &etag, body).await?;
            Ok(u32::try_from(rows).unwrap_or(u32::MAX))
        }
        Err(RewriteError::Unreadable) => {
            state.files.delete(key).await?;
            Ok(0)
        }
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
