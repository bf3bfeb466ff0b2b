//! What the rules need to know of a gateway: plain values, filled in by its adapter.

use jiff::SignedDuration;

/// What a gateway can do on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a gateway can or can't, each thing by itself"
)]
pub struct Capabilities {
    /// It answers a repeated id of ours without sending again, for this long after the first.
    pub deduplicates_for: Option<SignedDuration>,
    /// It can be asked by our id; "not found" counts this long after the message left.
    pub settles_after: Option<SignedDuration>,
    /// Its reports carry our id back.
    pub echoes_our_id: bool,
    /// How many messages fit into one request.
    pub messages_per_request: u16,
    /// What the messages of one request have in common.
    pub shared: Shared,
    /// Its calls to us are signed. Where they are not, the token in their path is all that proves them.
    pub signs_calls: bool,
    /// It is told what India wants to know of a sender.
    pub tells_dlt: bool,
    /// Who writes STOP, START or HELP as its only word gets an answer from the gateway itself.
    pub answers_keywords: bool,
}

/// What a gateway lets the messages of one request differ in. Each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Shared {
    /// Nothing: each message has its own text, sender and callback.
    #[default]
    Nothing,
    /// One callback: our id in it is that of the whole chunk, and a report names the recipient. One sender, too.
    Callback,
    /// One text as well.
    Text,
}
