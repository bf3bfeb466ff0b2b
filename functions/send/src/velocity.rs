//! Keeps one-time passwords from being pumped: who fills in somebody's form again and again makes messages to numbers that pay him.

use carillon_core::{
    batch::{BatchTerms, Lane},
    frame::Recipient,
    limits::velocity::{BLOCK, NUMBER, Pause, block},
    reason::Reason,
    session::Planned,
};
use carillon_store::StoreError;
use jiff::Timestamp;

use crate::state::State;

/// Why a message must not leave, if it is one too many. Asked of single messages of the lane `high` on their first try: lists and
/// campaigns have audiences that their owner chose, and answers have a limit of their own.
pub async fn look(
    state: &State,
    terms: &BatchTerms,
    recipients: &[Recipient],
    sends: &[Planned],
    now: Timestamp,
) -> Result<Option<Reason>, StoreError> {
    let ([recipient], [Planned { attempt: 1, .. }]) = (recipients, sends) else {
        return Ok(None);
    };
    if terms.test || terms.lane != Lane::High || terms.answers.is_some() {
        return Ok(None);
    }
    let account = terms.account;
    if !state.safeguards.look(account, now).await?.velocity {
        return Ok(None);
    }
    let number = state.key.number(account, recipient.number);
    let of_block = state.key.block(account, block(recipient.number));
    let velocity = &state.velocity;
    let (number, block) = futures::try_join!(
        velocity.count(account, &number, &NUMBER, Pause::Room, now),
        velocity.count(account, &of_block, &BLOCK, Pause::Longer, now),
    )?;
    Ok(match (number, block) {
        (_, Err(_)) => Some(Reason::FraudSuspected),
        (Err(_), _) => Some(Reason::Flood),
        (Ok(()), Ok(())) => None,
    })
}
