//! Vonage, SMS API: one message a request, one report for each of its parts.
//!
//! Sources: the `OpenAPI` description `sms.yml`; the developer pages; the official libraries (Python 4.9.1, `@vonage/sms` 1.21.0).
//! The API secret goes in the body, where the gateway wants it. Our id goes as `client-ref` without its tag, since 40 characters
//! are documented; the callback URL goes along where it fits into 100. The first part's report decides: a report doesn't say
//! how many parts there are.

mod sign;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, report::ReportWord,
    segments::first_non_gsm,
};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use self::sign::Method;
use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    settings::{self, Check},
    wire::{self, field},
};

/// Characters of a callback URL that the gateway takes.
const LONGEST_CALLBACK: usize = 100;
/// Milliseconds: twenty seconds to a week.
const VALIDITY: std::ops::RangeInclusive<i64> = 20_000..=604_800_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    api_key: String,
    /// As chosen in the settings of the account; `none` where its calls aren't signed.
    #[serde(default)]
    signature_method: Method,
    /// How old a signed call may be. Vonage repeats one for a day, and it isn't known whether with a new time. 0 is any age.
    #[serde(default = "usual_window")]
    replay_window_seconds: u32,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_window() -> u32 {
    25 * 60 * 60
}

fn usual_url() -> String {
    "https://rest.nexmo.com".to_owned()
}

pub(crate) struct VonageSms {
    config: Config,
}

impl VonageSms {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn form(&self, account: &GatewayAccount, message: &Outgoing, now: Timestamp) -> String {
        let to = wire::digits(message.to);
        let plain = first_non_gsm(&message.text).is_none();
        let left = message.expires_at.duration_since(now).as_millis();
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        let ttl = left.clamp(*VALIDITY.start(), *VALIDITY.end()).to_string();
        let reference = message.reference();
        let mut fields = vec![
            ("api_key", self.config.api_key.as_str()),
            (
                "api_secret",
                account.credentials.get("api_secret").unwrap_or_default(),
            ),
        ];
        if let Some(sender) = &message.sender {
            fields.push(("from", wire::bare_sender(sender)));
        }
        fields.extend([
            ("to", to.as_str()),
            ("text", &message.text),
            ("type", if plain { "text" } else { "unicode" }),
            ("ttl", &ttl),
            ("status-report-req", "1"),
        ]);
        fields.extend(callback(&message.callback).map(|url| ("callback", url)));
        fields.push(("client-ref", &reference));
        if let Some(Dlt { entity, template }) = &message.dlt {
            fields.push(("entity-id", entity));
            fields.extend(template.as_deref().map(|id| ("content-id", id)));
        }
        wire::form_body(fields)
    }
}

/// The URL as far as it fits: whole, without our `m`, or not at all. Then the reports go to the URL in the account's settings.
fn callback(url: &str) -> Option<&str> {
    let (bare, _) = url.split_once('?').unwrap_or((url, ""));
    [url, bare]
        .into_iter()
        .find(|url| url.len() <= LONGEST_CALLBACK)
}

impl Gateway for VonageSms {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.secret("api_secret", "the API secret of the account");
        if self.config.signature_method != Method::None {
            check.secret(
                "signature_secret",
                "what Vonage signs its calls with. If the account's calls are not signed, set `signature_method` to `none`",
            );
        }
        check.no_others(&["api_secret", "signature_secret"]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: 1,
            signs_calls: self.config.signature_method != Method::None,
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
        let url = format!("{}/sms/json", self.config.base_url);
        let first = messages.first();
        let body = first.map(|message| self.form(account, message, now));
        wire::post(&url, wire::FORM, body.unwrap_or_default())
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        vec![outcome(answer); messages.len()]
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged> {
        if self.config.signature_method == Method::None {
            return Ok(());
        }
        let secret = account.credentials.get("signature_secret");
        let secret = secret.ok_or(Forged::NoSecret)?;
        let parameters = parameters(call);
        sign::check(self.config.signature_method, secret, &parameters)?;
        let window = self.config.replay_window_seconds;
        let at = field(&parameters, "timestamp").and_then(|at| at.parse::<i64>().ok());
        match at {
            _ if window == 0 => Ok(()),
            Some(at) if at.abs_diff(now.as_second()) <= window.into() => Ok(()),
            _ => Err(Forged::Stale),
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let fields = parameters(call);
        let mut contents = WebhookContents::default();
        match field(&fields, "status") {
            Some(status) => contents.add_report(report(call, &fields, status)),
            // A message with no text has data, or a type at least.
            None if ["text", "data", "type"]
                .iter()
                .any(|name| field(&fields, name).is_some()) =>
            {
                contents.add_inbound(inbound(&fields));
            }
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

/// Whether the account has them sent by GET, as a form or as JSON: the query's, then the body's.
fn parameters(call: &WebhookCall) -> Vec<(String, String)> {
    let mut fields = wire::form(call.query().as_bytes());
    match wire::json(&call.body) {
        Some(Value::Object(members)) => {
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let members = members.iter();
            fields.extend(members.map(|(name, value)| (name.clone(), text(value))));
        }
        Some(_) => {}
        None => fields.extend(wire::form(&call.body)),
    }
    fields
}

/// Each part of the message has an entry of its own.
fn outcome(answer: &Answer) -> Outcome {
    let body = wire::document(answer).unwrap_or_default();
    let parts = body["messages"]
        .as_array()
        .filter(|parts| !parts.is_empty());
    let Some(parts) = parts else {
        return fallback::by_status(answer);
    };
    let mut taken = None;
    let mut refused = None;
    for part in parts {
        match wire::code(&part["status"]) {
            Some(0) => taken = taken.or_else(|| wire::text(&part["message-id"])),
            Some(code) => refused = refused.or(Some((code, part))),
            None => return fallback::by_status(answer),
        }
    }
    match (taken, refused) {
        (Some(id), None) => Outcome::Accepted {
            provider_id: Some(id),
        },
        (None, Some((code, part))) => {
            let class = send_class(code).unwrap_or(ErrorClass::Unknown);
            Verdict::Class(class).outcome(answer.status, wait(answer, part))
        }
        // Some of it went out: sending it again would send that part twice.
        (Some(_), Some((code, _))) => {
            Outcome::Refused(send_class(code).unwrap_or(ErrorClass::Unknown).reason())
        }
        (None, None) => fallback::by_status(answer),
    }
}

/// What the answer asks for, or `wait [ 250 ]` milliseconds in the text of the error.
fn wait(answer: &Answer, part: &Value) -> Option<SignedDuration> {
    let in_text = || {
        let (_, after) = part["error-text"].as_str()?.split_once('[')?;
        let millis: u32 = after.split_once(']')?.0.trim().parse().ok()?;
        Some(SignedDuration::from_millis(millis.into()))
    };
    fallback::retry_after(answer).or_else(in_text)
}

/// `None` for codes that we don't know, and for success.
fn send_class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        1 | 10 => ErrorClass::RateLimited,
        2 | 3 | 6 | 12 | 23 => ErrorClass::BadRequest,
        4 | 8 | 11 | 14 | 29 | 32 => ErrorClass::AuthConfig,
        5 => ErrorClass::Temporary,
        7 => ErrorClass::Blocked,
        9 => ErrorClass::Funds,
        15 | 22 | 33 => ErrorClass::SenderConfig,
        34 => ErrorClass::Unknown,
        _ => return None,
    })
}

/// Of a report's `err-code`. `None` for codes that we don't know, and for success.
fn report_class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        1 | 99 => ErrorClass::Unknown,
        2 | 7 | 12 | 15 => ErrorClass::Unreachable,
        3 => ErrorClass::InvalidNumber,
        4 | 13 | 14 => ErrorClass::Blocked,
        5 | 8 => ErrorClass::Temporary,
        6 | 52 => ErrorClass::SpamContent,
        9 | 53 => ErrorClass::OptedOut,
        10 => ErrorClass::BadRequest,
        11 => ErrorClass::Region,
        16 => ErrorClass::RateLimited,
        50 | 51 | 54 => ErrorClass::SenderConfig,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        // By the network; `buffered` is held there.
        "accepted" | "buffered" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "expired" => ReportWord::Expired,
        "failed" => ReportWord::Failed,
        "rejected" => ReportWord::Rejected,
        "unknown" => ReportWord::Unknown,
        _ => return None,
    })
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let id = field(fields, "messageId");
    let error = field(fields, "err-code").filter(|code| *code != "0" && wire::failed(word));
    let class = error.and_then(|code| report_class(code.parse().ok()?));
    let (reason, strange) = wire::reason(error, class);
    let report = Report {
        reference: wire::reference(call, field(fields, "client-ref"), id)?,
        // In a report the handset is `msisdn`, and `to` is our sender.
        to: field(fields, "msisdn").and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: time(fields),
    };
    Ok((report, strange))
}

/// A part of a long message comes as a message of its own.
fn inbound(fields: &[(String, String)]) -> Result<Inbound, Strange> {
    let from = field(fields, "msisdn").and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: field(fields, "to").unwrap_or_default().to_owned(),
        text: field(fields, "text").unwrap_or_default().to_owned(),
        provider_id: field(fields, "messageId").map(str::to_owned),
        at: time(fields),
    })
}

/// `2020-01-01 12:00:00 +0000`
fn time(fields: &[(String, String)]) -> Option<Timestamp> {
    let text = field(fields, "message-timestamp")?;
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text).ok()
}
