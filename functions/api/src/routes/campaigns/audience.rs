//! Who a campaign is for: as requests name it, as it is stored, as answers show it.

use bytes::Bytes;
use carillon_core::{
    campaign::{Audience, Retried},
    content::Texts,
    frame::Recipient,
    id::{BatchId, CampaignId, ListId, SegmentId, UploadId},
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, FieldError, Problem},
};
use carillon_store::uploads::{Upload, UploadFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::retry::BadEnd;
use crate::{act, check, fields::RecipientInput, services::Api};

/// Recipients of an inline audience at most.
const MOST: usize = 10_000;
/// Lists or segments of a kind at most: each is read.
const MOST_NAMED: usize = 20;

/// Which fields there are depends on `type`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceInput {
    r#type: AudienceType,
    /// Of `inline`: up to 10,000.
    recipients: Option<Vec<RecipientInput>>,
    /// Of `upload`.
    #[schema(value_type = Option<String>)]
    upload: Option<UploadId>,
    /// Of `inline` and `upload`: the country, two letters of ISO 3166-1, of numbers without `+`.
    default_country: Option<String>,
    /// Of `upload`: the header of the column with the numbers, where it has none of the usual names.
    phone_column: Option<String>,
    /// Of `contacts`: everybody on one of these lists; up to 20 ids in each of the four.
    #[schema(value_type = Option<Vec<String>>)]
    lists: Option<Vec<ListId>>,
    /// Of `contacts`: and everybody in one of these segments, as they are when the campaign is prepared.
    #[schema(value_type = Option<Vec<String>>)]
    segments: Option<Vec<SegmentId>>,
    /// Of `contacts`: but for those on one of these lists,
    #[schema(value_type = Option<Vec<String>>)]
    exclude_lists: Option<Vec<ListId>>,
    /// or in one of these segments.
    #[schema(value_type = Option<Vec<String>>)]
    exclude_segments: Option<Vec<SegmentId>>,
    /// Of `failed_of`.
    #[schema(value_type = Option<String>)]
    batch: Option<BatchId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AudienceType {
    Inline,
    Upload,
    /// Of the account, by `lists` and `segments`. Their attributes are the text's values.
    Contacts,
    /// Of what failed of an earlier batch. `POST /v1/campaigns/{id}/retry-failed` makes such a campaign; a draft can't be one.
    FailedOf,
}

impl AudienceType {
    const fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Upload => "upload",
            Self::Contacts => "contacts",
            Self::FailedOf => "failed_of",
        }
    }

    /// The fields that go with it.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Inline => &["recipients", "default_country"],
            Self::Upload => &["upload", "default_country", "phone_column"],
            Self::Contacts => &["lists", "segments", "exclude_lists", "exclude_segments"],
            Self::FailedOf => &["batch"],
        }
    }
}

/// An audience that was checked, and what of it is to be stored beside the campaign.
pub struct Checked {
    pub audience: Audience,
    pub recipients: Vec<Recipient>,
}

impl AudienceInput {
    /// `upload`: the id that the recipients of an inline audience are kept under.
    pub fn check(self, texts: &Texts, upload: UploadId) -> Result<Checked, Problem> {
        self.refuse_foreign_fields()?;
        let country = check::country("/audience/default_country", self.default_country.as_deref())?;
        let stored = |audience| {
            Ok(Checked {
                audience,
                recipients: Vec::new(),
            })
        };
        match self.r#type {
            AudienceType::Inline => {
                let list = self.recipients.ok_or_else(|| missing("recipients"))?;
                let place = check::Place {
                    pointer: "/audience/recipients",
                    most: MOST,
                    country,
                };
                let recipients = check::recipients(list, &place, texts)?;
                let count = u32::try_from(recipients.len()).expect("at most ten thousand");
                Ok(Checked {
                    audience: Audience::Inline {
                        upload,
                        recipients: count,
                    },
                    recipients,
                })
            }
            AudienceType::Upload => stored(Audience::Upload {
                upload: self.upload.ok_or_else(|| missing("upload"))?,
                default_country: country,
                phone_column: self.phone_column,
            }),
            AudienceType::Contacts => stored(Audience::Contacts {
                lists: few("lists", self.lists)?,
                segments: few("segments", self.segments)?,
                exclude_lists: few("exclude_lists", self.exclude_lists)?,
                exclude_segments: few("exclude_segments", self.exclude_segments)?,
            })
            .and_then(somebody),
            AudienceType::FailedOf => Err(not_a_draft()),
        }
    }

    fn refuse_foreign_fields(&self) -> Result<(), Problem> {
        let given = [
            ("recipients", self.recipients.is_some()),
            ("upload", self.upload.is_some()),
            ("default_country", self.default_country.is_some()),
            ("phone_column", self.phone_column.is_some()),
            ("lists", self.lists.is_some()),
            ("segments", self.segments.is_some()),
            ("exclude_lists", self.exclude_lists.is_some()),
            ("exclude_segments", self.exclude_segments.is_some()),
            ("batch", self.batch.is_some()),
        ];
        let (kind, own) = (self.r#type.name(), self.r#type.fields());
        let foreign = given
            .into_iter()
            .filter(|(name, given)| *given && !own.contains(name));
        let errors = foreign.map(|(name, _)| {
            let words = format!("an audience of type `{kind}` has no such field; leave it out");
            FieldError::new(
                format!("/audience/{name}"),
                Code::UnknownField.as_str(),
                words,
            )
        });
        let errors: Vec<_> = errors.collect();
        if errors.is_empty() {
            return Ok(());
        }
        Err(Problem::of_fields(Code::UnknownField, errors))
    }
}

/// Lists or segments, each once.
fn few<T: Ord>(field: &str, ids: Option<Vec<T>>) -> Result<Vec<T>, Problem> {
    let ids: std::collections::BTreeSet<T> = ids.unwrap_or_default().into_iter().collect();
    if ids.len() > MOST_NAMED {
        let words = format!(
            "expected at most {MOST_NAMED} ids; put several together as a segment, with `in (…)`"
        );
        return Err(check::content(&format!("/audience/{field}"), &words));
    }
    Ok(ids.into_iter().collect())
}

fn somebody(checked: Checked) -> Result<Checked, Problem> {
    match &checked.audience {
        Audience::Contacts {
            lists, segments, ..
        } if lists.is_empty() && segments.is_empty() => {
            let words = "it names nobody; give `lists`, `segments` or both";
            Err(check::content("/audience", &words))
        }
        _ => Ok(checked),
    }
}

fn missing(field: &str) -> Problem {
    let words = format!("missing field `{field}`; add it");
    let error = FieldError::new("/audience", "missing_field", words);
    Problem::of_fields(Code::InvalidRequest, vec![error])
}

/// What failed is retried once, with the words that it had.
pub fn not_a_draft() -> Problem {
    let words = "a campaign to what failed is made by `POST /v1/campaigns/{id}/retry-failed`; use `inline`, `upload` or `contacts` here";
    let error = FieldError::new("/audience/type", Code::AudienceNotAvailable.as_str(), words);
    Problem::of_fields(Code::AudienceNotAvailable, vec![error])
}

/// Keeps the recipients of an inline audience as an upload, so that all audiences are files. Done twice it changes nothing.
pub async fn keep(
    api: &Api,
    who: &Principal,
    checked: &Checked,
    now: Timestamp,
) -> Result<(), Problem> {
    let Audience::Inline { upload: id, .. } = checked.audience else {
        return Ok(());
    };
    let mut lines = Vec::new();
    for recipient in &checked.recipients {
        serde_json::to_writer(&mut lines, recipient).expect("a recipient is representable in JSON");
        lines.push(b'\n');
    }
    api.files
        .put_upload(who.account, id, Bytes::from(lines))
        .await?;
    let upload = Upload {
        id,
        account: who.account,
        format: UploadFormat::Ndjson,
        created: now,
    };
    let audit = act::audit(who, "upload.create", id, now);
    Ok(api.uploads.create(&upload, &audit).await?)
}

/// Who it is for; the recipients themselves are in the upload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AudienceView {
    Inline {
        /// How many.
        recipients: u32,
    },
    Upload {
        #[schema(value_type = String)]
        upload: UploadId,
        #[serde(skip_serializing_if = "Option::is_none")]
        default_country: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phone_column: Option<String>,
    },
    Contacts {
        #[schema(value_type = Vec<String>)]
        lists: Vec<ListId>,
        #[schema(value_type = Vec<String>)]
        segments: Vec<SegmentId>,
        #[schema(value_type = Vec<String>)]
        exclude_lists: Vec<ListId>,
        #[schema(value_type = Vec<String>)]
        exclude_segments: Vec<SegmentId>,
    },
    /// Made by `POST /v1/campaigns/{id}/retry-failed`.
    FailedOf {
        /// What it retries,
        #[schema(value_type = String)]
        campaign: CampaignId,
        #[schema(value_type = String)]
        batch: BatchId,
        /// and which of its messages: those that ended so, but for those whose reason says that they can only end so again.
        statuses: Vec<BadEnd>,
        /// How many they were when it was asked for.
        messages: u64,
    },
}

impl From<Audience> for AudienceView {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Inline {
                upload: _,
                recipients,
            } => Self::Inline { recipients },
            Audience::Upload {
                upload,
                default_country,
                phone_column,
            } => Self::Upload {
                upload,
                default_country: default_country.map(|country| country.to_string()),
                phone_column,
            },
            Audience::Contacts {
                lists,
                segments,
                exclude_lists,
                exclude_segments,
            } => Self::Contacts {
                lists,
                segments,
                exclude_lists,
                exclude_segments,
            },
            Audience::FailedOf(retried) => {
                let Retried {
                    campaign,
                    batch,
                    ends,
                    messages,
                    batches: _,
                } = retried;
                Self::FailedOf {
                    campaign,
                    batch,
                    statuses: ends.into_iter().map(Into::into).collect(),
                    messages,
                }
            }
        }
    }
}
