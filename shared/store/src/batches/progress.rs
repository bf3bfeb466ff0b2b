//! What moves: a batch's stage, its control, its cursor and its counts, each change under a condition.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use carillon_core::{
    batch::{BatchTerms, Control, Prepared, Stage, Sweep},
    closing::Look,
    id::BatchId,
    status::Totals,
};
use jiff::Timestamp;

use super::{
    Batches, Closing,
    batch_item::{stage, word},
};
use crate::{
    StoreError, condition,
    item::{json, number, text, time},
    keys,
};

impl Batches {
    /// Every chunk is in the ledger: the dispatcher may begin. Changes nothing when that was said before.
    pub async fn ready(
        &self,
        id: BatchId,
        chunks: u32,
        prepared: &Prepared,
    ) -> Result<(), StoreError> {
        let values = [
            (":ready", stage(Stage::Ready)),
            (":from", stage(Stage::Preparing)),
            (":chunks", number(chunks)),
            (":prepared", json(prepared)),
        ];
        self.change(
            id,
            "SET stage = :ready, chunks = :chunks, prepared = :prepared",
            "stage = :from",
            values,
            "make a batch ready",
        )
        .await
        .map(drop)
    }

    /// Somebody prepares it until then, or was asked to just now.
    pub async fn preparing_until(&self, id: BatchId, until: Timestamp) -> Result<(), StoreError> {
        let values = [
            (":until", time(until)),
            (":preparing", stage(Stage::Preparing)),
        ];
        self.change(
            id,
            "SET preparing_until = :until",
            "stage = :preparing",
            values,
            "note who prepares a batch",
        )
        .await
        .map(drop)
    }

    /// The audience could not be read; nothing of it is in the ledger.
    pub async fn fail(&self, id: BatchId, problem: &str) -> Result<(), StoreError> {
        let values = [
            (":failed", stage(Stage::Failed)),
            (":from", stage(Stage::Preparing)),
            (":problem", text(problem)),
        ];
        let failed = self
            .change(
                id,
                "SET stage = :failed, problem = :problem",
                "stage = :from",
                values,
                "fail a batch",
            )
            .await?;
        // A batch that became ready in the meantime is still the dispatcher's.
        if failed {
            self.retire(id).await
        } else {
            Ok(())
        }
    }

    /// Pauses, resumes or cancels; a cancelled or ended batch stays as it is. From then on the dispatcher works with it, also with
    /// one of an API send, and after a resume or a cancel it looks at every chunk again. Returns whether it is now so.
    pub async fn control(&self, id: BatchId, control: Control) -> Result<bool, StoreError> {
        let update = match control {
            Control::Running | Control::Cancelled => "SET control = :control REMOVE swept",
            Control::Paused => "SET control = :control",
        };
        let condition = "(control <> :cancelled OR :control = :cancelled) AND stage <> :finished AND stage <> :failed";
        let values = [
            (":control", word(control)),
            (":cancelled", word(Control::Cancelled)),
            (":finished", stage(Stage::Finished)),
            (":failed", stage(Stage::Failed)),
        ];
        let changed = self
            .change(id, update, condition, values, "control a batch")
            .await?;
        if changed {
            self.activate(id).await?;
        }
        Ok(changed)
    }

    /// Chunks below `cursor` have been released. Called after their pointers are on the queue: a cursor that is behind only doubles pointers.
    pub async fn advance(&self, id: BatchId, cursor: u32) -> Result<(), StoreError> {
        let values = [(":cursor", number(cursor))];
        self.change(
            id,
            "SET released = :cursor",
            "released < :cursor",
            values,
            "advance a batch",
        )
        .await
        .map(drop)
    }

    /// Its first chunks are about to be released, if nobody held or ended it since it was read: a campaign that is moved and one that
    /// begins meet here. The first period of sweeping begins with it.
    pub async fn begin(&self, id: BatchId, now: Timestamp) -> Result<bool, StoreError> {
        let sweep = Sweep { at: now, below: 0 };
        let values = [
            (":now", time(now)),
            (":sweep", json(&sweep)),
            (":ready", stage(Stage::Ready)),
            (":running", word(Control::Running)),
        ];
        self.change(
            id,
            "SET begun = if_not_exists(begun, :now), swept = :sweep",
            "stage = :ready AND control = :running",
            values,
            "begin a batch",
        )
        .await
    }

    /// The chunks that nobody worked on were released again. `seen`: the control and the last sweep for which they were. Whoever asked for
    /// another one since then, by a cancel or a resume, gets it.
    pub async fn swept(
        &self,
        id: BatchId,
        seen: (Control, Option<Sweep>),
        sweep: Sweep,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "SET swept = :sweep";
        const OPERATION: &str = "note a sweep";
        let (control, last) = seen;
        let sweep = (":sweep", json(&sweep));
        let control = (":control", word(control));
        let noted = match last {
            Some(last) => {
                let condition = "control = :control AND swept = :last";
                let values = [sweep, control, (":last", json(&last))];
                self.change(id, UPDATE, condition, values, OPERATION).await
            }
            None => {
                let condition = "control = :control AND attribute_not_exists(swept)";
                self.change(id, UPDATE, condition, [sweep, control], OPERATION)
                    .await
            }
        };
        noted.map(drop)
    }

    /// The totals of the last recount.
    pub async fn counted(&self, id: BatchId, totals: &Totals) -> Result<(), StoreError> {
        let values = [
            (":totals", json(totals)),
            (":finished", stage(Stage::Finished)),
        ];
        self.change(
            id,
            "SET totals = :totals",
            "stage <> :finished",
            values,
            "note a recount",
        )
        .await
        .map(drop)
    }

    /// Every chunk is done. What was accepted and is not reported is looked at later.
    pub async fn finish(
        &self,
        id: BatchId,
        totals: &Totals,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let closing = Closing {
            batch: id,
            since: now,
            look: Look::Silence,
        };
        self.close_later(closing).await?;
        self.freeze(id, totals).await?;
        self.retire(id).await
    }

    /// Takes the texts of a batch that nobody is left in to read them, in whatever language, and where its links led.
    pub async fn forget_text(&self, terms: &BatchTerms) -> Result<(), StoreError> {
        let terms = BatchTerms {
            content: terms.content.without_words(),
            ..terms.clone()
        };
        let forgotten = self.change(
            terms.id,
            "SET terms = :terms",
            "attribute_exists(pk)",
            [(":terms", json(&terms))],
            "forget a text",
        );
        forgotten.await.map(drop)
    }

    /// Whether the condition held.
    pub(super) async fn change<const N: usize>(
        &self,
        id: BatchId,
        update: &str,
        condition: &str,
        values: [(&str, AttributeValue); N],
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::batch(id).item()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        Ok(condition::held(update.send().await, operation)?.is_some())
    }
}

/// A batch that another one takes the place of, and what was asked of it when that was made: it holds there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    pub batch: BatchId,
    pub control: Control,
}

/// Cancels a batch of which nothing has left, as a part of a transaction: once it has begun, another one in its stead would send twice,
/// and once it is held, one that knows nothing of that would send at all.
pub(crate) fn cancellation(table: &str, replaced: Replaced) -> TransactWriteItem {
    let Replaced { batch, control } = replaced;
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(keys::batch(batch).item()))
        .update_expression("SET control = :cancelled REMOVE swept")
        .condition_expression(
            "(stage = :preparing OR stage = :ready) AND attribute_not_exists(begun) AND released = :none AND control = :seen",
        )
        .expression_attribute_values(":seen", word(control))
        .expression_attribute_values(":none", number(0))
        .expression_attribute_values(":cancelled", word(Control::Cancelled))
        .expression_attribute_values(":preparing", stage(Stage::Preparing))
        .expression_attribute_values(":ready", stage(Stage::Ready))
        .build()
        .expect("table, key and update are set");
    TransactWriteItem::builder().update(update).build()
}
