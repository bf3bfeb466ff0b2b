//! Where a chunk's messages leave by: what their ids, senders and callbacks follow from.

use carillon_core::{
    batch::BatchTerms, chunk::Pointer, frame::Recipient, gateway::Shared, message_id::MessageId,
    session::Planned,
};
use carillon_gateways::{GatewayAccount, Outgoing, callback::Attempt};

use crate::{state::State, ways::Ways};

#[derive(Clone, Copy)]
pub struct Way<'a> {
    pub state: &'a State,
    pub pointer: Pointer,
    pub terms: &'a BatchTerms,
    pub ways: &'a Ways,
    pub account: &'a GatewayAccount,
    pub route: u8,
}

impl Way<'_> {
    /// Without its text. `None` where the batch has no such route.
    pub fn outgoing(&self, planned: Planned, recipient: &Recipient) -> Option<Outgoing> {
        let mut attempt = Attempt {
            message: message(self.pointer, planned.slot),
            number: planned.attempt,
        };
        // Its reports name the recipient.
        if self.account.gateway.capabilities().shared != Shared::Nothing {
            attempt = attempt.whole_chunk();
        }
        let (claim, callback) = self.account.callback(&self.state.key, attempt);
        self.terms.routes.get(usize::from(self.route))?;
        let sender = self
            .ways
            .sender(&self.terms.routing, planned.slot, self.route);
        let standing = sender.and_then(|sender| sender.standing.as_ref());
        Some(Outgoing {
            claim,
            to: recipient.number,
            sender: sender.map(|sender| sender.originator.to_string()),
            dlt: standing.and_then(|standing| standing.registration.dlt.clone()),
            text: String::new(),
            parts: 0,
            callback,
            expires_at: self.terms.expires_at,
        })
    }
}

pub fn message(pointer: Pointer, slot: usize) -> MessageId {
    let slot = u8::try_from(slot).expect("a chunk has at most 100 slots");
    MessageId {
        batch: pointer.batch,
        chunk: pointer.chunk,
        slot,
    }
}
