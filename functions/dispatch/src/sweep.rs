//! Chunks that were released and that nobody works on: a lost pointer, or a worker that died with its lease.

use carillon_core::{
    batch::{Batch, Control, Sweep},
    chunk::Pointer,
};
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

impl Dispatcher<'_> {
    /// Releases idle chunks again whose release is old enough, once in such a time; all of them after a resume.
    pub async fn sweep(
        &self,
        batch: &Batch,
        idle: &[u32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let terms = &batch.terms;
        let age = self
            .memory
            .lanes
            .get(&terms.lane)
            .and_then(|(flow, _)| flow.age());
        let Some(below) = swept_below(batch, self.state.sweep_after, age, now) else {
            return Ok(());
        };
        let lost = idle.iter().filter(|chunk| **chunk < below);
        let pointer = |chunk: &u32| Pointer {
            batch: terms.id,
            chunk: *chunk,
        };
        let pointers: Vec<Pointer> = lost.map(pointer).collect();
        if !pointers.is_empty() {
            tracing::warn!(metric = "chunks.lost", batch = %terms.id, chunks = pointers.len(), "chunks that nobody works on are released again");
            let queues = &self.state.queues;
            queues
                .send_pointers(terms.lane, terms.account, &pointers)
                .await?;
        }
        let sweep = Sweep {
            at: now,
            below: batch.progress.cursor,
        };
        let seen = (batch.progress.control, batch.progress.swept);
        self.state.batches.swept(terms.id, seen, sweep).await
    }
}

/// The chunks that may be released again are those below; `None` when it isn't time. A pointer may still wait in its lane for as long
/// as the oldest there does: `age`, which nobody knows while the lane stands still.
fn swept_below(
    batch: &Batch,
    period: SignedDuration,
    age: Option<SignedDuration>,
    now: Timestamp,
) -> Option<u32> {
    let progress = &batch.progress;
    if progress.control == Control::Paused {
        return None;
    }
    let Some(last) = progress.swept else {
        return Some(progress.cursor);
    };
    (now.duration_since(last.at) >= period + age?).then_some(last.below)
}

#[cfg(test)]
mod tests {
    use carillon_core::batch::Stage;
    use carillon_testkit::build;

    use super::*;

    #[test]
    fn chunks_are_released_again_when_their_pointers_must_be_lost() {
        let start = Timestamp::UNIX_EPOCH;
        let seconds = SignedDuration::from_secs;
        let last = Some(Sweep {
            at: start,
            below: 7,
        });
        for (name, control, last, age, now, expected) in [
            ("too early", Control::Running, last, Some(0), 14, None),
            ("a period old", Control::Running, last, Some(0), 15, Some(7)),
            (
                "it may still wait in its lane",
                Control::Running,
                last,
                Some(10),
                24,
                None,
            ),
            (
                "the lane is past it",
                Control::Running,
                last,
                Some(10),
                25,
                Some(7),
            ),
            (
                "the lane stands still",
                Control::Running,
                last,
                None,
                999,
                None,
            ),
            ("resumed", Control::Running, None, None, 0, Some(9)),
            ("cancelled", Control::Cancelled, None, None, 0, Some(9)),
            ("paused", Control::Paused, None, None, 0, None),
        ] {
            let mut batch = Batch::new(build::terms(start), Stage::Ready, Some(20));
            batch.progress.control = control;
            batch.progress.swept = last;
            batch.progress.cursor = 9;

            let below = swept_below(&batch, seconds(15), age.map(seconds), start + seconds(now));

            assert_eq!(below, expected, "{name}");
        }
    }
}
