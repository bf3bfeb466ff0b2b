//! Plivo: up to 1,000 numbers a request, with one text, one sender and one callback URL.
//!
//! Sources: the developer pages (bulk messaging, status callbacks, error codes, message expiry); the request validators of the
//! official libraries (Python 4.63.0, Node 4.79.0). It knows no key that would keep it from sending twice. Which of its ids is
//! whose isn't documented for several numbers: then a message has none, and its reports are found by their number.

mod sign;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::{Capabilities, Shared},
    outcome::Outcome,
    phone::Phone,
    reason::Reason,
    report::ReportWord,
};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::ErrorClass,
    fallback,
    settings::{self, Check},
    wire::{self, field},
};

/// Seconds in Plivo's own queue.
const VALIDITY: std::ops::RangeInclusive<i64> = 5..=10_799;
const MOST_NUMBERS: u16 = 1000;
const EMPTY_XML: &str = "<Response></Response>";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    auth_id: String,
    /// The pool of numbers that sends messages without a sender.
    powerpack_uuid: Option<String>,
    #[serde(default = "most_numbers")]
    numbers_per_request: u16,
    /// Let Plivo keep numbers and texts in its logs.
    #[serde(default)]
    log: bool,
    /// Believe calls with the older signature where there is no newer one, although it covers neither query nor body.
    #[serde(default)]
    accept_v2_signatures: bool,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn most_numbers() -> u16 {
    MOST_NUMBERS
}

fn usual_url() -> String {
    "https://api.plivo.com".to_owned()
}

pub(crate) struct Plivo {
    config: Config,
}

impl Plivo {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn document(&self, messages: &[Outgoing], now: Timestamp) -> Value {
        let Some(first) = messages.first() else {
            return Value::Null;
        };
        let numbers: Vec<_> = unique(messages).into_iter().map(wire::digits).collect();
        let mut document = json!({
            "dst": numbers.join("<"),
            "text": first.text,
            "type": "sms",
            "url": first.callback,
            "method": "POST",
            "log": self.config.log,
            "message_expiry": wire::validity(first, now, VALIDITY),
        });
        match (&first.sender, &self.config.powerpack_uuid) {
            (Some(sender), _) => document["src"] = wire::bare_sender(sender).into(),
            (None, Some(pool)) => document["powerpack_uuid"] = pool.as_str().into(),
            // Plivo answers that it misses one.
            (None, None) => {}
        }
        if let Some(Dlt { entity, template }) = &first.dlt {
            document["dlt_entity_id"] = entity.as_str().into();
            document["dlt_template_id"] = json!(template);
        }
        document
    }
}

/// The numbers in their order, each once: Plivo sends no number twice.
fn unique(messages: &[Outgoing]) -> Vec<Phone> {
    let mut numbers = Vec::with_capacity(messages.len());
    for message in messages {
        if !numbers.contains(&message.to) {
            numbers.push(message.to);
        }
    }
    numbers
}

impl Gateway for Plivo {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.path_segment("/config/auth_id", &self.config.auth_id);
        check.within(
            "/config/numbers_per_request",
            self.config.numbers_per_request,
            1..=MOST_NUMBERS,
        );
        check.secret(
            "auth_token",
            "the auth token of the account, which signs what Plivo sends",
        );
        check.no_others(&["auth_token", "main_auth_token"]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: self.config.numbers_per_request,
            shared: Shared::Text,
            signs_calls: true,
            tells_dlt: true,
            ..Capabilities::default()
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        now: Timestamp,
    ) -> Request<Bytes> {
        let Config {
            auth_id, base_url, ..
        } = &self.config;
        let url = format!("{base_url}/v1/Account/{auth_id}/Message/");
        let request = wire::post_json(&url, &self.document(messages, now));
        let token = account.credentials.get("auth_token").unwrap_or_default();
        wire::with_basic(request, auth_id, token)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        accepted(messages, answer)
            .unwrap_or_else(|| vec![fallback::by_status(answer); messages.len()])
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        _: Timestamp,
    ) -> Result<(), Forged> {
        sign::check(account, call, self.config.accept_v2_signatures)
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let fields = wire::fields(call);
        let mut contents = WebhookContents::default();
        match status(&fields) {
            Some(status) => contents.add_report(report(call, &fields, status)),
            None if field(&fields, "From").is_some() => contents.add_inbound(inbound(&fields)),
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }

    /// An inbound message is answered with no instructions; a report needs no words.
    fn reply(&self, call: &WebhookCall) -> Response<Bytes> {
        if status(&wire::fields(call)).is_some() {
            return Response::new(Bytes::new());
        }
        let mut reply = Response::new(Bytes::from_static(EMPTY_XML.as_bytes()));
        let xml = HeaderValue::from_static("application/xml");
        reply.headers_mut().insert(CONTENT_TYPE, xml);
        reply
    }
}

fn status(fields: &[(String, String)]) -> Option<&str> {
    field(fields, "Status").or_else(|| field(fields, "status"))
}

/// There is an id for each number that is not named as invalid. Where they don't add up, it isn't known which were taken.
fn accepted(messages: &[Outgoing], answer: &Answer) -> Option<Vec<Outcome>> {
    let body = wire::document(answer).filter(|_| answer.status.is_success())?;
    let texts = |name: &str| -> Vec<String> {
        let items = body[name].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().filter_map(wire::text).collect()
    };
    let ids = texts("message_uuid");
    let invalid = texts("invalid_number");
    let invalid: Vec<_> = invalid.iter().filter_map(|it| wire::number(it)).collect();
    let mut expected = unique(messages);
    expected.retain(|number| !invalid.contains(number));
    let taken = match &ids[..] {
        ids if ids.len() != expected.len() => Outcome::Doubt,
        [only] => Outcome::Accepted {
            provider_id: Some(only.clone()),
        },
        _ => Outcome::Accepted { provider_id: None },
    };
    let mut seen = Vec::with_capacity(messages.len());
    let outcome = |message: &Outgoing| {
        if invalid.contains(&message.to) {
            return Outcome::Refused(Reason::BadNumber);
        }
        if seen.contains(&message.to) {
            return Outcome::Refused(Reason::Duplicate);
        }
        seen.push(message.to);
        taken.clone()
    };
    Some(messages.iter().map(outcome).collect())
}

/// `None` for codes that we don't know.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        10 | 60 | 110 => ErrorClass::BadRequest,
        20 => ErrorClass::Temporary,
        30 => ErrorClass::SpamContent,
        40 => ErrorClass::SenderConfig,
        50 | 70 => ErrorClass::InvalidNumber,
        80 => ErrorClass::Unreachable,
        90 | 201 | 450 => ErrorClass::Region,
        100 => ErrorClass::Blocked,
        200 => ErrorClass::OptedOut,
        420 => ErrorClass::Expired,
        1000 => ErrorClass::Unknown,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        "queued" => ReportWord::Accepted,
        "sent" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "undelivered" => ReportWord::Undelivered,
        "failed" => ReportWord::Failed,
        "rejected" => ReportWord::Rejected,
        "read" => ReportWord::Read,
        _ => return None,
    })
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let id = field(fields, "MessageUUID");
    // A part of a long message has an id of its own.
    let whole = field(fields, "ParentMessageUUID").or(id);
    let error = field(fields, "ErrorCode")
        .filter(|code| wire::failed(word) && !code.bytes().all(|byte| byte == b'0'));
    let class = error.and_then(|code| class(code.parse().ok()?));
    let (reason, strange) = wire::reason(error, class);
    let report = Report {
        reference: wire::reference(call, None, whole)?,
        to: field(fields, "To").and_then(wire::number),
        word: match class {
            Some(ErrorClass::Expired) => ReportWord::Expired,
            _ => word,
        },
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: ["DeliveryReportTime", "SentTime"]
            .iter()
            .find_map(|name| time(field(fields, name)?)),
    };
    Ok((report, strange))
}

fn inbound(fields: &[(String, String)]) -> Result<Inbound, Strange> {
    let from = field(fields, "From").and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: field(fields, "To").unwrap_or_default().to_owned(),
        text: field(fields, "Text").unwrap_or_default().to_owned(),
        provider_id: field(fields, "MessageUUID").map(str::to_owned),
        at: None,
    })
}

/// `2025-01-02 03:04:05.000000`, in UTC, which may stand behind it.
fn time(text: &str) -> Option<Timestamp> {
    let bare = text.strip_suffix("+00:00").unwrap_or(text);
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", bare).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}
