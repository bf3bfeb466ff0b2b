//! `TypeID`s: a prefix that names the kind of thing, `_`, and a `UUIDv7` in 26 characters of base32.
//! <https://github.com/jetify-com/typeid/tree/main/spec>

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::{Builder, Uuid};

use crate::base32::{decode, encode};

/// A kind of thing that has ids.
pub trait Kind {
    const PREFIX: &'static str;
}

/// The id of a `K`. Comparing by value is comparing by the time it was made.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not an id of this kind: expected `{prefix}_` and 26 characters, such as `{prefix}_01h455vb4pex5vsknk084sn02q`"
)]
pub struct NotAnId {
    given: String,
    prefix: &'static str,
}

impl<K: Kind> Id<K> {
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// As if it had been made at this time, with these bytes as what was drawn: all zeros come before those of that millisecond, all
    /// 255 after them.
    pub fn at(made: Timestamp, drawn: [u8; 10]) -> Self {
        let milliseconds = u64::try_from(made.as_millisecond()).unwrap_or_default();
        Self::from_uuid(Builder::from_unix_timestamp_millis(milliseconds, &drawn).into_uuid())
    }

    /// The same for the same words, and as if it had been made at this time.
    pub fn derived(made: Timestamp, words: &str) -> Self {
        let milliseconds = u64::try_from(made.as_millisecond()).unwrap_or_default();
        let hash = digest(&SHA256, words.as_bytes());
        let drawn = hash.as_ref().first_chunk().expect("a hash has 32 bytes");
        Self::from_uuid(Builder::from_unix_timestamp_millis(milliseconds, drawn).into_uuid())
    }

    /// The one after it; `None` after the last.
    pub fn next(self) -> Option<Self> {
        let next = self.uuid.as_u128().checked_add(1)?;
        Some(Self::from_uuid(Uuid::from_u128(next)))
    }

    /// When it was made, to the millisecond.
    pub fn made(self) -> Timestamp {
        let milliseconds = self.uuid.as_u128() >> 80;
        let milliseconds = i64::try_from(milliseconds).expect("48 bits fit");
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(given: &str) -> Result<Self, NotAnId> {
        let refused = || NotAnId {
            given: given.chars().take(64).collect(),
            prefix: K::PREFIX,
        };
        let body = given
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or_else(refused)?;
        // 26 characters are 130 bits: the first may only use three of its five.
        if body.len() != 26 || body.as_bytes()[0] > b'7' {
            return Err(refused());
        }
        decode(body)
            .map(|bytes| Self::from_uuid(Uuid::from_bytes(bytes)))
            .ok_or_else(refused)
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, encode(self.uuid.as_bytes()))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

#[derive(Debug)]
pub enum Account {}
impl Kind for Account {
    const PREFIX: &'static str = "acc";
}
/// A tenant.
pub type AccountId = Id<Account>;

#[derive(Debug)]
pub enum Member {}
impl Kind for Member {
    const PREFIX: &'static str = "mbr";
}
/// A person who signs in to the console.
pub type MemberId = Id<Member>;

#[derive(Debug)]
pub enum ApiKey {}
impl Kind for ApiKey {
    const PREFIX: &'static str = "key";
}
/// An API key; never the key itself.
pub type ApiKeyId = Id<ApiKey>;

#[derive(Debug)]
pub enum Campaign {}
impl Kind for Campaign {
    const PREFIX: &'static str = "cmp";
}
/// What a marketer plans.
pub type CampaignId = Id<Campaign>;

#[derive(Debug)]
pub enum Batch {}
impl Kind for Batch {
    const PREFIX: &'static str = "bat";
}
/// One act of sending.
pub type BatchId = Id<Batch>;

#[derive(Debug)]
pub enum Template {}
impl Kind for Template {
    const PREFIX: &'static str = "tpl";
}
/// A text with placeholders.
pub type TemplateId = Id<Template>;

#[derive(Debug)]
pub enum Upload {}
impl Kind for Upload {
    const PREFIX: &'static str = "upl";
}
/// A file of recipients.
pub type UploadId = Id<Upload>;

#[derive(Debug)]
pub enum Sender {}
impl Kind for Sender {
    const PREFIX: &'static str = "snd";
}
/// An originator.
pub type SenderId = Id<Sender>;

#[derive(Debug)]
pub enum GatewayAccount {}
impl Kind for GatewayAccount {
    const PREFIX: &'static str = "gwa";
}
/// One set of credentials at one gateway.
pub type GatewayAccountId = Id<GatewayAccount>;

#[derive(Debug)]
pub enum Route {}
impl Kind for Route {
    const PREFIX: &'static str = "rte";
}
/// A rule that picks gateway accounts.
pub type RouteId = Id<Route>;

#[derive(Debug)]
pub enum Contact {}
impl Kind for Contact {
    const PREFIX: &'static str = "cnt";
}
/// A person with a phone number.
pub type ContactId = Id<Contact>;

#[derive(Debug)]
pub enum List {}
impl Kind for List {
    const PREFIX: &'static str = "lst";
}
/// A named set of contacts.
pub type ListId = Id<List>;

#[derive(Debug)]
pub enum Segment {}
impl Kind for Segment {
    const PREFIX: &'static str = "seg";
}
/// A filter over contacts.
pub type SegmentId = Id<Segment>;

#[derive(Debug)]
pub enum Import {}
impl Kind for Import {
    const PREFIX: &'static str = "imp";
}
/// A CSV on its way into contacts.
pub type ImportId = Id<Import>;

#[derive(Debug)]
pub enum Export {}
impl Kind for Export {
    const PREFIX: &'static str = "exp";
}
/// A file of results.
pub type ExportId = Id<Export>;

#[derive(Debug)]
pub enum ExportSchedule {}
impl Kind for ExportSchedule {
    const PREFIX: &'static str = "exs";
}
/// What makes an export each day, week or month.
pub type ExportScheduleId = Id<ExportSchedule>;

#[derive(Debug)]
pub enum WebhookEndpoint {}
impl Kind for WebhookEndpoint {
    const PREFIX: &'static str = "whk";
}
/// A customer's URL.
pub type WebhookId = Id<WebhookEndpoint>;

#[derive(Debug)]
pub enum Replay {}
impl Kind for Replay {
    const PREFIX: &'static str = "rpl";
}
/// Events that an endpoint is sent again.
pub type ReplayId = Id<Replay>;

#[derive(Debug)]
pub enum DeadLetter {}
impl Kind for DeadLetter {
    const PREFIX: &'static str = "dlt";
}
/// A message of a queue that failed every try.
pub type DeadLetterId = Id<DeadLetter>;

#[derive(Debug)]
pub enum Event {}
impl Kind for Event {
    const PREFIX: &'static str = "evt";
}
/// Something a customer is told of.
pub type EventId = Id<Event>;

#[derive(Debug)]
pub enum Consent {}
impl Kind for Consent {
    const PREFIX: &'static str = "con";
}
/// Proof that somebody agreed.
pub type ConsentId = Id<Consent>;

#[derive(Debug)]
pub enum PrivacyRequest {}
impl Kind for PrivacyRequest {
    const PREFIX: &'static str = "prv";
}
/// To forget a number, or to tell all that is known of it.
pub type PrivacyRequestId = Id<PrivacyRequest>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_vector() {
        let id: BatchId = "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap();

        assert_eq!(
            id.uuid().to_string(),
            "01890a5d-ac96-774b-bcce-b302099a8057"
        );
        assert_eq!(id.to_string(), "bat_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn a_derived_id_is_the_same_for_the_same_words_and_has_its_time() {
        let made = "2026-11-28T12:00:00.123Z".parse().unwrap();

        let id = BatchId::derived(made, "the batch of a test");

        assert_eq!(id, BatchId::derived(made, "the batch of a test"));
        assert_ne!(id, BatchId::derived(made, "another"));
        assert_eq!(id.made(), made);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for (name, given) in [
            ("another kind", "cmp_01h455vb4pex5vsknk084sn02q"),
            ("no prefix", "01h455vb4pex5vsknk084sn02q"),
            ("short", "bat_01h455vb4pex5vsknk084sn02"),
            ("upper case", "bat_01H455VB4PEX5VSKNK084SN02Q"),
            (
                "a letter outside the alphabet",
                "bat_01h455vb4pex5vsknk084sn02u",
            ),
            ("over 128 bits", "bat_81h455vb4pex5vsknk084sn02q"),
            ("not ASCII", "bat_01h455vb4pex5vsknk084sn0é"),
        ] {
            assert!(given.parse::<BatchId>().is_err(), "{name}");
        }
    }
}
