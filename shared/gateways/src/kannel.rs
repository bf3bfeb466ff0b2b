//! Kannel's `sendsms`: any SMPP carrier behind an smsbox of one's own. One message a request, its reports to the callback URL of each.
//!
//! Sources: Kannel 1.4.5 as it ran on loopback, its user guide, `gw/smsbox.c`. A POST takes the password in a header, a GET only in
//! its URL; so here is the POST. Several recipients get one answer for all of them, so here is one. No answer names a message, and
//! nothing is signed: the `m` in the callback URL is all.
//!
//! Inbound: `get-url = "https://…/hooks/kannel/{token}?id=%I&from=%p&to=%P&text=%b&ts=%T&charset=%C&coding=%c"` with
//! `max-messages = 0`. smsbox repeats reports that failed only with `http-request-retry` above 0.

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use carillon_core::{
    chunk::receipt::Proof,
    gateway::Capabilities,
    outcome::Outcome,
    reason::Reason,
    report::ReportWord,
    segments::{Encoding, segment},
};
use http::{HeaderName, Request};
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

/// Delivered, failed, buffered, accepted and rejected by the carrier.
const ALL_REPORTS: &str = "31";
/// Escapes that Kannel fills in: kind of report, the carrier's words, its id, the recipient, the time.
const REPORT_FIELDS: &str = "type=%d&reply=%A&fid=%F&from=%p&ts=%T";
/// A week, in minutes: no carrier keeps a message longer.
const LONGEST_VALIDITY: i64 = 7 * 24 * 60;
const TRY_AGAIN: &[u8] = b"Temporal failure, try again later.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Where smsbox listens.
    base_url: String,
    /// The `sendsms-url` of smsbox.
    #[serde(default = "usual_path")]
    path: String,
    username: String,
    /// The `smsc-id` that carries the messages, where smsbox leaves the choice to its callers.
    smsc: Option<String>,
    /// Write numbers with their plus: the carrier's `allowed-prefix` must let it pass.
    #[serde(default)]
    plus: bool,
}

fn usual_path() -> String {
    "/cgi-bin/sendsms".to_owned()
}

pub(crate) struct Kannel {
    config: Config,
}

impl Kannel {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    fn message(&self, message: &Outgoing, now: Timestamp) -> Request<Bytes> {
        let Config {
            base_url,
            path,
            username,
            smsc,
            plus,
        } = &self.config;
        let url = format!("{base_url}{path}");
        let request = wire::post(&url, "text/plain; charset=utf-8", message.text.clone());
        let to = if *plus {
            message.to.e164()
        } else {
            wire::digits(message.to)
        };
        let coding = match segment(&message.text).encoding {
            Encoding::Gsm7 => "0",
            Encoding::Ucs2 => "2",
        };
        let minutes = wire::validity(message, now, 60..=LONGEST_VALIDITY * 60) / 60;
        let minutes = minutes.to_string();
        // Our callback URL has a query.
        let reports = format!("{}&{REPORT_FIELDS}", message.callback);
        let headers = [
            ("x-kannel-username", Some(username.as_str())),
            ("x-kannel-to", Some(&to)),
            ("x-kannel-from", message.sender.as_deref()),
            ("x-kannel-coding", Some(coding)),
            ("x-kannel-validity", Some(&minutes)),
            ("x-kannel-dlr-mask", Some(ALL_REPORTS)),
            ("x-kannel-dlr-url", Some(&reports)),
            ("x-kannel-smsc", smsc.as_deref()),
        ];
        let given = headers.into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        // None of them is for a log: they hold the number and the token of the callback URL.
        given.fold(request, |request, (name, value)| {
            wire::with_secret_header(request, HeaderName::from_static(name), value)
        })
    }
}

impl Gateway for Kannel {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let mut check = Check::new(credentials, allowed);
        check.base_url("/config/base_url", &self.config.base_url);
        if !self.config.path.starts_with('/') {
            check.problem(
                "/config/path",
                "A path begins with `/`, as in `/cgi-bin/sendsms`.",
            );
        }
        check.secret("password", "the password of the `sendsms-user`");
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
        let request = messages.first().map(|message| self.message(message, now));
        let password = account.credentials.get("password").unwrap_or_default();
        let name = HeaderName::from_static("x-kannel-password");
        wire::with_secret_header(request.unwrap_or_default(), name, password)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        let outcome = |message: &Outgoing| outcome(message, answer);
        messages.iter().map(outcome).collect()
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
        match field(&fields, "type") {
            Some(kind) => contents.add_report(report(call, &fields, kind)),
            None if field(&fields, "from").is_some() => {
                contents.add_inbound(inbound(call, &fields));
            }
            None => contents.strange.push(Strange::NothingKnown),
        }
        Ok(contents)
    }
}

fn outcome(message: &Outgoing, answer: &Answer) -> Outcome {
    let body = answer.body.trim_ascii();
    match (answer.status.as_u16(), body) {
        // The second: the link to the carrier is down, and Kannel keeps it.
        (202, b"0: Accepted for delivery" | b"3: Queued for later delivery") => {
            Outcome::Accepted { provider_id: None }
        }
        (202, body) if body.starts_with(b"Sent.") => Outcome::Accepted { provider_id: None },
        (403, body) if body.starts_with(b"Not routable") => {
            Verdict::Class(ErrorClass::Region).outcome(answer.status, None)
        }
        // Of several parts some may have been taken.
        (503, TRY_AGAIN) if message.parts <= 1 => Outcome::Deferred(Reason::Temporary),
        _ => fallback::by_status(answer),
    }
}

/// What a report says, by its kind and the carrier's words.
fn word(kind: &str, reply: &str) -> Option<ReportWord> {
    Some(match kind {
        "1" => ReportWord::Delivered,
        "2" => stat(reply)
            .and_then(smpp::state)
            .unwrap_or(ReportWord::Failed),
        // Buffered, accepted, intermediate.
        "4" | "8" | "32" => ReportWord::Sent,
        "16" => ReportWord::Rejected,
        _ => return None,
    })
}

/// `DELIVRD` of `id:… stat:DELIVRD err:000 …`.
fn stat(reply: &str) -> Option<&str> {
    let (_, rest) = reply.split_once("stat:")?;
    rest.split_ascii_whitespace().next()
}

/// Why a carrier, or Kannel, refused: `NACK/0x0000000b/Invalid Destination Address`. What `err:` says in a receipt is each
/// carrier's own.
fn refusal(reply: &str) -> (Option<Reason>, Option<Strange>) {
    let why = reply.strip_prefix("NACK/").unwrap_or_default();
    let code = why.split('/').next().unwrap_or_default();
    let class = match code {
        "no SMSC" => Some(ErrorClass::Region),
        "Retries Exceeded" => Some(ErrorClass::Temporary),
        code => smpp::class_of_hex(code),
    };
    wire::reason(Some(code).filter(|code| !code.is_empty()), class)
}

fn report(
    call: &WebhookCall,
    fields: &[(String, String)],
    kind: &str,
) -> Result<(Report, Option<Strange>), Strange> {
    let reply = field(fields, "reply").unwrap_or_default();
    let word = word(kind, reply).ok_or_else(|| Strange::status(kind))?;
    let (reason, strange) = match word {
        ReportWord::Rejected => refusal(reply),
        _ => (None, None),
    };
    let report = Report {
        reference: wire::reference(call, None, None)?,
        // Kannel calls the handset the sender, as of an inbound message.
        to: field(fields, "from").and_then(wire::number),
        word,
        reason,
        proof: Proof::Gateway,
        provider_id: field(fields, "fid").map(str::to_owned),
        at: field(fields, "ts").and_then(seconds),
    };
    Ok((report, strange))
}

fn inbound(call: &WebhookCall, fields: &[(String, String)]) -> Result<Inbound, Strange> {
    let from = field(fields, "from").and_then(wire::number);
    let charset = field(fields, "charset").unwrap_or_default();
    let octets = wire::octets(call.query().as_bytes(), "text").unwrap_or_default();
    let times = ["ts", "T"].map(|name| field(fields, name).and_then(seconds));
    Ok(Inbound {
        from: from.ok_or(Strange::NotANumber)?,
        to: field(fields, "to").unwrap_or_default().to_owned(),
        text: smpp::text_in(&octets, charset),
        provider_id: field(fields, "id").map(str::to_owned),
        at: times.into_iter().flatten().next(),
    })
}

fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}
