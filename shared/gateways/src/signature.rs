//! What the adapters' signature checks share. All comparisons are in constant time.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use carillon_core::keyed_hash::same;

use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};

use crate::{Credentials, Forged, WebhookCall};

/// Among the secrets of accounts at gateways that sign nothing: the `user:password` that their calls were told to bring.
pub(crate) const CALLBACK_LOGIN: &str = "callback_login";

/// HMAC-SHA256 of the parts, one after the other.
pub fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut signature = [0; 32];
    signature.copy_from_slice(context.sign().as_ref());
    signature
}

/// `Ok` where the two are the same.
pub fn compare(expected: &[u8], given: &[u8]) -> Result<(), Forged> {
    if same(expected, given) {
        Ok(())
    } else {
        Err(Forged::Wrong)
    }
}

/// Whether a call brings this `user:password`.
pub(crate) fn basic(login: &str, call: &WebhookCall) -> Result<(), Forged> {
    let given = call.header(AUTHORIZATION.as_str()).ok_or(Forged::Missing)?;
    let given = given.strip_prefix("Basic ").and_then(base64);
    compare(login.as_bytes(), &given.ok_or(Forged::Wrong)?)
}

/// What can be checked where a gateway signs nothing: its login, where the account has one. Without one, the token in the path
/// is all.
pub(crate) fn callback_login(credentials: &Credentials, call: &WebhookCall) -> Result<(), Forged> {
    let login = credentials.get(CALLBACK_LOGIN);
    login.map_or(Ok(()), |login| basic(login, call))
}

/// Whether a time in seconds since 1970 is neither too old nor too far ahead.
pub(crate) fn fresh(
    timestamp: &str,
    now: Timestamp,
    oldest: SignedDuration,
    ahead: SignedDuration,
) -> Result<(), Forged> {
    let seconds = timestamp.parse().map_err(|_| Forged::Wrong)?;
    let at = Timestamp::from_second(seconds).map_err(|_| Forged::Wrong)?;
    let age = now.duration_since(at);
    if age > oldest || age < -ahead {
        return Err(Forged::Stale);
    }
    Ok(())
}

pub fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

/// Upper or lower case.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let half = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| u8::try_from(half(pair[0])? << 4 | half(pair[1])?).ok();
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        let signature = hmac_sha256("s3cret", &[b"1700000000", b".", b"{}"]);

        // printf '1700000000.{}' | openssl dgst -sha256 -hmac s3cret
        let expected = "97926816e98fbb41ccb1673225ff29a2f35369099990e1b1561651e7bd097ebf";
        assert_eq!(hex(expected).unwrap(), signature);
        assert_eq!(hex(&expected.to_uppercase()).unwrap(), signature);
    }

    #[test]
    fn what_is_not_hex_is_none() {
        for text in ["0", "0g", "é", "+1", "0x"] {
            assert_eq!(hex(text), None, "{text}");
        }
    }

    #[test]
    fn a_login_is_asked_for_where_there_is_one() {
        let none = Credentials::default();
        let some = serde_json::from_str(r#"{"callback_login":"user:pass"}"#).unwrap();
        let with = |value: &str| fixtures::call("", &[("authorization", value)], "");
        let bare = fixtures::call("", &[], "");

        assert_eq!(callback_login(&none, &bare), Ok(()));
        assert_eq!(callback_login(&some, &bare), Err(Forged::Missing));
        for (value, expected) in [
            ("Basic dXNlcjpwYXNz", Ok(())),
            ("Basic dXNlcjpwYXNy", Err(Forged::Wrong)),
            ("Basic ?", Err(Forged::Wrong)),
            ("Bearer dXNlcjpwYXNz", Err(Forged::Wrong)),
        ] {
            assert_eq!(callback_login(&some, &with(value)), expected, "{value}");
        }
    }

    #[test]
    fn a_time_is_fresh_within_its_bounds() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for (timestamp, expected) in [
            ("1699999940", Ok(())),
            ("1699999939", Err(Forged::Stale)),
            ("1700000005", Ok(())),
            ("1700000006", Err(Forged::Stale)),
            ("99999999999999", Err(Forged::Wrong)),
            ("now", Err(Forged::Wrong)),
            ("", Err(Forged::Wrong)),
        ] {
            let oldest = SignedDuration::from_mins(1);
            let found = fresh(timestamp, now, oldest, SignedDuration::from_secs(5));
            assert_eq!(found, expected, "{timestamp}");
        }
    }

    #[test]
    fn only_the_same_bytes_compare() {
        assert_eq!(compare(b"abc", b"abc"), Ok(()));
        assert_eq!(compare(b"abc", b"abd"), Err(Forged::Wrong));
        assert_eq!(compare(b"abc", b"ab"), Err(Forged::Wrong));
    }
}
