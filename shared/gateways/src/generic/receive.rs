//! Calls from the gateway: whether they are its own, and what they report.

use bytes::Bytes;
use carillon_core::{chunk::receipt::Proof, report::ReportWord};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;

use super::{
    config::{Auth, Dlr, Hmac, Mo, Respond},
    source::{Fields, Source, Sources},
};
use crate::{
    Credentials, Forged, Inbound, Reference, Report, Strange, Unreadable, WebhookCall,
    WebhookContents,
    class::{ErrorClass, Verdict},
    signature,
    wire::{failed, form, json, looks_like_json, number, ours, readable},
};

pub(super) fn authenticate(
    auth: &Auth,
    credentials: &Credentials,
    call: &WebhookCall,
    now: Timestamp,
) -> Result<(), Forged> {
    let secret = |name: &str| credentials.get(name).ok_or(Forged::NoSecret);
    match auth {
        Auth::None => Ok(()),
        Auth::Basic { secret_ref } => signature::basic(secret(secret_ref)?, call),
        Auth::Header { header, secret_ref } => {
            let secret = secret(secret_ref)?;
            let given = call.headers.get(header).ok_or(Forged::Missing)?;
            signature::compare(secret.as_bytes(), given.as_bytes())
        }
        Auth::HmacSha256Hex(hmac) => {
            signed(hmac, secret(&hmac.secret_ref)?, call, now, signature::hex)
        }
        Auth::HmacSha256Base64(hmac) => signed(
            hmac,
            secret(&hmac.secret_ref)?,
            call,
            now,
            signature::base64,
        ),
    }
}

fn signed(
    hmac: &Hmac,
    secret: &str,
    call: &WebhookCall,
    now: Timestamp,
    decode: fn(&str) -> Option<Vec<u8>>,
) -> Result<(), Forged> {
    let given = call.header(&hmac.header).ok_or(Forged::Missing)?;
    let given = given
        .strip_prefix(&hmac.prefix)
        .and_then(decode)
        .ok_or(Forged::Wrong)?;
    let Some(timestamp_header) = &hmac.timestamp_header else {
        return signature::compare(&signature::hmac_sha256(secret, &[&call.body]), &given);
    };
    let timestamp = call.header(timestamp_header).ok_or(Forged::Missing)?;
    let expected = signature::hmac_sha256(secret, &[timestamp.as_bytes(), b".", &call.body]);
    signature::compare(&expected, &given)?;
    let seconds: i64 = timestamp.parse().map_err(|_| Forged::Wrong)?;
    if seconds.abs_diff(now.as_second()) > hmac.tolerance_seconds.into() {
        return Err(Forged::Stale);
    }
    Ok(())
}

pub(super) fn contents(
    dlr: Option<&Dlr>,
    mo: Option<&Mo>,
    call: &WebhookCall,
) -> Result<WebhookContents, Unreadable> {
    readable(call)?;
    let document = json(&call.body);
    if document.is_none() && looks_like_json(&call.body) {
        return Err(Unreadable::Body);
    }
    let query = form(call.query().as_bytes());
    let form = if document.is_none() {
        form(&call.body)
    } else {
        Vec::new()
    };
    let fields = Fields {
        query: &query,
        form: &form,
        headers: &call.headers,
        json: document.as_ref(),
    };
    let batch = dlr.and_then(|dlr| dlr.batch.as_ref()?.array(document.as_ref()));

    let mut contents = WebhookContents::default();
    match batch {
        Some(items) => {
            for item in items {
                read_one(
                    dlr,
                    mo,
                    Fields {
                        json: Some(item),
                        ..fields
                    },
                    &mut contents,
                );
            }
        }
        None => read_one(dlr, mo, fields, &mut contents),
    }
    Ok(contents)
}

/// A report, or else a message from a handset, or else something strange.
fn read_one(
    dlr: Option<&Dlr>,
    mo: Option<&Mo>,
    fields: Fields<'_>,
    contents: &mut WebhookContents,
) {
    let no_report = match dlr.and_then(|dlr| report(dlr, fields)) {
        Some(Ok((report, unmapped))) => {
            contents.receipts.push(report);
            contents.strange.extend(unmapped);
            return;
        }
        Some(Err(strange)) => Some(strange),
        None => None,
    };
    match mo.and_then(|mo| inbound(mo, fields)) {
        Some(Ok(inbound)) => contents.inbound.push(inbound),
        no_message => {
            let strange = no_report.or_else(|| no_message?.err());
            contents
                .strange
                .push(strange.unwrap_or(Strange::NothingKnown));
        }
    }
}

/// `None` where there is no status: that is no report. With a report, what about it was strange all the same.
fn report(dlr: &Dlr, fields: Fields<'_>) -> Option<Result<(Report, Option<Strange>), Strange>> {
    let code = dlr.status.read(fields)?;
    let Some(word) = word(dlr, &code) else {
        return Some(Err(Strange::status(&code)));
    };
    let Some((reference, provider_id)) = reference(&dlr.id, fields) else {
        return Some(Err(Strange::NoReference));
    };
    let error = failed(word)
        .then(|| dlr.error.as_ref()?.read(fields))
        .flatten()
        .filter(|code| !code.bytes().all(|byte| byte == b'0'));
    let verdict = error.as_ref().map(|code| dlr.error_map.get(code).copied());
    let unmapped = error
        .filter(|_| verdict == Some(None))
        .map(|code| Strange::error(&code));
    let reason = verdict.map(|known| {
        known
            .unwrap_or(Verdict::Class(ErrorClass::Unknown))
            .reason()
    });
    let report = Report {
        reference,
        to: dlr.to.as_ref().and_then(|to| number(&to.read(fields)?)),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id,
        at: time(dlr.time.as_ref(), fields),
    };
    Some(Ok((report, unmapped)))
}

fn word(dlr: &Dlr, code: &str) -> Option<ReportWord> {
    let any_case = || {
        dlr.status_map
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(code))
    };
    let exact = dlr
        .status_map
        .get(code)
        .or_else(|| any_case().map(|(_, word)| word));
    exact.copied().or_else(|| usual(code))
}

/// What gateways usually say.
fn usual(code: &str) -> Option<ReportWord> {
    Some(match code.to_ascii_lowercase().as_str() {
        "queued" | "accepted" => ReportWord::Accepted,
        "sent" | "submitted" => ReportWord::Sent,
        "delivered" | "delivrd" => ReportWord::Delivered,
        "failed" | "undelivered" | "undeliv" => ReportWord::Undelivered,
        "rejected" | "rejectd" => ReportWord::Rejected,
        "expired" => ReportWord::Expired,
        _ => return None,
    })
}

/// The first place with something in it says which message; the gateway's own id may stand in a later one.
fn reference(id: &Sources, fields: Fields<'_>) -> Option<(Reference, Option<String>)> {
    let mut values = id
        .all(fields)
        .map(|(place, value)| (place, read_reference(&value)));
    let reference = match values.next()? {
        // In our own callback's query nothing but an `m` has a place.
        (Source::Query(name), found) if name == "m" && !matches!(found, Reference::Claimed(_)) => {
            return None;
        }
        (_, found) => found,
    };
    let own = |found: Reference| match found {
        Reference::ProviderId(id) => Some(id),
        Reference::Claimed(_) | Reference::Untagged(_) => None,
    };
    let provider_id = own(reference.clone()).or_else(|| values.find_map(|(_, found)| own(found)));
    Some((reference, provider_id))
}

fn read_reference(value: &str) -> Reference {
    ours(value).unwrap_or_else(|| Reference::ProviderId(value.to_owned()))
}

/// `None` where it isn't there: that is no message from a handset.
fn inbound(mo: &Mo, fields: Fields<'_>) -> Option<Result<Inbound, Strange>> {
    let (from, text) = (mo.from.read(fields)?, mo.text.read(fields)?);
    let Some(from) = number(&from) else {
        return Some(Err(Strange::NotANumber));
    };
    Some(Ok(Inbound {
        from,
        to: mo.to.read(fields).unwrap_or_default(),
        text,
        provider_id: mo.id.as_ref().and_then(|id| id.read(fields)),
        at: time(mo.time.as_ref(), fields),
    }))
}

fn time(place: Option<&Sources>, fields: Fields<'_>) -> Option<Timestamp> {
    let text = place?.read(fields)?;
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => text.parse().ok(),
    }
}

pub(super) fn reply(respond: &Respond) -> Response<Bytes> {
    let status = StatusCode::from_u16(respond.status).ok();
    let mut reply = Response::new(Bytes::from(respond.body.clone()));
    *reply.status_mut() = status
        .filter(StatusCode::is_success)
        .unwrap_or(StatusCode::OK);
    let kind = if looks_like_json(respond.body.as_bytes()) {
        "application/json"
    } else {
        "text/plain"
    };
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
