//! The recorded documents of `vectors/`: what a gateway answered and called, and what that means. Each adapter's tests name theirs.

use carillon_core::{outcome::Outcome, reason::Reason, report::ReportWord};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Answer, Forged, GatewayAccount, Outgoing, WebhookCall,
    class::{ErrorClass, Verdict},
    fallback,
    fixtures::{answer, now, outgoing, own_vectors, vectors, vectors_are_given},
    wire,
};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    send: Vec<Exchange>,
    #[serde(default)]
    errors: Vec<Failure>,
    #[serde(default)]
    dlr: Vec<Reported>,
    #[serde(default)]
    mo: Vec<Received>,
    #[serde(default)]
    eventbridge: Vec<Reported>,
}

/// A request, of which the answer matters here, and what it says of each message.
#[derive(Deserialize)]
struct Exchange {
    name: String,
    response: Response,
    expect: Option<Vec<Expected>>,
}

#[derive(Deserialize)]
struct Failure {
    name: String,
    response: Response,
    expect: Class,
}

#[derive(Deserialize)]
struct Class {
    class: ErrorClass,
    retry: bool,
}

impl Class {
    /// What is not to be tried again is refused, whatever its class would have done.
    fn outcome(&self, answer: &Answer) -> Outcome {
        let after = fallback::retry_after(answer);
        match Verdict::Class(self.class).outcome(answer.status, after) {
            Outcome::Throttled { .. } | Outcome::Deferred(_) if !self.retry => {
                Outcome::Refused(self.class.reason())
            }
            outcome => outcome,
        }
    }
}

#[derive(Deserialize)]
struct Reported {
    name: String,
    #[serde(flatten)]
    delivery: Delivery,
    expect: Vec<Expected>,
    respond: Option<Response>,
}

#[derive(Deserialize)]
struct Received {
    name: String,
    #[serde(flatten)]
    delivery: Delivery,
    expect: Value,
    respond: Option<Response>,
}

/// A call as it was made, or a document that something of AWS hands on.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Delivery {
    Request(Request),
    Event(Value),
}

impl Delivery {
    fn call(&self) -> WebhookCall {
        match self {
            Self::Request(request) => request.call(),
            Self::Event(event) => crate::fixtures::call("", &[], event.to_string()),
        }
    }
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// What is to be read of one message.
#[derive(Deserialize)]
struct Expected {
    provider_message_id: Option<String>,
    status: ReportWord,
    to: Option<String>,
    error_class: Option<ErrorClass>,
}

fn document(provider: &str) -> Document {
    vectors(&format!("payloads/{provider}.json"))
}

impl Response {
    fn answer(&self) -> Answer {
        Answer {
            headers: header_map(&self.headers),
            ..answer(self.status, &[], &self.body)
        }
    }
}

impl Request {
    fn call(&self) -> WebhookCall {
        call(&self.method, &self.url, &self.headers, &self.body)
    }
}

fn header_map(headers: &std::collections::BTreeMap<String, String>) -> HeaderMap {
    let header = |(name, value): (&String, &String)| {
        (
            HeaderName::try_from(name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    headers.iter().map(header).collect()
}

fn call(
    method: &str,
    url: &str,
    headers: &std::collections::BTreeMap<String, String>,
    body: &str,
) -> WebhookCall {
    let (_, path_and_query) = split(url);
    WebhookCall {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path_and_query: path_and_query.to_owned(),
        headers: header_map(headers),
        body: body.to_owned().into(),
    }
}

/// The scheme and host of a URL, and the rest.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    url.split_at(url[host..].find('/').map_or(url.len(), |at| host + at))
}

/// What the recorded answers say is what the adapter says.
pub(crate) fn answers(provider: &str, account: &GatewayAccount) {
    let document = document(provider);
    for Exchange {
        name,
        response,
        expect,
    } in document.send
    {
        let Some(expect) = expect else { continue };
        let messages: Vec<_> = expect.iter().map(message).collect();

        let outcomes = account.gateway.outcomes(&messages, &response.answer());

        assert_eq!(outcomes.len(), messages.len(), "{provider} {name}");
        for (outcome, expected) in outcomes.into_iter().zip(expect) {
            check_outcome(outcome, &expected, &format!("{provider} {name}"));
        }
    }
    for Failure {
        name,
        response,
        expect,
    } in document.errors
    {
        let answer = response.answer();

        let mut outcomes = account.gateway.outcomes(&[outgoing()], &answer);

        let expected = expect.outcome(&answer);
        if let (Outcome::Throttled { after: None }, Some(Outcome::Throttled { after })) =
            (&expected, outcomes.first_mut())
        {
            // Some gateways say in their bodies how long.
            *after = None;
        }
        assert_eq!(outcomes, [expected], "{provider} {name}");
    }
}

fn message(expected: &Expected) -> Outgoing {
    // Some gateways have no id of a recipient: then it is the request's with the number.
    let of_id = expected.provider_message_id.as_deref();
    let of_id = of_id.and_then(|id| Some(id.split_once('/')?.1));
    let to = expected.to.as_deref().or(of_id).and_then(wire::number);
    let usual = outgoing();
    Outgoing {
        to: to.unwrap_or(usual.to),
        ..usual
    }
}

fn check_outcome(outcome: Outcome, expected: &Expected, name: &str) {
    match (outcome, expected.error_class) {
        (Outcome::Accepted { provider_id }, None) => {
            if let Some(id) = &expected.provider_message_id {
                assert_eq!(provider_id.as_ref(), Some(id), "{name}");
            }
        }
        (
            Outcome::Refused(reason) | Outcome::Deferred(reason) | Outcome::AccountTrouble(reason),
            Some(class),
        ) => assert!(
            reason == class.reason() || is_finer(reason, class),
            "{name}: {reason} where {class:?} was expected"
        ),
        (Outcome::Throttled { .. }, Some(ErrorClass::RateLimited)) => {}
        (outcome, class) => panic!("{name}: {outcome:?} where {class:?} was expected"),
    }
}

/// Classes are coarser than our reasons.
fn is_finer(reason: Reason, class: ErrorClass) -> bool {
    let pair = (class, reason);
    matches!(
        pair,
        (ErrorClass::RateLimited, Reason::Flood) | (ErrorClass::AuthConfig, Reason::NoRoute)
    )
}

/// The recorded calls say what the adapter reads in them.
pub(crate) fn calls(provider: &str, account: &GatewayAccount) {
    let document = document(provider);
    for reported in document.dlr.iter().chain(&document.eventbridge) {
        check_reports(provider, account, reported);
    }
    for Received {
        name,
        delivery,
        expect,
        respond,
    } in document.mo
    {
        let call = delivery.call();

        let contents = account.gateway.contents(&call).unwrap();

        let name = format!("{provider} {name}");
        let [message] = &contents.inbound[..] else {
            panic!("{name}: {contents:?}");
        };
        if let Some(opt_out) = expect.get("opt_out") {
            let from = opt_out["from"].as_str().and_then(wire::number);
            assert_eq!(Some(message.from), from, "{name}");
            assert_eq!(opt_out["sender"].as_str(), Some(&*message.to), "{name}");
            assert_eq!(message.text, "STOP", "{name}");
        }
        let field = |field: &str| expect[field].as_str();
        let from = message.from.e164();
        let found = [
            ("to", Some(&*message.to)),
            ("text", Some(&*message.text)),
            ("id", message.provider_id.as_deref()),
        ];
        for (key, found) in found.into_iter().filter(|(key, _)| field(key).is_some()) {
            assert_eq!(found, field(key), "{name} {key}");
        }
        let expected = field("from").map(|from| from.trim_start_matches('+'));
        let from = expected.map(|_| from.trim_start_matches('+'));
        assert_eq!(from, expected, "{name} from");
        check_reply(account, &call, respond.as_ref(), &name);
    }
}

fn check_reports(provider: &str, account: &GatewayAccount, reported: &Reported) {
    let name = format!("{provider} {}", reported.name);
    let call = reported.delivery.call();

    let contents = account.gateway.contents(&call).unwrap();

    // A status that nobody knows changes nothing: it may be left out.
    let known = |expected: &&Expected| expected.status != ReportWord::Unknown;
    let expected: Vec<_> = reported.expect.iter().filter(known).collect();
    let receipts = contents.receipts.iter();
    let receipts: Vec<_> = receipts
        .filter(|report| report.word != ReportWord::Unknown)
        .collect();
    assert_eq!(receipts.len(), expected.len(), "{name}: {contents:?}");
    for (report, expected) in receipts.into_iter().zip(expected) {
        assert_eq!(report.word, expected.status, "{name}");
        if let Some(id) = &expected.provider_message_id {
            assert_eq!(report.provider_id.as_ref(), Some(id), "{name}");
        }
        if let Some(to) = &expected.to {
            assert_eq!(report.to, wire::number(to), "{name}");
        }
        let reason = expected.error_class.map(ErrorClass::reason);
        // Documents of AWS are recorded without their class.
        if reason.is_some() || matches!(reported.delivery, Delivery::Request(_)) {
            assert_eq!(report.reason, reason, "{name}");
        }
    }
    check_reply(account, &call, reported.respond.as_ref(), &name);
}

fn check_reply(
    account: &GatewayAccount,
    call: &WebhookCall,
    respond: Option<&Response>,
    name: &str,
) {
    let Some(respond) = respond else { return };
    let reply = account.gateway.reply(call);
    assert_eq!(reply.status().as_u16(), respond.status, "{name}");
    assert_eq!(reply.body(), respond.body.as_bytes(), "{name}");
}

const PROVIDERS: [&str; 14] = [
    "africastalking",
    "aws_eum_sms",
    "bandwidth",
    "clicksend",
    "infobip",
    "jasmin",
    "kannel",
    "messagebird",
    "plivo",
    "sinch_xms",
    "telnyx",
    "twilio",
    "vonage_messages",
    "vonage_sms",
];

/// Every body of every recorded document, and every query of the calls: to be changed and read by every adapter.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for provider in PROVIDERS {
        let document: Value = vectors(&format!("payloads/{provider}.json"));
        collect_bodies(&document, &mut found);
    }
    found
}

fn collect_bodies(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::Object(members) => {
            let body = members.get("body").and_then(Value::as_str);
            let url = members.get("url").and_then(Value::as_str);
            let query = url.and_then(|url| Some(url.split_once('?')?.1));
            let texts = [body, query].into_iter().flatten();
            found.extend(
                texts
                    .filter(|text| !text.is_empty())
                    .map(|text| text.as_bytes().to_vec()),
            );
            members.values().for_each(|it| collect_bodies(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_bodies(it, found)),
        _ => {}
    }
}

#[derive(Deserialize)]
struct Signatures {
    vectors: Vec<Signature>,
}

/// A call that the gateway's own library signed, or that was changed after.
#[derive(Deserialize)]
pub(crate) struct Signature {
    provider: String,
    name: String,
    valid: bool,
    pub secret: Option<String>,
    pub public_key_base64: Option<String>,
    pub algorithm: Option<String>,
    method: String,
    url: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    pub cert_pem: Option<String>,
    now: Option<i64>,
}

impl Signature {
    /// The time to look at it: where none is recorded, the time that it says it was made.
    pub fn at(&self) -> Timestamp {
        let headers = self.headers.iter();
        let stamped = headers
            .filter(|(name, _)| name.to_ascii_lowercase().ends_with("-timestamp"))
            .find_map(|(_, value)| value.parse().ok());
        let seconds = self.now.or(stamped).map(Timestamp::from_second);
        let body = || serde_json::from_str(self.body.as_deref()?).ok();
        let within = || body().and_then(|it: Value| it["Timestamp"].as_str()?.parse().ok());
        let at = seconds.transpose().unwrap();
        at.or_else(within).unwrap_or_else(now)
    }
}

/// The first genuine call of a gateway whose name fits.
pub(crate) fn genuine(provider: &str, fits: impl Fn(&str) -> bool) -> Signature {
    let all: Signatures = own_vectors("signatures.json");
    let mut own = all.vectors.into_iter();
    let found = own.find(|it| it.provider == provider && it.valid && fits(&it.name));
    found.expect("a genuine call")
}

/// What was signed by the gateway's own library is believed, what was changed is not. `open` makes the gateway account that has
/// the secret of a sample; samples for which it makes none are of another adapter.
pub(crate) fn signatures(provider: &str, open: impl Fn(&Signature) -> Option<GatewayAccount>) {
    let all: Signatures = vectors("signatures.json");
    let own = all.vectors.iter().filter(|it| it.provider == provider);
    let mut checked = 0;
    for signature in own {
        let Some(mut account) = open(signature) else {
            continue;
        };
        checked += 1;
        let body = signature.body.as_deref().unwrap_or_default();
        let call = call(&signature.method, &signature.url, &signature.headers, body);
        account.hooks_url = split(&signature.url).0.to_owned();

        let believed: Result<(), Forged> =
            account
                .gateway
                .authenticate(&account, &call, signature.at());

        assert_eq!(
            believed.is_ok(),
            signature.valid,
            "{provider} {}: {believed:?}",
            signature.name
        );
    }
    assert!(
        checked > 0 || vectors_are_given(),
        "no signatures of {provider}"
    );
}

/// The entries of a provider in `status-map.json`, to be compared with an adapter's tables.
pub(crate) fn status_map(provider: &str) -> Value {
    let mut map: Value = vectors("status-map.json");
    map["providers"][provider].take()
}

/// Each code of a list of the status map with its class.
pub(crate) fn classes(list: &Value) -> Vec<(String, Option<ErrorClass>)> {
    let entries = list.as_array().expect("a list of codes").iter();
    let entry = |entry: &Value| {
        let code = ["code", "id", "name"]
            .iter()
            .find_map(|key| wire::text(&entry[*key]));
        let class = serde_json::from_value(entry["class"].clone()).unwrap();
        (code.expect("a code"), class)
    };
    entries.map(entry).collect()
}

/// Each status word of the status map with our word for it.
pub(crate) fn words(map: &Value) -> Vec<(String, Option<ReportWord>)> {
    let entries = map.as_object().expect("a map of words").iter();
    let entry = |(word, ours): (&String, &Value)| {
        (word.clone(), serde_json::from_value(ours.clone()).unwrap())
    };
    entries.map(entry).collect()
}
