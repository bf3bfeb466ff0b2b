//! ClickSend, REST API v3: up to 1,000 messages a request, each with its own text, sender and reference.
//!
//! Sources: the official client (6.0.2) and its documentation; what its reports carry is known less surely. Reports and messages go
//! to the URLs of rules in its dashboard, by form, JSON or query, and are not signed. A message has no validity there, and no key
//! would keep it from being sent twice.

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::{Capabilities, Shared},
    outcome::Outcome,
    report::ReportWord,
};
use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    many::entries_of,
    settings::{self, Check},
    signature,
    wire::{self, field},
};

const MESSAGES_PER_REQUEST: u16 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    username: String,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_url() -> String {
    "https://rest.clicksend.com".to_owned()
}

pub(crate) struct ClickSend {
    config: Config,
}

impl ClickSend {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }
}

fn entry(message: &Outgoing) -> Value {
    let mut entry = json!({
        "to": message.to.e164(),
        "body": message.text,
        "custom_string": message.claim.to_string(),
        "source": "carillon",
    });
    if let Some(sender) = &message.sender {
        entry["from"] = sender.as_str().into();
    }
    entry
}

impl Gateway for ClickSend {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.secret("api_key", "the API key of the user");
        check.no_others(&["api_key", signature::CALLBACK_LOGIN]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: MESSAGES_PER_REQUEST,
            shared: Shared::Nothing,
            ..Capabilities::default()
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        _: Timestamp,
    ) -> Request<Bytes> {
        let url = format!("{}/v3/sms/send", self.config.base_url);
        let entries: Vec<_> = messages.iter().map(entry).collect();
        let request = wire::post_json(&url, &json!({ "messages": entries }));
        let key = account.credentials.get("api_key").unwrap_or_default();
        wire::with_basic(request, &self.config.username, key)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        each(messages, answer).unwrap_or_else(|| vec![fallback::by_status(answer); messages.len()])
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        _: Timestamp,
    ) -> Result<(), Forged> {
        signature::callback_login(&account.credentials, call)
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let fields = wire::fields(call);
        let mut contents = WebhookContents::default();
        match (field(&fields, "status_code"), field(&fields, "from")) {
            (Some(status), _) => contents.add_report(report(call, &fields, status)),
            (None, Some(from)) => contents.add_inbound(inbound(&fields, from)),
            (None, None) => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

/// What an answer says of each message.
fn each(messages: &[Outgoing], answer: &Answer) -> Option<Vec<Outcome>> {
    let body = wire::document(answer).filter(|_| answer.status.is_success())?;
    let entries = body["data"]["messages"].as_array()?;
    let entries = entries_of(messages, entries, |message, entry| {
        entry["custom_string"].as_str() == Some(&message.claim.to_string())
    });
    let outcomes = entries.into_iter().map(|entry| outcome(entry?, answer));
    Some(
        outcomes
            .map(|outcome| outcome.unwrap_or(Outcome::Doubt))
            .collect(),
    )
}

fn outcome(entry: &Value, answer: &Answer) -> Option<Outcome> {
    let status = entry["status"].as_str()?;
    if status == "SUCCESS" {
        let provider_id = wire::text(&entry["message_id"]);
        return Some(Outcome::Accepted { provider_id });
    }
    // There are more than are published. None of them is a yes.
    let class = class(status).unwrap_or(ErrorClass::Unknown);
    Some(Verdict::Class(class).outcome(answer.status, None))
}

/// Of a message that was not taken. `None` for words that we don't know.
fn class(status: &str) -> Option<ErrorClass> {
    Some(match status {
        "INVALID_RECIPIENT" => ErrorClass::InvalidNumber,
        "COUNTRY_NOT_ENABLED" => ErrorClass::Region,
        "INSUFFICIENT_CREDIT" => ErrorClass::Funds,
        "INVALID_SENDER_ID" => ErrorClass::SenderConfig,
        "EMPTY_MESSAGE" | "TOO_MANY_RECIPIENTS" | "MISSING_REQUIRED_FIELDS" => {
            ErrorClass::BadRequest
        }
        "OPT_OUT" => ErrorClass::OptedOut,
        "BLACKLISTED" => ErrorClass::Blocked,
        "THROTTLED" => ErrorClass::RateLimited,
        "INVALID_CREDENTIALS" => ErrorClass::AuthConfig,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status {
        "200" => ReportWord::Sent,
        "201" => ReportWord::Delivered,
        "300" => ReportWord::Undelivered,
        "301" => ReportWord::Failed,
        "302" => ReportWord::Rejected,
        _ => return None,
    })
}

/// Its error codes are published nowhere.
fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let error = field(fields, "error_code").filter(|_| wire::failed(word));
    let (reason, strange) = wire::reason(error, None);
    let id = field(fields, "message_id");
    let report = Report {
        reference: wire::reference(call, field(fields, "custom_string"), id)?,
        to: None,
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: field(fields, "timestamp").and_then(seconds),
    };
    Ok((report, strange))
}

fn inbound(fields: &[(String, String)], from: &str) -> Result<Inbound, Strange> {
    Ok(Inbound {
        from: wire::number(from).ok_or(Strange::NotANumber)?,
        to: field(fields, "to").unwrap_or_default().to_owned(),
        text: field(fields, "body").unwrap_or_default().to_owned(),
        provider_id: field(fields, "message_id").map(str::to_owned),
        at: field(fields, "timestamp").and_then(seconds),
    })
}

fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}
