//! The audit entry of an act.

use carillon_runtime::{principal::Principal, random};
use carillon_store::audit::Audit;
use jiff::Timestamp;

/// `action` names a kind of thing and what is done to it: `campaign.start`.
pub fn audit(
    who: &Principal,
    action: &str,
    target: impl std::fmt::Display,
    now: Timestamp,
) -> Audit {
    Audit {
        id: random::id(now),
        at: now,
        account: who.account,
        actor: who.actor,
        action: action.to_owned(),
        target: target.to_string(),
    }
}
