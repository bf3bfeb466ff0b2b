//! How often each number of an audience got marketing of the account before: by going through the recipient files of its recent
//! campaigns, whose numbers need no rows of their own for it.

use std::time::Duration;

use carillon_core::{
    batch::{Batch, Control, Stage},
    frame,
    id::BatchId,
    limits::frequency::{FrequencyCap, caps},
    manifest::Manifest,
    phone::Phone,
    rules::{self, Class},
    safeguards::Safeguards,
    zones::state_of,
};
use carillon_store::{StoreError, batches::Batches, files::Files};
use jiff::{SignedDuration, Timestamp};

use crate::{preparation::PrepareError, recipients::Recipients};

/// Whose recipients aren't known yet is waited for so long: ten million are read in less. Nobody waits for each other in a circle, since
/// everyone waits only for those who come before.
const WAITS: SignedDuration = SignedDuration::from_mins(2);
const LOOKS_AGAIN: Duration = Duration::from_secs(1);

/// The caps of an account and those of states, and how far back they look.
pub struct Frequency<'a> {
    own: &'a [FrequencyCap],
    /// In hours, each once.
    periods: Vec<u32>,
}

impl<'a> Frequency<'a> {
    /// `None` where nothing is capped.
    pub fn of(batch: &Batch, safeguards: &'a Safeguards) -> Option<Self> {
        if batch.terms.class != Class::Marketing || batch.terms.test {
            return None;
        }
        let own = safeguards.frequency.iter().map(|cap| cap.hours);
        let states = rules::states().iter().filter_map(|state| state.frequency);
        let mut periods: Vec<u32> = own.chain(states.map(|cap| cap.hours)).collect();
        periods.sort_unstable();
        periods.dedup();
        (!periods.is_empty()).then_some(Self {
            own: &safeguards.frequency,
            periods,
        })
    }

    /// Leaves out the numbers that got enough. `forgotten` are batches that reached none of these.
    pub async fn apply(
        &self,
        batch: &Batch,
        forgotten: &[BatchId],
        batches: &Batches,
        files: &Files,
        recipients: &mut Recipients,
    ) -> Result<(), PrepareError> {
        let begins = batch.terms.starts();
        let longest = self.periods.last().copied().unwrap_or_default();
        let since = begins - SignedDuration::from_hours(longest.into());
        let before = (begins, batch.terms.id);
        let recent = batches.marketed(batch.terms.account, since, before).await?;
        let until = Timestamp::now() + WAITS;
        let mut counts = vec![vec![0_u8; recipients.count()]; self.periods.len()];
        for (at, id) in recent {
            if !forgotten.contains(&id) && reaches(batches, id, until).await? {
                self.count(
                    id,
                    begins.duration_since(at),
                    files,
                    recipients,
                    &mut counts,
                )
                .await?;
            }
        }
        recipients.remove_capped(|place, number| self.is_full(place, number, &counts));
        Ok(())
    }

    /// Adds the recipients of a batch that began so long before.
    async fn count(
        &self,
        id: BatchId,
        before: SignedDuration,
        files: &Files,
        recipients: &Recipients,
        counts: &mut [Vec<u8>],
    ) -> Result<(), PrepareError> {
        let Some(manifest) = files.find_manifest(id).await? else {
            return Ok(());
        };
        let Manifest { run, parts, .. } = manifest;
        for part in 0..parts {
            let part = files.read_part(id, run, part).await?;
            let numbers = frame::numbers(&part);
            for number in numbers.map_err(|error| StoreError::corrupt(error.to_string()))? {
                let Some(place) = recipients.place_of(number) else {
                    continue;
                };
                for (period, counts) in self.periods.iter().zip(counts.iter_mut()) {
                    if before < SignedDuration::from_hours((*period).into()) {
                        counts[place] = counts[place].saturating_add(1);
                    }
                }
            }
        }
        Ok(())
    }

    fn is_full(&self, place: usize, number: Phone, counts: &[Vec<u8>]) -> bool {
        let sent = |hours: u32| {
            let period = self.periods.iter().position(|period| *period == hours);
            period.map_or(0, |period| u32::from(counts[period][place]))
        };
        // Most have none, and the state of a number takes a look.
        if counts.iter().all(|counts| counts[place] == 0) {
            return self.own.iter().any(|cap| cap.messages == 0);
        }
        let state = state_of(number).and_then(rules::of_state);
        let caps = caps(self.own, state.and_then(|state| state.frequency));
        caps.iter().any(|cap| sent(cap.hours) >= cap.messages)
    }
}

/// Whether it reached or will reach anybody, once its recipients are known: what was cancelled before its first chunk, or never prepared,
/// reaches nobody.
async fn reaches(batches: &Batches, id: BatchId, until: Timestamp) -> Result<bool, StoreError> {
    loop {
        let Some(batch) = batches.find(id).await? else {
            return Ok(false);
        };
        let progress = batch.progress;
        let cancelled = progress.control == Control::Cancelled && progress.cursor == 0;
        if cancelled || progress.stage == Stage::Failed {
            return Ok(false);
        }
        if progress.stage != Stage::Preparing {
            return Ok(true);
        }
        if Timestamp::now() >= until {
            tracing::warn!(batch = %id, "a batch that begins earlier isn't prepared yet: the frequency cap of a later one counts none of its messages");
            return Ok(false);
        }
        tokio::time::sleep(LOOKS_AGAIN).await;
    }
}
