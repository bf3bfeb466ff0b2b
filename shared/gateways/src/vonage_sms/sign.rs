//! The `sig` parameter: a hash of all other parameters and a secret, by the algorithm that the account's settings name.

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::hmac;
use md5::{Digest, Md5};
use serde::Deserialize;

use crate::{Forged, signature, wire::field};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    None,
    /// MD5 of the text and then the secret.
    Md5hash,
    /// The others are HMAC.
    Md5,
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

/// Whether the parameters, in any order, hold the signature of the others. Our own `m` in the URL isn't Vonage's: with it or
/// without.
pub(super) fn check(
    method: Method,
    secret: &str,
    parameters: &[(String, String)],
) -> Result<(), Forged> {
    let given = field(parameters, "sig").ok_or(Forged::Missing)?;
    let given = signature::hex(given).ok_or(Forged::Wrong)?;
    let with = signed_text(parameters, &["sig"]);
    let without = signed_text(parameters, &["sig", "m"]);
    let matches = |text: &String| {
        let expected = digest(method, secret, text.as_bytes());
        signature::compare(&expected, &given).is_ok()
    };
    if [with, without].iter().any(matches) {
        Ok(())
    } else {
        Err(Forged::Wrong)
    }
}

/// `&name=value` in the order of the names, with `&` and `=` in values as `_`.
pub(super) fn signed_text(parameters: &[(String, String)], left_out: &[&str]) -> String {
    let mut kept: Vec<_> = parameters
        .iter()
        .filter(|(name, _)| !left_out.contains(&name.as_str()))
        .collect();
    kept.sort();
    let text = kept
        .into_iter()
        .map(|(name, value)| format!("&{name}={}", value.replace(['&', '='], "_")));
    text.collect()
}

pub(super) fn digest(method: Method, secret: &str, text: &[u8]) -> Vec<u8> {
    let sha = |algorithm| {
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        hmac::sign(&key, text).as_ref().to_vec()
    };
    match method {
        // Nothing is compared with it.
        Method::None => Vec::new(),
        Method::Md5hash => Md5::digest([text, secret.as_bytes()].concat()).to_vec(),
        Method::Md5 => {
            let mut hmac = Hmac::<Md5>::new_from_slice(secret.as_bytes())
                .expect("HMAC takes keys of any length");
            hmac.update(text);
            hmac.finalize().into_bytes().to_vec()
        }
        Method::Sha1 => sha(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Method::Sha256 => sha(hmac::HMAC_SHA256),
        Method::Sha512 => sha(hmac::HMAC_SHA512),
    }
}
