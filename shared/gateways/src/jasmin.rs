//! Jasmin's HTTP API: any SMPP carrier behind a Jasmin of one's own. One message a request, its reports to the callback URL of each.
//!
//! Sources: Jasmin 0.12 as it ran on loopback, its documentation. Before 0.12 no report comes of a message in one part. The password
//! goes in the body. Nothing is signed: the `m` in the callback URL is all.
//!
//! Jasmin cuts texts of the GSM alphabet wherever 153 septets end, between an escape and its character too, which garbles both parts:
//! a text that it would cut so goes as UTF-16, in more parts.

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::Capabilities,
    outcome::Outcome,
    report::ReportWord,
    segments::{Encoding, parts_of, segment},
};
use http::{Request, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Inbound,
    Outgoing, Report, Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    settings::{self, Check},
    signature, smpp,
    wire::{self, field},
};

/// A week, in minutes: no carrier keeps a message longer.
const LONGEST_VALIDITY: i64 = 7 * 24 * 60;
/// Any other answer, a 404 too, is taken for a failure, and the call is repeated.
const ACKNOWLEDGED: &str = "ACK/Jasmin";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Where the HTTP API listens.
    base_url: String,
    username: String,
    /// Write numbers with their plus.
    #[serde(default)]
    plus: bool,
}

pub(crate) struct Jasmin {
    config: Config,
}

impl Jasmin {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn form(&self, message: &Outgoing, password: &str, now: Timestamp) -> String {
        let Config { username, plus, .. } = &self.config;
        let to = if *plus {
            message.to.e164()
        } else {
            wire::digits(message.to)
        };
        let minutes = wire::validity(message, now, 60..=LONGEST_VALIDITY * 60) / 60;
        let minutes = minutes.to_string();
        let utf16 = smpp::utf16_hex(&message.text);
        let mut fields = vec![
            ("username", username.as_str()),
            ("password", password),
            ("to", &to),
        ];
        fields.extend(message.sender.as_deref().map(|sender| ("from", sender)));
        fields.extend(if arrives_whole(&message.text) {
            [("coding", "0"), ("content", &message.text)]
        } else {
            [("coding", "8"), ("hex-content", &utf16)]
        });
        fields.extend([
            ("validity-period", &*minutes),
            ("dlr", "yes"),
            ("dlr-url", &message.callback),
            // What the carrier answers, and its receipts.
            ("dlr-level", "3"),
            ("dlr-method", "POST"),
        ]);
        wire::form_body(fields)
    }
}

/// Whether a text goes in the GSM alphabet without an escape at the end of a part: ours never has one there, so parts that are all
/// full are Jasmin's parts.
fn arrives_whole(text: &str) -> bool {
    if segment(text).encoding != Encoding::Gsm7 {
        return false;
    }
    let parts = parts_of(text);
    let (_, full) = parts.split_last().expect("a text has a part");
    full.iter()
        .all(|part| part.units == Encoding::Gsm7.part_limit())
}

impl Gateway for Jasmin {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        check.secret("password", "the password of the Jasmin user");
        check.no_others(&["password", signature::CALLBACK_LOGIN]);
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
        now: Timestamp,
    ) -> Request<Bytes> {
        let password = account.credentials.get("password").unwrap_or_default();
        let message = messages.first();
        let body = message.map(|message| self.form(message, password, now));
        let url = format!("{}/send", self.config.base_url);
        wire::post(&url, wire::FORM, body.unwrap_or_default())
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
        let fields = wire::fields(call);
        let mut contents = WebhookContents::default();
        match field(&fields, "message_status") {
            Some(status) => contents.add_report(report(call, &fields, status)),
            None if field(&fields, "from").is_some() => {
                contents.add_inbound(inbound(call, &fields));
            }
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }

    fn reply(&self, _: &WebhookCall) -> Response<Bytes> {
        Response::new(Bytes::from_static(ACKNOWLEDGED.as_bytes()))
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let body = str::from_utf8(&answer.body).unwrap_or_default().trim();
    let class = match answer.status.as_u16() {
        200 => return accepted(body).unwrap_or(Outcome::Doubt),
        403 if body.contains("throughput exceeded") => ErrorClass::RateLimited,
        403 if body.contains("Cannot charge") => ErrorClass::Funds,
        412 => ErrorClass::Region,
        _ => return fallback::by_status(answer),
    };
    Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer))
}

/// `Success "07033084-5cfd-4812-90a4-e4d24ffb6e3d"`.
fn accepted(body: &str) -> Option<Outcome> {
    let id = body.strip_prefix("Success \"")?.strip_suffix('"')?;
    let provider_id = Some(id.to_owned()).filter(|id| !id.is_empty());
    provider_id
        .is_some()
        .then_some(Outcome::Accepted { provider_id })
}

/// The carrier's answer to the submission (level 1), or the state in its receipt (level 2).
fn word(status: &str) -> Option<ReportWord> {
    match status {
        "ESME_ROK" => Some(ReportWord::Sent),
        refused if refused.starts_with("ESME_") => Some(ReportWord::Rejected),
        state => smpp::state(state),
    }
}

/// What `err` says in a receipt is each carrier's own.
fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    status: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let word = word(status).ok_or_else(|| Strange::status(status))?;
    let refusal = Some(status).filter(|it| it.starts_with("ESME_") && wire::failed(word));
    let (reason, strange) = wire::reason(refusal, smpp::class_of_name(status));
    let id = field(fields, "id");
    let report = Report {
        reference: wire::reference(call, None, id)?,
        to: None,
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: id.map(str::to_owned),
        at: None,
    };
    Ok((report, strange))
}

fn inbound(call: &WebhookCall, fields: &[(String, String)]) -> Result<Inbound, Strange> {
    let from = field(fields, "from").and_then(wire::number);
    let binary = field(fields, "binary").and_then(signature::hex);
    let coded = binary.and_then(|octets| smpp::text(&octets, data_coding(call)?));
    let content = || field(fields, "content").unwrap_or_default().to_owned();
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: field(fields, "to").unwrap_or_default().to_owned(),
        text: coded.unwrap_or_else(content),
        provider_id: field(fields, "id").map(str::to_owned),
        at: None,
    })
}

/// The documentation has it in digits; Jasmin 0.12 sends the octet itself.
fn data_coding(call: &WebhookCall) -> Option<u8> {
    let sources = [&call.body[..], call.query().as_bytes()];
    let coding = sources
        .iter()
        .find_map(|form| wire::octets(form, "coding"))?;
    let digits = str::from_utf8(&coding)
        .ok()
        .and_then(|text| text.parse().ok());
    digits.or_else(|| coding.first().copied())
}
