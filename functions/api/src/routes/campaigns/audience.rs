//! Who a campaign is for: as requests name it, as it is stored, as answers show it.

use bytes::Bytes;
use carillon_core::{
    campaign::Audience,
    frame::Recipient,
    id::{BatchId, ListId, SegmentId, UploadId},
    template::Template,
};
use carillon_runtime::{
    principal::Principal,
    problem::{Code, FieldError, Problem},
};
use carillon_store::uploads::{Upload, UploadFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{act, check, fields::RecipientInput, services::Api};

/// Recipients of an inline audience at most.
const MOST: usize = 10_000;

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
    /// Of `list`.
    #[schema(value_type = Option<String>)]
    list: Option<ListId>,
    /// Of `segment`.
    #[schema(value_type = Option<String>)]
    segment: Option<SegmentId>,
    /// Of `failed_of`.
    #[schema(value_type = Option<String>)]
    batch: Option<BatchId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AudienceType {
    Inline,
    Upload,
    /// Not available yet.
    List,
    /// Not available yet.
    Segment,
    /// Not available yet.
    FailedOf,
}

impl AudienceType {
    const fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Upload => "upload",
            Self::List => "list",
            Self::Segment => "segment",
            Self::FailedOf => "failed_of",
        }
    }

    /// The fields that go with it.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Inline => &["recipients", "default_country"],
            Self::Upload => &["upload", "default_country", "phone_column"],
            Self::List => &["list"],
            Self::Segment => &["segment"],
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
    pub fn check(self, template: &Template, upload: UploadId) -> Result<Checked, Problem> {
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
                let recipients = check::recipients(list, &place, template)?;
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
            AudienceType::List => stored(Audience::List {
                list: self.list.ok_or_else(|| missing("list"))?,
            }),
            AudienceType::Segment => stored(Audience::Segment {
                segment: self.segment.ok_or_else(|| missing("segment"))?,
            }),
            AudienceType::FailedOf => stored(Audience::FailedOf {
                batch: self.batch.ok_or_else(|| missing("batch"))?,
            }),
        }
    }

    fn refuse_foreign_fields(&self) -> Result<(), Problem> {
        let given = [
            ("recipients", self.recipients.is_some()),
            ("upload", self.upload.is_some()),
            ("default_country", self.default_country.is_some()),
            ("phone_column", self.phone_column.is_some()),
            ("list", self.list.is_some()),
            ("segment", self.segment.is_some()),
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

fn missing(field: &str) -> Problem {
    let words = format!("missing field `{field}`; add it");
    let error = FieldError::new("/audience", "missing_field", words);
    Problem::of_fields(Code::InvalidRequest, vec![error])
}

/// Those that a later version will know.
pub fn available(audience: &Audience) -> Result<(), Problem> {
    match audience {
        Audience::Inline { .. } | Audience::Upload { .. } => Ok(()),
        Audience::List { .. } | Audience::Segment { .. } | Audience::FailedOf { .. } => {
            let words = "use `inline` with the recipients in the request, or `upload` with a CSV";
            let error =
                FieldError::new("/audience/type", Code::AudienceNotAvailable.as_str(), words);
            Err(Problem::of_fields(Code::AudienceNotAvailable, vec![error]))
        }
    }
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
    List {
        #[schema(value_type = String)]
        list: ListId,
    },
    Segment {
        #[schema(value_type = String)]
        segment: SegmentId,
    },
    FailedOf {
        #[schema(value_type = String)]
        batch: BatchId,
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
            Audience::List { list } => Self::List { list },
            Audience::Segment { segment } => Self::Segment { segment },
            Audience::FailedOf { batch } => Self::FailedOf { batch },
        }
    }
}
