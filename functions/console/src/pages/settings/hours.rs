//! When marketing may leave: within the law's hours, or narrower.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{account, change, may_write, saved, version};
use crate::{
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field},
};

const HERE: &str = "/settings/hours";
const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings_hours.html")]
struct HoursPage {
    shell: Shell,
    version: String,
    form: Form,
    may_write: bool,
}

fn whose() -> [Choice; 2] {
    [
        Choice::new("law", "Whenever the law allows it")
            .hint("Each country's own hours, by the recipient's clock. Elsewhere 9 to 20."),
        Choice::new("own", "Only in the hours below")
            .hint("Within the law's hours still: the narrower of both counts."),
    ]
}

impl HoursPage {
    fn of(&self, end: &str, day: &str) -> &str {
        self.form.get(&format!("{end}-{day}"))
    }
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    hours_page(&console, &who, None).await
}

async fn hours_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let (account, version) = account(console, who).await?;
    let form = form.unwrap_or_else(|| filled(account.hours.as_ref()));
    let status = form.status();
    let shown = page(&HoursPage {
        shell: who.shell("Sending hours", super::PATH),
        version,
        form,
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

/// Of no hours of its own: those of an office, to be changed.
fn filled(hours: Option<&BTreeMap<String, String>>) -> Form {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut day = |day: &str, from: &str, to: &str| {
        fields.push((format!("from-{day}"), from.to_owned()));
        // A field of a time ends at 23:59; the day's end is its beginning.
        let to = if to == "24:00" { "00:00" } else { to };
        fields.push((format!("to-{day}"), to.to_owned()));
    };
    for (name, window) in hours.into_iter().flatten() {
        let (from, to) = window.split_once('-').unwrap_or((window, ""));
        day(name, from, to);
    }
    let workdays = DAYS[..5].iter().filter(|_| hours.is_none());
    for (name, _) in workdays {
        day(name, "10:00", "19:00");
    }
    let whose = if hours.is_some() { "own" } else { "law" };
    fields.push(("whose".into(), whose.into()));
    Form::of(fields)
}

fn read(form: &mut Form) -> Value {
    if form.get("whose") != "own" {
        return Value::Null;
    }
    let mut hours: BTreeMap<&str, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (day, name) in DAYS {
        let from = form.given(&format!("from-{day}"));
        let to = form.given(&format!("to-{day}"));
        match (from, to) {
            (None, None) => {}
            (Some(from), Some(to)) => {
                let to = if to == "00:00" { "24:00" } else { to };
                hours.insert(day, format!("{from}-{to}"));
            }
            _ => wrong.push(name),
        }
    }
    if !wrong.is_empty() {
        let days = wrong.join(", ");
        form.refuse(
            "hours",
            format!("{days}: give both times, or leave both empty for a closed day."),
        );
    }
    json!(hours)
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let body = json!({"hours": read(&mut form)});
    if form.is_refused() {
        return hours_page(&console, &who, Some(form)).await;
    }
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(HERE)),
        Err(refused) => {
            let form = form.refused_by(&refused, &[("/hours", "hours")]);
            hours_page(&console, &who, Some(form)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_they_are_shown() {
        let hours = BTreeMap::from([
            ("mon".to_owned(), "09:00-24:00".to_owned()),
            ("sat".to_owned(), "10:30-17:00".to_owned()),
        ]);

        let mut form = filled(Some(&hours));

        assert_eq!(form.get("to-mon"), "00:00");
        assert_eq!(read(&mut form), json!(hours));
        assert_eq!(read(&mut filled(None)), Value::Null);
    }

    #[test]
    fn a_day_has_both_its_ends_or_none() {
        let mut form = Form::of([("whose", "own"), ("from-mon", "09:00")]);
        read(&mut form);
        assert!(
            form.error("hours")
                .is_some_and(|words| words.contains("Monday"))
        );
    }
}
