//! Sinch, SMS API (XMS): up to 1,000 messages a request, each with its own text; one sender and one callback URL.
//!
//! Sources: the SMS API reference; the official libraries' models (Python 2.3.0, Node @sinch/sms 1.4.0); the webhook validator of the
//! Python library. A batch has an id, a recipient in it has none: ours is `batch/number`. It knows no key that would keep it from
//! sending twice. Callbacks are signed only after Sinch switched that on for the service plan: then set `signed_callbacks`.

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
use http::{Request, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::ErrorClass,
    fallback,
    many::entries_of,
    settings::{self, Check},
    signature, wire,
};

const SIGNATURE: &str = "x-sinch-webhook-signature";
const NONCE: &str = "x-sinch-webhook-signature-nonce";
const TIMESTAMP: &str = "x-sinch-webhook-signature-timestamp";
const ALGORITHM: &str = "x-sinch-webhook-signature-algorithm";
/// A call is repeated for almost 23 hours, and nobody says whether it is signed anew.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
const MESSAGES_PER_REQUEST: u16 = 1000;
/// Seconds that Sinch keeps a message at most.
const LONGEST_VALIDITY: i64 = 3 * 24 * 3600;
/// The placeholder that stands for the whole text, where texts differ.
const TEXT: &str = "text";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service_plan_id: String,
    /// `https://eu.sms.api.sinch.com`, by the region of the service plan.
    base_url: String,
    #[serde(default)]
    signed_callbacks: bool,
}

pub(crate) struct Sinch {
    config: Config,
}

impl Sinch {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }
}

fn batch(messages: &[Outgoing], now: Timestamp) -> Value {
    let Some(first) = messages.first() else {
        return Value::Null;
    };
    let to: Vec<_> = messages
        .iter()
        .map(|message| wire::digits(message.to))
        .collect();
    let expiry = wire::validity(first, now, 1..=LONGEST_VALIDITY);
    // Its times have at most milliseconds.
    let expiry = now
        .checked_add(SignedDuration::from_secs(expiry))
        .and_then(|expiry| expiry.round(Unit::Second));
    let mut batch = json!({
        "to": to,
        "type": "mt_text",
        "delivery_report": "per_recipient",
        "callback_url": first.callback,
        "client_reference": first.claim.to_string(),
        "expire_at": expiry.unwrap_or(first.expires_at).to_string(),
    });
    if let Some(sender) = &first.sender {
        batch["from"] = wire::bare_sender(sender).into();
    }
    let one_text = messages.iter().all(|message| message.text == first.text);
    // A `${` would be taken for the begin of a placeholder.
    if one_text && !first.text.contains("${") {
        batch["body"] = first.text.as_str().into();
    } else {
        let texts: Map<_, _> = to
            .into_iter()
            .zip(messages)
            .map(|(to, message)| (to, message.text.as_str().into()))
            .collect();
        batch["body"] = format!("${{{TEXT}}}").into();
        batch["parameters"] = json!({ TEXT: texts });
    }
    batch
}

impl Gateway for Sinch {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.path_segment("/config/service_plan_id", &self.config.service_plan_id);
        check.secret("api_token", "the API token of the service plan");
        if self.config.signed_callbacks {
            check.secret("webhook_secret", "what Sinch signs its callbacks with");
        }
        check.no_others(&["api_token", "webhook_secret", signature::CALLBACK_LOGIN]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: MESSAGES_PER_REQUEST,
            shared: Shared::Callback,
            signs_calls: self.config.signed_callbacks,
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
            service_plan_id,
            base_url,
            ..
        } = &self.config;
        let url = format!("{base_url}/xms/v1/{service_plan_id}/batches");
        let token = account.credentials.get("api_token").unwrap_or_default();
        let request = wire::post_json(&url, &batch(messages, now));
        wire::with_secret_header(request, AUTHORIZATION, &format!("Bearer {token}"))
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        accepted(messages, answer)
            .unwrap_or_else(|| vec![fallback::by_status(answer); messages.len()])
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged> {
        if !self.config.signed_callbacks {
            return signature::callback_login(&account.credentials, call);
        }
        let header = |name| call.header(name).ok_or(Forged::Missing);
        let (given, nonce, timestamp) = (header(SIGNATURE)?, header(NONCE)?, header(TIMESTAMP)?);
        if call
            .header(ALGORITHM)
            .is_some_and(|name| name != "HmacSHA256")
        {
            return Err(Forged::Wrong);
        }
        let secret = account
            .credentials
            .get("webhook_secret")
            .ok_or(Forged::NoSecret)?;
        let signed = [
            &call.body[..],
            b".",
            nonce.as_bytes(),
            b".",
            timestamp.as_bytes(),
        ];
        let given = signature::base64(given).ok_or(Forged::Wrong)?;
        signature::compare(&signature::hmac_sha256(secret, &signed), &given)?;
        signature::fresh(timestamp, now, OLDEST, AHEAD)
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let body = wire::json(&call.body).ok_or(Unreadable::Body)?;
        let mut contents = WebhookContents::default();
        match body["type"].as_str() {
            Some("recipient_delivery_report_sms") => {
                contents.add_report(report(call, &body, &body, &body["recipient"]));
            }
            Some("delivery_report_sms") => summary(call, &body, &mut contents),
            Some("mo_text") => contents.add_inbound(inbound(&body, body["body"].as_str())),
            Some("mo_binary") => {
                let octets = body["body"].as_str().and_then(signature::base64);
                let text = octets.and_then(|octets| String::from_utf8(octets).ok());
                contents.add_inbound(inbound(&body, text.as_deref()));
            }
            _ => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

/// The batch that an answer describes: those among its recipients were taken. Where it doesn't list them, all were.
fn accepted(messages: &[Outgoing], answer: &Answer) -> Option<Vec<Outcome>> {
    let body = wire::document(answer).filter(|_| answer.status.is_success())?;
    let batch = body["id"].as_str().filter(|id| !id.is_empty())?;
    let accepted = |message: &Outgoing, number: Option<&str>| {
        let number = number.map_or_else(|| wire::digits(message.to), str::to_owned);
        let provider_id = Some(provider_id(batch, &number));
        Outcome::Accepted { provider_id }
    };
    let Some(to) = body["to"].as_array() else {
        return Some(
            messages
                .iter()
                .map(|message| accepted(message, None))
                .collect(),
        );
    };
    let entries = entries_of(messages, to, |message, number| {
        number.as_str().and_then(wire::number) == Some(message.to)
    });
    let outcome = |(message, entry): (&Outgoing, Option<&Value>)| {
        entry.map_or(Outcome::Doubt, |number| accepted(message, number.as_str()))
    };
    Some(messages.iter().zip(entries).map(outcome).collect())
}

fn provider_id(batch: &str, number: &str) -> String {
    format!("{batch}/{}", number.trim_start_matches('+'))
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        "queued" => ReportWord::Accepted,
        "dispatched" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "aborted" | "deleted" | "failed" => ReportWord::Failed,
        "cancelled" | "rejected" => ReportWord::Rejected,
        "expired" => ReportWord::Expired,
        "unknown" => ReportWord::Unknown,
        _ => return None,
    })
}

/// `None` for codes that we don't know. Those below 400 are the carriers' own.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        402 | 412 => ErrorClass::Region,
        403 | 404 => ErrorClass::Temporary,
        405 | 411 | 414 | 415 | 416 => ErrorClass::BadRequest,
        406 => ErrorClass::Expired,
        408 => ErrorClass::Blocked,
        410 => ErrorClass::SenderConfig,
        413 => ErrorClass::Funds,
        417 => ErrorClass::InvalidNumber,
        1..400 | 418 => ErrorClass::Unknown,
        _ => return None,
    })
}

/// Queued, dispatched, cancelled, delivered: no reason why something failed.
const fn says_nothing(code: u32) -> bool {
    matches!(code, 0 | 400 | 401 | 407)
}

fn reason(word: ReportWord, code: &Value) -> (Option<Reason>, Option<Strange>) {
    let code = wire::code(code).filter(|code| wire::failed(word) && !says_nothing(*code));
    let text = code.map(|code| code.to_string());
    wire::reason(text.as_deref(), code.and_then(class))
}

/// A report of one recipient: `batch` names the batch, `verdict` holds what became of it.
fn report(
    call: &WebhookCall,
    batch: &Value,
    verdict: &Value,
    recipient: &Value,
) -> Result<(Report, Option<Strange>), Strange> {
    let status = verdict["status"].as_str().unwrap_or_default();
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let (reason, strange) = reason(word, &verdict["code"]);
    let number = wire::text(recipient);
    let id = batch["batch_id"].as_str().zip(number.as_deref());
    let id = id.map(|(batch, number)| provider_id(batch, number));
    let carried = batch["client_reference"].as_str();
    let times = ["operator_status_at", "at"].map(|name| batch[name].as_str()?.parse().ok());
    let report = Report {
        reference: wire::reference(call, carried, id.as_deref())?,
        to: number.as_deref().and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id,
        at: times.into_iter().flatten().next(),
    };
    Ok((report, strange))
}

/// A report of a whole batch, which names the recipients of each status where it was asked to.
fn summary(call: &WebhookCall, batch: &Value, contents: &mut WebhookContents) {
    for verdict in batch["statuses"].as_array().into_iter().flatten() {
        let recipients = verdict["recipients"].as_array();
        for recipient in recipients.into_iter().flatten() {
            contents.add_report(report(call, batch, verdict, recipient));
        }
    }
    if contents.receipts.is_empty() && contents.strange.is_empty() {
        contents.strange.push(Strange::NothingKnown);
    }
}

fn inbound(body: &Value, text: Option<&str>) -> Result<Inbound, Strange> {
    let from = body["from"].as_str().and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: wire::text(&body["to"]).unwrap_or_default(),
        text: text.unwrap_or_default().to_owned(),
        provider_id: wire::text(&body["id"]),
        at: body["received_at"].as_str().and_then(|at| at.parse().ok()),
    })
}
