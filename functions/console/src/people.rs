//! Contacts and what belongs to them, as the API tells of them: what several pages need.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    console::Console,
    pages::error::Refused,
    signed_in::SignedIn,
    ui::{self, Choice, Html},
    words::{self, Word},
};

#[derive(Debug, Clone, Deserialize)]
pub struct Contact {
    pub id: String,
    pub number: String,
    pub country: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub attributes: Map<String, Value>,
    pub tags: Vec<String>,
    pub lists: Vec<String>,
    pub created: Timestamp,
    pub changed: Timestamp,
}

impl Contact {
    pub fn name(&self) -> Option<String> {
        let text = |name: &str| self.attributes.get(name).and_then(Value::as_str);
        name_of(text)
    }

    pub fn title(&self) -> String {
        self.name().unwrap_or_else(|| self.number.clone())
    }

    /// What is known, as a text says it.
    pub fn known(&self) -> Vec<(&str, String)> {
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        };
        let attributes = self.attributes.iter();
        attributes
            .map(|(name, value)| (name.as_str(), shown(value)))
            .collect()
    }
}

/// What somebody is called, by the attributes that files usually have for it.
pub fn name_of<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let some = |name: &str| text(name).map(str::trim).filter(|text| !text.is_empty());
    if let Some(whole) = some("name").or_else(|| some("full_name")) {
        return Some(whole.to_owned());
    }
    let parts: Vec<&str> = ["first_name", "last_name"]
        .into_iter()
        .filter_map(some)
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A list of contacts, or a segment: what has a name.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
    pub created: Timestamp,
}

#[derive(Debug, Deserialize)]
struct All {
    data: Vec<Named>,
}

pub async fn lists(console: &Console, who: &SignedIn) -> Result<Vec<Named>, Refused> {
    let All { data } = console.get(who, "/v1/lists").await?;
    Ok(data)
}

pub async fn segments(console: &Console, who: &SignedIn) -> Result<Vec<Named>, Refused> {
    let All { data } = console.get(who, "/v1/segments").await?;
    Ok(data)
}

pub fn choices(named: &[Named]) -> Vec<Choice> {
    let choice = |it: &Named| Choice::new(&it.id, &it.name);
    named.iter().map(choice).collect()
}

/// Names by id.
pub fn names(named: Vec<Named>) -> BTreeMap<String, String> {
    named.into_iter().map(|it| (it.id, it.name)).collect()
}

/// Beside a number that must not be texted.
pub fn opted_out() -> Html {
    ui::badge(&words::OPTED_OUT)
}

/// That a number must not be texted, and why.
#[derive(Debug, Clone, Deserialize)]
pub struct OptOut {
    /// Absent when it was erased.
    pub number: Option<String>,
    pub since: Timestamp,
    pub said: Timestamp,
    pub cause: String,
    pub reason: Option<String>,
}

impl OptOut {
    pub fn badge(&self) -> Html {
        ui::badge(&self.cause())
    }

    pub fn cause(&self) -> Word {
        words::opt_out(&self.cause)
    }

    /// `None`: the number may be texted.
    pub async fn of(
        console: &Console,
        who: &SignedIn,
        number: &str,
    ) -> Result<Option<Self>, Refused> {
        let body = json!({"number": number});
        match console.post(who, "/v1/suppressions/search", &body).await {
            Ok(found) => Ok(Some(found)),
            Err(refused) if refused.status == StatusCode::NOT_FOUND => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_called_what_files_call_them() {
        for (name, attributes, expected) in [
            ("nothing", vec![], None),
            (
                "whole",
                vec![("name", "Ada Lovelace")],
                Some("Ada Lovelace"),
            ),
            (
                "in parts",
                vec![("first_name", "Ada"), ("last_name", "Lovelace")],
                Some("Ada Lovelace"),
            ),
            (
                "half",
                vec![("first_name", " "), ("last_name", "Lovelace")],
                Some("Lovelace"),
            ),
            ("something else", vec![("city", "London")], None),
        ] {
            let text = |wanted: &str| {
                let found = attributes.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| *value)
            };

            assert_eq!(name_of(text).as_deref(), expected, "{name}");
        }
    }
}
