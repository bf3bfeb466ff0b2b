//! Plivo's signatures: version 3 covers the URL and a form's parameters, version 2 the path alone.

use http::{Method, header::CONTENT_TYPE};

use crate::{Forged, GatewayAccount, WebhookCall, signature, wire};

pub(super) const SIGNATURE: &str = "x-plivo-signature-v3";
/// Signed with the token of the main account, where the call is for a subaccount.
const MAIN_SIGNATURE: &str = "x-plivo-signature-ma-v3";
pub(super) const NONCE: &str = "x-plivo-signature-v3-nonce";
const OLD_SIGNATURE: &str = "x-plivo-signature-v2";
const OLD_NONCE: &str = "x-plivo-signature-v2-nonce";

pub(super) fn check(
    account: &GatewayAccount,
    call: &WebhookCall,
    accept_v2: bool,
) -> Result<(), Forged> {
    let token = account.credentials.get("auth_token");
    let token = token.ok_or(Forged::NoSecret)?;
    if call.header(SIGNATURE).is_none() && call.header(MAIN_SIGNATURE).is_none() {
        return match (call.header(OLD_SIGNATURE), call.header(OLD_NONCE)) {
            (Some(given), Some(nonce)) if accept_v2 => {
                let path = call.path_and_query.split('?').next().unwrap_or_default();
                let text = [
                    account.hooks_url.as_bytes(),
                    path.as_bytes(),
                    nonce.as_bytes(),
                ];
                one_of(given, &signature::hmac_sha256(token, &text))
            }
            _ => Err(Forged::Missing),
        };
    }
    let nonce = call.header(NONCE).ok_or(Forged::Missing)?;
    let text = signed_text(&account.hooks_url, call).ok_or(Forged::Wrong)?;
    let text = [text.as_bytes(), b".", nonce.as_bytes()];
    let main = account.credentials.get("main_auth_token");
    let checks = [(SIGNATURE, Some(token)), (MAIN_SIGNATURE, main)];
    let genuine = checks.into_iter().any(|(header, token)| {
        let given = call.header(header).zip(token);
        given.is_some_and(|(given, token)| {
            one_of(given, &signature::hmac_sha256(token, &text)).is_ok()
        })
    });
    if genuine { Ok(()) } else { Err(Forged::Wrong) }
}

/// Several signatures are separated by commas: while a token is changed, the old one signs too.
fn one_of(given: &str, expected: &[u8]) -> Result<(), Forged> {
    let mut given = given
        .split(',')
        .filter_map(|it| signature::base64(it.trim()));
    if given.any(|given| signature::compare(expected, &given).is_ok()) {
        Ok(())
    } else {
        Err(Forged::Wrong)
    }
}

/// The URL with its query in order and decoded; after it a form's parameters in order. `None` where the body is no form, so that
/// nothing would cover it.
pub(super) fn signed_text(hooks_url: &str, call: &WebhookCall) -> Option<String> {
    let path = call.path_and_query.split('?').next().unwrap_or_default();
    let mut query = wire::form(call.query().as_bytes());
    query.sort();
    let query: Vec<_> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = query.join("&");
    let form = if call.method == Method::POST {
        form(call)?
    } else {
        call.body.is_empty().then(String::new)?
    };
    let mark = if query.is_empty() && form.is_empty() {
        ""
    } else {
        "?"
    };
    let dot = if query.is_empty() || form.is_empty() {
        ""
    } else {
        "."
    };
    Some(format!("{hooks_url}{path}{mark}{query}{dot}{form}"))
}

fn form(call: &WebhookCall) -> Option<String> {
    let is_form = call
        .header(CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with(wire::FORM));
    if !is_form {
        return call.body.is_empty().then(String::new);
    }
    let mut fields = wire::form(&call.body);
    fields.sort();
    let text = fields.into_iter().map(|(name, value)| name + &value);
    Some(text.collect())
}
