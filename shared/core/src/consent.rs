//! Proof that the owner of a number agreed to be texted: who, how, when, to what, and what they read before. Records are added and
//! never changed. Each carries a keyed seal over itself and over the seal before it, so that one that was altered, or left out of
//! the middle, is found. What is asked for: CTIA Messaging Principles 5.1.2; for Germany, who, how, when, content and scope.
//!
//! A record says nothing of what was taken back since: that is a [suppression](crate::suppression), which outweighs it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ConsentId, EventId},
    keyed_hash::{DeploymentKey, Purpose},
    language::Language,
    rules::Class,
};

/// What somebody agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentScope {
    Marketing,
    Transactional,
    All,
}

impl ConsentScope {
    pub const fn allows(self, class: Class) -> bool {
        match self {
            Self::All => true,
            Self::Marketing => matches!(class, Class::Marketing),
            Self::Transactional => matches!(class, Class::Transactional),
        }
    }
}

/// How they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A box that they ticked, or a form that they sent.
    WebForm,
    /// A word that they texted.
    Keyword,
    /// They were asked by a message, and answered it.
    DoubleOptIn,
    Paper,
    /// On the telephone.
    Voice,
    InPerson,
    /// Another system's record, as whoever brings it says.
    Import,
}

/// The number isn't in it: the record stands under its keyed hash, and may be kept when the number must go. `Debug` shows nothing of
/// what says who its owner is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRecord {
    pub id: ConsentId,
    pub scope: ConsentScope,
    pub method: Method,
    /// When its owner agreed.
    pub given: Timestamp,
    /// When we were told.
    pub recorded: Timestamp,
    /// Proves nothing from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Where: a page, a form, a shop, the word and the number that it was texted to.
    pub source: String,
    /// What they read or heard before they agreed.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where what proves it is kept, or what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Who they said they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The message that says so, where one came through us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<EventId>,
    /// When what says who its owner is was taken out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Timestamp>,
}

impl ConsentRecord {
    /// What is left for legal claims when its owner is forgotten (GDPR article 17, 3e): that somebody agreed, when, how and to what.
    #[must_use]
    pub fn redact(self, now: Timestamp) -> Self {
        if self.redacted.is_some() {
            return self;
        }
        Self {
            evidence: None,
            identity: None,
            ip: None,
            user_agent: None,
            redacted: Some(now),
            ..self
        }
    }

    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl std::fmt::Debug for ConsentRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ConsentRecord");
        shown
            .field("id", &self.id)
            .field("scope", &self.scope)
            .field("method", &self.method)
            .field("given", &self.given);
        shown.finish_non_exhaustive()
    }
}

/// A record in its place among those of its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// From 1, without gaps.
    pub place: u32,
    pub record: ConsentRecord,
    /// The seal of the record before it.
    pub previous: Option<String>,
    pub seal: String,
}

impl Sealed {
    /// What comes after `last`. `number_hash` is the keyed hash of its number, which is different for every account.
    pub fn after(
        last: Option<&Self>,
        record: ConsentRecord,
        key: &DeploymentKey,
        number_hash: &str,
    ) -> Self {
        let mut sealed = Self {
            place: last.map_or(0, |last| last.place) + 1,
            record,
            previous: last.map(|last| last.seal.clone()),
            seal: String::new(),
        };
        sealed.seal = sealed.sealed_by(key, number_hash);
        sealed
    }

    /// Whether it is what was written. `before` is the record at the place before it, as far as that was read.
    pub fn is_intact(&self, before: Option<&Self>, key: &DeploymentKey, number_hash: &str) -> bool {
        let is_first = self.place == 1;
        let follows = before.is_none_or(|before| {
            before.place + 1 == self.place && self.previous.as_ref() == Some(&before.seal)
        });
        is_first == self.previous.is_none()
            && follows
            && self.seal == self.sealed_by(key, number_hash)
    }

    fn sealed_by(&self, key: &DeploymentKey, number_hash: &str) -> String {
        let record =
            serde_json::to_vec(&self.record).expect("our own types are representable in JSON");
        let previous = self.previous.as_deref().unwrap_or_default();
        let parts = [
            number_hash.as_bytes(),
            &self.place.to_be_bytes(),
            previous.as_bytes(),
            &record,
        ];
        key.text(Purpose::Consent, &parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeploymentKey {
        DeploymentKey::from_secret("a secret of a test")
    }

    fn record() -> ConsentRecord {
        ConsentRecord {
            id: "con_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            scope: ConsentScope::Marketing,
            method: Method::WebForm,
            given: Timestamp::from_second(10).unwrap(),
            recorded: Timestamp::from_second(20).unwrap(),
            expires: None,
            source: "https://shop.example/checkout".to_owned(),
            text: "Send me offers by text".to_owned(),
            language: Some("en".parse().unwrap()),
            evidence: None,
            identity: Some("Ada Lovelace".to_owned()),
            ip: Some([192, 0, 2, 1].into()),
            user_agent: None,
            inbound: None,
            redacted: None,
        }
    }

    fn three() -> [Sealed; 3] {
        let first = Sealed::after(None, record(), &key(), "a number");
        let second = Sealed::after(Some(&first), record(), &key(), "a number");
        let third = Sealed::after(Some(&second), record(), &key(), "a number");
        [first, second, third]
    }

    #[test]
    fn records_as_they_were_written_are_intact() {
        let [first, second, third] = three();

        assert_eq!((first.place, second.place, third.place), (1, 2, 3));
        assert!(first.is_intact(None, &key(), "a number"));
        assert!(second.is_intact(Some(&first), &key(), "a number"));
        assert!(third.is_intact(Some(&second), &key(), "a number"));
        assert!(third.is_intact(None, &key(), "a number"), "the rest unread");
    }

    #[test]
    fn whatever_is_altered_is_found() {
        let [first, second, third] = three();
        let altered = |change: fn(&mut Sealed)| {
            let mut altered = second.clone();
            change(&mut altered);
            altered
        };
        for (name, altered) in [
            ("the text", altered(|it| it.record.text.push('!'))),
            (
                "the scope",
                altered(|it| it.record.scope = ConsentScope::All),
            ),
            (
                "the time",
                altered(|it| it.record.given = Timestamp::UNIX_EPOCH),
            ),
            (
                "what was absent",
                altered(|it| it.record.expires = Some(Timestamp::MAX)),
            ),
            ("the place", altered(|it| it.place = 3)),
            ("made the first", altered(|it| it.previous = None)),
            ("the seal", altered(|it| it.seal.insert(0, '0'))),
        ] {
            assert!(!altered.is_intact(None, &key(), "a number"), "{name}");
        }
        let other = DeploymentKey::from_secret("another");
        assert!(!second.is_intact(None, &key(), "another number"));
        assert!(!second.is_intact(None, &other, "a number"));
        assert!(
            !third.is_intact(Some(&first), &key(), "a number"),
            "one is left out"
        );
    }

    #[test]
    fn a_record_proves_nothing_once_it_expired() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let expiring = ConsentRecord {
            expires: Some(at(100)),
            ..record()
        };

        assert!(record().holds(Timestamp::MAX));
        assert!(expiring.holds(at(99)));
        assert!(!expiring.holds(at(100)));
    }

    #[test]
    fn what_is_redacted_still_says_that_somebody_agreed_and_when() {
        let now = Timestamp::from_second(30).unwrap();

        let redacted = record().redact(now);
        let again = redacted
            .clone()
            .redact(now + jiff::SignedDuration::from_secs(1));

        let text = serde_json::to_string(&redacted).unwrap();
        assert!(
            !text.contains("Ada") && !text.contains("192.0.2.1"),
            "{text}"
        );
        assert_eq!(redacted.text, record().text);
        assert_eq!(
            (redacted.given, redacted.redacted),
            (record().given, Some(now))
        );
        assert_eq!(again, redacted);
    }

    #[test]
    fn who_agreed_is_not_shown() {
        let shown = format!("{:?}", record());

        assert!(
            !shown.contains("Ada") && !shown.contains("192.0.2.1"),
            "{shown}"
        );
    }
}
