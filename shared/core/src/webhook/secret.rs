//! Secrets of endpoints and what they sign: `id.timestamp.body` by HMAC-SHA256, for each secret that is valid.

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use crate::id::EventId;

const PREFIX: &str = "whsec_";
/// Bytes of ours; the standard allows 24 to 64.
pub const BYTES: usize = 32;
/// Valid at once, the newest among them.
pub const MOST: usize = 10;

/// `whsec_` and base64. `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(Vec<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

impl EndpointSecret {
    pub fn from_random(random: [u8; BYTES]) -> Self {
        Self(random.to_vec())
    }

    /// To be shown once, and to be sealed.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// `v1,…`
    pub fn sign(&self, id: EventId, at: Timestamp, body: &[u8]) -> String {
        self.sign_text(&id.to_string(), at.as_second(), body)
    }

    fn sign_text(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The header `webhook-signature`: one for each secret, so that a receiver may know the old one or the new one.
pub fn signatures(secrets: &[EndpointSecret], id: EventId, at: Timestamp, body: &[u8]) -> String {
    let signed = secrets.iter().map(|secret| secret.sign(id, at, body));
    signed.collect::<Vec<_>>().join(" ")
}

impl FromStr for EndpointSecret {
    type Err = NotASecret;

    fn from_str(given: &str) -> Result<Self, NotASecret> {
        let encoded = given.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        let fits = (24..=64).contains(&bytes.len());
        fits.then_some(Self(bytes)).ok_or(NotASecret)
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference libraries' own tests.
    #[test]
    fn the_standards_vector() {
        let secret: EndpointSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();

        let signature = secret.sign_text(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );

        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_valid_secret_signs() {
        let id: EventId = "evt_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let secrets = [1, 2].map(|byte| EndpointSecret::from_random([byte; BYTES]));

        let header = signatures(&secrets, id, Timestamp::UNIX_EPOCH, b"{}");

        let each = secrets.map(|secret| secret.sign(id, Timestamp::UNIX_EPOCH, b"{}"));
        assert_eq!(header, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn a_secret_is_read_as_it_was_shown_and_never_printed() {
        let secret = EndpointSecret::from_random([7; BYTES]);

        assert_eq!(secret.expose().parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "EndpointSecret");
        for wrong in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(wrong.parse::<EndpointSecret>(), Err(NotASecret), "{wrong}");
        }
    }
}
