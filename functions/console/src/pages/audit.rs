//! Who did what, newest first, narrowed to somebody or to a kind of thing.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::Form,
    pages::error::Refused,
    path::part,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html},
};

const PATH: &str = "/audit";
const LIMIT: u16 = 50;

pub fn routes() -> Router<Console> {
    Router::new().route(PATH, get(list))
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    at: Timestamp,
    actor: String,
    action: String,
    target: String,
}

/// Kinds of things, as actions begin, with the page of one of them where there is one.
const THINGS: [(&str, &str, Option<&str>); 24] = [
    ("account", "the account's settings", None),
    ("batch", "an API send", None),
    ("campaign", "a campaign", Some("/campaigns/")),
    ("consent", "a consent", None),
    ("contact", "a contact", Some("/contacts/")),
    ("dead_letter", "a dead letter", None),
    ("export", "a file of data", None),
    ("export_schedule", "a scheduled export", None),
    ("gateway", "a gateway", Some("/gateways/")),
    ("import", "an import", None),
    ("key", "an API key", None),
    ("lake", "the daily lake", None),
    ("list", "a list", Some("/lists/")),
    ("member", "a member", None),
    ("number", "a person's data", None),
    ("opt_in", "a question for consent", None),
    ("replies", "the replies", None),
    ("route", "a route", Some("/routes/")),
    ("segment", "a segment", Some("/segments/")),
    ("sender", "a sender", Some("/senders/")),
    ("suppression", "an opt-out", None),
    ("template", "a template", Some("/templates/")),
    ("upload", "a file of recipients", None),
    ("webhook", "a webhook", Some("/webhooks/")),
];

/// What is done to things, as actions end.
const ACTS: [(&str, &str); 28] = [
    ("add", "added"),
    ("cancel", "cancelled"),
    ("change", "changed"),
    ("create", "made"),
    ("delete", "deleted"),
    ("disable", "switched off"),
    ("discard", "discarded"),
    ("download", "downloaded"),
    ("erase", "erased"),
    ("import", "imported"),
    ("invite", "invited"),
    ("merge", "merged"),
    ("pause", "paused"),
    ("record", "made"),
    ("redrive", "sent again"),
    ("remove", "removed"),
    ("replay", "sent events again to"),
    ("report", "gathered"),
    ("report.download", "downloaded"),
    ("resume", "resumed"),
    ("retry", "retried events of"),
    ("retry_failed", "sent again what failed of"),
    ("revoke", "revoked"),
    ("schedule", "scheduled"),
    ("start", "started"),
    ("test", "tested"),
    ("undo", "undid"),
    ("upsert", "added or changed"),
];
/// What is said otherwise.
const SAID: [(&str, &str); 10] = [
    ("account.set_quotas", "set the quotas of the account"),
    ("campaign.skip", "skipped a time of a campaign"),
    ("list.gone", "took everybody off a deleted list"),
    ("list.members", "changed who is on a list"),
    ("member.alert", "switched alerts on"),
    ("member.alert_no_more", "switched alerts off"),
    ("member.join", "signed in for the first time"),
    ("member.sign_out_everywhere", "signed out everywhere"),
    ("suppression.remove", "took back an opt-out"),
    ("webhook.rotate_secret", "made a new secret for a webhook"),
];

impl Entry {
    /// `started a campaign`.
    fn did(&self) -> String {
        if let Some((_, words)) = SAID.iter().find(|(action, _)| *action == self.action) {
            return (*words).to_owned();
        }
        let (thing, act) = self.action.split_once('.').unwrap_or((&self.action, ""));
        let thing = named(thing).map_or(thing, |(_, words, _)| *words);
        match ACTS.iter().find(|(name, _)| *name == act) {
            Some((_, words)) => format!("{words} {thing}"),
            None => format!("{}: {thing}", act.replace('_', " ")),
        }
    }

    /// Where to look at it.
    fn page(&self) -> Option<String> {
        let (thing, act) = self.action.split_once('.')?;
        let (_, _, page) = named(thing)?;
        let page = page.filter(|_| act != "delete")?;
        Some(format!("{page}{}", part(&self.target)))
    }
}

fn named(thing: &str) -> Option<&'static (&'static str, &'static str, Option<&'static str>)> {
    THINGS.iter().find(|(name, _, _)| *name == thing)
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
    actor: Option<String>,
    thing: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<Entry>,
    actors: BTreeMap<String, String>,
    form: Form,
    pager: Html,
}

impl AuditPage {
    fn actor<'a>(&'a self, entry: &'a Entry) -> &'a str {
        let known = self.actors.get(&entry.actor);
        known.map_or(entry.actor.as_str(), String::as_str)
    }

    fn choices(&self) -> Vec<Choice> {
        let actors = self.actors.iter();
        let mut choices: Vec<_> = actors
            .map(|(id, name)| Choice::new(id.clone(), name.clone()))
            .collect();
        choices.sort_by(|a, b| a.label.cmp(&b.label));
        choices.insert(0, Choice::new("", "Everybody"));
        choices
    }
}

fn things() -> Vec<Choice> {
    let all = THINGS
        .iter()
        .map(|(name, words, _)| Choice::new(*name, *words));
    std::iter::once(Choice::new("", "Everything"))
        .chain(all)
        .collect()
}

/// By what people know those who act.
async fn actors(console: &Console, who: &SignedIn) -> Result<BTreeMap<String, String>, Refused> {
    let account = who.account.id;
    let (members, keys) = futures::try_join!(
        console.api.members.list(account),
        console.api.api_keys.list(account),
    )?;
    let members = members.into_iter();
    let members = members.map(|it| (it.id.to_string(), it.email.as_str().to_owned()));
    let keys = keys.into_iter();
    let keys = keys.map(|it| (it.id.to_string(), format!("API key “{}”", it.name)));
    let operator = (
        "operator".to_owned(),
        "whoever runs the deployment".to_owned(),
    );
    Ok(members.chain(keys).chain([operator]).collect())
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let narrowed = [("actor", asked.actor), ("thing", asked.thing)];
    let narrowed = narrowed.map(|(name, value)| (name, value.unwrap_or_default()));
    let mut query = String::new();
    for (name, value) in narrowed.iter().filter(|(_, value)| !value.is_empty()) {
        query = format!("{query}&{name}={}", part(value));
    }
    let cursor = asked.cursor.as_deref();
    let more = cursor.map(|cursor| format!("&cursor={}", part(cursor)));
    let path = format!("/v1/audit?limit={LIMIT}{query}{}", more.unwrap_or_default());
    let (listed, actors): (Listed<Entry>, _) =
        futures::try_join!(console.get(&who, &path), actors(&console, &who))?;
    let here = match query.strip_prefix('&') {
        Some(query) => format!("{PATH}?{query}"),
        None => PATH.to_owned(),
    };
    Ok(page(&AuditPage {
        shell: who.shell("Audit log", PATH),
        pager: ui::pager(&here, listed.next_cursor.as_deref(), cursor.is_none()),
        entries: listed.data,
        actors,
        form: Form::of(narrowed),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_in_words_and_led_to() {
        let entry = |action: &str| Entry {
            at: Timestamp::UNIX_EPOCH,
            actor: "operator".to_owned(),
            action: action.to_owned(),
            target: "gwa_1".to_owned(),
        };
        for (action, words, page) in [
            (
                "gateway.change",
                "changed a gateway",
                Some("/gateways/gwa_1"),
            ),
            ("gateway.delete", "deleted a gateway", None),
            ("key.revoke", "revoked an API key", None),
            ("member.join", "signed in for the first time", None),
            ("number.report.download", "downloaded a person's data", None),
            ("thing.new_act", "new act: thing", None),
        ] {
            assert_eq!(entry(action).did(), words);
            assert_eq!(entry(action).page().as_deref(), page, "{action}");
        }
    }
}
