//! MessageBird, the REST API (`rest.messagebird.com`; not the Bird platform): up to 50 recipients a request, one text, one sender and one
//! callback URL for them.
//!
//! Sources: the official libraries (Node 4.0.1, Python 2.2.0) and their reference signatures; what MessageBird's reports carry is
//! partly known from other adapters. A request has an id, a recipient in it has none: ours is `id/number`. It knows no key that would
//! keep it from sending twice.

mod sign;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::{Capabilities, Shared},
    outcome::Outcome,
    reason::Reason,
    report::ReportWord,
};
use http::{Request, Response, header::AUTHORIZATION};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    many::entries_of,
    settings::{self, Check},
    wire::{self, field},
};

/// A week: no carrier keeps a message longer.
const LONGEST_VALIDITY: i64 = 7 * 24 * 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "usual_url")]
    base_url: String,
    #[serde(default = "usual_recipients")]
    recipients_per_request: u16,
    /// Believe calls that are signed the old way only, too.
    #[serde(default)]
    old_signatures: bool,
}

fn usual_url() -> String {
    "https://rest.messagebird.com".to_owned()
}

const fn usual_recipients() -> u16 {
    50
}

pub(crate) struct Messagebird {
    config: Config,
}

impl Messagebird {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }
}

fn document(messages: &[Outgoing], now: Timestamp) -> Value {
    let Some(first) = messages.first() else {
        return Value::Null;
    };
    let recipients = messages.iter().map(|message| wire::digits(message.to));
    let mut document = json!({
        "recipients": recipients.collect::<Vec<_>>(),
        "body": first.text,
        // Without a reference there are no reports.
        "reference": first.claim.to_string(),
        "reportUrl": first.callback,
        "validity": wire::validity(first, now, 1..=LONGEST_VALIDITY),
        "datacoding": "auto",
    });
    if let Some(sender) = &first.sender {
        document["originator"] = wire::bare_sender(sender).into();
    }
    document
}

impl Gateway for Messagebird {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        if self.config.recipients_per_request == 0 {
            let message = "There is at least one recipient in a request. Leave it out for 50.";
            check.problem("/config/recipients_per_request", message);
        }
        check.secret("access_key", "the access key of the API");
        check.secret("signing_key", "what MessageBird signs its calls with");
        check.no_others(&["access_key", "signing_key"]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: self.config.recipients_per_request,
            shared: Shared::Text,
            signs_calls: true,
            ..Capabilities::default()
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        now: Timestamp,
    ) -> Request<Bytes> {
        let url = format!("{}/messages", self.config.base_url);
        let key = account.credentials.get("access_key").unwrap_or_default();
        let request = wire::post_json(&url, &document(messages, now));
        wire::with_secret_header(request, AUTHORIZATION, &format!("AccessKey {key}"))
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        let all = || vec![refused(answer); messages.len()];
        accepted(messages, answer).unwrap_or_else(all)
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged> {
        let key = account.credentials.get("signing_key");
        let key = key.ok_or(Forged::NoSecret)?;
        let url = format!("{}{}", account.hooks_url, call.path_and_query);
        match sign::verify(key, &url, call, now) {
            Err(Forged::Missing) if self.config.old_signatures => sign::verify_old(key, call, now),
            verdict => verdict,
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let fields = wire::fields(call);
        let mut contents = WebhookContents::default();
        match field(&fields, "status") {
            Some(status) => contents.add_report(report(call, &fields, status)),
            None if field(&fields, "originator").is_some() => {
                contents.add_inbound(inbound(&fields));
            }
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }

    fn reply(&self, _: &WebhookCall) -> Response<Bytes> {
        Response::new(Bytes::from_static(b"OK"))
    }
}

/// The recipients that an answer lists. Those that it leaves out are in doubt.
fn accepted(messages: &[Outgoing], answer: &Answer) -> Option<Vec<Outcome>> {
    let body = wire::document(answer).filter(|_| answer.status.is_success())?;
    let id = body["id"].as_str().filter(|id| !id.is_empty())?;
    let items = body["recipients"]["items"].as_array()?;
    let entries = entries_of(messages, items, |message, item| {
        wire::text(&item["recipient"]).and_then(|number| wire::number(&number)) == Some(message.to)
    });
    let outcome = |item: Option<&Value>| {
        let item = item?;
        let number = wire::text(&item["recipient"])?;
        match word(item["status"].as_str()?)? {
            failed if wire::failed(failed) => {
                let reason = item["statusReason"].as_str().and_then(class_of_reason);
                let class = reason.unwrap_or(ErrorClass::Unknown);
                Some(Verdict::Class(class).outcome(answer.status, None))
            }
            _ => Some(Outcome::Accepted {
                provider_id: Some(provider_id(id, &number)),
            }),
        }
    };
    let outcomes = entries
        .into_iter()
        .map(|item| outcome(item).unwrap_or(Outcome::Doubt));
    Some(outcomes.collect())
}

fn provider_id(request: &str, number: &str) -> String {
    format!("{request}/{}", number.trim_start_matches('+'))
}

/// What the errors in an answer say, the first that we know.
fn refused(answer: &Answer) -> Outcome {
    let body = wire::document(answer).filter(|_| !answer.status.is_success());
    let errors = body.as_ref().and_then(|body| body["errors"].as_array());
    let class = errors.into_iter().flatten().find_map(|error| {
        let parameter = error["parameter"].as_str().unwrap_or_default();
        class(wire::code(&error["code"])?, parameter)
    });
    match class {
        Some(class) => Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer)),
        None => fallback::by_status(answer),
    }
}

/// Of a request that was refused: by its code and by the parameter that it names. `None` for codes that we don't know.
fn class(code: u32, parameter: &str) -> Option<ErrorClass> {
    Some(match (code, parameter) {
        (2, _) => ErrorClass::AuthConfig,
        (9 | 10, "recipients" | "recipient") => ErrorClass::InvalidNumber,
        (9 | 10, "originator") => ErrorClass::SenderConfig,
        (9 | 10 | 20 | 21, _) => ErrorClass::BadRequest,
        (25, _) => ErrorClass::Funds,
        (98 | 99, _) => ErrorClass::Temporary,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status {
        "scheduled" => ReportWord::Accepted,
        "sent" | "buffered" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "expired" => ReportWord::Expired,
        "delivery_failed" => ReportWord::Failed,
        "rejected" => ReportWord::Rejected,
        _ => return None,
    })
}

/// Why a recipient didn't get it, in MessageBird's words.
fn class_of_reason(reason: &str) -> Option<ErrorClass> {
    Some(match reason {
        "DLR not received" | "expired" => ErrorClass::Expired,
        "incorrect number" | "unknown subscriber" => ErrorClass::InvalidNumber,
        "unavailable subscriber" => ErrorClass::Unreachable,
        "opted out" => ErrorClass::OptedOut,
        "received network error" => ErrorClass::Temporary,
        "insufficient balance" => ErrorClass::Funds,
        "carrier rejected" => ErrorClass::Blocked,
        "capacity limit reached" => ErrorClass::RateLimited,
        "generic delivery failure" => ErrorClass::Unknown,
        _ => return None,
    })
}

/// Only one of the numbers is known, so the words count where it is another.
fn reason(word: ReportWord, fields: &[(String, String)]) -> (Option<Reason>, Option<Strange>) {
    if !wire::failed(word) {
        return (None, None);
    }
    let (code, words) = (
        field(fields, "statusErrorCode"),
        field(fields, "statusReason"),
    );
    let class = match code {
        Some("103") => Some(ErrorClass::OptedOut),
        _ => words.and_then(class_of_reason),
    };
    wire::reason(words.or(code), class)
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let (reason, strange) = reason(word, fields);
    let number = field(fields, "recipient");
    let id = field(fields, "id").zip(number);
    let id = id.map(|(request, number)| provider_id(request, number));
    let report = Report {
        reference: wire::reference(call, field(fields, "reference"), id.as_deref())?,
        to: number.and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id,
        at: field(fields, "statusDatetime").and_then(|at| at.parse().ok()),
    };
    Ok((report, strange))
}

/// Long numbers and short codes name their fields differently.
fn inbound(fields: &[(String, String)]) -> Result<Inbound, Strange> {
    let either = |one, other| field(fields, one).or_else(|| field(fields, other));
    let text = either("body", "message").unwrap_or_default();
    let created = field(fields, "createdDatetime").and_then(|at| at.parse().ok());
    let received = field(fields, "receive_datetime").and_then(compact);
    let from = field(fields, "originator").and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: either("recipient", "shortcode")
            .unwrap_or_default()
            .to_owned(),
        text: text.to_owned(),
        provider_id: either("id", "mid").map(str::to_owned),
        at: created.or(received),
    })
}

/// `YYYYMMDDhhmmss`, in UTC.
fn compact(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}
