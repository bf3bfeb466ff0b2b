//! Batches whose preparation was asked for and never came: the message was lost, or is a dead letter, or its worker died.

use carillon_core::batch::{Batch, Stage};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, queues::PrepareRequest};
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

impl Dispatcher<'_> {
    pub async fn ask_for_preparations(&self, batches: &[Batch], now: Timestamp) {
        let period = self.state.prepare_again;
        for batch in batches.iter().filter(|batch| is_stuck(batch, period, now)) {
            let id = batch.terms.id;
            tracing::warn!(metric = "batches.stuck", batch = %id, "nobody prepares a batch; it is asked for again");
            if let Err(error) = self.ask(batch, now).await {
                tracing::error!(batch = %id, error = chain(&error), "a batch's preparation can't be asked for");
            }
        }
    }

    async fn ask(&self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let terms = &batch.terms;
        let Some(campaign) = terms.campaign else {
            return Ok(());
        };
        let request = PrepareRequest {
            batch: terms.id,
            campaign,
            account: terms.account,
        };
        self.state.queues.prepare(&request).await?;
        self.state.batches.preparing_until(terms.id, now).await
    }
}

/// Whether nobody has been at it for a period. A batch that can't be prepared is asked for less and less often.
fn is_stuck(batch: &Batch, period: SignedDuration, now: Timestamp) -> bool {
    let begins = batch.terms.prepared_from();
    let last = batch
        .progress
        .preparing_until
        .map_or(begins, |last| last.max(begins));
    batch.progress.stage == Stage::Preparing
        && now.duration_since(last) >= period.max(last.duration_since(begins))
}

#[cfg(test)]
mod tests {
    use carillon_testkit::build;

    use super::*;

    #[test]
    fn a_batch_is_stuck_when_nobody_was_at_it_for_a_period() {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let minutes = |minutes| start + SignedDuration::from_mins(minutes);
        for (name, stage, not_before, until, now, expected) in [
            ("just asked for", Stage::Preparing, None, None, 4, false),
            ("nobody came", Stage::Preparing, None, None, 5, true),
            ("it is over", Stage::Ready, None, None, 5, false),
            (
                "somebody works on it",
                Stage::Preparing,
                None,
                Some(15),
                19,
                false,
            ),
            (
                "whoever worked on it is dead",
                Stage::Preparing,
                None,
                Some(15),
                30,
                true,
            ),
            (
                "asked again a moment ago",
                Stage::Preparing,
                None,
                Some(5),
                9,
                false,
            ),
            (
                "asked again in vain",
                Stage::Preparing,
                None,
                Some(5),
                10,
                true,
            ),
            (
                "more and more seldom",
                Stage::Preparing,
                None,
                Some(40),
                79,
                false,
            ),
            ("but again", Stage::Preparing, None, Some(40), 80, true),
            (
                "its time has not come",
                Stage::Preparing,
                Some(60),
                None,
                49,
                false,
            ),
            (
                "its entry never fired",
                Stage::Preparing,
                Some(60),
                None,
                50,
                true,
            ),
        ] {
            let mut terms = build::terms(start);
            terms.not_before = not_before.map(minutes);
            let mut batch = Batch::new(terms, stage, None);
            batch.progress.preparing_until = until.map(minutes);

            let stuck = is_stuck(&batch, SignedDuration::from_mins(5), minutes(now));

            assert_eq!(stuck, expected, "{name}");
        }
    }
}
