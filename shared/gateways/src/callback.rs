//! Where a gateway posts its reports: `{HooksUrl}/hooks/{gateway}/{token}?m={message id}.{attempt}.{tag}`. The token finds the gateway
//! account; the tag proves that we gave this very `m` to this very account, so that nobody reports on a message of another.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carillon_core::{
    chunk::slot::MAX_ATTEMPTS,
    id::GatewayAccountId,
    keyed_hash::{DeploymentKey, Purpose, same},
    message_id::{MessageId, WHOLE_CHUNK},
};

use crate::GatewayKind;

/// Characters of a tag, 40 bits of a keyed hash.
const TAG: usize = 8;

/// One try of a message. `msg_….1` is our id at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub message: MessageId,
    /// 1 to 3.
    pub number: u8,
}

impl Attempt {
    /// The same try of all messages of the chunk, for a request with many recipients.
    #[must_use]
    pub fn whole_chunk(self) -> Self {
        let message = MessageId {
            slot: WHOLE_CHUNK,
            ..self.message
        };
        Self { message, ..self }
    }

    pub fn is_whole_chunk(self) -> bool {
        self.message.slot == WHOLE_CHUNK
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of our references")]
pub struct NotOurs;

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.message, self.number)
    }
}

impl FromStr for Attempt {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let (message, number) = text.rsplit_once('.').ok_or(NotOurs)?;
        let &[digit @ b'1'..=b'9'] = number.as_bytes() else {
            return Err(NotOurs);
        };
        let number = digit - b'0';
        if number > MAX_ATTEMPTS {
            return Err(NotOurs);
        }
        let message = message.parse().map_err(|_| NotOurs)?;
        Ok(Self { message, number })
    }
}

/// An `m`: a try and its tag. One that was parsed is only a claim until [`Claim::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    attempt: Attempt,
    tag: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tag is not ours")]
pub struct ForgedTag;

impl Claim {
    pub fn new(key: &DeploymentKey, gateway: GatewayAccountId, attempt: Attempt) -> Self {
        let tag = tag(key, gateway, attempt);
        Self { attempt, tag }
    }

    /// The try, if we gave this claim to this gateway account. In constant time.
    pub fn verify(
        &self,
        key: &DeploymentKey,
        gateway: GatewayAccountId,
    ) -> Result<Attempt, ForgedTag> {
        let expected = tag(key, gateway, self.attempt);
        if same(expected.as_bytes(), self.tag.as_bytes()) {
            Ok(self.attempt)
        } else {
            Err(ForgedTag)
        }
    }

    /// The try as it stands there, whoever wrote it.
    pub fn unverified(&self) -> Attempt {
        self.attempt
    }
}

fn tag(key: &DeploymentKey, gateway: GatewayAccountId, attempt: Attempt) -> String {
    let (gateway, attempt) = (gateway.uuid(), attempt.to_string());
    let mut text = key.text(Purpose::Callback, &[gateway.as_bytes(), attempt.as_bytes()]);
    text.truncate(TAG);
    text
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.attempt, self.tag)
    }
}

impl FromStr for Claim {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let (attempt, tag) = text.rsplit_once('.').ok_or(NotOurs)?;
        let attempt = attempt.parse()?;
        if tag.len() != TAG || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NotOurs);
        }
        let tag = tag.to_owned();
        Ok(Self { attempt, tag })
    }
}

/// 16 characters in the path of a gateway account's callbacks, drawn at random and stored with it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathToken(String);

impl PathToken {
    pub fn from_random(bytes: [u8; 12]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In constant time.
    pub fn is(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl FromStr for PathToken {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == 16 && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotOurs)
        }
    }
}

/// Who knows it may post reports.
impl fmt::Debug for PathToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The full URL; nothing in it needs escaping.
pub fn url(hooks_url: &str, kind: GatewayKind, token: &PathToken, claim: &Claim) -> String {
    format!("{hooks_url}/hooks/{kind}/{}?m={claim}", token.as_str())
}

#[cfg(test)]
mod tests {
    use carillon_core::id::BatchId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const MESSAGE: &str = "msg_00000000000000000000000001000501";

    fn key() -> DeploymentKey {
        DeploymentKey::from_secret("a secret of a test")
    }

    fn gateway(number: u128) -> GatewayAccountId {
        GatewayAccountId::from_uuid(Uuid::from_u128(number))
    }

    fn claim() -> Claim {
        let attempt: Attempt = format!("{MESSAGE}.1").parse().unwrap();
        Claim::new(&key(), gateway(7), attempt)
    }

    proptest! {
        #[test]
        fn a_claim_reads_back_and_is_believed(batch: u128, chunk in 0u32..1 << 24, slot: u8, number in 1u8..=3) {
            let message = MessageId { batch: BatchId::from_uuid(Uuid::from_u128(batch)), chunk, slot };
            let attempt = Attempt { message, number };

            let read: Claim = Claim::new(&key(), gateway(7), attempt).to_string().parse().unwrap();

            prop_assert_eq!(read.verify(&key(), gateway(7)), Ok(attempt));
        }

        #[test]
        fn any_text_is_a_claim_or_an_error(text in "\\PC{0,60}") {
            if let Ok(claim) = text.parse::<Claim>() {
                prop_assert_eq!(claim.to_string(), text);
            }
        }
    }

    #[test]
    fn a_claim_that_we_did_not_make_is_refused() {
        let genuine = claim().to_string();
        let other_slot = genuine.replace("000501", "000502");
        let other_try = genuine.replace(".1.", ".2.");
        let mut other_tag = genuine.clone();
        let last = other_tag.pop();
        other_tag.push(if last == Some('0') { '1' } else { '0' });

        for (name, text) in [
            ("another message", other_slot),
            ("another try", other_try),
            ("another tag", other_tag),
        ] {
            let claim: Claim = text.parse().expect(name);
            assert_eq!(claim.verify(&key(), gateway(7)), Err(ForgedTag), "{name}");
        }
        let another_key = DeploymentKey::from_secret("another");
        assert_eq!(claim().verify(&another_key, gateway(7)), Err(ForgedTag));
        assert_eq!(
            claim().verify(&key(), gateway(8)),
            Err(ForgedTag),
            "another gateway account"
        );
    }

    #[test]
    fn what_has_not_the_shape_of_a_claim_is_refused() {
        for (name, text) in [
            ("nothing", String::new()),
            ("no tag", format!("{MESSAGE}.1")),
            ("a short tag", format!("{MESSAGE}.1.abcdefg")),
            ("a tag with a dot", format!("{MESSAGE}.1.abc.efgh")),
            ("try zero", format!("{MESSAGE}.0.abcdefgh")),
            ("a fourth try", format!("{MESSAGE}.4.abcdefgh")),
            (
                "a try with a zero before it",
                format!("{MESSAGE}.01.abcdefgh"),
            ),
            ("no message", "x.1.abcdefgh".to_owned()),
        ] {
            assert_eq!(text.parse::<Claim>(), Err(NotOurs), "{name}");
        }
    }

    #[test]
    fn the_url_is_the_one_of_the_design() {
        let token = PathToken::from_random([255; 12]);

        let url = url(
            "https://hooks.example.com",
            GatewayKind::Generic,
            &token,
            &claim(),
        );

        let start =
            format!("https://hooks.example.com/hooks/generic/________________?m={MESSAGE}.1.");
        assert_eq!(url.len(), start.len() + TAG);
        assert!(url.starts_with(&start), "{url}");
    }

    #[test]
    fn a_token_is_sixteen_characters() {
        let token = PathToken::from_random(*b"twelve bytes");

        assert_eq!(token.as_str().len(), 16);
        assert!(token.is(&token.as_str().parse().unwrap()));
        assert!(!token.is(&PathToken::from_random([0; 12])));
        assert_eq!("../../../etc/pas".parse::<PathToken>(), Err(NotOurs));
    }
}
