//! What a gateway made of one message that was handed to it. Sorted by what must be done next.

use jiff::SignedDuration;

use crate::reason::Reason;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The gateway has it. Its own id, where it gave one.
    Accepted { provider_id: Option<String> },
    /// The gateway said no, and would say no again. Whether another may be asked is the reason's to say.
    Refused(Reason),
    /// The gateway did not take it and may take it later: spends a retry.
    Deferred(Reason),
    /// Too fast. The gateway did not take it; spends no retry.
    Throttled { after: Option<SignedDuration> },
    /// No connection, so nothing left: another gateway may try now.
    Unavailable,
    /// Credentials, credit or the account itself: nothing will go out until somebody repairs it.
    AccountTrouble(Reason),
    /// It left and no clear answer came: the gateway may or may not have it.
    Doubt,
}

/// What a gateway says when it is asked after a message by our id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inquiry {
    /// It has it. Its own id, where it gave one.
    Known { provider_id: Option<String> },
    /// It does not have it. Once its settling time is over, it never will.
    NotFound,
    /// No clear answer.
    Unclear,
}
