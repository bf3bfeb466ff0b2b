//! Africa's Talking, bulk SMS: many recipients a request, one text and one sender for them.
//!
//! Sources: the SMS API reference; the official libraries (Node 0.8.3, Python 2.0.3). It carries nothing of ours back, so its reports
//! are found by its own ids; its URLs for reports, messages and opt-outs are set in its dashboard, and it signs none of these calls.
//! A bulk message has no validity there, and no key would keep it from sending twice.

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::{Capabilities, Shared},
    outcome::Outcome,
    report::ReportWord,
};
use http::{HeaderName, HeaderValue, Request, header::ACCEPT};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::Deserialize;
use serde_json::Value;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    username: String,
    /// The sandbox is `https://api.sandbox.africastalking.com`, its user `sandbox`.
    #[serde(default = "usual_url")]
    base_url: String,
    /// No greatest number is published.
    #[serde(default = "usual_recipients")]
    recipients_per_request: u16,
}

fn usual_url() -> String {
    "https://api.africastalking.com".to_owned()
}

const fn usual_recipients() -> u16 {
    100
}

pub(crate) struct AfricasTalking {
    config: Config,
}

impl AfricasTalking {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn form(&self, messages: &[Outgoing]) -> String {
        let to: Vec<_> = messages.iter().map(|message| message.to.e164()).collect();
        let to = to.join(",");
        let first = messages.first();
        let text = first.map_or("", |message| message.text.as_str());
        let mut fields = vec![
            ("username", self.config.username.as_str()),
            ("to", &to),
            ("message", text),
        ];
        let sender = first.and_then(|message| message.sender.as_deref());
        fields.extend(sender.map(|sender| ("from", sender)));
        // The sender pays, and the answer doesn't wait until all are sent.
        fields.extend([("bulkSMSMode", "1"), ("enqueue", "1")]);
        wire::form_body(fields)
    }
}

impl Gateway for AfricasTalking {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        if self.config.recipients_per_request == 0 {
            let message = "There is at least one recipient in a request. Leave it out for 100.";
            check.problem("/config/recipients_per_request", message);
        }
        check.secret("api_key", "the API key of the application");
        check.no_others(&["api_key", signature::CALLBACK_LOGIN]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            messages_per_request: self.config.recipients_per_request,
            shared: Shared::Text,
            ..Capabilities::default()
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        _: Timestamp,
    ) -> Request<Bytes> {
        let url = format!("{}/version1/messaging", self.config.base_url);
        let mut request = wire::post(&url, wire::FORM, self.form(messages));
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json);
        let key = account.credentials.get("api_key").unwrap_or_default();
        wire::with_secret_header(request, HeaderName::from_static("apikey"), key)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        recipients(messages, answer)
            .unwrap_or_else(|| vec![fallback::by_status(answer); messages.len()])
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
        let named = |name| field(&fields, name);
        match (named("status"), named("from"), named("senderId")) {
            (Some(status), ..) => contents.add_report(report(call, &fields, status)),
            (None, Some(from), _) => contents.add_inbound(inbound(&fields, from)),
            (None, None, Some(sender)) => contents.add_inbound(opt_out(&fields, sender)),
            (None, None, None) => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

/// What an answer says of each recipient. Where it names none, its words are about all of them.
fn recipients(messages: &[Outgoing], answer: &Answer) -> Option<Vec<Outcome>> {
    let body = wire::document(answer).filter(|_| answer.status.is_success())?;
    let data = &body["SMSMessageData"];
    let recipients = data["Recipients"].as_array()?;
    if recipients.is_empty() {
        let class = data["Message"].as_str().and_then(class_of_name)?;
        let outcome = Verdict::Class(class).outcome(answer.status, None);
        return Some(vec![outcome; messages.len()]);
    }
    let entries = entries_of(messages, recipients, |message, recipient| {
        recipient["number"].as_str().and_then(wire::number) == Some(message.to)
    });
    let outcomes = entries.into_iter().map(|entry| outcome(entry?, answer));
    Some(
        outcomes
            .map(|outcome| outcome.unwrap_or(Outcome::Doubt))
            .collect(),
    )
}

fn outcome(recipient: &Value, answer: &Answer) -> Option<Outcome> {
    let code = wire::code(&recipient["statusCode"])?;
    // Processed, sent, queued.
    if let 100..=102 = code {
        let id = wire::text(&recipient["messageId"]);
        let provider_id = id.filter(|id| id != "None");
        return Some(Outcome::Accepted { provider_id });
    }
    let class = class(code).or_else(|| class_of_name(recipient["status"].as_str()?));
    let class = class.unwrap_or(ErrorClass::Unknown);
    Some(Verdict::Class(class).outcome(answer.status, None))
}

/// Of a recipient that was refused. `None` for codes that we don't know.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        401 => ErrorClass::SpamContent,
        402 => ErrorClass::SenderConfig,
        403 | 404 => ErrorClass::InvalidNumber,
        405 => ErrorClass::Funds,
        406 => ErrorClass::OptedOut,
        407 => ErrorClass::Region,
        409 | 502 => ErrorClass::Blocked,
        500 | 501 => ErrorClass::Temporary,
        _ => return None,
    })
}

/// As [`class`], by the name that goes with the code.
fn class_of_name(name: &str) -> Option<ErrorClass> {
    Some(match name {
        "RiskHold" => ErrorClass::SpamContent,
        "InvalidSenderId" => ErrorClass::SenderConfig,
        "InvalidPhoneNumber" | "UnsupportedNumberType" => ErrorClass::InvalidNumber,
        "InsufficientBalance" => ErrorClass::Funds,
        "UserInBlacklist" => ErrorClass::OptedOut,
        "CouldNotRoute" => ErrorClass::Region,
        "DoNotDisturbRejection" | "RejectedByGateway" => ErrorClass::Blocked,
        "InternalServerError" | "GatewayError" => ErrorClass::Temporary,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status {
        "Sent" | "Submitted" | "Buffered" => ReportWord::Sent,
        "Rejected" => ReportWord::Rejected,
        "Success" => ReportWord::Delivered,
        "Failed" => ReportWord::Failed,
        "AbsentSubscriber" => ReportWord::Undelivered,
        "Expired" => ReportWord::Expired,
        _ => return None,
    })
}

/// Why a report says that it failed.
fn class_of_failure(reason: &str) -> Option<ErrorClass> {
    Some(match reason {
        "InsufficientCredit" => ErrorClass::Funds,
        "InvalidLinkId" | "UserNotSubscribedToProduct" => ErrorClass::BadRequest,
        "UserIsInactive" => ErrorClass::Unreachable,
        "UserInBlackList" | "UserInBlacklist" => ErrorClass::OptedOut,
        "UserAccountSuspended" | "DoNotDisturbRejection" => ErrorClass::Blocked,
        // As it stands on the wire, and as it should.
        "NotNetworkSubcriber" | "NotNetworkSubscriber" | "UserDoesNotExist" => {
            ErrorClass::InvalidNumber
        }
        "DeliveryFailure" => ErrorClass::Unknown,
        _ => return None,
    })
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let failure = field(fields, "failureReason").filter(|_| wire::failed(word));
    let (reason, strange) = match (failure, status) {
        (None, "Expired") => (Some(ErrorClass::Expired.reason()), None),
        (None, "AbsentSubscriber") => (Some(ErrorClass::Unreachable.reason()), None),
        (failure, _) => wire::reason(failure, failure.and_then(class_of_failure)),
    };
    let id = field(fields, "id");
    let report = Report {
        reference: wire::reference(call, None, id)?,
        to: field(fields, "phoneNumber").and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: None,
    };
    Ok((report, strange))
}

fn inbound(fields: &[(String, String)], from: &str) -> Result<Inbound, Strange> {
    Ok(Inbound {
        from: wire::number(from).ok_or(Strange::NotANumber)?,
        to: field(fields, "to").unwrap_or_default().to_owned(),
        text: field(fields, "text").unwrap_or_default().to_owned(),
        provider_id: field(fields, "id").map(str::to_owned),
        at: field(fields, "date").and_then(date),
    })
}

/// Somebody opted out of a sender by the gateway's own means: for us they said STOP to it.
fn opt_out(fields: &[(String, String)], sender: &str) -> Result<Inbound, Strange> {
    let from = field(fields, "phoneNumber").and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: sender.to_owned(),
        text: "STOP".to_owned(),
        provider_id: None,
        at: None,
    })
}

/// `2025-01-02 03:04:05`, in UTC.
fn date(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}
