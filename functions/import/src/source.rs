//! The file of an import, in a temporary file without a name.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use carillon_core::import::Terms;
use carillon_store::StoreError;

use crate::{ImportError, Importer};

const GONE: &str = "there is no file in the upload any more; upload it again and import that";
const REPLACED: &str =
    "the file in the upload was replaced after the import was made; make another import";

impl Importer {
    /// The file as it was when the import was made.
    pub(crate) async fn fetch(&self, terms: &Terms) -> Result<File, ImportError> {
        let (account, upload) = (terms.account, terms.upload);
        let arrived = self.files.find_upload(account, upload).await?;
        let arrived = arrived.ok_or_else(|| ImportError::Problem(GONE.to_owned()))?;
        if arrived.etag != terms.etag {
            return Err(ImportError::Problem(REPLACED.to_owned()));
        }
        let body = self.files.read_upload(account, upload).await?;
        let mut body = body.ok_or_else(|| ImportError::Problem(GONE.to_owned()))?;
        let mut file = BufWriter::new(tempfile::tempfile()?);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| StoreError::Service {
                operation: "read an upload",
                source: error.into(),
            })?;
            file.write_all(&bytes)?;
        }
        Ok(file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?)
    }
}
