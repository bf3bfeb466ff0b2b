//! What adapters share in reading and writing: forms and documents, numbers, references, requests.

use std::ops::RangeInclusive;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use carillon_core::{phone::Phone, reason::Reason, report::ReportWord};
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    Answer, Outgoing, Reference, Strange, Unreadable, WebhookCall, class::ErrorClass,
    webhook::LARGEST_CALL,
};

/// Where a request goes whose URL can't be written: a name that can't resolve.
pub(crate) const NOWHERE: &str = "https://unwritable.invalid/";

/// `a=1&b=2` as its fields, unescaped.
pub(crate) fn form(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// The first field of a name that isn't empty.
pub(crate) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let named = fields.iter().find(|(field, _)| field == name)?;
    Some(named.1.as_str()).filter(|value| !value.is_empty())
}

/// Fields as `a=1&b=2`, escaped.
pub(crate) fn form_body<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// A body as JSON, where it looks like a document and is one.
pub(crate) fn json(body: &Bytes) -> Option<Value> {
    looks_like_json(body)
        .then(|| serde_json::from_slice(body).ok())
        .flatten()
}

/// Content types lie more often than first characters.
pub(crate) fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// A text that isn't empty, or a number as text: gateways write their codes either way.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A code that may be written as a number or as its digits.
pub(crate) fn code(value: &Value) -> Option<u32> {
    text(value)?.parse().ok()
}

/// The fields of a call, wherever its gateway puts them: in the query, in a form, or as the members of a JSON object.
pub(crate) fn fields(call: &WebhookCall) -> Vec<(String, String)> {
    let mut fields = form(call.query().as_bytes());
    match json(&call.body) {
        Some(Value::Object(members)) => {
            let texts = members.into_iter();
            fields.extend(texts.filter_map(|(name, value)| Some((name, text(&value)?))));
        }
        _ => fields.extend(form(&call.body)),
    }
    fields
}

/// A field of a form as it was before it was escaped: of a text in some charset, or of a number as an octet.
pub(crate) fn octets(form: &[u8], name: &str) -> Option<Vec<u8>> {
    let value = form.split(|byte| *byte == b'&').find_map(|field| {
        let field = field.strip_prefix(name.as_bytes())?;
        field.strip_prefix(b"=")
    })?;
    let spaced: Vec<u8> = value
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Some(percent_decode(&spaced).collect())
}

/// Gateways write E.164 with its plus or without.
pub(crate) fn number(text: &str) -> Option<Phone> {
    let digits = text.trim().trim_start_matches('+');
    Phone::from_e164(&format!("+{digits}")).ok()
}

/// Which message a report is about: by the `m` of the callback URL that was called, else by what we gave the gateway to carry
/// back, else by the gateway's own id.
pub(crate) fn reference(
    call: &WebhookCall,
    carried: Option<&str>,
    provider_id: Option<&str>,
) -> Result<Reference, Strange> {
    let query = form(call.query().as_bytes());
    let claim = field(&query, "m").and_then(|m| m.parse().ok());
    claim
        .map(Reference::Claimed)
        .or_else(|| carried.and_then(ours))
        .or_else(|| provider_id.map(|id| Reference::ProviderId(id.to_owned())))
        .ok_or(Strange::NoReference)
}

/// Our claim, or our id without its tag, as a gateway carries it back.
pub(crate) fn ours(text: &str) -> Option<Reference> {
    let claim = text.parse().ok().map(Reference::Claimed);
    claim.or_else(|| text.parse().ok().map(Reference::Untagged))
}

/// The words that have a reason.
pub(crate) fn failed(word: ReportWord) -> bool {
    matches!(
        word,
        ReportWord::Undelivered | ReportWord::Failed | ReportWord::Expired | ReportWord::Rejected
    )
}

/// Seconds until a message is of no use any more, within what the gateway takes.
pub(crate) fn validity(message: &Outgoing, now: Timestamp, bounds: RangeInclusive<i64>) -> i64 {
    let seconds = message.expires_at.duration_since(now).as_secs();
    seconds.clamp(*bounds.start(), *bounds.end())
}

/// The number without its plus, as many gateways want it.
pub(crate) fn digits(phone: Phone) -> String {
    phone.digits().to_string()
}

/// A sender without the plus of a number.
pub(crate) fn bare_sender(sender: &str) -> &str {
    sender.strip_prefix('+').unwrap_or(sender)
}

/// Why a report says that a message failed: by its error code, where it has one, and what was strange about that.
pub(crate) fn reason(
    error: Option<&str>,
    class: Option<ErrorClass>,
) -> (Option<Reason>, Option<Strange>) {
    match (error, class) {
        (None, _) => (None, None),
        (Some(_), Some(class)) => (Some(class.reason()), None),
        (Some(code), None) => (
            Some(ErrorClass::Unknown.reason()),
            Some(Strange::error(code)),
        ),
    }
}

/// A call that is not too large to be looked at.
pub(crate) fn readable(call: &WebhookCall) -> Result<(), Unreadable> {
    if call.body.len() > LARGEST_CALL {
        return Err(Unreadable::TooLarge);
    }
    Ok(())
}

/// What an answer's body says, where it is a JSON object.
pub(crate) fn document(answer: &Answer) -> Option<Value> {
    json(&answer.body).filter(Value::is_object)
}

/// A request whose body is of this content type. Headers come after: see [`with_header`].
pub(crate) fn post(url: &str, content_type: &'static str, body: String) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse().unwrap_or(Uri::from_static(NOWHERE));
    let kind = HeaderValue::from_static(content_type);
    request.headers_mut().insert(CONTENT_TYPE, kind);
    request
}

/// A request with a JSON document.
pub(crate) fn post_json(url: &str, document: &Value) -> Request<Bytes> {
    let mut request = post(url, "application/json", document.to_string());
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    request
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Adds a header that holds a secret. One that can't be sent is left out: the gateway will say what it misses.
#[must_use]
pub(crate) fn with_secret_header(
    mut request: Request<Bytes>,
    name: HeaderName,
    value: &str,
) -> Request<Bytes> {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    request
}

#[must_use]
pub(crate) fn with_basic(request: Request<Bytes>, user: &str, password: &str) -> Request<Bytes> {
    let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
    with_secret_header(request, AUTHORIZATION, &format!("Basic {login}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_code_is_a_number_or_its_digits() {
        for (value, expected) in [
            (json!(21_610), Some(21_610)),
            (json!("21610"), Some(21_610)),
            (json!("x"), None),
            (json!(null), None),
            (json!(-1), None),
            (json!(1.5), None),
        ] {
            assert_eq!(code(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_number_has_its_plus_or_not() {
        for (text, expected) in [
            ("+447700900123", Some("+447700900123")),
            ("447700900123", Some("+447700900123")),
            (" 447700900123 ", Some("+447700900123")),
            ("Carillon", None),
            ("", None),
        ] {
            let found = number(text).map(Phone::e164);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_report_is_of_the_message_that_it_carries() {
        let (call, outgoing) = (fixtures::call, fixtures::outgoing());
        let (claim, attempt) = (outgoing.claim.clone(), outgoing.claim.unverified());
        let tagged = claim.to_string();
        let untagged = attempt.to_string();
        let m = format!("m={claim}");
        let provider = || Reference::ProviderId("7".to_owned());
        for (name, query, carried, expected) in [
            ("by m", &*m, None, Reference::Claimed(claim.clone())),
            ("m first", &m, Some("x"), Reference::Claimed(claim.clone())),
            ("our claim", "", Some(&*tagged), Reference::Claimed(claim)),
            (
                "our id",
                "m=1",
                Some(&untagged),
                Reference::Untagged(attempt),
            ),
            ("another's", "m=1", Some("x"), provider()),
            ("nothing", "", None, provider()),
        ] {
            let found = reference(&call(query, &[], ""), carried, Some("7"));
            assert_eq!(found, Ok(expected), "{name}");
        }
        assert_eq!(
            reference(&call("", &[], ""), None, None),
            Err(Strange::NoReference)
        );
    }

    #[test]
    fn a_validity_is_what_is_left_within_bounds() {
        let message = fixtures::outgoing();
        for (now, expected) in [
            ("2026-08-01T11:00:00Z", 3600),
            ("2026-08-01T11:59:59Z", 20),
            ("2026-08-02T00:00:00Z", 20),
            ("2026-07-01T00:00:00Z", 86_400),
        ] {
            let left = validity(&message, now.parse().unwrap(), 20..=86_400);
            assert_eq!(left, expected, "{now}");
        }
    }

    #[test]
    fn fields_stand_in_the_query_or_in_the_body() {
        for (name, query, body) in [
            ("a query", "id=7&to=x", ""),
            ("a form", "m=1", "id=7&to=x"),
            ("a document", "m=1", r#"{"id":7,"to":"x","other":{}}"#),
        ] {
            let fields = fields(&fixtures::call(query, &[], body));

            let found = (field(&fields, "id"), field(&fields, "to"));
            assert_eq!(found, (Some("7"), Some("x")), "{name}");
        }
    }

    #[test]
    fn octets_are_not_taken_for_a_text() {
        let form = b"a=%00%e9+%zz&ab=%08&empty=";
        for (name, expected) in [
            ("a", Some(&b"\x00\xe9 %zz"[..])),
            ("ab", Some(b"\x08")),
            ("empty", Some(b"")),
            ("b", None),
        ] {
            assert_eq!(octets(form, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = form_body([("To", "+44 1"), ("Body", "a&b=ü")]);

        assert_eq!(written, "To=%2B44+1&Body=a%26b%3D%C3%BC");
        let read = form(written.as_bytes());
        assert_eq!(field(&read, "Body"), Some("a&b=ü"));
        assert_eq!(field(&read, "None"), None);
    }
}
