//! Bandwidth, Messaging API v2: one message a request (several recipients would be a group of MMS), reports in arrays.
//!
//! Sources: the vendor's documentation repository (createMessage, webhooks, errors); the official library (23.3.1). The callback URL
//! is the application's, in its dashboard, so our claim goes as the message's tag. Calls aren't signed: the application can be
//! told to bring a login. It knows no key that would keep it from sending twice.

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, reason::Reason,
    report::ReportWord,
};
use http::Request;
use jiff::{Timestamp, Unit};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::ErrorClass,
    fallback,
    settings::{self, Check},
    signature, wire,
};

/// No receipt came in time: that says nothing of the message.
const NO_RECEIPT: u32 = 9902;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    account_id: String,
    application_id: String,
    /// The name of the API login whose password is the secret `api_password`.
    username: String,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_url() -> String {
    "https://messaging.bandwidth.com".to_owned()
}

pub(crate) struct Bandwidth {
    config: Config,
}

impl Bandwidth {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn document(&self, message: &Outgoing) -> Value {
        let expiration = message.expires_at.round(Unit::Second);
        let mut document = json!({
            "to": [message.to.e164()],
            "text": message.text,
            "applicationId": self.config.application_id,
            "tag": message.claim.to_string(),
            "expiration": expiration.unwrap_or(message.expires_at).to_string(),
        });
        if let Some(sender) = &message.sender {
            document["from"] = sender.as_str().into();
        }
        document
    }
}

impl Gateway for Bandwidth {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.path_segment("/config/account_id", &self.config.account_id);
        check.secret("api_password", "the password of the API login `username`");
        check.no_others(&["api_password", signature::CALLBACK_LOGIN]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: 1,
            ..Capabilities::default()
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        _: Timestamp,
    ) -> Request<Bytes> {
        let Config {
            account_id,
            base_url,
            username,
            ..
        } = &self.config;
        let url = format!("{base_url}/api/v2/users/{account_id}/messages");
        let document = messages.first().map(|message| self.document(message));
        let request = wire::post_json(&url, &document.unwrap_or_default());
        let password = account.credentials.get("api_password").unwrap_or_default();
        wire::with_basic(request, username, password)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        vec![outcome(answer); messages.len()]
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
        let body = wire::json(&call.body).ok_or(Unreadable::Body)?;
        let events = match body {
            Value::Array(events) => events,
            event => vec![event],
        };
        let mut contents = WebhookContents::default();
        for event in &events {
            match event["type"].as_str() {
                Some("message-received") => contents.add_inbound(inbound(event)),
                Some(kind) => contents.add_report(report(event, kind)),
                None => contents.strange.push(Strange::NothingKnown),
            }
        }
        Ok(contents)
    }
}

/// A refusal has no code: its status says it all.
fn outcome(answer: &Answer) -> Outcome {
    let id = wire::document(answer).and_then(|body| wire::text(&body["id"]));
    match id.filter(|_| answer.status.is_success()) {
        Some(id) => Outcome::Accepted {
            provider_id: Some(id),
        },
        None => fallback::by_status(answer),
    }
}

/// `None` for codes that we don't know.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        4001 | 4451 | 4452 | 4493 => ErrorClass::AuthConfig,
        4301 | 4401 | 4435 | 4492 | 4751 | 4752 => ErrorClass::BadRequest,
        4302 | 4403 | 4405 | 4407 | 4431 | 4433 | 4481 | 4740 | 4773 | 4774 | 4791 | 4792
        | 4793 | 4795 => ErrorClass::SenderConfig,
        4303 | 4350 | 4404 | 4406 | 4408 | 4434 | 4700 | 4720 | 4721 => ErrorClass::InvalidNumber,
        4360 => ErrorClass::Expired,
        4420 | 4421 | 4432 | 4730 | 5501 => ErrorClass::Region,
        4470 | 4770 | 4771 => ErrorClass::SpamContent,
        4482 | 4750 | 4772 | 4790 => ErrorClass::Blocked,
        4701 | 4702 | 4753 | 5650 => ErrorClass::Unreachable,
        4775 => ErrorClass::OptedOut,
        4780 | 4781 | 5600 => ErrorClass::RateLimited,
        5100 | 5101 | 5106 | 5111 | 5201 | 5211 | 5220 | 5231 | 5500 | 5610 | 5620 => {
            ErrorClass::Temporary
        }
        5630 | 5999 | NO_RECEIPT => ErrorClass::Unknown,
        _ => return None,
    })
}

fn word(kind: &str) -> Option<ReportWord> {
    Some(match kind {
        // Of an MMS, which we don't send.
        "message-sending" => ReportWord::Sent,
        "message-delivered" => ReportWord::Delivered,
        "message-failed" => ReportWord::Failed,
        _ => return None,
    })
}

fn report(event: &Value, kind: &str) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(kind).ok_or_else(|| Strange::status(kind))?;
    let code = wire::code(&event["errorCode"]);
    let word = match code {
        Some(NO_RECEIPT) => ReportWord::Unknown,
        Some(code) if class(code) == Some(ErrorClass::Expired) => ReportWord::Expired,
        _ => word,
    };
    let (reason, strange) = code
        .filter(|_| wire::failed(word))
        .map(reason)
        .unwrap_or_default();
    let message = &event["message"];
    let id = wire::text(&message["id"]);
    let ours = message["tag"].as_str().and_then(wire::ours);
    let provider = || id.clone().map(crate::Reference::ProviderId);
    let report = Report {
        reference: ours.or_else(provider).ok_or(Strange::NoReference)?,
        to: recipient(event).and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id.clone(),
        at: time(event),
    };
    Ok((report, strange))
}

/// What isn't in the list is for good below 5000, and may pass from there on.
fn reason(code: u32) -> (Option<Reason>, Option<Strange>) {
    let class = class(code);
    let guess = match code {
        5000..=5999 => ErrorClass::Temporary,
        _ => ErrorClass::Unknown,
    };
    let strange = class.is_none().then(|| Strange::error(&code.to_string()));
    (Some(class.unwrap_or(guess).reason()), strange)
}

fn inbound(event: &Value) -> Result<Inbound, Strange> {
    let message = &event["message"];
    let from = message["from"].as_str().and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: recipient(event).unwrap_or_default().to_owned(),
        text: message["text"].as_str().unwrap_or_default().to_owned(),
        provider_id: wire::text(&message["id"]),
        at: time(event),
    })
}

/// Whom the event is about.
fn recipient(event: &Value) -> Option<&str> {
    let of_message = || event["message"]["to"][0].as_str();
    event["to"].as_str().or_else(of_message)
}

fn time(event: &Value) -> Option<Timestamp> {
    event["time"].as_str()?.parse().ok()
}
