//! What the API sends of an hour came to, in sum: a one-time password is a batch of its own, and a report of thirty days can't list a million
//! of them. A digest holds sums over batches without a campaign, by what a report asks for beside the cells of a breakdown, and by quarters
//! of an hour, so that days and hours of every zone can be made of it. It is counted as a whole and put in the place of the one before.

mod hour;
mod packed;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use self::hour::{Hour, Quarter, ids};
use crate::{
    batch::{Batch, Lane},
    breakdown::Breakdown,
    closing::CHUNKS_KEPT,
    id::TemplateId,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What batches that are told of together have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// When they were made, by their ids.
    pub made: Quarter,
    /// When they began, which is later where they were planned.
    pub starts: Quarter,
    pub test: bool,
    pub lane: Lane,
    pub template: Option<TemplateId>,
}

/// What some batches came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    pub breakdown: Breakdown,
    pub batches: u64,
    /// Of `batches`: told by what they came to when they were closed.
    pub closed: u64,
    /// Rows of their audiences.
    pub audience: u64,
}

impl Sum {
    /// Of one batch.
    pub fn of(batch: &Batch, breakdown: Breakdown, closed: bool) -> Self {
        let rows = batch.progress.prepared.map_or(0, |prepared| prepared.rows);
        Self {
            audience: rows.max(breakdown.total().messages),
            batches: 1,
            closed: u64::from(closed),
            breakdown,
        }
    }

    pub fn add(&mut self, other: &Self) {
        let Self {
            breakdown,
            batches,
            closed,
            audience,
        } = other;
        self.breakdown.add(breakdown);
        self.batches += batches;
        self.closed += closed;
        self.audience += audience;
    }
}

/// Sums over the API sends of an hour, or of whatever else was added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    pub sums: BTreeMap<Kind, Sum>,
    /// When the first of those begins that hadn't begun when they were counted.
    pub next_start: Option<Timestamp>,
}

impl Digest {
    pub fn add(&mut self, batch: &Batch, breakdown: Breakdown, closed: bool, now: Timestamp) {
        let terms = &batch.terms;
        let kind = Kind {
            made: Quarter::of(terms.id.made()),
            starts: Quarter::of(terms.starts()),
            test: terms.test,
            lane: terms.lane,
            template: terms.content.template.map(|template| template.id),
        };
        let sum = Sum::of(batch, breakdown, closed);
        self.sums.entry(kind).or_default().add(&sum);
        if terms.starts() > now && !closed {
            let next = self
                .next_start
                .map_or(terms.starts(), |next| next.min(terms.starts()));
            self.next_start = Some(next);
        }
    }

    /// Nothing that was counted is still open.
    pub fn is_closed(&self) -> bool {
        self.sums.values().all(|sum| sum.closed == sum.batches)
    }

    /// When the hour is counted again, as a whole; `None`: this is what it came to, or its chunks are about to be forgotten.
    pub fn next_look(&self, hour: Hour, now: Timestamp) -> Option<Timestamp> {
        let age = now.duration_since(hour.ends());
        if self.is_closed() || age > CHUNKS_KEPT - 7 * DAY {
            return None;
        }
        let planned = [DAY, 4 * DAY].map(|after| hour.ends() + after);
        let planned = planned.into_iter().find(|look| *look > now);
        // What isn't closed by then is looked at more and more seldom.
        let look = planned.unwrap_or_else(|| now + DAY.max(age / 8));
        let begun = self
            .next_start
            .map(|start| start + SignedDuration::from_mins(15));
        Some(begun.map_or(look, |begun| look.min(begun.max(now))))
    }
}

#[cfg(test)]
mod tests;
