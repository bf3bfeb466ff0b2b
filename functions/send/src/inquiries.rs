//! Asking a gateway after messages in doubt, by our ids: all questions at once, none after the worker's deadline.

use carillon_core::{
    frame::Recipient,
    outcome::Inquiry,
    session::{Planned, Questions, Session},
};
use carillon_store::StoreError;
use futures::future::join_all;
use jiff::Timestamp;

use crate::{outgoing::Way, provider_ids};

/// What was not asked in time stays in doubt. `window` is the last that was written.
pub async fn ask(
    way: Way<'_>,
    session: &mut Session,
    questions: &Questions,
    recipients: &[Recipient],
    deadline: Timestamp,
) -> Result<(), StoreError> {
    let asked = questions
        .about
        .iter()
        .map(|planned| question(way, *planned, &recipients[planned.slot], deadline));
    let answers: Vec<(Planned, Inquiry)> = join_all(asked).await.into_iter().flatten().collect();
    let found: Vec<(Planned, String)> = answers
        .iter()
        .filter_map(|(planned, answer)| match answer {
            Inquiry::Known { provider_id } => Some((*planned, provider_id.clone()?)),
            Inquiry::NotFound | Inquiry::Unclear => None,
        })
        .collect();
    provider_ids::keep_found(way, session.window_number(), &found).await?;
    let now = way.state.now();
    for (planned, answer) in answers {
        let jitter = uuid::Uuid::now_v7().as_bytes()[15];
        session.answered(planned.slot, &answer, now, jitter);
    }
    Ok(())
}

async fn question(
    way: Way<'_>,
    planned: Planned,
    recipient: &Recipient,
    deadline: Timestamp,
) -> Option<(Planned, Inquiry)> {
    let (gateway, now) = (&way.account.gateway, way.state.now());
    let message = way.outgoing(planned, recipient)?;
    if now > deadline {
        return None;
    }
    let Some(request) = gateway.inquire(way.account, &message, now) else {
        // It could be asked when the batch began, and was configured anew.
        return Some((planned, Inquiry::Unclear));
    };
    let answer = way.state.dialer.submit(request).await;
    let answer = answer.map_or(Inquiry::Unclear, |answer| gateway.inquired(&answer));
    Some((planned, answer))
}
