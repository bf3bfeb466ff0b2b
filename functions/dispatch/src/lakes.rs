//! Lakes that are filled each day: each minute, the next day of each account that is due. What was missed is caught up with, a day of each
//! account at a time.

use carillon_core::export::Export;
use carillon_runtime::random;
use carillon_store::{StoreError, queues::ExportRequest};
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

const EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Dispatcher<'_> {
    pub async fn ask_for_lakes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.lakes_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.lakes_from = Some(now + EVERY);
        let state = self.state;
        for (account, schedule) in state.lakes.list().await? {
            let Some((day, after)) = schedule.due(now) else {
                continue;
            };
            let export = Export::of_lake(random::id(now), account, day, schedule.numbers, now);
            // Who dies between has the day written twice, which is the same.
            state.exports.create(&export, None).await?;
            state.lakes.advance(account, &schedule, &after).await?;
            let request = ExportRequest {
                export: export.id,
                account,
            };
            state.queues.export(&request).await?;
            tracing::info!(export = %export.id, %account, %day, "a day of a lake is asked for");
        }
        Ok(())
    }
}
