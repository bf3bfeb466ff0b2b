//! Twilio, Programmable Messaging: one message a request, its reports to the callback URL of each.
//!
//! Sources: the `OpenAPI` description `twilio_api_v2010`; the guides to status callbacks and to incoming messages; the request
//! validators of the official libraries (Python 9.13.0, Node 6.2.0). It knows no key that would keep it from sending twice.

#[cfg(test)]
pub(crate) mod tests;

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, report::ReportWord,
};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    settings::{self, Check},
    signature,
    wire::{self, field},
};

const SIGNATURE: &str = "x-twilio-signature";
/// Names the key and the algorithm where the account signs with a key of its own.
const SIGNATURE_SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// Seconds that Twilio keeps a message at most.
const LONGEST_VALIDITY: i64 = 36_000;
const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// `AC…`
    account_sid: String,
    /// `SK…`: requests are made with this key and the secret `api_key_secret` instead of the auth token.
    api_key_sid: Option<String>,
    /// `MG…`: the service picks the sender of messages that name none.
    messaging_service_sid: Option<String>,
    /// Let Twilio replace typographic characters by plain ones.
    #[serde(default)]
    smart_encoded: bool,
    /// Another region or edge than the usual.
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_url() -> String {
    "https://api.twilio.com".to_owned()
}

pub(crate) struct Twilio {
    config: Config,
}

impl Twilio {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn form(&self, message: &Outgoing, now: Timestamp) -> String {
        let to = message.to.e164();
        let validity = message.expires_at.duration_since(now).as_secs();
        let validity = validity.clamp(1, LONGEST_VALIDITY).to_string();
        let mut fields = vec![("To", to.as_str()), ("Body", &message.text)];
        match (&message.sender, &self.config.messaging_service_sid) {
            (Some(sender), _) => fields.push(("From", sender)),
            (None, Some(service)) => fields.push(("MessagingServiceSid", service)),
            // Twilio answers that it misses one, which says more than we could.
            (None, None) => {}
        }
        fields.push(("StatusCallback", &message.callback));
        fields.push(("ValidityPeriod", &validity));
        if self.config.smart_encoded {
            fields.push(("SmartEncoded", "true"));
        }
        wire::form_body(fields)
    }
}

impl Gateway for Twilio {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.secret(
            "auth_token",
            "the auth token of the account, which signs what Twilio sends",
        );
        if self.config.api_key_sid.is_some() {
            check.secret("api_key_secret", "the secret of the key `api_key_sid`");
        }
        let known = [
            "auth_token",
            "second_auth_token",
            "api_key_secret",
            "signing_key",
        ];
        check.no_others(&known);
        if !is_sid(&self.config.account_sid, "AC") {
            let message = "An account SID is `AC` and 32 characters of 0-9 and a-f.";
            check.problem("/config/account_sid", message);
        }
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: 1,
            signs_calls: true,
            answers_keywords: true,
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
            account_sid,
            base_url,
            ..
        } = &self.config;
        let url = format!("{base_url}/2010-04-01/Accounts/{account_sid}/Messages.json");
        let body = messages.first().map(|message| self.form(message, now));
        let request = wire::post(&url, wire::FORM, body.unwrap_or_default());
        let secret = |name| account.credentials.get(name).unwrap_or_default();
        match &self.config.api_key_sid {
            Some(key) => wire::with_basic(request, key, secret("api_key_secret")),
            None => wire::with_basic(request, account_sid, secret("auth_token")),
        }
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
        let given = call.header(SIGNATURE).ok_or(Forged::Missing)?;
        let given = signature::base64(given).ok_or(Forged::Wrong)?;
        let own_key = call
            .header(SIGNATURE_SETTINGS)
            .is_some_and(|settings| settings.contains("algorithm=HMAC_SHA256"));
        let (algorithm, names): (_, &[&str]) = if own_key {
            (hmac::HMAC_SHA256, &["signing_key"])
        } else {
            let names = &["auth_token", "second_auth_token"];
            (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, names)
        };
        let secrets = names
            .iter()
            .filter_map(|name| account.credentials.get(name));
        let keys: Vec<_> = secrets
            .map(|secret| hmac::Key::new(algorithm, secret.as_bytes()))
            .collect();
        if keys.is_empty() {
            return Err(Forged::NoSecret);
        }
        let parameters = parameters(call).ok_or(Forged::Wrong)?;
        // Twilio signs the port that it called, or leaves the usual one out.
        let signed = [&account.hooks_url, &with_port(&account.hooks_url)].map(|hooks_url| {
            let url = format!("{hooks_url}{}", call.path_and_query);
            url + &parameters
        });
        let genuine = |text: &String| {
            keys.iter().any(|key| {
                let expected = hmac::sign(key, text.as_bytes());
                signature::compare(expected.as_ref(), &given).is_ok()
            })
        };
        if signed.iter().any(genuine) {
            Ok(())
        } else {
            Err(Forged::Wrong)
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let fields = wire::form(&call.body);
        let mut contents = WebhookContents::default();
        let id = field(&fields, "MessageSid").or_else(|| field(&fields, "SmsSid"));
        let status = field(&fields, "MessageStatus").or_else(|| field(&fields, "SmsStatus"));
        match status {
            // Only a message from a handset is received by Twilio.
            Some("received" | "receiving") => contents.add_inbound(inbound(&fields, id)),
            Some(status) => contents.add_report(report(call, &fields, id, status)),
            None if field(&fields, "From").is_some() => contents.add_inbound(inbound(&fields, id)),
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }

    /// An inbound message is answered with no instructions; a report needs no words.
    fn reply(&self, call: &WebhookCall) -> Response<Bytes> {
        let fields = wire::form(&call.body);
        if field(&fields, "MessageStatus").is_some() {
            return Response::new(Bytes::new());
        }
        let mut reply = Response::new(Bytes::from_static(EMPTY_TWIML.as_bytes()));
        let xml = HeaderValue::from_static("text/xml");
        reply.headers_mut().insert(CONTENT_TYPE, xml);
        reply
    }
}

fn is_sid(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn outcome(answer: &Answer) -> Outcome {
    let Some(body) = wire::document(answer) else {
        return fallback::by_status(answer);
    };
    if answer.status.is_success() {
        let provider_id = body["sid"].as_str().filter(|sid| !sid.is_empty());
        return match provider_id {
            Some(id) => Outcome::Accepted {
                provider_id: Some(id.to_owned()),
            },
            None => Outcome::Doubt,
        };
    }
    match wire::code(&body["code"]).and_then(class) {
        Some(class) => Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer)),
        None => fallback::by_status(answer),
    }
}

/// `None` for codes that we don't know. From the error dictionary; the classes are ours.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        10_001 | 20_003 | 20_005 | 20_008 | 20_404 | 21_608 | 30_002 | 90_010 => {
            ErrorClass::AuthConfig
        }
        14_107 | 20_429 | 21_611 | 30_001 | 30_022 | 30_023 | 30_027 | 63_017 | 63_018 | 63_038 => {
            ErrorClass::RateLimited
        }
        20_500 | 20_503 | 30_009 | 30_017 | 30_020 | 30_021 | 60_005 => ErrorClass::Temporary,
        21_211 | 21_214 | 21_217 | 21_401 | 21_421 | 21_601 | 21_614 | 30_005 | 30_006 | 63_024 => {
            ErrorClass::InvalidNumber
        }
        21_212 | 21_606 | 21_616 | 21_703 | 21_704 | 21_705 | 21_709 | 21_715 | 30_018 | 30_024
        | 30_032 | 30_034 | 30_042 => ErrorClass::SenderConfig,
        21_202 | 21_408 | 21_612 => ErrorClass::Region,
        21_602 | 21_603 | 21_604 | 21_605 | 21_609 | 21_617 | 21_619 | 21_624 | 21_653 | 21_656
        | 30_011 | 30_012 | 30_019 | 30_045 => ErrorClass::BadRequest,
        21_610 => ErrorClass::OptedOut,
        21_618 | 30_007 | 30_110 => ErrorClass::SpamContent,
        30_003 => ErrorClass::Unreachable,
        30_004 | 63_033 => ErrorClass::Blocked,
        30_008 => ErrorClass::Unknown,
        30_010 => ErrorClass::Funds,
        30_036 => ErrorClass::Expired,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        "queued" | "accepted" | "scheduled" | "sending" => ReportWord::Accepted,
        "sent" | "partially_delivered" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "undelivered" => ReportWord::Undelivered,
        "failed" => ReportWord::Failed,
        "canceled" => ReportWord::Rejected,
        "read" => ReportWord::Read,
        _ => return None,
    })
}

/// Some error codes say more than the status.
const fn refined(word: ReportWord, code: Option<u32>) -> ReportWord {
    match (word, code) {
        (ReportWord::Undelivered | ReportWord::Failed, Some(30_036)) => ReportWord::Expired,
        (ReportWord::Undelivered | ReportWord::Failed, Some(21_610 | 30_004)) => {
            ReportWord::Rejected
        }
        _ => word,
    }
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    id: Option<&str>,
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let error = field(fields, "ErrorCode").filter(|code| *code != "0");
    let code = error.and_then(|code| code.parse().ok());
    let (reason, strange) = wire::reason(error, code.and_then(class));
    let report = Report {
        reference: wire::reference(call, None, id)?,
        to: field(fields, "To").and_then(wire::number),
        word: refined(word, code),
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: field(fields, "RawDlrDoneDate").and_then(done),
    };
    Ok((report, strange))
}

fn inbound(fields: &[(String, String)], id: Option<&str>) -> Result<Inbound, Strange> {
    let from = field(fields, "From").and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: field(fields, "To").unwrap_or_default().to_owned(),
        text: field(fields, "Body").unwrap_or_default().to_owned(),
        provider_id: id.map(str::to_owned),
        at: None,
    })
}

/// `YYMMDDhhmm`, in UTC.
fn done(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%y%m%d%H%M", text).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

/// What of the body is signed: a form's parameters in the order of their names, each value once. Of anything else the URL
/// carries a hash, which must be the body's.
fn parameters(call: &WebhookCall) -> Option<String> {
    let query = wire::form(call.query().as_bytes());
    if let Some(hash) = field(&query, "bodySHA256") {
        let expected = digest::digest(&digest::SHA256, &call.body);
        let same = signature::compare(expected.as_ref(), &signature::hex(hash)?);
        return same.is_ok().then(String::new);
    }
    let is_form = call
        .header(CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with(wire::FORM));
    if !is_form {
        return call.body.is_empty().then(String::new);
    }
    let mut fields = wire::form(&call.body);
    fields.sort();
    fields.dedup();
    let text = fields.into_iter().map(|(name, value)| name + &value);
    Some(text.collect())
}

/// The URL with the usual port of its scheme written out.
fn with_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = if scheme == "https" { 443 } else { 80 };
    format!("{scheme}://{host}:{port}{path}")
}
