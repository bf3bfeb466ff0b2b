//! Exports that nobody writes: just asked for, out of their worker's time, or their worker died. Each is asked for again; a second
//! worker finds it taken. Those whose worker died just after their end are told of here. And schedules of exports, each minute: what is due
//! becomes an export.

use carillon_core::{
    event::Event,
    export::{Export, schedule::ExportSchedule},
};
use carillon_store::{StoreError, queues::ExportRequest, records::Stale};
use jiff::{SignedDuration, Timestamp};

use crate::{dispatcher::Dispatcher, each::each};

/// They are looked at this often, and at the beginning of each minute's invocation.
const EVERY: SignedDuration = SignedDuration::from_secs(15);
const SCHEDULES_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Dispatcher<'_> {
    pub async fn ask_for_exports(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.exports_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.exports_from = Some(now + EVERY);
        let state = self.state;
        let unattended = state.exports.unattended(now).await?;
        let idle = unattended.idle.into_iter().map(|it| (it.export, it));
        let ask = async |request| state.queues.export(&request).await;
        each(idle, "an export can't be asked for", ask).await;
        let over = unattended.over.into_iter().map(|it| (it.0.id, it));
        each(
            over,
            "the end of an export can't be told",
            async |(export, progress)| {
                let event = Event::of_export(&export, &progress);
                let told = state.queues.send_events(event.into_iter().collect());
                told.await?;
                state.exports.retire(request(&export)).await
            },
        )
        .await;
        Ok(())
    }

    pub async fn begin_scheduled_exports(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.schedules_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.schedules_from = Some(now + SCHEDULES_EVERY);
        let due = self.state.export_schedules.due(now).await?.into_iter();
        let due = due.map(|schedule| (schedule.id, schedule));
        let begin = async |schedule| self.begin_due(schedule, now).await;
        each(due, "a scheduled export can't be begun", begin).await;
        Ok(())
    }

    /// All of its times that are due, oldest first. Whoever is told that it is stale leaves it to the next minute.
    async fn begin_due(
        &self,
        mut schedule: ExportSchedule,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let state = self.state;
        while let Some((export, after)) = schedule.due(now) {
            if let Err(Stale) = state.export_schedules.begin(&export, &after).await? {
                break;
            }
            tracing::info!(export = %export.id, schedule = %after.id, "a scheduled export is asked for");
            // Lost, it is asked for again.
            state.queues.export(&request(&export)).await?;
            schedule = after;
        }
        Ok(())
    }
}

fn request(export: &Export) -> ExportRequest {
    ExportRequest {
        export: export.id,
        account: export.account,
    }
}
