//! What the form says, as the API wants it, and whose field the API's answer is about.

use serde_json::{Map, Value, json};

use super::{audience, terms};
use crate::form::Form;

/// Pointers of the API, and whose field each is about.
pub const FIELDS: [(&str, &str); 17] = [
    ("/name", "name"),
    ("/content/template", "template"),
    ("/content", "text"),
    ("/sender", "sender"),
    ("/class", "class"),
    ("/audience/recipients", "numbers"),
    ("/audience/upload", "file"),
    ("/audience/default_country", "country"),
    ("/audience/phone_column", "file"),
    ("/audience/exclude", "not_list"),
    ("/audience", "list"),
    ("/lane", "lane"),
    ("/schedule/time_zone", "zone"),
    ("/schedule", "at"),
    ("/policies/valid_for", "valid"),
    ("/policies/spread_over", "spread"),
    ("/policies", "missed"),
];

/// What the form says, as the API wants it. `None`: something in it can't be read, and the form says what.
pub fn body(form: &mut Form) -> Option<Map<String, Value>> {
    let mut body = terms::given(form);
    match audience::given(form) {
        Ok(Some(audience)) => {
            body.insert("audience".to_owned(), audience);
        }
        Ok(None) => {}
        Err((field, words)) => form.refuse(field, words),
    }
    if form.given("text").is_none() && form.given("template").is_none() {
        form.refuse("text", "Write what it says, or choose a template.");
    }
    body.insert("name".to_owned(), form.get("name").into());
    body.insert("content".to_owned(), content(form));
    let class = form.given("class").unwrap_or("marketing");
    body.insert("class".to_owned(), class.into());
    body.insert("sender".to_owned(), form.given("sender").into());
    (!form.is_refused()).then_some(body)
}

fn content(form: &Form) -> Value {
    let mut content = match form.given("template") {
        Some(template) => json!({"template": {"id": template}}),
        None => json!({"text": form.get("text")}),
    };
    // What the API can say and this form doesn't ask for stays as it was.
    let kept = |name| form.given(name).and_then(|value| value.parse::<i64>().ok());
    if let Some(version) = kept("pinned_at")
        && form.given("pinned") == form.given("template")
    {
        content["template"]["version"] = version.into();
    }
    if form.has("links", "yes") {
        content["links"] = json!({"track": true});
        if let Some(seconds) = kept("links_last") {
            content["links"]["valid_for"] = seconds.into();
        }
    }
    if form.has("smart", "yes") {
        content["encoding"] = "smart".into();
    }
    content
}
