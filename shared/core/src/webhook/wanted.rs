//! Which events an endpoint wants: types, or families of them such as `message.*`.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What customers are told of, by Standard Webhooks' rules for names. `docs/events.md` has a schema for each.
pub const TYPES: [&str; 26] = [
    "account.cap_near",
    "account.cap_reached",
    "campaign.cancelled",
    "campaign.failed",
    "campaign.finished",
    "campaign.paused",
    "campaign.resumed",
    "campaign.scheduled",
    "campaign.started",
    "contact.opted_in",
    "contact.opted_out",
    "export.failed",
    "export.finished",
    "gateway.failing",
    "inbound.received",
    "message.cancelled",
    "message.clicked",
    "message.delivered",
    "message.expired",
    "message.failed",
    "message.sent",
    "message.suppressed",
    "message.undelivered",
    "message.unknown",
    "webhook.disabled",
    "webhook.test",
];
/// Patterns of an endpoint.
pub const MOST: usize = 50;

/// At least one pattern, each known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted(BTreeSet<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWanted {
    #[error("`{0}` is no type of event and no family of them; there are {known}, such as `message.*`, and `*`", known = TYPES.join(", "))]
    Unknown(String),
    #[error("an endpoint wants 1 to {MOST} types of events; `*` is all of them")]
    Number,
}

impl Wanted {
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, NotWanted> {
        let mut wanted = BTreeSet::new();
        for pattern in patterns {
            if !TYPES.iter().any(|kind| fits(pattern, kind)) {
                return Err(NotWanted::Unknown(pattern.chars().take(64).collect()));
            }
            wanted.insert(pattern.to_owned());
        }
        if (1..=MOST).contains(&wanted.len()) {
            Ok(Self(wanted))
        } else {
            Err(NotWanted::Number)
        }
    }

    pub fn wants(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, kind))
    }

    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        // `message.*`, and not `mess*`.
        Some(family) => family.ends_with('.') && kind.starts_with(family),
        None => pattern == kind,
    }
}

impl FromStr for Wanted {
    type Err = NotWanted;

    fn from_str(pattern: &str) -> Result<Self, NotWanted> {
        Self::parse([pattern])
    }
}

impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Of what is stored: a type that is no more is kept, and fits nothing.
impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = BTreeSet::deserialize(deserializer)?;
        if patterns.is_empty() {
            return Err(D::Error::custom("no types of events"));
        }
        Ok(Self(patterns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_all_of_its_types_and_no_other() {
        for (name, patterns, kind, expected) in [
            (
                "a type",
                &["message.delivered"][..],
                "message.delivered",
                true,
            ),
            (
                "another type",
                &["message.delivered"],
                "message.sent",
                false,
            ),
            ("a family", &["message.*"], "message.sent", true),
            ("another family", &["message.*"], "campaign.started", false),
            (
                "two",
                &["message.sent", "inbound.*"],
                "inbound.received",
                true,
            ),
            ("all", &["*"], "contact.opted_out", true),
        ] {
            let wanted = Wanted::parse(patterns.iter().copied()).unwrap();

            assert_eq!(wanted.wants(kind), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for pattern in [
            "",
            "message",
            "message.",
            "mess*",
            "*.sent",
            "message.sent*",
            "read",
            "Message.*",
        ] {
            assert!(Wanted::parse([pattern]).is_err(), "{pattern}");
        }
        assert_eq!(Wanted::parse([]), Err(NotWanted::Number));
    }

    #[test]
    fn types_are_named_by_the_standard_and_sorted() {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);

        assert!(TYPES.iter().all(|kind| kind.bytes().all(allowed)));
        assert!(TYPES.is_sorted());
    }
}
