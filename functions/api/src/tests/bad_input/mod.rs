//! Bad input of every kind: a problem that names the field or the row, before anything is done.

mod campaigns;
mod files;
mod gateways;
mod messages;
mod requests;

use serde_json::Value;

/// Code, and pointer and code of the first error.
fn told(body: &Value) -> (&str, &str, &str) {
    let error = &body["errors"][0];
    let text = |value: &'static str| error[value].as_str().unwrap_or_default();
    (
        body["code"].as_str().unwrap_or_default(),
        text("pointer"),
        text("code"),
    )
}
