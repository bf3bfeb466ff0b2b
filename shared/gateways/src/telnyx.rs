//! Telnyx, Messaging API v2: one message a request, its reports to the callback URL of each.
//!
//! Sources: the types of the official library (Node 7.24.0); the developer pages on webhooks and on error codes, of which some texts
//! were read in part only. It knows no key that would keep it from sending twice, and takes no validity: how long it keeps a
//! message is its own affair.

#[cfg(test)]
pub(crate) mod tests;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, report::ReportWord,
};
use http::{Request, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    settings::{self, Check},
    signature, wire,
};

const SIGNATURE: &str = "telnyx-signature-ed25519";
const TIMESTAMP: &str = "telnyx-timestamp";
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Picks the sender of messages that name none; senders in letters need it too.
    messaging_profile_id: Option<String>,
    #[serde(default = "usual_url")]
    base_url: String,
}

fn usual_url() -> String {
    "https://api.telnyx.com".to_owned()
}

pub(crate) struct Telnyx {
    config: Config,
}

impl Telnyx {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn document(&self, message: &Outgoing) -> Value {
        let mut document = json!({
            "to": message.to.e164(),
            "text": message.text,
            "type": "SMS",
            "webhook_url": message.callback,
            "use_profile_webhooks": false,
        });
        if let Some(sender) = &message.sender {
            document["from"] = sender.as_str().into();
        }
        if let Some(profile) = &self.config.messaging_profile_id {
            document["messaging_profile_id"] = profile.as_str().into();
        }
        document
    }
}

/// 32 bytes in base64.
fn public_key(text: &str) -> Option<Vec<u8>> {
    signature::base64(text).filter(|key| key.len() == 32)
}

impl Gateway for Telnyx {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.secret("api_key", "an API key of the account");
        check.secret(
            "public_key",
            "the account's public key, which what Telnyx sends is checked with",
        );
        let key = credentials.get("public_key");
        if key.is_some_and(|key| public_key(key).is_none()) {
            check.problem(
                "/credentials/public_key",
                "A public key is 32 bytes in base64, 44 characters, as the portal shows it.",
            );
        }
        check.no_others(&["api_key", "public_key"]);
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
        _: Timestamp,
    ) -> Request<Bytes> {
        let url = format!("{}/v2/messages", self.config.base_url);
        let document = messages.first().map(|message| self.document(message));
        let request = wire::post_json(&url, &document.unwrap_or_default());
        let key = account.credentials.get("api_key").unwrap_or_default();
        wire::with_secret_header(request, AUTHORIZATION, &format!("Bearer {key}"))
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
        let key = account.credentials.get("public_key").and_then(public_key);
        let key = UnparsedPublicKey::new(&ED25519, key.ok_or(Forged::NoSecret)?);
        let given = call.header(SIGNATURE).ok_or(Forged::Missing)?;
        let timestamp = call.header(TIMESTAMP).ok_or(Forged::Missing)?;
        let given = signature::base64(given).ok_or(Forged::Wrong)?;
        let text = [timestamp.as_bytes(), b"|", &call.body].concat();
        key.verify(&text, &given).map_err(|_| Forged::Wrong)?;
        signature::fresh(timestamp, now, WINDOW, WINDOW)
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let body = wire::json(&call.body).ok_or(Unreadable::Body)?;
        let data = &body["data"];
        let mut contents = WebhookContents::default();
        match data["event_type"].as_str() {
            Some("message.received") => contents.add_inbound(inbound(data)),
            Some("message.sent" | "message.finalized") => contents.add_report(report(call, data)),
            Some(event) => contents.strange.push(Strange::status(event)),
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
        return match wire::text(&body["data"]["id"]) {
            Some(id) => Outcome::Accepted {
                provider_id: Some(id),
            },
            None => Outcome::Doubt,
        };
    }
    let (_, class) = error(&body);
    class.map_or_else(
        || fallback::by_status(answer),
        |class| Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer)),
    )
}

/// The first error that we know, else the first.
fn error(holder: &Value) -> (Option<String>, Option<ErrorClass>) {
    let errors = holder["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let codes: Vec<_> = errors
        .iter()
        .filter_map(|it| wire::text(&it["code"]))
        .collect();
    let known = |code: &String| Some((code.clone(), class(code.parse().ok()?)?));
    match codes.iter().find_map(known) {
        Some((code, class)) => (Some(code), Some(class)),
        None => (codes.into_iter().next(), None),
    }
}

/// `None` for codes that we don't know.
fn class(code: u32) -> Option<ErrorClass> {
    Some(match code {
        10_002 | 10_016 | 40_001 | 40_012 | 40_310 => ErrorClass::InvalidNumber,
        10_003 | 10_004 | 10_005 | 10_015 | 40_007 | 40_009 | 40_301 | 40_302 | 40_316 | 40_319 => {
            ErrorClass::BadRequest
        }
        10_007 | 10_008 | 40_006 => ErrorClass::Temporary,
        10_009 | 10_010 | 40_314 => ErrorClass::AuthConfig,
        10_011 | 40_011 | 40_016 | 40_018 | 40_318 => ErrorClass::RateLimited,
        20_100 | 40_333 => ErrorClass::Funds,
        40_002 | 40_003 | 40_015 | 40_322 => ErrorClass::SpamContent,
        40_004 => ErrorClass::Blocked,
        40_005 | 40_014 => ErrorClass::Expired,
        40_008 => ErrorClass::Unknown,
        40_010 | 40_013 | 40_017 | 40_305 | 40_306 | 40_312 | 40_313 | 40_315 | 40_320 | 40_321
        | 40_329 | 40_330 => ErrorClass::SenderConfig,
        40_300 => ErrorClass::OptedOut,
        40_309 => ErrorClass::Region,
        _ => return None,
    })
}

fn word(status: &str) -> Option<ReportWord> {
    Some(match status.to_ascii_lowercase().as_str() {
        "queued" | "sending" => ReportWord::Accepted,
        "sent" => ReportWord::Sent,
        "delivered" => ReportWord::Delivered,
        "delivery_failed" => ReportWord::Undelivered,
        "sending_failed" => ReportWord::Failed,
        // No network said anything in time.
        "delivery_unconfirmed" | "gw_timeout" | "dlr_timeout" => ReportWord::Unknown,
        "expired" => ReportWord::Expired,
        "read" => ReportWord::Read,
        _ => return None,
    })
}

fn report(call: &WebhookCall, data: &Value) -> Result<(Report, Option<Strange>), Strange> {
    let payload = &data["payload"];
    let recipient = &payload["to"][0];
    let status = recipient["status"].as_str().unwrap_or("no status");
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let (code, class) = error(payload);
    let code = code.filter(|_| wire::failed(word));
    let (reason, strange) = wire::reason(code.as_deref(), class);
    let id = wire::text(&payload["id"]);
    let number = recipient["phone_number"].as_str();
    let report = Report {
        reference: wire::reference(call, None, id.as_deref())?,
        to: number.and_then(wire::number),
        word: match class {
            Some(ErrorClass::Expired) if wire::failed(word) => ReportWord::Expired,
            _ => word,
        },
        reason,
        proof: Proof::Gateway,
        provider_id: id,
        at: time(data),
    };
    Ok((report, strange))
}

fn inbound(data: &Value) -> Result<Inbound, Strange> {
    let payload = &data["payload"];
    let from = payload["from"]["phone_number"].as_str();
    Ok(Inbound {
        from: from.and_then(wire::number).ok_or(Strange::NotANumber)?,
        to: wire::text(&payload["to"][0]["phone_number"]).unwrap_or_default(),
        text: payload["text"].as_str().unwrap_or_default().to_owned(),
        provider_id: wire::text(&payload["id"]),
        at: time(data),
    })
}

fn time(data: &Value) -> Option<Timestamp> {
    data["occurred_at"].as_str()?.parse().ok()
}
