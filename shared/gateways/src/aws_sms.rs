//! AWS End User Messaging SMS: one message a request, signed with Signature Version 4.
//!
//! Sources: the model `pinpoint-sms-voice-v2` 2022-03-31; the service's user guide (events, two-way messages). Its reports come one of
//! two ways. By EventBridge, which needs no configuration set, through an API destination that posts to our URL with a login: they
//! name only its own ids. Or by a topic of SNS that a configuration set reports to: they carry our `m` in their context, and are
//! signed, see [`sns`]. Messages from handsets come by a topic either way.

mod events;
mod sns;
#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, time::SystemTime};

use aws_credential_types::Credentials as Keys;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use carillon_core::sender::Dlt;
use carillon_core::{gateway::Capabilities, outcome::Outcome, report::ReportWord};
use http::{HeaderValue, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Outgoing,
    Strange, Unreadable, WebhookCall, WebhookContents,
    class::{ErrorClass, Verdict},
    fallback,
    settings::{self, Check},
    signature, wire,
};

const SERVICE: &str = "sms-voice";
const OPERATION: &str = "PinpointSMSVoiceV2.SendTextMessage";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// What our claim is called in the context of a message.
const CLAIM: &str = "m";
const VALIDITY: std::ops::RangeInclusive<i64> = 5..=259_200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    region: String,
    access_key_id: String,
    /// Another endpoint than the region's.
    base_url: Option<String>,
    /// A number, a sender id or a pool, for messages that name none.
    origination_identity: Option<String>,
    #[serde(default)]
    message_type: MessageType,
    configuration_set_name: Option<String>,
    /// In US dollars, the most that one message may cost.
    max_price: Option<String>,
    /// Such as `IN_ENTITY_ID` and `IN_TEMPLATE_ID` for India.
    #[serde(default)]
    destination_country_parameters: BTreeMap<String, String>,
    #[serde(default)]
    reports_by: ReportsBy,
    /// The topics of SNS that are believed: anybody's topic is signed with the same certificate.
    #[serde(default)]
    topic_arns: Vec<String>,
    /// What SNS signs with, in PEM, from the `SigningCertURL` of its messages.
    #[serde(default)]
    sns_certificates: Vec<String>,
    /// Where networks send no receipts, count what a network accepted for good as delivered.
    #[serde(default)]
    successful_is_delivered: bool,
}

#[derive(Deserialize, Serialize, Default, Clone, Copy)]
#[serde(rename_all(serialize = "SCREAMING_SNAKE_CASE", deserialize = "snake_case"))]
enum MessageType {
    #[default]
    Transactional,
    Promotional,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ReportsBy {
    #[default]
    EventBridge,
    Sns,
}

pub(crate) struct AwsSms {
    config: Config,
    /// Of the certificates, as far as they can be read.
    sns_keys: Vec<sns::PublicKey>,
}

impl AwsSms {
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config: Config = settings::read(config)?;
        let pems = config.sns_certificates.iter();
        let sns_keys = pems.filter_map(|pem| sns::public_key(pem)).collect();
        Ok(Self { config, sns_keys })
    }

    fn url(&self) -> String {
        let Config {
            region, base_url, ..
        } = &self.config;
        let url = base_url.clone();
        let url = url.unwrap_or_else(|| format!("https://{SERVICE}.{region}.amazonaws.com"));
        url + "/"
    }

    fn document(&self, message: &Outgoing, now: Timestamp) -> Value {
        let config = &self.config;
        let mut document = json!({
            "DestinationPhoneNumber": message.to.e164(),
            "MessageBody": message.text,
            "MessageType": config.message_type,
            "TimeToLive": wire::validity(message, now, VALIDITY),
            "Context": { CLAIM: message.claim.to_string() },
        });
        let named = [
            (
                "OriginationIdentity",
                message
                    .sender
                    .as_ref()
                    .or(config.origination_identity.as_ref()),
            ),
            (
                "ConfigurationSetName",
                config.configuration_set_name.as_ref(),
            ),
            ("MaxPrice", config.max_price.as_ref()),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                document[name] = value.as_str().into();
            }
        }
        let mut parameters = config.destination_country_parameters.clone();
        if let Some(Dlt { entity, template }) = &message.dlt {
            parameters.insert("IN_ENTITY_ID".to_owned(), entity.clone());
            let id = template.clone().map(|id| ("IN_TEMPLATE_ID".to_owned(), id));
            parameters.extend(id);
        }
        if !parameters.is_empty() {
            document["DestinationCountryParameters"] = json!(parameters);
        }
        document
    }
}

/// A request with the headers that its signature asks for. One that can't be signed goes without: the service says what it misses.
fn signed(mut request: Request<Bytes>, keys: Keys, region: &str, now: Timestamp) -> Request<Bytes> {
    if let Some(instructions) = instructions(&request, keys, region, now) {
        instructions.apply_to_request_http1x(&mut request);
    }
    request
}

fn instructions(
    request: &Request<Bytes>,
    keys: Keys,
    region: &str,
    now: Timestamp,
) -> Option<SigningInstructions> {
    let identity = keys.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .ok()?;
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let url = request.uri().to_string();
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new("POST", url, headers, body).ok()?;
    let (instructions, _) = sign(signable, &parameters.into()).ok()?.into_parts();
    Some(instructions)
}

impl Gateway for AwsSms {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        let config = &self.config;
        let mut check = Check::new(credentials, allowed);
        check.path_segment("/config/region", &config.region);
        check.base_url("/config/base_url", self.url().trim_end_matches('/'));
        check.secret("secret_access_key", "the secret of the key `access_key_id`");
        check.no_others(&["secret_access_key", signature::CALLBACK_LOGIN]);
        for (index, pem) in config.sns_certificates.iter().enumerate() {
            if sns::public_key(pem).is_none() {
                let message =
                    "This is no certificate in PEM, with a line `-----BEGIN CERTIFICATE-----`.";
                check.problem(format!("/config/sns_certificates/{index}"), message);
            }
        }
        if config.reports_by == ReportsBy::Sns {
            for (name, list) in [
                ("topic_arns", &config.topic_arns),
                ("sns_certificates", &config.sns_certificates),
            ] {
                if list.is_empty() {
                    let message = format!("Without `{name}` no message of SNS can be believed.");
                    check.problem(format!("/config/{name}"), message);
                }
            }
        }
        check.problems
    }

    fn capabilities(&self) -> Capabilities {
        let by_sns = self.config.reports_by == ReportsBy::Sns;
        Capabilities {
            echoes_our_id: by_sns,
            messages_per_request: 1,
            signs_calls: by_sns,
            tells_dlt: true,
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
        let document = messages.first().map(|message| self.document(message, now));
        let body = document.unwrap_or_default().to_string();
        let mut request = wire::post(&self.url(), CONTENT_TYPE, body);
        let operation = HeaderValue::from_static(OPERATION);
        request.headers_mut().insert("x-amz-target", operation);
        let secret = account
            .credentials
            .get("secret_access_key")
            .unwrap_or_default();
        let keys = Keys::new(
            &self.config.access_key_id,
            secret,
            None,
            None,
            "gateway account",
        );
        signed(request, keys, &self.config.region, now)
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
        let body = wire::json(&call.body).unwrap_or_default();
        if sns::is_message(&body) {
            sns::verify(&body, &self.sns_keys, &self.config.topic_arns, now)
        } else if self.config.reports_by == ReportsBy::Sns {
            Err(Forged::Missing)
        } else {
            signature::callback_login(&account.credentials, call)
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        wire::readable(call)?;
        let body = wire::json(&call.body).ok_or(Unreadable::Body)?;
        let mut contents = WebhookContents::default();
        if let Some(url) = sns::subscribe_url(&body) {
            contents.strange.push(Strange::Unconfirmed(url.to_owned()));
            return Ok(contents);
        }
        let accepted_for_good = if self.config.successful_is_delivered {
            ReportWord::Delivered
        } else {
            ReportWord::Sent
        };
        for event in events::unwrapped(body) {
            if event["eventType"].is_string() {
                contents.add_report(events::report(call, &event, accepted_for_good));
            } else if event["originationNumber"].is_string() {
                contents.add_inbound(events::inbound(&event));
            } else {
                contents.strange.push(Strange::NothingKnown);
            }
        }
        Ok(contents)
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let Some(body) = wire::document(answer) else {
        return fallback::by_status(answer);
    };
    if answer.status.is_success() {
        let provider_id = wire::text(&body["MessageId"]);
        return provider_id.map_or(Outcome::Doubt, |id| Outcome::Accepted {
            provider_id: Some(id),
        });
    }
    // `namespace#ThrottlingException:http://…`
    let kind = body["__type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let kind = kind.split(':').next().unwrap_or_default();
    let reason = body["Reason"].as_str().unwrap_or_default();
    let class = match class(kind, reason) {
        Some(ErrorClass::BadRequest) if names_the_number(&body) => Some(ErrorClass::InvalidNumber),
        class => class,
    };
    match class {
        Some(class) => Verdict::Class(class).outcome(answer.status, fallback::retry_after(answer)),
        None => fallback::by_status(answer),
    }
}

/// Whether it is the recipient's number that was found wrong.
fn names_the_number(body: &Value) -> bool {
    let fields = body["Fields"].as_array();
    let mut fields = fields.into_iter().flatten();
    fields.any(|field| field["Name"] == "DestinationPhoneNumber")
}

/// `None` for exceptions that we don't know.
fn class(exception: &str, reason: &str) -> Option<ErrorClass> {
    Some(match (exception, reason) {
        ("ThrottlingException", _) => ErrorClass::RateLimited,
        ("ServiceQuotaExceededException", _) => ErrorClass::Funds,
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT") => ErrorClass::OptedOut,
        ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION") => {
            ErrorClass::Region
        }
        (exception, _) if is_about_keys(exception) => ErrorClass::AuthConfig,
        // The account is in the sandbox.
        ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED") => ErrorClass::AuthConfig,
        ("ConflictException" | "ResourceNotFoundException", _) => ErrorClass::SenderConfig,
        ("ValidationException", _) => ErrorClass::BadRequest,
        ("InternalServerException", _) => ErrorClass::Temporary,
        _ => return None,
    })
}

/// Of the service, and of what stands before every service of AWS.
fn is_about_keys(exception: &str) -> bool {
    matches!(
        exception,
        "AccessDeniedException"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "UnrecognizedClientException"
    )
}
