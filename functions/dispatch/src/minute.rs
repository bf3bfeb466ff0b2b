//! What is looked at once a minute, by one dispatcher: which gateway accounts deliver less, and what accounts should be told of.

use carillon_core::batch::Batch;
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How far back reports say how a gateway account does, and which accounts send.
const LOOKS_BACK: SignedDuration = SignedDuration::from_mins(15);

impl Dispatcher<'_> {
    /// If nobody did in this minute.
    pub async fn each_minute(
        &mut self,
        batches: &[Batch],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.memory.minute_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.minute_from = Some(now + EVERY);
        if !self.state.deliveries.may_judge(now, now + EVERY).await? {
            return Ok(());
        }
        let seen = self.state.deliveries.since(now - LOOKS_BACK).await?;
        let traffic: Vec<_> = seen.iter().map(|(traffic, _)| *traffic).collect();
        self.tell(batches, &traffic, now).await;
        if let Err(error) = self.judge(seen).await {
            tracing::error!(error = chain(&error), "gateway accounts can't be compared");
        }
        Ok(())
    }
}
