//! How long the account keeps what it could do without.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{Account, account, change, may_write, saved, version};
use crate::{
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field},
};

const HERE: &str = "/settings/retention";
/// As the API calls them; the last may be empty.
const CLASSES: [&str; 4] = ["messages_days", "inbound_days", "files_days", "audit_days"];

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings_retention.html")]
struct RetentionPage {
    shell: Shell,
    version: String,
    form: Form,
    may_write: bool,
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    retention_page(&console, &who, None).await
}

async fn retention_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let (account, version) = account(console, who).await?;
    let form = form.unwrap_or_else(|| filled(&account));
    let status = form.status();
    let shown = page(&RetentionPage {
        shell: who.shell("Retention", super::PATH),
        version,
        form,
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

fn filled(account: &Account) -> Form {
    let kept = account.retention;
    let days = [
        Some(kept.messages_days),
        Some(kept.inbound_days),
        Some(kept.files_days),
        kept.audit_days,
    ];
    let days = days.map(|days| days.map(|days| days.to_string()).unwrap_or_default());
    Form::of(CLASSES.into_iter().zip(days))
}

fn read(form: &mut Form) -> Value {
    let mut days = Map::new();
    for name in CLASSES {
        match form.given(name).map(str::parse::<u16>) {
            Some(Ok(given)) => {
                days.insert(name.to_owned(), given.into());
            }
            None if name == "audit_days" => {
                days.insert(name.to_owned(), Value::Null);
            }
            _ => form.refuse(name.to_owned(), "Give the days as a whole number."),
        }
    }
    json!({"retention": days})
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let body = read(&mut form);
    if form.is_refused() {
        return retention_page(&console, &who, Some(form)).await;
    }
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(HERE)),
        Err(refused) => {
            let fields = CLASSES.map(|name| (format!("/retention/{name}"), name));
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(at, name)| (at.as_str(), *name))
                .collect();
            let form = form.refused_by(&refused, &fields);
            retention_page(&console, &who, Some(form)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_time_of_acts_is_for_good_and_of_others_a_mistake() {
        let mut form = Form::of([
            ("messages_days", "30"),
            ("inbound_days", "x"),
            ("audit_days", ""),
        ]);

        let body = read(&mut form);

        assert_eq!(
            body,
            json!({"retention": {"messages_days": 30, "audit_days": null}})
        );
        for (field, refused) in [
            ("messages_days", false),
            ("inbound_days", true),
            ("files_days", true),
            ("audit_days", false),
        ] {
            assert_eq!(form.error(field).is_some(), refused, "{field}");
        }
    }
}
