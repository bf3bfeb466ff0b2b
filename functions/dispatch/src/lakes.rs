//! Lakes that are filled each day: each minute, the next day of each account that is due. What was missed is caught up with, a day of each
//! account at a time.

use carillon_store::{StoreError, queues::ExportRequest, records::Stale};
use jiff::{SignedDuration, Timestamp};

use crate::{dispatcher::Dispatcher, each::each};

const EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Dispatcher<'_> {
    pub async fn ask_for_lakes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.lakes_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.lakes_from = Some(now + EVERY);
        let state = self.state;
        let lakes = state.lakes.list().await?.into_iter();
        let due = lakes.filter_map(|(account, schedule)| {
            let (export, after) = schedule.due(account, now)?;
            Some((account, (account, schedule, export, after)))
        });
        let failed = "a day of a lake can't be asked for";
        each(due, failed, async |(account, schedule, export, after)| {
            if let Err(Stale) = state.lakes.begin(&export, &schedule, &after).await? {
                // What it is by now is looked at in the next minute.
                return Ok(());
            }
            // Lost, it is asked for again.
            let request = ExportRequest {
                export: export.id,
                account,
            };
            state.queues.export(&request).await?;
            tracing::info!(export = %export.id, %account, "a day of a lake is asked for");
            Ok(())
        })
        .await;
        Ok(())
    }
}
