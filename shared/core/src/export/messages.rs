//! A message as a row: its slot, its receipt, its batch and its recipient. What the ledger keeps on a coarse scale is as coarse here:
//! `sent_at` is when the last message of its chunk (100 at most) was decided, `final_at` is to the second.

use jiff::{SignedDuration, Timestamp};

use super::{
    Export,
    table::{Cell, Column, Kind, Row, column},
};
use crate::{
    batch::{Batch, Lane},
    chunk::{
        Chunk, Pointer,
        receipt::{ReceiptStatus, in_force},
    },
    content::Texts,
    frame::Recipient,
    keyed_hash::DeploymentKey,
    message_id::MessageId,
    routing::{Destination, Way},
    segments::segment,
    status::{BatchView, Status, status},
};

/// Published: columns are added at the end, and never change their meaning.
pub const COLUMNS: &[Column] = &[
    column("message_id", Kind::Text),
    column("batch_id", Kind::Text),
    column("campaign_id", Kind::Text),
    column("to", Kind::Text),
    column("country", Kind::Text),
    column("reference", Kind::Text),
    column("status", Kind::Text),
    column("reason", Kind::Text),
    column("attempt", Kind::Integer),
    column("gateway_id", Kind::Text),
    column("sender", Kind::Text),
    column("lane", Kind::Text),
    column("parts", Kind::Integer),
    // In millionths of the account's currency, by what its route or gateway cost when the batch began.
    column("price_micros", Kind::Integer),
    column("accepted_at", Kind::Time),
    column("sent_at", Kind::Time),
    column("final_at", Kind::Time),
    column("read", Kind::Flag),
    column("clicked", Kind::Flag),
    column("doubted", Kind::Flag),
    column("resent", Kind::Flag),
    column("test", Kind::Flag),
];

/// Makes the rows of one batch.
#[derive(Debug)]
pub struct MessageRows<'b> {
    batch: &'b Batch,
    view: BatchView,
    texts: Option<Texts>,
}

impl<'b> MessageRows<'b> {
    pub fn new(batch: &'b Batch, now: Timestamp) -> Self {
        let texts = Texts::parse(&batch.terms.content).ok();
        let view = batch.view(now);
        Self { batch, view, texts }
    }

    /// The messages of a chunk that the export is of, in their order. `recipients` are its own, one for each slot.
    pub fn of_chunk(
        &self,
        export: &Export,
        key: &DeploymentKey,
        (pointer, chunk): (Pointer, &Chunk),
        recipients: &[Recipient],
    ) -> Vec<Row> {
        let slots = recipients.iter().enumerate();
        let rows = slots.filter_map(|(slot, recipient)| {
            let (status, reason) = status(chunk, slot, self.view);
            let wanted = &export.filter.statuses;
            let wanted = wanted.is_empty() || wanted.contains(&status);
            wanted.then(|| {
                let mut row = self.who(export, pointer, slot, recipient, chunk);
                row.push(Cell::text(status.as_str()));
                row.push(Cell::maybe(reason, |reason| Cell::text(reason.code())));
                row.extend(self.how(key, chunk, slot, recipient));
                row.extend(self.when(chunk, slot, status));
                row.extend(self.marks(chunk, slot));
                row
            })
        });
        rows.collect()
    }

    fn who(
        &self,
        export: &Export,
        pointer: Pointer,
        slot: usize,
        recipient: &Recipient,
        chunk: &Chunk,
    ) -> Row {
        let id = MessageId {
            batch: pointer.batch,
            chunk: pointer.chunk,
            slot: u8::try_from(slot).expect("a chunk has 100 slots at most"),
        };
        let number = (!recipient.is_erased()).then(|| export.number(recipient.number));
        let country = recipient.country.or(chunk.country);
        let reference = recipient.reference.clone();
        let mut row = Vec::with_capacity(COLUMNS.len());
        row.extend([
            Cell::text(id.to_string()),
            Cell::text(pointer.batch.to_string()),
            Cell::maybe(self.batch.terms.campaign, |id| Cell::text(id.to_string())),
            Cell::maybe(number, Cell::text),
            Cell::maybe(country, |country| Cell::text(country.as_str().to_owned())),
            Cell::maybe(reference, Cell::text),
        ]);
        row
    }

    /// By which way, and how much of it.
    fn how(
        &self,
        key: &DeploymentKey,
        chunk: &Chunk,
        slot: usize,
        recipient: &Recipient,
    ) -> [Cell; 6] {
        let terms = &self.batch.terms;
        let send = chunk.slots[slot];
        let tried = send.attempt > 0;
        let way = self.way(key, chunk, slot, recipient).filter(|_| tried);
        let sender = way.and_then(|way| terms.routing.sender_of(way));
        let route = terms.routes.get(usize::from(send.route));
        let route = route.filter(|_| tried && !terms.test);
        let parts = self.parts(recipient);
        let cost = way.and_then(|way| way.cost);
        let cost = cost.filter(|_| send.outcome.has_left());
        [
            Cell::Integer(send.attempt.into()),
            Cell::maybe(route, |route| Cell::text(route.gateway.to_string())),
            Cell::maybe(sender, |sender| Cell::text(sender.originator.to_string())),
            Cell::text(terms.lane.as_str()),
            Cell::Integer(parts.into()),
            Cell::maybe(cost, |cost| Cell::count(cost.saturating_mul(parts.into()))),
        ]
    }

    /// As `send` found it: it follows from the batch and the number.
    fn way(
        &self,
        key: &DeploymentKey,
        chunk: &Chunk,
        slot: usize,
        recipient: &Recipient,
    ) -> Option<Way> {
        let terms = &self.batch.terms;
        let entry = chunk.slots[slot].route;
        if terms.test {
            let sender = terms.routing.named;
            let cost = Some(0);
            return Some(Way {
                entry,
                sender,
                cost,
            });
        }
        let spreads = terms.routing.spreads();
        let to = Destination {
            number: recipient.number,
            country: recipient.country,
            spread: if spreads {
                key.spread(terms.account, recipient.number)
            } else {
                0
            },
        };
        let ways = terms.routing.ways(&to, |_| 0).ok()?;
        ways.into_iter().find(|way| way.entry == entry)
    }

    fn parts(&self, recipient: &Recipient) -> u32 {
        let value = |name: &str| recipient.vars.get(name).map(String::as_str);
        // Every link of a batch is as long as the one that stands for them.
        let text = self
            .texts
            .as_ref()
            .and_then(|texts| texts.render(value, None).ok());
        text.map_or(0, |text| segment(&text).parts)
    }

    fn when(&self, chunk: &Chunk, slot: usize, status: Status) -> [Cell; 3] {
        let terms = &self.batch.terms;
        let send = chunk.slots[slot];
        let took = send.outcome.has_left();
        // Kept in whole seconds; nothing left before it was accepted.
        let done = chunk.done.map(|done| done.max(terms.began));
        let sent = done.filter(|_| took);
        let receipt = in_force(chunk.receipts[slot], send);
        let receipt = receipt.filter(|it| it.status != ReceiptStatus::CarrierAccepted);
        let ended = receipt.map(|it| terms.starts() + SignedDuration::from_secs(it.seconds.into()));
        let ended = ended.or(done).filter(|_| status.is_final());
        [
            Cell::Time(terms.began),
            Cell::maybe(sent, Cell::Time),
            Cell::maybe(ended, Cell::Time),
        ]
    }

    fn marks(&self, chunk: &Chunk, slot: usize) -> [Cell; 5] {
        let send = chunk.slots[slot];
        [
            Cell::Flag(chunk.read.contains(slot)),
            Cell::Flag(chunk.clicked.contains(slot)),
            Cell::Flag(send.doubted),
            Cell::Flag(send.resent),
            Cell::Flag(self.batch.terms.test),
        ]
    }
}

impl Lane {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever queries the lake sees what its files have.
    const TABLE: &str = include_str!("../../../../infra/analytics.yaml");

    #[test]
    fn the_table_of_the_lake_has_the_columns_of_its_files() {
        let (_, columns) = TABLE.split_once("          Columns:\n").unwrap();
        let columns = columns.lines().map_while(|line| {
            let entry = line.trim().strip_prefix("- { Name: ")?.strip_suffix(" }")?;
            entry.split_once(", Type: ")
        });

        let ours = COLUMNS.iter().map(|column| {
            let kind = match column.kind {
                Kind::Text => "string",
                Kind::Integer => "bigint",
                Kind::Flag => "boolean",
                Kind::Time => "timestamp",
            };
            (column.name, kind)
        });
        assert_eq!(columns.collect::<Vec<_>>(), ours.collect::<Vec<_>>());
    }
}
