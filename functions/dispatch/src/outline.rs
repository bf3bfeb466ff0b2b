//! What releasing a chunk depends on of its batch.

use carillon_core::{
    batch::{Batch, Control, Lane},
    chunk::{CHUNK_SLOTS, window::WINDOW_SLOTS},
    id::{AccountId, GatewayAccountId},
};

/// Messages of a full chunk.
#[expect(clippy::cast_possible_truncation, reason = "a hundred")]
pub const FULL_CHUNK: u32 = CHUNK_SLOTS as u32;
/// And of a window.
#[expect(clippy::cast_possible_truncation, reason = "25")]
const WINDOW: u32 = WINDOW_SLOTS as u32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub account: AccountId,
    pub lane: Lane,
    /// What its messages are shared over: each a gateway account and those that take over from it. None for what goes by no gateway.
    pub shares: Vec<Vec<(GatewayAccountId, Option<u32>)>>,
    /// Of a full chunk.
    pub messages: u32,
    pub parts: u32,
}

impl Outline {
    pub fn of(batch: &Batch) -> Self {
        let (terms, progress) = (&batch.terms, &batch.progress);
        let entry = |entry: u8| {
            let route = terms.routes.get(usize::from(entry))?;
            Some((route.gateway, route.parts_per_second))
        };
        let shares = terms.routing.shares().into_iter();
        let shares = shares.map(|share| share.into_iter().filter_map(entry).collect());
        let nothing_is_sent = terms.test || progress.control == Control::Cancelled;
        let chunks = u64::from(progress.chunks.unwrap_or(1).max(1));
        let each = |all: u64| u32::try_from(all.div_ceil(chunks)).unwrap_or(u32::MAX);
        let prepared = progress.prepared.unwrap_or_default();
        let messages = each(prepared.accepted).clamp(1, FULL_CHUNK);
        Self {
            account: terms.account,
            lane: terms.lane,
            shares: shares.filter(|_| !nothing_is_sent).collect(),
            messages,
            parts: each(prepared.parts).max(messages),
        }
    }

    /// Parts of one window: what a woken chunk sends at least, of those that it has left.
    pub fn window_parts(&self) -> u32 {
        let windows = self.messages.div_ceil(WINDOW).max(1);
        self.parts.div_ceil(windows)
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::batch::{Prepared, Stage};
    use carillon_testkit::build;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_chunk_costs_what_the_average_chunk_of_its_batch_costs() {
        for (name, accepted, parts, chunks, expected) in [
            (
                "full chunks, two parts each",
                1_000,
                2_000,
                10,
                (100, 200, 50),
            ),
            ("a short last chunk", 250, 250, 3, (84, 84, 21)),
            ("one message", 1, 3, 1, (1, 3, 3)),
            ("nothing", 0, 0, 0, (1, 1, 1)),
        ] {
            let mut batch = Batch::new(
                build::terms(Timestamp::UNIX_EPOCH),
                Stage::Ready,
                Some(chunks),
            );
            batch.progress.prepared = Some(Prepared {
                accepted,
                parts,
                ..Prepared::default()
            });

            let outline = Outline::of(&batch);

            let costs = (outline.messages, outline.parts, outline.window_parts());
            assert_eq!(costs, expected, "{name}");
        }
    }
}
