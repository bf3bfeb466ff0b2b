//! What the service tells of messages, and messages from handsets, in whichever envelopes they come.

use carillon_core::{chunk::receipt::Proof, report::ReportWord};
use jiff::Timestamp;
use serde_json::Value;

use super::{CLAIM, sns};
use crate::{Inbound, Report, Strange, WebhookCall, class::ErrorClass, wire};

/// What is inside the envelopes: of SNS, as posted or as given to a function; of EventBridge.
pub(super) fn unwrapped(body: Value) -> Vec<Value> {
    if let Some(records) = body["Records"].as_array() {
        let messages = records.iter().map(|record| &record["Sns"]["Message"]);
        return messages.map(message).collect();
    }
    let event = if sns::is_message(&body) {
        message(&body["Message"])
    } else {
        body
    };
    vec![without_envelope(event)]
}

/// A document inside a text.
fn message(text: &Value) -> Value {
    let text = text.as_str().unwrap_or_default();
    without_envelope(serde_json::from_str(text).unwrap_or_default())
}

fn without_envelope(mut event: Value) -> Value {
    match event.get_mut("detail") {
        Some(detail) => detail.take(),
        None => event,
    }
}

pub(super) fn word(event: &str) -> Option<ReportWord> {
    Some(match event {
        "TEXT_QUEUED" => ReportWord::Accepted,
        "TEXT_PENDING" | "TEXT_SENT" | "TEXT_SUCCESSFUL" => ReportWord::Sent,
        "TEXT_DELIVERED" => ReportWord::Delivered,
        "TEXT_INVALID" => ReportWord::Failed,
        "TEXT_INVALID_MESSAGE"
        | "TEXT_BLOCKED"
        | "TEXT_CARRIER_BLOCKED"
        | "TEXT_SPAM"
        | "TEXT_PROTECT_BLOCKED" => ReportWord::Rejected,
        "TEXT_UNREACHABLE" | "TEXT_CARRIER_UNREACHABLE" => ReportWord::Undelivered,
        "TEXT_UNKNOWN" => ReportWord::Unknown,
        "TEXT_TTL_EXPIRED" => ReportWord::Expired,
        _ => return None,
    })
}

/// Why, where the event itself says so.
pub(super) fn class_of_event(event: &str) -> Option<ErrorClass> {
    Some(match event {
        "TEXT_INVALID" => ErrorClass::InvalidNumber,
        "TEXT_INVALID_MESSAGE" => ErrorClass::BadRequest,
        "TEXT_UNREACHABLE" => ErrorClass::Unreachable,
        "TEXT_CARRIER_UNREACHABLE" => ErrorClass::Temporary,
        "TEXT_BLOCKED" | "TEXT_CARRIER_BLOCKED" => ErrorClass::Blocked,
        "TEXT_SPAM" => ErrorClass::SpamContent,
        "TEXT_TTL_EXPIRED" => ErrorClass::Expired,
        "TEXT_PROTECT_BLOCKED" => ErrorClass::Region,
        _ => return None,
    })
}

/// `accepted_for_good` is what to make of a network's last word that it accepted a message.
pub(super) fn report(
    call: &WebhookCall,
    event: &Value,
    accepted_for_good: ReportWord,
) -> Result<(Report, Option<Strange>), Strange> {
    let kind = event["eventType"].as_str().unwrap_or_default();
    let word = match kind {
        "TEXT_SUCCESSFUL" if event["isFinal"] == true => Some(accepted_for_good),
        kind => word(kind),
    };
    let id = wire::text(&event["messageId"]);
    let carried = event["context"][CLAIM].as_str();
    let report = Report {
        reference: wire::reference(call, carried, id.as_deref())?,
        to: event["destinationPhoneNumber"]
            .as_str()
            .and_then(wire::number),
        word: word.ok_or_else(|| Strange::status(kind))?,
        reason: class_of_event(kind).map(ErrorClass::reason),
        proof: Proof::Gateway,
        provider_id: id,
        at: event["eventTimestamp"].as_i64().and_then(milliseconds),
    };
    Ok((report, None))
}

fn milliseconds(at: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at).ok()
}

pub(super) fn inbound(event: &Value) -> Result<Inbound, Strange> {
    let from = event["originationNumber"].as_str().and_then(wire::number);
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: wire::text(&event["destinationNumber"]).unwrap_or_default(),
        text: wire::text(&event["messageBody"]).unwrap_or_default(),
        provider_id: wire::text(&event["inboundMessageId"]),
        at: None,
    })
}
