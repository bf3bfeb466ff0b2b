//! A click as a row: who opened which link of which message, when, and with what.

use super::{
    Export,
    table::{Cell, Column, Kind, Row, column},
};
use crate::{batch::Batch, click::Click, frame::Recipient, phone::Country};

/// Published, as the columns of messages.
pub const COLUMNS: &[Column] = &[
    column("message_id", Kind::Text),
    column("batch_id", Kind::Text),
    column("campaign_id", Kind::Text),
    column("to", Kind::Text),
    column("country", Kind::Text),
    column("reference", Kind::Text),
    // From 1, in the order of the text.
    column("link", Kind::Integer),
    // Where it leads, with placeholders.
    column("address", Kind::Text),
    column("clicked_at", Kind::Time),
    column("device", Kind::Text),
    // A preview of a messenger, a scanner of links: in no count of clicks.
    column("program", Kind::Flag),
    column("test", Kind::Flag),
];

/// Whose message a click is of.
#[derive(Debug, Clone, Copy)]
pub struct Clicker<'r> {
    pub recipient: &'r Recipient,
    /// Of the chunk.
    pub country: Option<Country>,
}

impl Export {
    /// `clicker` is `None` where its chunk is forgotten: clicks are kept for longer.
    pub fn click(&self, batch: &Batch, click: &Click, clicker: Option<Clicker<'_>>) -> Row {
        let terms = &batch.terms;
        let recipient = clicker.map(|clicker| clicker.recipient);
        let known = recipient.filter(|recipient| !recipient.is_erased());
        let country = clicker.and_then(|clicker| clicker.recipient.country.or(clicker.country));
        let targets = terms.content.links.as_ref().map(|links| &links.targets);
        let address = targets.and_then(|targets| targets.get(click.link));
        let reference = recipient.and_then(|recipient| recipient.reference.clone());
        vec![
            Cell::text(click.message.to_string()),
            Cell::text(terms.id.to_string()),
            Cell::maybe(terms.campaign, |id| Cell::text(id.to_string())),
            Cell::maybe(known, |known| Cell::text(self.number(known.number))),
            Cell::maybe(country, |country| Cell::text(country.as_str().to_owned())),
            Cell::maybe(reference, Cell::text),
            Cell::count(click.link as u64 + 1),
            Cell::maybe(address, |address| Cell::text(address.clone())),
            Cell::Time(click.at),
            Cell::text(click.visitor.device.as_str()),
            Cell::Flag(click.visitor.is_program),
            Cell::Flag(terms.test),
        ]
    }
}
