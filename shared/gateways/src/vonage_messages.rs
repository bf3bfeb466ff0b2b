//! Vonage, Messages API v1, its SMS channel: one message a request.
//!
//! Sources: the developer pages; the official libraries (Python 4.9.1, `@vonage/messages` 1.24.0, `@vonage/jwt` 1.14.0). It is
//! called with the token of an application, or with the key and secret of the account.

#[cfg(test)]
pub(crate) mod tests;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, report::ReportWord,
};
use http::{Request, header::AUTHORIZATION};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback, jwt,
    settings::{self, Check},
    signature, wire,
};

/// Seconds that the gateway takes for a message's validity.
const VALIDITY: std::ops::RangeInclusive<i64> = 20..=604_800;
/// Seconds that a token of ours is good for.
const TOKEN_LIFE: i64 = 15 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The account's, for calls without an application.
    api_key: Option<String>,
    /// Calls carry a token of this application, signed with the secret `private_key`.
    application_id: Option<String>,
    /// How old a signed call may be. Vonage repeats one for a day, and it isn't known whether with a new token. 0 is any age.
    #[serde(default = "usual_window")]
    replay_window_seconds: u32,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_window() -> u32 {
    25 * 60 * 60
}

fn usual_url() -> String {
    "https://api.nexmo.com".to_owned()
}

pub(crate) struct VonageMessages {
    config: Config,
}

impl VonageMessages {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn authorized(
        &self,
        request: Request<Bytes>,
        credentials: &Credentials,
        message: &Outgoing,
        now: Timestamp,
    ) -> Request<Bytes> {
        let secret = |name| credentials.get(name).unwrap_or_default();
        let Some(application) = &self.config.application_id else {
            let key = self.config.api_key.as_deref().unwrap_or_default();
            return wire::with_basic(request, key, secret("api_secret"));
        };
        let claims = json!({
            "application_id": application,
            "iat": now.as_second(),
            "exp": now.as_second() + TOKEN_LIFE,
            "jti": format!("{}-{}", message.reference(), now.as_nanosecond()),
        });
        let key = jwt::rsa_key(secret("private_key"));
        match key.and_then(|key| jwt::rs256(&claims, &key)) {
            Some(token) => {
                wire::with_secret_header(request, AUTHORIZATION, &format!("Bearer {token}"))
            }
            // Vonage answers that it misses one.
            None => request,
        }
    }
}

fn document(message: &Outgoing, now: Timestamp) -> Value {
    let mut document = json!({
        "message_type": "text",
        "channel": "sms",
        "to": wire::digits(message.to),
        "text": message.text,
        "client_ref": message.claim.to_string(),
        "ttl": wire::validity(message, now, VALIDITY),
        "webhook_url": message.callback,
        "webhook_version": "v1",
        "sms": {"encoding_type": "auto"},
    });
    if let Some(sender) = &message.sender {
        document["from"] = wire::bare_sender(sender).into();
    }
    if let Some(Dlt { entity, template }) = &message.dlt {
        document["sms"]["entity_id"] = entity.as_str().into();
        document["sms"]["content_id"] = json!(template);
    }
    document
}

impl Gateway for VonageMessages {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        match (&self.config.application_id, &self.config.api_key) {
            (Some(_), _) => {
                check.secret("private_key", "the private key of the application, as PEM");
                let pem = credentials.get("private_key");
                if pem.is_some_and(|pem| jwt::rsa_key(pem).is_none()) {
                    check.problem(
                        "/credentials/private_key",
                        "This is no RSA private key. Copy all of the file, from its `-----BEGIN` line on.",
                    );
                }
            }
            (None, Some(_)) => check.secret("api_secret", "the API secret of the account"),
            (None, None) => check.problem(
                "/config/api_key",
                "Either `api_key` or `application_id` says whose calls these are.",
            ),
        }
        check.secret(
            "signature_secret",
            "the signature secret of the account, which signs what Vonage sends",
        );
        check.no_others(&["api_secret", "private_key", "signature_secret"]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: 1,
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
        let url = format!("{}/v1/messages", self.config.base_url);
        let Some(message) = messages.first() else {
            return wire::post_json(&url, &Value::Null);
        };
        let request = wire::post_json(&url, &document(message, now));
        self.authorized(request, &account.credentials, message, now)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        vec![outcome(answer); messages.len()]
    }

    /// A token of the gateway, with the hash of the body among its claims. The official libraries don't look at that.
    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged> {
        let secret = account.credentials.get("signature_secret");
        let secret = secret.ok_or(Forged::NoSecret)?;
        let given = call.header(AUTHORIZATION.as_str()).ok_or(Forged::Missing)?;
        let token = given.strip_prefix("Bearer ").ok_or(Forged::Wrong)?;
        let claims = jwt::verified(token, secret, &["HS256"])?;
        let hash = claims["payload_hash"].as_str().and_then(signature::hex);
        let expected = digest(&SHA256, &call.body);
        signature::compare(expected.as_ref(), &hash.ok_or(Forged::Wrong)?)?;
        let window = self.config.replay_window_seconds;
        match claims["iat"].as_i64() {
            _ if window == 0 => Ok(()),
            Some(at) if at.abs_diff(now.as_second()) <= window.into() => Ok(()),
            _ => Err(Forged::Stale),
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let body = wire::json(&call.body).ok_or(Unreadable::Body)?;
        let mut contents = WebhookContents::default();
        match body["status"].as_str() {
            Some(status) => contents.add_report(report(call, &body, status)),
            None if body["message_type"].is_string() || body["text"].is_string() => {
                contents.add_inbound(inbound(&body));
            }
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let Some(body) = wire::document(answer) else {
        return fallback::by_status(answer);
    };
    if answer.status.is_success() {
        return match wire::text(&body["message_uuid"]) {
            Some(id) => Outcome::Accepted {
                provider_id: Some(id),
            },
            None => Outcome::Doubt,
        };
    }
    match error_code(&body).and_then(|code| class(code.parse().ok()?)) {
        Some(class) => Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer)),
        None => fallback::by_status(answer),
    }
}

/// The number after the `#` of an error's type, or its title, or (version 0) its code.
fn error_code(error: &Value) -> Option<String> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let of_type = error["type"].as_str().and_then(|it| it.rsplit_once('#'));
    let found = [
        wire::text(&error["title"]),
        of_type.map(|(_, code)| code.to_owned()),
        wire::text(&error["code"]),
    ];
    let mut found = found.into_iter().flatten();
    found.find(|code| !code.is_empty() && number(code))
}

/// `None` for codes that we don't know.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        1000 | 1241 => ErrorClass::RateLimited,
        1010 | 1020 | 1021 | 1022 | 1040 | 1090 | 1130 | 1150 => ErrorClass::BadRequest,
        1030 | 1100 | 1200 | 1230 => ErrorClass::Temporary,
        1050 | 1270 | 1280 | 1340 => ErrorClass::Blocked,
        1060 | 1080 | 1110 | 1140 | 1160 | 1350 | 1370 => ErrorClass::AuthConfig,
        1070 => ErrorClass::Funds,
        1120 => ErrorClass::SenderConfig,
        1170 | 1190 | 1300 | 1310 => ErrorClass::InvalidNumber,
        1180 | 1220 | 1260 | 1290 => ErrorClass::Unreachable,
        1210 => ErrorClass::SpamContent,
        1240 => ErrorClass::OptedOut,
        1250 => ErrorClass::Region,
        1320 => ErrorClass::Duplicate,
        1330 => ErrorClass::Unknown,
        1360 => ErrorClass::Expired,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        "submitted" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "rejected" => ReportWord::Rejected,
        "undeliverable" => ReportWord::Failed,
        "read" => ReportWord::Read,
        _ => return None,
    })
}

fn report(
    call: &WebhookCall,
    body: &Value,
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let error = error_code(&body["error"]).filter(|_| wire::failed(word));
    let class = error.as_deref().and_then(|code| class(code.parse().ok()?));
    let (reason, strange) = wire::reason(error.as_deref(), class);
    let id = wire::text(&body["message_uuid"]);
    let report = Report {
        reference: wire::reference(call, body["client_ref"].as_str(), id.as_deref())?,
        to: address(&body["to"]).and_then(wire::number),
        word: match class {
            Some(ErrorClass::Expired) => ReportWord::Expired,
            _ => word,
        },
        reason,
        proof: Proof::Gateway,
        provider_id: id,
        at: time(body),
    };
    Ok((report, strange))
}

fn inbound(body: &Value) -> Result<Inbound, Strange> {
    let from = address(&body["from"]).and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: address(&body["to"]).unwrap_or_default().to_owned(),
        text: body["text"].as_str().unwrap_or_default().to_owned(),
        provider_id: wire::text(&body["message_uuid"]),
        at: time(body),
    })
}

/// Version 0 of the webhooks has an object with a `number`.
fn address(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["number"].as_str())
}

fn time(body: &Value) -> Option<Timestamp> {
    body["timestamp"].as_str()?.parse().ok()
}
