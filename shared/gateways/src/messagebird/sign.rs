//! How MessageBird signs its calls: a token with hashes of the URL and the body; before, a signature without the URL's host and path.

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{Forged, WebhookCall, jwt, signature, wire};

pub(super) const SIGNATURE: &str = "messagebird-signature-jwt";
const ISSUER: &str = "MessageBird";
const ALGORITHMS: [&str; 3] = ["HS256", "HS384", "HS512"];
/// Seconds that clocks may differ by, as the official library has it.
const LEEWAY: i64 = 5;
pub(super) const OLD_SIGNATURE: &str = "messagebird-signature";
pub(super) const OLD_TIMESTAMP: &str = "messagebird-request-timestamp";
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
pub(super) fn verify(
    key: &str,
    url: &str,
    call: &WebhookCall,
    now: Timestamp,
) -> Result<(), Forged> {
    let token = call.header(SIGNATURE).ok_or(Forged::Missing)?;
    let claims = jwt::verified(token, key, &ALGORITHMS)?;
    of_call(&claims, url, &call.body)?;
    timely(&claims, now)
}

/// The claims are about this URL and this body; a body that is empty has no hash.
fn of_call(claims: &Value, url: &str, body: &[u8]) -> Result<(), Forged> {
    let same = |claim: &Value, bytes: &[u8]| {
        let given = claim
            .as_str()
            .and_then(signature::hex)
            .ok_or(Forged::Wrong)?;
        signature::compare(digest::digest(&digest::SHA256, bytes).as_ref(), &given)
    };
    if claims["iss"] != ISSUER {
        return Err(Forged::Wrong);
    }
    same(&claims["url_hash"], url.as_bytes())?;
    match &claims["payload_hash"] {
        Value::Null if body.is_empty() => Ok(()),
        _ if body.is_empty() => Err(Forged::Wrong),
        hash => same(hash, body),
    }
}

fn timely(claims: &Value, now: Timestamp) -> Result<(), Forged> {
    let seconds = |claim: &str| claims[claim].as_i64().ok_or(Forged::Wrong);
    let (begin, end, now) = (seconds("nbf")?, seconds("exp")?, now.as_second());
    if now < begin.saturating_sub(LEEWAY) || now > end.saturating_add(LEEWAY) {
        return Err(Forged::Stale);
    }
    Ok(())
}

/// Over the time, the sorted query and a hash of the body.
pub(super) fn verify_old(key: &str, call: &WebhookCall, now: Timestamp) -> Result<(), Forged> {
    let given = call.header(OLD_SIGNATURE).ok_or(Forged::Missing)?;
    let timestamp = call.header(OLD_TIMESTAMP).ok_or(Forged::Missing)?;
    let given = signature::base64(given).ok_or(Forged::Wrong)?;
    let mut query = wire::form(call.query().as_bytes());
    query.sort();
    let pairs = query.iter().map(|(name, value)| (&**name, &**value));
    let query = wire::form_body(pairs);
    let body = digest::digest(&digest::SHA256, &call.body);
    let signed = [
        timestamp.as_bytes(),
        b"\n",
        query.as_bytes(),
        b"\n",
        body.as_ref(),
    ];
    signature::compare(&signature::hmac_sha256(key, &signed), &given)?;
    signature::fresh(timestamp, now, OLDEST, SignedDuration::from_secs(LEEWAY))
}
