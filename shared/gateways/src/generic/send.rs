//! Requests from templates, and outcomes from answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use carillon_core::outcome::{Inquiry, Outcome};
use http::{HeaderName, HeaderValue, Request, Uri, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    config::{ErrorRule, Inquire, Method, Send, Success, When},
    path::{JsonPath, scalar},
    source::Fields,
    template::{Template, Values},
};
use crate::{
    Answer, CallTimeout, GatewayAccount, Outgoing, fallback,
    wire::{NOWHERE, json},
};

pub(super) fn request(
    send: &Send,
    account: &GatewayAccount,
    messages: &[Outgoing],
    now: Timestamp,
) -> Request<Bytes> {
    let Some(message) = messages.first() else {
        return address(Method::Get, Uri::from_static(NOWHERE));
    };
    let credentials = &account.credentials;
    let values = Values {
        message,
        credentials,
        now,
    };
    let mut request = filled(send.method, &send.url, &send.headers, values);
    if let Some(kind) = send
        .content_type
        .as_ref()
        .and_then(|kind| HeaderValue::from_str(kind).ok())
    {
        request.headers_mut().insert(CONTENT_TYPE, kind);
    }
    if let Some(body) = &send.body {
        *request.body_mut() = body.render(values).into();
    }
    if let Some(milliseconds) = send.timeout_ms {
        let timeout = CallTimeout(Duration::from_millis(milliseconds));
        request.extensions_mut().insert(timeout);
    }
    request
}

pub(super) fn inquire(
    inquiry: &Inquire,
    account: &GatewayAccount,
    message: &Outgoing,
    now: Timestamp,
) -> Request<Bytes> {
    let credentials = &account.credentials;
    let values = Values {
        message,
        credentials,
        now,
    };
    filled(inquiry.method, &inquiry.url, &inquiry.headers, values)
}

/// Without a body. Headers whose values can't be sent are left out: the gateway will say what it misses.
fn filled(
    method: Method,
    url: &Template,
    headers: &BTreeMap<String, Template>,
    values: Values<'_>,
) -> Request<Bytes> {
    let url = url.render(values).parse();
    let mut request = address(method, url.unwrap_or(Uri::from_static(NOWHERE)));
    for (name, template) in headers {
        let name = HeaderName::try_from(name);
        let value = HeaderValue::from_str(&template.render(values));
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(template.secrets().next().is_some());
            request.headers_mut().insert(name, value);
        }
    }
    request
}

fn address(method: Method, url: Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url;
    *request.method_mut() = match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
    };
    request
}

pub(super) fn outcome(send: &Send, answer: &Answer) -> Outcome {
    let body = json(&answer.body);
    let fits = |rule: &&ErrorRule| rule.when.holds(answer, body.as_ref());
    if let Some(accepted) = send.success.read(answer, body.as_ref()) {
        return accepted;
    }
    let Some(rule) = send.errors.iter().find(fits) else {
        return fallback::by_status(answer);
    };
    let fields = Fields {
        query: &[],
        form: &[],
        headers: &answer.headers,
        json: body.as_ref(),
    };
    let asked = rule
        .retry_after
        .as_ref()
        .and_then(|sources| sources.read(fields));
    let after = match asked {
        Some(text) => fallback::wait(&text, answer),
        None => fallback::retry_after(answer),
    };
    rule.class.outcome(answer.status, after)
}

pub(super) fn inquired(inquiry: &Inquire, answer: &Answer) -> Inquiry {
    let body = json(&answer.body);
    if inquiry.found.holds(answer, body.as_ref()) {
        let path = inquiry.message_id.as_ref().zip(body.as_ref());
        let provider_id = path.and_then(|(path, body)| path.text(body));
        Inquiry::Known { provider_id }
    } else if inquiry.not_found.holds(answer, body.as_ref()) {
        Inquiry::NotFound
    } else {
        Inquiry::Unclear
    }
}

impl Success {
    /// `Accepted`, where the answer proves it.
    fn read(&self, answer: &Answer, body: Option<&Value>) -> Option<Outcome> {
        let status = if self.status.is_empty() {
            answer.status.is_success()
        } else {
            self.status.contains(&answer.status.as_u16())
        };
        let text = contains(answer, self.body_contains.as_deref());
        let provider_id = self
            .message_id
            .as_ref()
            .zip(body)
            .and_then(|(path, body)| path.text(body));
        // A body that should hold an id, holds none, and proves nothing else either, is not the answer we know.
        let id_missing = self.message_id.is_some()
            && provider_id.is_none()
            && self.body_jsonpath_equals.is_empty()
            && self.body_contains.is_none();
        let proved = status && text && !id_missing && equals(&self.body_jsonpath_equals, body);
        proved.then_some(Outcome::Accepted { provider_id })
    }
}

impl When {
    pub(super) fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.status_range.is_none()
            && self.json.is_empty()
            && self.body_contains.is_none()
    }

    fn holds(&self, answer: &Answer, body: Option<&Value>) -> bool {
        let status = answer.status.as_u16();
        !self.is_empty()
            && self.status.is_none_or(|wanted| wanted == status)
            && self
                .status_range
                .is_none_or(|[first, last]| (first..=last).contains(&status))
            && contains(answer, self.body_contains.as_deref())
            && equals(&self.json, body)
    }
}

fn contains(answer: &Answer, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| String::from_utf8_lossy(&answer.body).contains(wanted))
}

fn equals(wanted: &BTreeMap<JsonPath, Value>, body: Option<&Value>) -> bool {
    wanted.iter().all(|(path, wanted)| {
        let found = body.and_then(|body| path.text(body));
        found.is_some() && found == scalar(wanted)
    })
}
