//! What the rules need to know of a gateway: plain values, filled in by its adapter.

use jiff::SignedDuration;

/// What a gateway can do on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// It answers a repeated id of ours without sending again, for this long after the first.
    pub deduplicates_for: Option<SignedDuration>,
    /// It can be asked by our id; "not found" counts this long after the message left.
    pub settles_after: Option<SignedDuration>,
    /// Its reports carry our id back.
    pub echoes_our_id: bool,
    /// How many messages fit into one request.
    pub messages_per_request: u16,
}
