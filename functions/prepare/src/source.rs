//! Where an audience comes from: the campaign's upload, fetched into a temporary file.

use std::{fs::File, io::Write};

use aws_sdk_s3::primitives::ByteStream;
use carillon_core::{campaign::Audience, recipients::Options};
use carillon_store::{
    StoreError,
    campaigns::Campaigns,
    files::Files,
    queues::PrepareRequest,
    uploads::{UploadFormat, Uploads},
};

use crate::{preparation::PrepareError, problem::Problem, rows::Rows};

#[derive(Debug, Clone)]
pub struct Source {
    pub campaigns: Campaigns,
    pub uploads: Uploads,
    pub files: Files,
}

impl Source {
    /// The rows of the campaign's audience.
    pub(crate) async fn rows(&self, request: &PrepareRequest) -> Result<Rows, PrepareError> {
        let PrepareRequest {
            account, campaign, ..
        } = *request;
        let campaign = self.campaigns.find(account, campaign).await?;
        let (id, options) = match campaign.ok_or(Problem::NoCampaign)?.audience {
            Audience::Inline { upload, .. } => (upload, Options::default()),
            Audience::Upload {
                upload,
                default_country,
                phone_column,
            } => (
                upload,
                Options {
                    default_country,
                    phone_column,
                },
            ),
            Audience::List { .. } | Audience::Segment { .. } | Audience::FailedOf { .. } => {
                return Err(Problem::UnknownAudience.into());
            }
        };
        let upload = self.uploads.find(account, id).await?;
        let format = upload.ok_or(Problem::NoUpload)?.format;
        let body = self.files.read_upload(account, id).await?;
        let file = save(body.ok_or(Problem::NoUpload)?).await?;
        match format {
            UploadFormat::Csv => Ok(Rows::csv(file, &options)?),
            UploadFormat::Ndjson => Ok(Rows::lines(file)?),
        }
    }
}

/// Into a file without a name.
async fn save(mut body: ByteStream) -> Result<File, PrepareError> {
    let mut file = tempfile::tempfile()?;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| StoreError::Service {
            operation: "read an upload",
            source: error.into(),
        })?;
        file.write_all(&bytes)?;
    }
    Ok(file)
}
