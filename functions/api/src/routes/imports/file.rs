//! The beginning of an upload: how it is written, what its columns are, and what they seem to mean.

use std::io::Cursor;

use bytes::Bytes;
use carillon_core::{
    id::UploadId,
    import::{Headers, Layout, Suggestion, Target, has_header, mapped, suggest},
    phone::Country,
    recipients::{FileError, Sheet},
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, FieldError, Problem},
};
use csv::StringRecord;

use super::mapping::{DelimiterWord, unfit};
use crate::{check, services::Api};

/// Bytes that are looked at.
const LOOKED_AT: u64 = 256 * 1024;

/// What a request says of how the file is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    pub header: Option<bool>,
    pub delimiter: Option<DelimiterWord>,
}

/// What is known of a file by its beginning.
pub struct Beginning {
    bytes: Bytes,
    pub etag: String,
    /// Of the whole file.
    pub size: u64,
    pub encoding: &'static str,
    pub delimiter: u8,
    pub header: bool,
    pub headers: Headers,
    pub rows: Vec<StringRecord>,
    /// There is nothing behind it.
    pub is_whole: bool,
}

impl Beginning {
    pub async fn read(
        api: &Api,
        who: &Principal,
        upload: UploadId,
        told: Told,
    ) -> Result<Self, Problem> {
        let known = api.uploads.find(who.account, upload).await?;
        known.ok_or_else(|| {
            let words = "there is no such upload in this account; make one with `POST /v1/uploads`";
            let error = FieldError::new("/upload", Code::NotFound.as_str(), words);
            Problem::of_fields(Code::InvalidContent, vec![error])
        })?;
        let arrived = api.files.find_upload(who.account, upload).await?;
        let start = api
            .files
            .read_upload_start(who.account, upload, LOOKED_AT)
            .await?;
        let (Some(arrived), Some(bytes)) = (arrived, start) else {
            let detail = "The upload has no file yet, or its file was deleted since. Post the file to the form that \
                          `POST /v1/uploads` gave, or make a new upload.";
            return Err(Problem::new(Code::UploadMissing, detail));
        };
        let is_whole = bytes.len() as u64 >= arrived.bytes;
        let bytes = bytes.slice_ref(check::whole_lines(&bytes, LOOKED_AT));
        let looked = Self::look(bytes, told, is_whole);
        let looked = looked.map_err(|error| unusable(&error))?;
        Ok(Self {
            etag: arrived.etag,
            size: arrived.bytes,
            ..looked
        })
    }

    fn look(bytes: Bytes, told: Told, is_whole: bool) -> Result<Self, FileError> {
        let delimiter = told.delimiter.map(DelimiterWord::byte);
        let mut sheet = Sheet::open(Cursor::new(&bytes), None, delimiter)?;
        sheet.read()?.ok_or(FileError::Empty)?;
        let header = told.header.unwrap_or_else(|| has_header(sheet.record()));
        let headers = Headers::of(sheet.record(), header);
        let mut rows = Vec::new();
        if !header {
            rows.push(sheet.record().clone());
        }
        loop {
            match sheet.read() {
                Ok(Some(_)) => rows.push(sheet.record().clone()),
                Ok(None) => break,
                // The end of a row that began here is behind what was read.
                Err(FileError::UnclosedQuote { .. }) if !is_whole => break,
                // The import says so, and what came before it is imported.
                Err(FileError::UnclosedQuote { .. }) if !rows.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let (encoding, delimiter) = (sheet.encoding().name(), sheet.delimiter());
        drop(sheet);
        Ok(Self {
            bytes,
            etag: String::new(),
            size: 0,
            encoding,
            delimiter,
            header,
            headers,
            rows,
            is_whole,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn suggested(&self, default_country: Option<Country>) -> Vec<Suggestion> {
        suggest(&self.headers, &self.rows, default_country)
    }

    /// With the mapping that was given, or with the one that is suggested.
    pub fn layout(
        &self,
        given: Option<Vec<(usize, String, Target)>>,
        default_country: Option<Country>,
    ) -> Result<Layout, Problem> {
        let (entries, wanted): (Vec<usize>, Vec<(String, Target)>) = match given {
            Some(given) => given
                .into_iter()
                .map(|(entry, column, target)| (entry, (column, target)))
                .unzip(),
            None => self
                .suggested(default_country)
                .into_iter()
                .enumerate()
                .filter_map(|(place, it)| Some((place, (self.by_place(place), it.target?))))
                .unzip(),
        };
        let columns = mapped(&self.headers, &wanted).map_err(|error| unfit(&error, &entries))?;
        Ok(Layout {
            delimiter: self.delimiter,
            header: self.header,
            names: self.headers.names().to_vec(),
            columns,
        })
    }

    /// A column whose name others have too, or that is named like a place, is called by its place.
    fn by_place(&self, place: usize) -> String {
        let name = &self.headers.names()[place];
        if self.headers.find(name) == Some(place) {
            name.clone()
        } else {
            format!("#{}", place + 1)
        }
    }
}

pub fn unusable(error: &FileError) -> Problem {
    let error = FieldError::new("/upload", error.code(), error);
    Problem::of_fields(Code::UnusableFile, vec![error])
}
