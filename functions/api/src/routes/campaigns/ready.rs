//! Whether a campaign can begin: its audience is there, and has what its text needs.

use bytes::Bytes;
use carillon_core::{
    campaign::{Audience, Campaign, Words},
    contact::Choice,
    content::Texts,
    id::UploadId,
    recipients::Options,
};
use carillon_runtime::problem::{Code, FieldError, Problem};
use carillon_store::audiences::{ChoiceError, Named};

use crate::{check, services::Api, warnings, wording::Wording};

/// Looks at the file of an audience, if it is there already: then its problems are told at once.
pub async fn file_if_arrived(api: &Api, campaign: &Campaign, texts: &Texts) -> Result<(), Problem> {
    if let Audience::Contacts { .. } = campaign.audience {
        choice(api, campaign).await?;
        return Ok(());
    }
    match start_of_file(api, campaign, check::FILE_START).await? {
        Some(start) => check_file(campaign, &start, texts),
        None => Ok(()),
    }
}

/// What a campaign would begin with.
pub struct Ready {
    /// What its batch will pin.
    pub wording: Wording,
    pub fingerprint: String,
}

/// Everything that can be known before the audience is read in full.
pub async fn to_begin(api: &Api, campaign: &Campaign) -> Result<Ready, Problem> {
    if let Audience::FailedOf(_) = campaign.audience {
        return Err(super::audience::not_a_draft());
    }
    let wording = super::wording(api, campaign).await?;
    if let Audience::Contacts { .. } = campaign.audience {
        choice(api, campaign).await?;
        let fingerprint = warnings::fingerprint(api, campaign, &wording.content, &[]);
        return Ok(Ready {
            wording,
            fingerprint,
        });
    }
    let start = start_of_file(api, campaign, check::FILE_START).await?.ok_or_else(|| {
        let detail = "The campaign's upload has no file yet, or its file was deleted since. Post the file to the form that \
                      `POST /v1/uploads` gave, or make a new upload.";
        Problem::new(Code::UploadMissing, detail)
    })?;
    check_file(campaign, &start, &wording.texts)?;
    let fingerprint = warnings::fingerprint(api, campaign, &wording.content, &start);
    Ok(Ready {
        wording,
        fingerprint,
    })
}

/// Its first bytes; `None` when it isn't there.
pub async fn start_of_file(
    api: &Api,
    campaign: &Campaign,
    bytes: u64,
) -> Result<Option<Bytes>, Problem> {
    let Some(upload) = upload_of(campaign) else {
        return Ok(None);
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
    Ok(api.files.read_upload_start(account, upload, bytes).await?)
}

fn upload_of(campaign: &Campaign) -> Option<UploadId> {
    match &campaign.audience {
        Audience::Inline { upload, .. } | Audience::Upload { upload, .. } => Some(*upload),
        Audience::Contacts { .. } | Audience::FailedOf(_) => None,
    }
}

/// Its bytes; `None` when it isn't there.
pub async fn size_of_file(api: &Api, campaign: &Campaign) -> Result<Option<u64>, Problem> {
    let Some(upload) = upload_of(campaign) else {
        return Ok(None);
    };
    let arrived = api.files.find_upload(campaign.account, upload).await?;
    Ok(arrived.map(|arrived| arrived.bytes))
}

/// Whom an audience of contacts means: its lists and segments are there.
pub async fn choice(api: &Api, campaign: &Campaign) -> Result<Choice, Problem> {
    let Audience::Contacts {
        lists,
        segments,
        exclude_lists,
        exclude_segments,
    } = &campaign.audience
    else {
        return Ok(Choice::default());
    };
    let named = Named {
        lists,
        segments,
        exclude_lists,
        exclude_segments,
    };
    let choice = api.audiences.choice(campaign.account, named).await;
    choice.map_err(|error| match error {
        ChoiceError::Store(error) => error.into(),
        error => check::content("/audience", &error),
    })
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

fn check_file(campaign: &Campaign, start: &Bytes, texts: &Texts) -> Result<(), Problem> {
    match campaign.audience {
        Audience::Upload { .. } => {
            let at = match campaign.content.words {
                Words::Text { .. } => "/content/text",
                Words::Template { .. } => "/content/template",
            };
            check::file(start, "/audience/upload", &options(campaign), texts, at)
        }
        // Its recipients were checked when they came in; a text that changed since is checked against the first of them.
        _ => check::lines(start, texts),
    }
}
