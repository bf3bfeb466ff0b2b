//! Rows of what is kept one by one: campaigns, messages of handsets, opt-outs, contacts.

use jiff::Timestamp;

use super::{
    Export, Numbers,
    table::{Cell, Column, Kind, Row, column},
};
use crate::{
    campaign::{Campaign, Words},
    contact::Contact,
    inbound::QueuedInbound,
    phone::Phone,
    suppression::{Cause, Suppression},
};

pub const CAMPAIGNS: &[Column] = &[
    column("campaign_id", Kind::Text),
    column("batch_id", Kind::Text),
    column("name", Kind::Text),
    column("class", Kind::Text),
    column("lane", Kind::Text),
    column("sender", Kind::Text),
    column("text", Kind::Text),
    column("template_id", Kind::Text),
    column("template_version", Kind::Integer),
    column("created_at", Kind::Time),
    column("changed_at", Kind::Time),
    column("test", Kind::Flag),
];

pub const INBOUND: &[Column] = &[
    column("inbound_id", Kind::Text),
    column("from", Kind::Text),
    column("to", Kind::Text),
    column("text", Kind::Text),
    // What we took it for: an opt-out, a call for help; empty for any other text.
    column("meaning", Kind::Text),
    column("gateway_id", Kind::Text),
    column("received_at", Kind::Time),
];

pub const OPT_OUTS: &[Column] = &[
    column("number", Kind::Text),
    // Keyed: what stands where the number may not be kept.
    column("number_hash", Kind::Text),
    column("cause", Kind::Text),
    column("reason", Kind::Text),
    column("inbound_id", Kind::Text),
    column("said_at", Kind::Time),
    column("since", Kind::Time),
];

pub const CONTACTS: &[Column] = &[
    column("contact_id", Kind::Text),
    column("number", Kind::Text),
    column("country", Kind::Text),
    column("language", Kind::Text),
    column("time_zone", Kind::Text),
    // An object in JSON: accounts have attributes of their own.
    column("attributes", Kind::Text),
    // With `;` between them, as lists.
    column("tags", Kind::Text),
    column("lists", Kind::Text),
    column("created_at", Kind::Time),
    column("changed_at", Kind::Time),
];

impl Export {
    /// As the export shows numbers; nothing where one was erased.
    pub fn number(&self, number: Phone) -> String {
        if number == Phone::NOBODY {
            return String::new();
        }
        match self.numbers {
            Numbers::Full => number.e164(),
            Numbers::Masked => number.to_string(),
        }
    }

    fn is_of(&self, time: Timestamp) -> bool {
        self.filter.from.is_none_or(|from| time >= from)
            && self.filter.until.is_none_or(|until| time < until)
    }

    /// `None` where the export isn't of it, as in the next ones.
    pub fn campaign(&self, campaign: &Campaign) -> Option<Row> {
        let wanted = self.includes(campaign.created, campaign.test);
        let (text, template, version) = match &campaign.content.words {
            Words::Text { text } => (Cell::text(text.clone()), Cell::Empty, Cell::Empty),
            Words::Template { template, version } => {
                let version = Cell::maybe(*version, |version| Cell::Integer(version.into()));
                (Cell::Empty, Cell::text(template.to_string()), version)
            }
        };
        let sender = campaign.sender.as_ref();
        wanted.then(|| {
            vec![
                Cell::text(campaign.id.to_string()),
                Cell::maybe(campaign.plan.batch(), |batch| Cell::text(batch.to_string())),
                Cell::text(campaign.name.clone()),
                word(&campaign.class),
                Cell::text(campaign.lane.as_str()),
                Cell::maybe(sender, |sender| Cell::text(sender.to_string())),
                text,
                template,
                version,
                Cell::Time(campaign.created),
                Cell::Time(campaign.changed),
                Cell::Flag(campaign.test),
            ]
        })
    }

    /// `meaning`: in a word.
    pub fn inbound(&self, message: &QueuedInbound, meaning: Cell) -> Option<Row> {
        // What the simulated gateway brings has no gateway account.
        let wanted = self.includes(message.at, message.gateway.is_none());
        wanted.then(|| {
            vec![
                Cell::text(message.id().to_string()),
                Cell::text(self.number(message.from)),
                Cell::text(message.to.clone()),
                Cell::text(message.text.clone()),
                meaning,
                Cell::maybe(message.gateway, |gateway| Cell::text(gateway.to_string())),
                Cell::Time(message.at),
            ]
        })
    }

    pub fn opt_out(&self, number_hash: &str, suppression: &Suppression) -> Option<Row> {
        let Suppression {
            consent: _,
            said,
            since,
            cause,
            number,
            inbound,
            reason,
        } = suppression;
        let cause = match cause {
            Cause::Reply => "reply",
            Cause::Link => "link",
            Cause::Request => "request",
            Cause::Import => "import",
            Cause::Erasure => "erasure",
        };
        self.is_of(*since).then(|| {
            vec![
                Cell::maybe(*number, |number| Cell::text(self.number(number))),
                Cell::text(number_hash.to_owned()),
                Cell::text(cause),
                Cell::maybe(reason.clone(), Cell::text),
                Cell::maybe(*inbound, |inbound| Cell::text(inbound.to_string())),
                Cell::Time(*said),
                Cell::Time(*since),
            ]
        })
    }

    pub fn contact(&self, contact: &Contact) -> Option<Row> {
        let list = |words: Vec<String>| Cell::text(words.join(";"));
        let attributes = serde_json::to_string(&contact.attributes);
        let attributes = attributes.expect("attributes are representable in JSON");
        let language = contact.language.as_ref();
        let zone = contact.time_zone.as_ref();
        self.is_of(contact.created).then(|| {
            vec![
                Cell::text(contact.id.to_string()),
                Cell::text(self.number(contact.number)),
                Cell::maybe(contact.country, |country| {
                    Cell::text(country.as_str().to_owned())
                }),
                Cell::maybe(language, |language| Cell::text(language.to_string())),
                Cell::maybe(zone, |zone| Cell::text(zone.to_string())),
                Cell::text(attributes),
                list(contact.tags.iter().map(ToString::to_string).collect()),
                list(contact.lists.iter().map(ToString::to_string).collect()),
                Cell::Time(contact.created),
                Cell::Time(contact.changed),
            ]
        })
    }
}

/// A word that JSON has for it.
pub fn word<T: serde::Serialize>(value: &T) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Cell::text(word),
        _ => Cell::Empty,
    }
}
