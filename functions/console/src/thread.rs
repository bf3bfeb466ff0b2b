//! What was sent to a number and what came from it, in the order of time; and the answer to it.

use std::collections::BTreeSet;

use carillon_core::{api_key::Scope, originator::Originator};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::Done,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    people::OptOut,
    signed_in::SignedIn,
    ui::{self, Choice, Html},
    words,
};

/// Campaigns that are looked through.
const CAMPAIGNS: u8 = 25;
/// As long as messages from handsets are kept.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24 * 400);
/// What the API finds in each direction at most.
const FOUND: usize = 100;

#[derive(Debug, Deserialize)]
struct Sent {
    text: Option<String>,
    at: Timestamp,
    status: String,
    reason: Option<Why>,
    campaign: Option<String>,
    test: bool,
}

#[derive(Debug, Deserialize)]
struct Why {
    words: String,
}

#[derive(Debug, Deserialize)]
struct Received {
    at: Timestamp,
    to: String,
    text: String,
    meaning: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found<T> {
    data: Vec<T>,
}

pub struct Bubble {
    pub at: Timestamp,
    pub is_ours: bool,
    /// `None`: it was erased.
    pub text: Option<String>,
    pub badge: Html,
    /// Why it is where it is, of ours; what follows from it, of theirs.
    pub note: String,
    /// That sent it.
    pub campaign: Option<String>,
    pub is_test: bool,
}

/// All that is shown, oldest first.
pub struct Thread {
    pub bubbles: Vec<Bubble>,
    /// What they wrote to, the latest first, as far as it can be written from.
    written_to: Vec<String>,
    pub has_more: bool,
}

impl Thread {
    pub async fn of(console: &Console, who: &SignedIn, number: &str) -> Result<Self, Refused> {
        let since = Timestamp::now() - LOOKS_BACK;
        let to = json!({"to": number, "since": since, "campaigns": CAMPAIGNS});
        let from = json!({"from": number});
        let (sent, received): (Found<Sent>, Found<Received>) = futures::try_join!(
            console.post(who, "/v1/messages/search", &to),
            console.post(who, "/v1/inbound/search", &from),
        )?;
        let (sent, received) = (sent.data, received.data);
        let has_more = sent.len() >= FOUND || received.len() >= FOUND;
        let mut seen = BTreeSet::new();
        let written_to = received.iter().filter_map(|it| sender_of(&it.to));
        let written_to = written_to.filter(|to| seen.insert(to.clone())).collect();
        let sent = sent.into_iter().map(Bubble::of_sent);
        let mut bubbles: Vec<_> = sent
            .chain(received.into_iter().map(Bubble::of_received))
            .collect();
        bubbles.sort_by_key(|bubble| bubble.at);
        Ok(Self {
            bubbles,
            written_to,
            has_more,
        })
    }

    /// The latest that they wrote to is what they expect an answer from.
    pub fn prefilled(&self, form: Form) -> Form {
        let latest = self.written_to.first().map(String::as_str);
        form.or("sender", latest.unwrap_or_default())
    }

    pub fn senders(&self) -> Vec<Choice> {
        let written_to = self.written_to.iter().map(|to| Choice::new(to, to));
        let usual = Choice::new("", "Whatever the gateway sends from");
        written_to.chain([usual]).collect()
    }
}

/// What a handset wrote to, as a sender: gateways often leave out the `+` of a number.
pub fn sender_of(to: &str) -> Option<String> {
    let candidates = [to.to_owned(), format!("+{to}")];
    let mut candidates = candidates.into_iter();
    candidates.find(|candidate| candidate.parse::<Originator>().is_ok())
}

impl Bubble {
    fn of_sent(sent: Sent) -> Self {
        let word = words::message(&sent.status);
        let reason = sent.reason.map(|why| form::sentence(&why.words));
        Self {
            at: sent.at,
            is_ours: true,
            text: sent.text,
            badge: ui::badge(&word),
            note: reason.unwrap_or_default(),
            campaign: sent.campaign,
            is_test: sent.test,
        }
    }

    fn of_received(received: Received) -> Self {
        let word = words::meaning(received.meaning.as_deref());
        Self {
            at: received.at,
            is_ours: false,
            text: Some(received.text),
            badge: if received.meaning.is_some() {
                ui::badge(&word)
            } else {
                Html::default()
            },
            note: format!("to {}", received.to),
            campaign: None,
            is_test: false,
        }
    }
}

/// Sends what was typed, unless the number has opted out. What is wrong stands in the form.
pub async fn answer(
    console: &Console,
    who: &SignedIn,
    number: &str,
    form: Form,
) -> Result<Result<(), Form>, Refused> {
    if OptOut::of(console, who, number).await?.is_some() {
        let mut form = form;
        form.problem = Some(
            "This number has opted out, so nothing may be sent to it. It was not sent. When its owner writes START, you can answer again."
                .to_owned(),
        );
        return Ok(Err(form));
    }
    let body = json!({
        "to": number,
        "text": form.get("text").trim(),
        "sender": form.given("sender"),
        // Said once, and not before the codes that others wait for.
        "lane": "normal",
        "policy": "at_most_once",
    });
    let ask = console.ask(who, Method::POST, "/v1/messages").json(&body);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Done>().await {
        Ok(_) => Ok(Ok(())),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [("/text", "text"), ("/sender", "sender")];
            Ok(Err(form.refused_by(&refused, &fields)))
        }
        Err(refused) => Err(refused),
    }
}

pub fn may_answer(who: &SignedIn) -> bool {
    who.may(Scope::MessagesSend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_from_what_was_written_to() {
        for (name, to, expected) in [
            ("a short code", "12345", Some("12345")),
            ("a number", "+447700900123", Some("+447700900123")),
            (
                "a number without its plus",
                "447700900123",
                Some("+447700900123"),
            ),
            ("nothing that can send", "sip:desk@example.com", None),
        ] {
            assert_eq!(sender_of(to).as_deref(), expected, "{name}");
        }
    }
}
