//! The message as a phone shows it while it is written, with its length and what makes it dear.

use carillon_core::template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{audience, file::Checked};
use crate::{ask::FieldError, console::Console, form::Form, path::part, signed_in::SignedIn};

#[derive(Debug, Deserialize)]
pub struct Look {
    pub text: String,
    pub encoding: String,
    pub units: u64,
    pub parts: u64,
    pub outside_gsm: Vec<Outside>,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Deserialize)]
pub struct Outside {
    character: char,
}

#[derive(Debug, Deserialize)]
pub struct Warning {
    pub detail: String,
}

impl Look {
    /// Which characters cost the longer encoding, once each.
    pub fn costly(&self) -> String {
        let mut seen = Vec::new();
        for Outside { character } in &self.outside_gsm {
            if !seen.contains(character) {
                seen.push(*character);
            }
        }
        let shown = seen
            .iter()
            .take(8)
            .map(|character| format!("“{character}”"));
        shown.collect::<Vec<_>>().join(" ")
    }

    /// With the values of the first recipient that is known, so that names are seen as names. `None`: a text that can't be shown
    /// yet is one that is being typed.
    pub async fn of(
        console: &Console,
        who: &SignedIn,
        form: &Form,
        checked: Option<&Checked>,
    ) -> Option<Self> {
        let sent_as = json!({
            "class": form.given("class").unwrap_or("marketing"),
            "sender": form.given("sender"),
        });
        let first = first(form, checked);
        let (path, mut body) = match form.given("template") {
            Some(id) => (
                format!("/v1/templates/{}/preview", part(id)),
                json!({"vars": first, "as": sent_as}),
            ),
            None => {
                let text = form.given("text")?;
                let mut body =
                    json!({"text": text, "vars": shown_values(text, first), "as": sent_as});
                if form.has("smart", "yes") {
                    body["encoding"] = "smart".into();
                }
                ("/v1/templates/preview".to_owned(), body)
            }
        };
        let plain = body.clone();
        if form.has("links", "yes") {
            // As long as they will be, with the host that they will have.
            body["links"] = json!({"track": true});
        }
        match console.post(who, &path, &body).await {
            Ok(looked) => Some(looked),
            Err(refused) if body != plain => {
                // The text without them, and what is wrong with them.
                let mut looked: Self = console.post(who, &path, &plain).await.ok()?;
                let errors = refused.errors.into_iter();
                let warnings = errors.map(|FieldError { detail, .. }| Warning { detail });
                looked.warnings.extend(warnings);
                Some(looked)
            }
            Err(_) => None,
        }
    }
}

fn first(form: &Form, checked: Option<&Checked>) -> Map<String, Value> {
    let of_file = checked.and_then(|checked| checked.example.clone());
    match form.get("to") {
        "file" => of_file.unwrap_or_default(),
        "numbers" => {
            let pasted = audience::recipients(form.get("numbers"));
            let first = pasted.first().and_then(|first| first["vars"].as_object());
            first.cloned().unwrap_or_default()
        }
        _ => Map::new(),
    }
}

/// What nobody has a value for yet, and that has no other words for it, is shown by its name.
fn shown_values(text: &str, mut values: Map<String, Value>) -> Map<String, Value> {
    let Ok(template) = template::Template::parse(text) else {
        return values;
    };
    for (name, default) in template.defaults() {
        if default.is_none() && !values.contains_key(name) {
            values.insert(name.to_owned(), json!(format!("({name})")));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_before_anybody_has_values() {
        let first = Map::from_iter([("name".to_owned(), json!("Ada"))]);

        let values = shown_values("Hi {{name}}, {{city}}, {{day|today}}", first);

        assert_eq!(json!(values), json!({"name": "Ada", "city": "(city)"}));
    }
}
