//! Infobip, SMS API v3: many messages a request, each with its own text, and reports in batches.
//!
//! Sources: the `OpenAPI` description 3.210.0; the official Python library (6.0.0); a mirror of the page of status and error
//! codes, of which the rarer ones are second-hand. Our claim is the message's id at the gateway, which doesn't take one twice, so
//! the callback URL goes without it and reports of many messages can share a call. Calls for messages aren't signed: a login
//! can be asked for (how its subscriptions sign isn't published).

mod codes;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{
    chunk::receipt::Proof, gateway::Capabilities, outcome::Outcome, reason::Reason,
};
use http::{Request, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Reference, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    many::entries_of,
    settings::{self, Check},
    signature, wire,
};

/// Seconds that the gateway keeps a message: 48 hours at most.
const VALIDITY: std::ops::RangeInclusive<i64> = 1..=172_800;
const ZONED: &str = "%Y-%m-%dT%H:%M:%S%.f%z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// `https://xxxxx.api.infobip.com`: every account has its own.
    base_url: String,
    /// No maximum is published; a thousand went well for others.
    #[serde(default = "usual_number")]
    messages_per_request: u16,
    /// How long it refuses an id that it has seen isn't published: this is short enough to be safe.
    #[serde(default = "usual_horizon")]
    deduplicates_for_minutes: u16,
}

fn usual_number() -> u16 {
    250
}

fn usual_horizon() -> u16 {
    60
}

pub(crate) struct Infobip {
    config: Config,
}

impl Infobip {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }
}

fn document(message: &Outgoing, now: Timestamp) -> Value {
    let claim = message.claim.to_string();
    let (url, _) = message
        .callback
        .split_once('?')
        .unwrap_or((&message.callback, ""));
    let mut document = json!({
        "destinations": [{"to": wire::digits(message.to), "messageId": claim}],
        "content": {"text": message.text},
        "options": {
            "validityPeriod": {
                "amount": wire::validity(message, now, VALIDITY),
                "timeUnit": "SECONDS",
            },
        },
        "webhooks": {
            "delivery": {"url": url},
            "contentType": "application/json",
            "callbackData": claim,
        },
    });
    if let Some(sender) = &message.sender {
        document["sender"] = wire::bare_sender(sender).into();
    }
    if let Some(Dlt { entity, template }) = &message.dlt {
        let ids = json!({"principalEntityId": entity, "contentTemplateId": template});
        document["options"]["regional"] = json!({ "indiaDlt": ids });
    }
    document
}

impl Gateway for Infobip {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.within(
            "/config/messages_per_request",
            self.config.messages_per_request,
            1..=1000,
        );
        // A message is kept for two days.
        check.within(
            "/config/deduplicates_for_minutes",
            self.config.deduplicates_for_minutes,
            0..=2880,
        );
        check.secret("api_key", "the API key of the account");
        check.no_others(&["api_key", signature::CALLBACK_LOGIN]);
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        let horizon = SignedDuration::from_mins(self.config.deduplicates_for_minutes.into());
        Capabilities {
            deduplicates_for: Some(horizon).filter(|it| !it.is_zero()),
            echoes_our_id: true,
            messages_per_request: self.config.messages_per_request,
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
        let url = format!("{}/sms/3/messages", self.config.base_url);
        let messages: Vec<_> = messages.iter().map(|it| document(it, now)).collect();
        let request = wire::post_json(&url, &json!({"messages": messages}));
        let key = account.credentials.get("api_key").unwrap_or_default();
        wire::with_secret_header(request, AUTHORIZATION, &format!("App {key}"))
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        let body = wire::document(answer).unwrap_or_default();
        if !answer.status.is_success() {
            return refused(messages.len(), answer, &body);
        }
        let entries = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let outcome =
            |entry: Option<&Value>| entry.map_or(Outcome::Doubt, |it| outcome(it, answer));
        let entries = entries_of(messages, entries, is_about);
        entries.into_iter().map(outcome).collect()
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
        let mut contents = WebhookContents::default();
        let Some(results) = body["results"].as_array() else {
            contents.strange.push(Strange::NothingKnown);
            return Ok(contents);
        };
        for item in results {
            if item["status"].is_object() {
                contents.add_report(report(item));
            } else if item["receivedAt"].is_string() || item["text"].is_string() {
                contents.add_inbound(inbound(item));
            } else {
                contents.strange.push(Strange::NothingKnown);
            }
        }
        Ok(contents)
    }
}

/// By our id; an entry without an id of ours, by its number.
fn is_about(message: &Outgoing, entry: &Value) -> bool {
    match entry["messageId"].as_str().and_then(wire::ours) {
        Some(ours) => ours == Reference::Claimed(message.claim.clone()),
        None => entry["destination"].as_str().and_then(wire::number) == Some(message.to),
    }
}

fn outcome(entry: &Value, answer: &Answer) -> Outcome {
    let status = &entry["status"];
    let (group, id) = (wire::code(&status["groupId"]), wire::code(&status["id"]));
    match (group, id) {
        // A duplicate it has since an earlier try.
        (Some(0 | 1 | 3), _) | (Some(5), Some(codes::DUPLICATE)) => Outcome::Accepted {
            provider_id: wire::text(&entry["messageId"]),
        },
        (Some(2 | 4 | 5), Some(id)) => {
            let class = codes::of_status(id).unwrap_or(ErrorClass::Unknown);
            let verdict = match id {
                // Only this number had too many, and only this number has no route.
                codes::FLOODING => Verdict::Reason(Reason::Flood),
                codes::NO_ROUTE => Verdict::Reason(Reason::NoRoute),
                _ => Verdict::Class(class),
            };
            verdict.outcome(answer.status, fallback::retry_after(answer))
        }
        _ => Outcome::Doubt,
    }
}

/// All of a request is refused, even for a fault of one message. Where it is named, the others may go without it.
fn refused(count: usize, answer: &Answer, body: &Value) -> Vec<Outcome> {
    let whole = fallback::by_status(answer);
    let named: Vec<_> = body["violations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|violation| index(violation["property"].as_str()?))
        .collect();
    let one_of_ours = named.iter().any(|index| *index < count);
    if whole != Outcome::Refused(Reason::BadRequest) || !one_of_ours {
        return vec![whole; count];
    }
    let outcome = |index: usize| {
        if named.contains(&index) {
            Outcome::Refused(Reason::BadRequest)
        } else {
            Outcome::Deferred(Reason::Temporary)
        }
    };
    (0..count).map(outcome).collect()
}

/// Of `messages[3].content.text`.
fn index(property: &str) -> Option<usize> {
    let (number, _) = property.strip_prefix("messages[")?.split_once(']')?;
    number.parse().ok()
}

fn report(item: &Value) -> Result<(Report, Option<Strange>), Strange> {
    let status = &item["status"];
    let (group, id) = (wire::code(&status["groupId"]), wire::code(&status["id"]));
    let name = || status["name"].as_str().unwrap_or("no name");
    let word = codes::word(group, id).ok_or_else(|| Strange::status(name()))?;
    let message_id = wire::text(&item["messageId"]);
    let given = [message_id.as_deref(), item["callbackData"].as_str()];
    let ours = given.into_iter().flatten().find_map(wire::ours);
    let provider = || message_id.clone().map(Reference::ProviderId);
    let (reason, strange) = reason(item, id)
        .filter(|_| wire::failed(word))
        .unwrap_or_default();
    let report = Report {
        reference: ours.or_else(provider).ok_or(Strange::NoReference)?,
        to: item["to"].as_str().and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: message_id.clone(),
        at: time(&item["doneAt"]),
    };
    Ok((report, strange))
}

/// By its error, else by its status. Of an error that we don't know, it says whether it is for good.
fn reason(item: &Value, status: Option<u32>) -> Option<(Option<Reason>, Option<Strange>)> {
    let error = &item["error"];
    let Some(id) = wire::code(&error["id"]).filter(|id| *id != 0) else {
        let class = codes::of_status(status?)?;
        return Some((Some(class.reason()), None));
    };
    if let Some(class) = codes::of_error(id) {
        return Some((Some(class.reason()), None));
    }
    let class = match error["permanent"].as_bool() {
        Some(false) => ErrorClass::Temporary,
        _ => ErrorClass::Unknown,
    };
    Some((Some(class.reason()), Some(Strange::error(&id.to_string()))))
}

fn inbound(item: &Value) -> Result<Inbound, Strange> {
    let from = item["from"].as_str().and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: wire::text(&item["to"]).unwrap_or_default(),
        text: item["text"].as_str().unwrap_or_default().to_owned(),
        provider_id: wire::text(&item["messageId"]),
        at: time(&item["receivedAt"]),
    })
}

/// `2019-11-09T16:00:00.000+0100`
fn time(value: &Value) -> Option<Timestamp> {
    Timestamp::strptime(ZONED, value.as_str()?).ok()
}
