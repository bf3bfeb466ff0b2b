//! Templates of requests: `{{variable|filter}}` in the midst of text. A value is escaped by its filter for the place it stands in,
//! and what was put in is never looked at again.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::{Credentials, Outgoing};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Variable, Option<Filter>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    To,
    ToNoPlus,
    From,
    FromNoPlus,
    Text,
    /// Our id at the gateway.
    Id,
    /// The same with its tag, for gateways that echo a reference of ours and take no URL.
    M,
    DlrUrl,
    Parts,
    ExpiresAt,
    ValidSeconds,
    DltEntity,
    DltTemplate,
    Secret(String),
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Filter {
    /// A JSON value, with its quotes.
    Json,
    /// A part of a URL or of a form.
    Url,
    /// Text of an XML element or attribute.
    Xml,
    /// What `Authorization: Basic` wants.
    Base64,
}

/// What a template's variables stand for.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub message: &'a Outgoing,
    pub credentials: &'a Credentials,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTemplate {
    #[error("a `{{{{` without its `}}}}`")]
    Open,
    #[error(
        "`{0}` is not a variable: expected one of to, to_no_plus, from, from_no_plus, text, id, m, dlr_url, parts, expires_at, valid_seconds, dlt_entity, dlt_template, secret.NAME"
    )]
    Variable(String),
    #[error("`{0}` is not a filter: expected one of json, url, xml, base64")]
    Filter(String),
}

impl TryFrom<String> for Template {
    type Error = BadTemplate;

    fn try_from(source: String) -> Result<Self, BadTemplate> {
        let mut pieces = Vec::new();
        let mut rest = source.as_str();
        while let Some((text, after)) = rest.split_once("{{") {
            let (inside, following) = after.split_once("}}").ok_or(BadTemplate::Open)?;
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(value(inside)?);
            rest = following;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }
}

fn value(inside: &str) -> Result<Piece, BadTemplate> {
    let (name, filter) = match inside.split_once('|') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inside.trim(), None),
    };
    let variable = match name {
        "to" => Variable::To,
        "to_no_plus" => Variable::ToNoPlus,
        "from" => Variable::From,
        "from_no_plus" => Variable::FromNoPlus,
        "text" => Variable::Text,
        "id" => Variable::Id,
        "m" => Variable::M,
        "dlr_url" => Variable::DlrUrl,
        "parts" => Variable::Parts,
        "expires_at" => Variable::ExpiresAt,
        "valid_seconds" => Variable::ValidSeconds,
        "dlt_entity" => Variable::DltEntity,
        "dlt_template" => Variable::DltTemplate,
        _ => match name
            .strip_prefix("secret.")
            .filter(|secret| !secret.is_empty())
        {
            Some(secret) => Variable::Secret(secret.to_owned()),
            None => return Err(BadTemplate::Variable(name.to_owned())),
        },
    };
    let filter = match filter {
        None => None,
        Some("json") => Some(Filter::Json),
        Some("url") => Some(Filter::Url),
        Some("xml") => Some(Filter::Xml),
        Some("base64") => Some(Filter::Base64),
        Some(other) => return Err(BadTemplate::Filter(other.to_owned())),
    };
    Ok(Piece::Value(variable, filter))
}

impl Template {
    pub fn render(&self, values: Values<'_>) -> String {
        let mut rendered = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Value(variable, filter) => put(&mut rendered, variable, *filter, values),
            }
        }
        rendered
    }

    /// Filled with stand-ins, to see whether it is JSON.
    pub fn example_json(&self) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Value(variable, _) if variable.is_number() => "1",
            Piece::Value(..) => r#""x""#,
        });
        pieces.collect()
    }

    /// The text before the first variable.
    pub fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    pub fn variables(&self) -> impl Iterator<Item = (&Variable, Option<Filter>)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(variable, filter) => Some((variable, *filter)),
            Piece::Text(_) => None,
        })
    }

    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.variables().filter_map(|(variable, _)| match variable {
            Variable::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

fn put(rendered: &mut String, variable: &Variable, filter: Option<Filter>, values: Values<'_>) {
    let text = text_of(variable, values);
    match filter {
        None => rendered.push_str(&text),
        Some(Filter::Json) if variable.is_number() => rendered.push_str(&text),
        Some(Filter::Json) => rendered.push_str(&Value::from(text).to_string()),
        // The escaping of forms, but with %20 for a space, which is right in a path too.
        Some(Filter::Url) => form_urlencoded::byte_serialize(text.as_bytes())
            .for_each(|part| rendered.push_str(if part == "+" { "%20" } else { part })),
        Some(Filter::Xml) => text.chars().for_each(|character| xml(rendered, character)),
        Some(Filter::Base64) => BASE64_STANDARD.encode_string(text, rendered),
    }
}

impl Variable {
    /// Numbers are JSON without quotes.
    fn is_number(&self) -> bool {
        matches!(self, Self::Parts | Self::ValidSeconds)
    }

    /// Whether its values are made of letters, digits, and signs that mean nothing in a header.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Self::From | Self::FromNoPlus | Self::Text)
    }
}

fn text_of(variable: &Variable, values: Values<'_>) -> String {
    let Values {
        message,
        credentials,
        now,
    } = values;
    let dlt = message.dlt.clone().unwrap_or_default();
    let from = message.sender.as_deref().unwrap_or_default();
    match variable {
        Variable::To => message.to.e164(),
        Variable::ToNoPlus => message.to.digits().to_string(),
        Variable::From => from.to_owned(),
        Variable::FromNoPlus => from.strip_prefix('+').unwrap_or(from).to_owned(),
        Variable::Text => message.text.clone(),
        Variable::Id => message.reference(),
        Variable::M => message.claim.to_string(),
        Variable::DlrUrl => message.callback.clone(),
        Variable::Parts => message.parts.to_string(),
        Variable::ExpiresAt => message.expires_at.to_string(),
        Variable::ValidSeconds => {
            let left = message.expires_at.duration_since(now).as_secs();
            left.max(1).to_string()
        }
        Variable::DltEntity => dlt.entity,
        Variable::DltTemplate => dlt.template.unwrap_or_default(),
        Variable::Secret(name) => credentials.get(name).unwrap_or_default().to_owned(),
    }
}

/// Characters that XML 1.0 has no way to write are left out.
fn xml(rendered: &mut String, character: char) {
    match character {
        '<' => rendered.push_str("&lt;"),
        '>' => rendered.push_str("&gt;"),
        '&' => rendered.push_str("&amp;"),
        '"' => rendered.push_str("&quot;"),
        '\'' => rendered.push_str("&apos;"),
        '\n' | '\r' | '\t' => {
            write!(rendered, "&#{};", u32::from(character))
                .expect("writing to a string never fails");
        }
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {}
        _ => rendered.push(character),
    }
}
