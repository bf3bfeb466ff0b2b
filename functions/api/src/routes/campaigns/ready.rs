//! Whether a campaign can begin: its audience is there, and has what its text needs.

use bytes::Bytes;
use carillon_core::{
    campaign::{Audience, Campaign},
    recipients::Options,
    template::Template,
};
use carillon_runtime::problem::{Code, FieldError, Problem};

use crate::{check, services::Api};

/// Looks at the file of an audience, if it is there already: then its problems are told at once.
pub async fn file_if_arrived(
    api: &Api,
    campaign: &Campaign,
    template: &Template,
) -> Result<(), Problem> {
    match start_of_file(api, campaign).await? {
        Some(start) => check_file(campaign, &start, template),
        None => Ok(()),
    }
}

/// Everything that can be known before the audience is read in full.
pub async fn to_begin(api: &Api, campaign: &Campaign) -> Result<(), Problem> {
    super::audience::available(&campaign.audience)?;
    let template = check::text("/content/text", &campaign.content.text)?;
    let start = start_of_file(api, campaign).await?.ok_or_else(|| {
        let detail = "The campaign's upload has no file yet, or its file was deleted since. Post the file to the form that \
                      `POST /v1/uploads` gave, or make a new upload.";
        Problem::new(Code::UploadMissing, detail)
    })?;
    check_file(campaign, &start, &template)
}

/// Its first bytes; `None` when it isn't there.
pub async fn start_of_file(api: &Api, campaign: &Campaign) -> Result<Option<Bytes>, Problem> {
    let upload = match &campaign.audience {
        Audience::Inline { upload, .. } | Audience::Upload { upload, .. } => *upload,
        Audience::List { .. } | Audience::Segment { .. } | Audience::FailedOf { .. } => {
            return Ok(None);
        }
    };
    if matches!(campaign.audience, Audience::Upload { .. }) {
        let known = api.uploads.find(campaign.account, upload).await?;
        known.ok_or_else(|| {
            let words = "there is no such upload in this account; make one with `POST /v1/uploads`";
            let error = FieldError::new("/audience/upload", Code::NotFound.as_str(), words);
            Problem::of_fields(Code::InvalidContent, vec![error])
        })?;
    }
    let account = campaign.account;
    Ok(api
        .files
        .read_upload_start(account, upload, check::FILE_START)
        .await?)
}

pub fn options(campaign: &Campaign) -> Options {
    match &campaign.audience {
        Audience::Upload {
            default_country,
            phone_column,
            ..
        } => Options {
            default_country: *default_country,
            phone_column: phone_column.clone(),
        },
        _ => Options::default(),
    }
}

fn check_file(campaign: &Campaign, start: &Bytes, template: &Template) -> Result<(), Problem> {
    match campaign.audience {
        Audience::Upload { .. } => {
            check::file(start, "/audience/upload", &options(campaign), template)
        }
        // Its recipients were checked when they came in; a text that changed since is checked against the first of them.
        _ => check::lines(start, template),
    }
}
