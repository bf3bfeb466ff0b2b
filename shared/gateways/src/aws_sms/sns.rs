//! Messages that SNS posts: their signature, and what they are.
//!
//! Source: the SNS developer guide, "Verifying the signatures of messages", and npm `sns-validator` 0.3.5. The certificate is fetched by
//! whoever sets the account up, not by us: an adapter makes no calls. SNS changes it now and then: put the new one beside the old.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use url::Url;
use webpki::EndEntityCert;

use crate::{Forged, signature};

/// SNS tries for an hour, or as long as a topic's policy says.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// As in a certificate, `SubjectPublicKeyInfo` in DER.
pub(super) struct PublicKey(Vec<u8>);

pub(super) fn public_key(pem: &str) -> Option<PublicKey> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = EndEntityCert::try_from(&certificate).ok()?;
    let key = certificate.subject_public_key_info();
    Some(PublicKey(key.as_ref().to_vec()))
}

/// Whether it has the shape of a message of SNS, signed or not.
pub(super) fn is_message(body: &Value) -> bool {
    body["Type"].is_string() && body["TopicArn"].is_string()
}

/// Somebody has to open this URL once, for SNS to send anything.
pub(super) fn subscribe_url(body: &Value) -> Option<&str> {
    body["SubscribeURL"]
        .as_str()
        .filter(|_| body["Type"] == "SubscriptionConfirmation")
}

/// Is it of one of these topics, signed with one of these keys, and of today?
pub(super) fn verify(
    body: &Value,
    keys: &[PublicKey],
    topics: &[String],
    now: Timestamp,
) -> Result<(), Forged> {
    let text = |name: &str| body[name].as_str();
    let given = text("Signature").ok_or(Forged::Missing)?;
    if keys.is_empty() {
        return Err(Forged::NoSecret);
    }
    if !topics
        .iter()
        .any(|topic| Some(topic.as_str()) == text("TopicArn"))
    {
        return Err(Forged::Wrong);
    }
    if !text("SigningCertURL").is_some_and(is_of_sns) {
        return Err(Forged::Wrong);
    }
    let algorithm = text("SignatureVersion").and_then(algorithm);
    let algorithm = algorithm.ok_or(Forged::Wrong)?;
    let given = signature::base64(given).ok_or(Forged::Wrong)?;
    let signed = canonical(body);
    let genuine = |PublicKey(key): &PublicKey| {
        let key = UnparsedPublicKey::new(algorithm, key);
        key.verify(signed.as_bytes(), &given).is_ok()
    };
    if !keys.iter().any(genuine) {
        return Err(Forged::Wrong);
    }
    let at = text("Timestamp").and_then(|at| at.parse::<Timestamp>().ok());
    let age = now.duration_since(at.ok_or(Forged::Wrong)?);
    if age > OLDEST || age < -AHEAD {
        return Err(Forged::Stale);
    }
    Ok(())
}

fn algorithm(version: &str) -> Option<&'static RsaParameters> {
    Some(match version {
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return None,
    })
}

/// The certificate of a forger could be anywhere.
fn is_of_sns(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host
        .strip_prefix("sns.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    url.scheme() == "https"
        && url.port().is_none()
        && url.path().rsplit('.').next() == Some("pem")
        && region.is_some_and(|region| region.len() >= 3 && region.bytes().all(fits))
}

/// What is signed: each member that counts, its name and its value on lines of their own.
fn canonical(body: &Value) -> String {
    let names: &[&str] = match body["Type"].as_str() {
        Some("Notification") => &[
            "Message",
            "MessageId",
            "Subject",
            "Timestamp",
            "TopicArn",
            "Type",
        ],
        _ => &[
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ],
    };
    let members = names
        .iter()
        .filter_map(|name| Some((name, body[*name].as_str()?)));
    let lines = members.map(|(name, value)| format!("{name}\n{value}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_counts_only_from_sns() {
        for (url, expected) in [
            ("https://sns.us-east-1.amazonaws.com/a.pem", true),
            ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", true),
            ("http://sns.us-east-1.amazonaws.com/a.pem", false),
            ("https://sns.us-east-1.amazonaws.com/a.crt", false),
            ("https://sns.us-east-1.amazonaws.com:8443/a.pem", false),
            (
                "https://sns.us-east-1.amazonaws.com.example.net/a.pem",
                false,
            ),
            ("https://sns.us-east-1.example.net/amazonaws.com.pem", false),
            ("https://sns.a.b.amazonaws.com/a.pem", false),
            ("https://sns.amazonaws.com/a.pem", false),
            ("a.pem", false),
        ] {
            assert_eq!(is_of_sns(url), expected, "{url}");
        }
    }
}
