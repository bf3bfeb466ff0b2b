//! Where an audience comes from: the campaign's upload, fetched into a temporary file.

use std::{
    fs::File,
    io::{BufWriter, IntoInnerError, Write},
};

use aws_sdk_s3::primitives::ByteStream;
use carillon_core::{
    campaign::{Audience, Campaign},
    contact::{Choice, Chosen, Contact},
    id::AccountId,
    recipients::Options,
};
use carillon_store::{
    StoreError,
    audiences::{Audiences, ChoiceError, Named},
    batches::Batches,
    campaigns::Campaigns,
    files::Files,
    ledger::Ledger,
    queues::PrepareRequest,
    uploads::{UploadFormat, Uploads},
};

use futures::TryStreamExt;
use jiff::Timestamp;

use crate::{
    preparation::PrepareError,
    problem::Problem,
    rows::{ContactLine, Rows},
};

#[derive(Debug, Clone)]
pub struct Source {
    pub campaigns: Campaigns,
    pub uploads: Uploads,
    pub files: Files,
    pub audiences: Audiences,
    /// Of an earlier campaign, to try again what failed of it.
    pub batches: Batches,
    pub ledger: Ledger,
}

impl Source {
    pub(crate) async fn campaign(
        &self,
        request: &PrepareRequest,
    ) -> Result<Campaign, PrepareError> {
        let PrepareRequest {
            account, campaign, ..
        } = *request;
        let campaign = self.campaigns.find(account, campaign).await?;
        Ok(campaign.ok_or(Problem::NoCampaign)?)
    }

    /// The rows of a campaign's audience. Of contacts only the values of these names are read.
    pub(crate) async fn rows(
        &self,
        campaign: &Campaign,
        names: &[&str],
        now: Timestamp,
    ) -> Result<Rows, PrepareError> {
        let account = campaign.account;
        let (id, options) = match &campaign.audience {
            Audience::Inline { upload, .. } => (*upload, Options::default()),
            Audience::Upload {
                upload,
                default_country,
                phone_column,
            } => (
                *upload,
                Options {
                    default_country: *default_country,
                    phone_column: phone_column.clone(),
                },
            ),
            Audience::Contacts {
                lists,
                segments,
                exclude_lists,
                exclude_segments,
            } => {
                let wanted = Named {
                    lists,
                    segments,
                    exclude_lists,
                    exclude_segments,
                };
                let choice = self.audiences.choice(account, wanted).await;
                let choice = choice.map_err(|error| match error {
                    ChoiceError::Store(error) => PrepareError::Store(error),
                    error => Problem::Contacts(error.to_string()).into(),
                })?;
                return self.contacts(account, &choice, names, now).await;
            }
            Audience::FailedOf(retried) => return self.retried(account, retried, now).await,
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

impl Source {
    /// Into a file without a name, a line for each.
    async fn contacts(
        &self,
        account: AccountId,
        choice: &Choice,
        names: &[&str],
        now: Timestamp,
    ) -> Result<Rows, PrepareError> {
        let mut file = BufWriter::new(tempfile::tempfile()?);
        let mut pages = self.audiences.pages(account, choice).await?;
        while let Some(page) = pages.try_next().await? {
            let chosen = |contact: &&Contact| choice.of(contact, now) == Chosen::Yes;
            for contact in page.iter().filter(chosen) {
                ContactLine::new(contact, names).write(&mut file)?;
            }
        }
        let file = file.into_inner().map_err(IntoInnerError::into_error)?;
        Ok(Rows::contacts(file)?)
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
