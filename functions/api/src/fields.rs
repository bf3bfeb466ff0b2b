//! The words of requests and answers, apart from how they are stored.

use std::{collections::BTreeMap, fmt};

use carillon_core::{batch, rules};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::{PartialSchema, ToSchema};

/// Priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Before everything else: one-time passwords.
    High,
    Normal,
    /// After everything else: campaigns.
    Low,
}

impl From<Lane> for batch::Lane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::High => Self::High,
            Lane::Normal => Self::Normal,
            Lane::Low => Self::Low,
        }
    }
}

impl From<batch::Lane> for Lane {
    fn from(lane: batch::Lane) -> Self {
        match lane {
            batch::Lane::High => Self::High,
            batch::Lane::Normal => Self::Normal,
            batch::Lane::Low => Self::Low,
        }
    }
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Sells something: sending hours, frequency caps and consent rules hold.
    Marketing,
    /// Answers what its recipient did: a one-time password, a parcel, a booking.
    Transactional,
}

impl From<Class> for rules::Class {
    fn from(class: Class) -> Self {
        match class {
            Class::Marketing => Self::Marketing,
            Class::Transactional => Self::Transactional,
        }
    }
}

impl From<rules::Class> for Class {
    fn from(class: rules::Class) -> Self {
        match class {
            rules::Class::Marketing => Self::Marketing,
            rules::Class::Transactional => Self::Transactional,
        }
    }
}

/// What becomes of marketing outside its recipient's sending hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuietHours {
    /// It is `held` until they begin, as long as it is valid.
    Hold,
    /// It is `expired` at once.
    Skip,
}

impl From<QuietHours> for batch::QuietHours {
    fn from(quiet_hours: QuietHours) -> Self {
        match quiet_hours {
            QuietHours::Hold => Self::Hold,
            QuietHours::Skip => Self::Skip,
        }
    }
}

impl From<batch::QuietHours> for QuietHours {
    fn from(quiet_hours: batch::QuietHours) -> Self {
        match quiet_hours {
            batch::QuietHours::Hold => Self::Hold,
            batch::QuietHours::Skip => Self::Skip,
        }
    }
}

/// What becomes of a message when the gateway accepts a call and never answers it, and neither deduplicates by our id nor can tell
/// by it whether it has the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is `unknown` until a report settles it.
    AtMostOnce,
    /// It is sent once more, and counted as `resent`: it may arrive twice, and no more than that. The default of the lane `high`.
    AtLeastOnce,
}

impl From<Policy> for batch::DoubtPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::AtMostOnce => Self::AtMostOnce,
            Policy::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

impl From<batch::DoubtPolicy> for Policy {
    fn from(policy: batch::DoubtPolicy) -> Self {
        match policy {
            batch::DoubtPolicy::AtMostOnce => Self::AtMostOnce,
            batch::DoubtPolicy::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// A recipient as a request names it: a number alone, or with values and a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecipientInput {
    /// A number as `+`, country code and number.
    #[schema(example = "+447700900123")]
    pub to: String,
    /// Values of the text's placeholders.
    pub vars: BTreeMap<String, String>,
    /// Your own name for this message.
    #[schema(max_length = 255)]
    pub reference: Option<String>,
    /// Whether it was given as a number alone.
    #[serde(skip)]
    pub bare: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientFields {
    to: String,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    reference: Option<String>,
}

impl RecipientInput {
    fn bare(to: &str) -> Self {
        let to = to.to_owned();
        Self {
            to,
            vars: BTreeMap::new(),
            reference: None,
            bare: true,
        }
    }
}

struct RecipientVisitor;

impl<'de> Visitor<'de> for RecipientVisitor {
    type Value = RecipientInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or an object with `to`, `vars` and `reference`")
    }

    fn visit_str<E: Error>(self, to: &str) -> Result<RecipientInput, E> {
        Ok(RecipientInput::bare(to))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RecipientInput, A::Error> {
        let fields = RecipientFields::deserialize(MapAccessDeserializer::new(map))?;
        let RecipientFields {
            to,
            vars,
            reference,
        } = fields;
        Ok(RecipientInput {
            to,
            vars,
            reference,
            bare: false,
        })
    }
}

impl<'de> Deserialize<'de> for RecipientInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecipientVisitor)
    }
}

/// The recipients of a message: a number, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    One(String),
    Many(Vec<RecipientInput>),
}

struct ToVisitor;

impl<'de> Visitor<'de> for ToVisitor {
    type Value = To;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a list of recipients")
    }

    fn visit_str<E: Error>(self, to: &str) -> Result<To, E> {
        Ok(To::One(to.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<To, A::Error> {
        let mut recipients = Vec::new();
        while let Some(recipient) = list.next_element()? {
            recipients.push(recipient);
        }
        Ok(To::Many(recipients))
    }
}

impl<'de> Deserialize<'de> for To {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToVisitor)
    }
}

/// What [`To`] looks like in the document.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
enum ToDescription {
    Number(String),
    Recipients(Vec<RecipientDescription>),
}

#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
enum RecipientDescription {
    Number(String),
    Recipient(RecipientInput),
}

impl PartialSchema for To {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        ToDescription::schema()
    }
}

impl ToSchema for To {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        ToDescription::schemas(schemas);
    }
}

/// Tells a field that was left out from one that is `null`: for what can be taken back by a change.
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
