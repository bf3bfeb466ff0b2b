//! What is wrong with a configuration, field by field, before anything is sent by it.

use std::collections::BTreeMap;

use http::{HeaderName, StatusCode};
use url::Url;

use super::{
    config::{Auth, Config, Dlr, Inquire, Method, Send, When},
    template::{Filter, Template},
};
use crate::{AllowedHosts, Credentials, FieldProblem, problem::below, settings};

/// The client's own timeout.
const LONGEST_CALL_MS: u64 = 10_000;
const LARGEST_REPLY: usize = 1024;
/// What the client and the connection write themselves.
const RESERVED: [&str; 6] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
];

pub(super) fn problems(
    config: &Config,
    credentials: &Credentials,
    allowed: &AllowedHosts,
) -> Vec<FieldProblem> {
    let mut check = Check {
        credentials,
        allowed,
        problems: settings::Check::new(credentials, allowed).problems,
    };
    check.send(&config.send);
    if let Some(inquiry) = &config.capabilities.inquiry {
        check.inquiry(inquiry);
    }
    if let Some(dlr) = &config.dlr {
        check.dlr(dlr);
    }
    check.problems
}

struct Check<'a> {
    credentials: &'a Credentials,
    allowed: &'a AllowedHosts,
    problems: Vec<FieldProblem>,
}

impl Check<'_> {
    fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push(FieldProblem::new(pointer, message));
    }

    fn send(&mut self, send: &Send) {
        self.url("/config/send/url", &send.url);
        self.headers("/config/send/headers", &send.headers);
        self.body(send);
        if send
            .timeout_ms
            .is_some_and(|timeout| !(1..=LONGEST_CALL_MS).contains(&timeout))
        {
            self.problem(
                "/config/send/timeout_ms",
                "The timeout must be between 1 and 10000 milliseconds.",
            );
        }
        let success = |status: &u16| (200..300).contains(status);
        if !send.success.status.iter().all(success) {
            self.problem(
                "/config/send/success/status",
                "Only statuses from 200 to 299 can mean that a message was accepted.",
            );
        }
        for (index, rule) in send.errors.iter().enumerate() {
            self.when(&format!("/config/send/errors/{index}/when"), &rule.when);
        }
    }

    fn inquiry(&mut self, inquiry: &Inquire) {
        let pointer = "/config/capabilities/inquiry";
        self.url(&format!("{pointer}/url"), &inquiry.url);
        self.headers(&format!("{pointer}/headers"), &inquiry.headers);
        self.when(&format!("{pointer}/found"), &inquiry.found);
        self.when(&format!("{pointer}/not_found"), &inquiry.not_found);
    }

    fn when(&mut self, pointer: &str, when: &When) {
        if when.is_empty() {
            self.problem(
                pointer,
                "Say when: at least one of `status`, `status_range`, `json`, `body_contains`.",
            );
        }
    }

    fn dlr(&mut self, dlr: &Dlr) {
        let pointer = "/config/dlr/auth/secret_ref";
        match &dlr.auth {
            Auth::None => {}
            Auth::Basic { secret_ref } => self.secret(pointer, secret_ref),
            Auth::Header { header, secret_ref } => {
                self.header_name("/config/dlr/auth/header", header);
                self.secret(pointer, secret_ref);
            }
            Auth::HmacSha256Hex(hmac) | Auth::HmacSha256Base64(hmac) => {
                self.header_name("/config/dlr/auth/header", &hmac.header);
                if let Some(header) = &hmac.timestamp_header {
                    self.header_name("/config/dlr/auth/timestamp_header", header);
                }
                self.secret(pointer, &hmac.secret_ref);
            }
        }
        let status = StatusCode::from_u16(dlr.respond.status);
        if !status.is_ok_and(|status| status.is_success()) {
            self.problem(
                "/config/dlr/respond/status",
                "The gateway must hear a status from 200 to 299, or it will repeat its reports.",
            );
        }
        if dlr.respond.body.len() > LARGEST_REPLY {
            self.problem("/config/dlr/respond/body", "The reply is over 1024 bytes.");
        }
    }

    fn secret(&mut self, pointer: &str, name: &str) {
        if self.credentials.get(name).is_none() {
            self.problem(
                pointer,
                format!("There is no secret `{name}`. Put it into `credentials`."),
            );
        }
    }

    fn header_name(&mut self, pointer: &str, name: &str) {
        if HeaderName::try_from(name).is_err() {
            self.problem(pointer, format!("`{name}` can't be the name of a header."));
        }
    }

    fn headers(&mut self, pointer: &str, headers: &BTreeMap<String, Template>) {
        for (name, template) in headers {
            let pointer = below(pointer, name);
            self.header_name(&pointer, name);
            if RESERVED
                .iter()
                .any(|reserved| reserved.eq_ignore_ascii_case(name))
            {
                self.problem(
                    &pointer,
                    format!("`{name}` can't be set here: it is written for you."),
                );
            }
            let bare = template
                .variables()
                .any(|(variable, filter)| filter.is_none() && !variable.is_plain());
            if bare {
                self.problem(
                    &pointer,
                    "A text or a sender in a header must be escaped: add `|url` or `|base64`.",
                );
            }
            self.secrets_of(&pointer, template);
        }
    }

    fn body(&mut self, send: &Send) {
        let pointer = "/config/send/body";
        let Some(body) = &send.body else { return };
        if send.method == Method::Get {
            self.problem(pointer, "A `GET` has no body. Put the fields into the URL.");
        }
        self.secrets_of(pointer, body);
        let kind = send.content_type.as_deref().unwrap_or_default();
        let (filter, name) = match kind.split(';').next().unwrap_or_default().trim() {
            "" => {
                let message = "Say what the body is: `application/json` or `application/x-www-form-urlencoded`.";
                return self.problem("/config/send/content_type", message);
            }
            "application/x-www-form-urlencoded" => (Filter::Url, "url"),
            json if json.ends_with("json") => (Filter::Json, "json"),
            xml if xml.ends_with("xml") => (Filter::Xml, "xml"),
            _ => return,
        };
        if body.variables().any(|(_, given)| given != Some(filter)) {
            let message =
                format!("In `{kind}` every variable must be escaped: write `{{{{text|{name}}}}}`.");
            return self.problem(pointer, message);
        }
        if filter == Filter::Json {
            self.json(pointer, body);
        }
    }

    fn json(&mut self, pointer: &str, body: &Template) {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&body.example_json()) {
            let message =
                format!("Filled in, this is no JSON ({error}). `|json` writes the quotes itself.");
            self.problem(pointer, message);
        }
    }

    fn secrets_of(&mut self, pointer: &str, template: &Template) {
        for name in template.secrets() {
            self.secret(pointer, name);
        }
    }

    fn url(&mut self, pointer: &str, template: &Template) {
        self.secrets_of(pointer, template);
        if template
            .variables()
            .any(|(_, filter)| filter != Some(Filter::Url))
        {
            self.problem(
                pointer,
                "In a URL every variable must be escaped: write `{{to|url}}`.",
            );
        }
        // Where it goes must not depend on a value.
        let beginning = template.beginning();
        let address = beginning
            .split_once("://")
            .map_or("", |(_, address)| address);
        let Ok(url) = Url::parse(beginning) else {
            return self.problem(
                pointer,
                "This is no URL. It must begin like `https://sms.example.net/`.",
            );
        };
        if !address.contains(['/', '?']) && template.variables().next().is_some() {
            return self.problem(
                pointer,
                "A variable may not stand in the host. Put a `/` before it.",
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(pointer, "A user in a URL shows in logs. Put it into a header: `Basic {{secret.login|base64}}`.");
        }
        if url.fragment().is_some() {
            self.problem(
                pointer,
                "A `#` and what follows is never sent. Leave it out.",
            );
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && self.allowed.contains(&url)) {
            self.problem(pointer, "The URL must begin with `https://`.");
        }
    }
}
