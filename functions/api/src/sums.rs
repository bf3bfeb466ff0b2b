//! What an account sent in a time, in sums: campaigns batch by batch, API sends by the digests of their hours. Only hours that have no digest
//! yet, and the ends of the time where they cut a quarter of an hour, are listed and counted.

use std::ops::Range;

use carillon_core::{
    batch::Batch,
    digest::{self, Digest, Hour},
};
use carillon_runtime::{principal::Principal, problem::Problem};
use carillon_store::counts::{self, Counted, Of, count};
use jiff::Timestamp;

use crate::{
    routes::reports::{Told, invalid},
    services::Api,
    summary::Summary,
};

/// Chunks that are counted for an answer at most: four million messages of campaigns, of which the others are told by their last count; and as
/// many API sends as may be listed.
const CHUNKS: u32 = 40_000;
/// Batches that are listed for an answer at most: campaigns, and API sends that aren't in a digest yet.
const BATCHES: usize = 40_000;
/// Digests that are read for an answer at most: more than a year of hours, each with sends.
const HOURS: usize = 10_000;
/// Batches that are read and counted together, which is what memory holds of them.
const TOGETHER: i32 = 500;

pub async fn of_time(
    api: &Api,
    who: &Principal,
    (from, until): (Timestamp, Timestamp),
    mut summary: Summary,
    now: Timestamp,
) -> Result<Summary, Problem> {
    if from >= until {
        return Err(invalid("`until` must be after `from`."));
    }
    let mut sends = summary.empty();
    futures::try_join!(
        of_campaigns(api, who, from..until, now, |told| summary.take(&told)),
        of_sends(api, who, from..until, now, |told| sends.take(&told))
    )?;
    summary.add(sends);
    Ok(summary)
}

async fn of_campaigns(
    api: &Api,
    who: &Principal,
    time: Range<Timestamp>,
    now: Timestamp,
    mut tell: impl FnMut(Told),
) -> Result<(), Problem> {
    let (from, until) = (time.start, time.end);
    let listed = api.batches.of_campaigns(who.account, from, until, BATCHES);
    let listed = listed.await?;
    if listed.len() >= BATCHES {
        return Err(too_much());
    }
    let mut left = CHUNKS;
    for ids in listed.chunks(TOGETHER.unsigned_abs() as usize) {
        let mut batches = api.batches.find_all(ids).await?;
        batches.retain(|batch| time.contains(&batch.terms.began) && who.sees(batch.terms.test));
        let counted = count_within(api, batches, Of::Kept, &mut left, now).await?;
        counted.into_iter().map(Told::from).for_each(&mut tell);
    }
    Ok(())
}

/// API sends only, hour by hour.
pub async fn of_sends(
    api: &Api,
    who: &Principal,
    time: Range<Timestamp>,
    now: Timestamp,
    mut tell: impl FnMut(Told),
) -> Result<(), Problem> {
    let own = |(kind, _): &(digest::Kind, digest::Sum)| who.sees(kind.test);
    let mut left = Left(Vec::new());
    let hours = Hour::of(time.start)..=Hour::of(time.end);
    let each = |hour: Hour, digest: Option<Digest>| match digest {
        Some(digest) => {
            let sums = within(hour, digest, &time, &mut left);
            sums.filter(own).map(Told::from).for_each(&mut tell);
        }
        None => left.add(hour.begins()..hour.ends(), &time),
    };
    let read = api.digests.between(who.account, hours, HOURS, each).await?;
    if read >= HOURS {
        let detail =
            "There are API sends in more than 10,000 hours of this time. Ask for less of it.";
        return Err(invalid(detail));
    }
    let mut bound = Bound::default();
    for time in left.0 {
        let sums = listed(api, who, time, &mut bound, now).await?.sums;
        let sums = sums.into_iter().filter(own);
        sums.map(Told::from).for_each(&mut tell);
    }
    Ok(())
}

/// Those sums of an hour whose quarters lie in the time as a whole; what of it lies in parts of quarters is left to be listed.
fn within(
    hour: Hour,
    digest: Digest,
    time: &Range<Timestamp>,
    left: &mut Left,
) -> impl Iterator<Item = (digest::Kind, digest::Sum)> {
    for quarter in hour.quarters() {
        let (begins, ends) = (quarter.begins(), quarter.ends());
        if begins < time.start || ends > time.end {
            left.add(begins..ends, time);
        }
    }
    let time = time.clone();
    let whole =
        move |kind: &digest::Kind| kind.made.begins() >= time.start && kind.made.ends() <= time.end;
    digest.sums.into_iter().filter(move |(kind, _)| whole(kind))
}

/// Times that have to be listed, in their order; those that touch are one.
struct Left(Vec<Range<Timestamp>>);

impl Left {
    fn add(&mut self, part: Range<Timestamp>, of: &Range<Timestamp>) {
        let part = part.start.max(of.start)..part.end.min(of.end);
        if part.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.end >= part.start => last.end = part.end,
            _ => self.0.push(part),
        }
    }
}

/// The API sends of a time, listed and counted page by page.
async fn listed(
    api: &Api,
    who: &Principal,
    time: Range<Timestamp>,
    bound: &mut Bound,
    now: Timestamp,
) -> Result<Digest, Problem> {
    let mut digest = Digest::default();
    let Some((mut first, last)) = digest::ids(time.start, time.end) else {
        return Ok(digest);
    };
    loop {
        let mut batches = api
            .batches
            .between(who.account, first, last, TOGETHER)
            .await?;
        // A page may be short because it is large; only an empty one is the end.
        let Some(next) = batches.last().and_then(|batch| batch.terms.id.next()) else {
            return Ok(digest);
        };
        first = next;
        batches.retain(|batch| batch.terms.campaign.is_none());
        bound.take(&batches)?;
        for it in counted(api, batches, now).await? {
            digest.add(&it.batch, it.breakdown, it.closed, now);
        }
    }
}

/// Those that fit into what is left of the chunks that may be read; of the others, what they came to when they were closed, or else their
/// last count.
pub async fn count_within(
    api: &Api,
    batches: Vec<Batch>,
    of: Of,
    left: &mut u32,
    now: Timestamp,
) -> Result<Vec<Counted>, Problem> {
    let (mut fit, mut closed, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        let chunks = counts::to_read(&batch, of);
        if chunks <= *left {
            *left -= chunks;
            fit.push(batch);
        } else if batch.progress.snapshot.is_some() {
            closed.push(batch);
        } else {
            told.push(counts::last_count(batch, now));
        }
    }
    let from = (&api.batches, &api.ledger);
    told.extend(count(from, fit, of, now).await?);
    told.extend(count(from, closed, Of::Kept, now).await?);
    Ok(told)
}

async fn counted(api: &Api, batches: Vec<Batch>, now: Timestamp) -> Result<Vec<Counted>, Problem> {
    let from = (&api.batches, &api.ledger);
    Ok(count(from, batches, Of::Kept, now).await?)
}

/// What was read for an answer.
#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    batches: usize,
    chunks: u32,
}

impl Bound {
    /// Before they are counted.
    fn take(&mut self, batches: &[Batch]) -> Result<(), Problem> {
        let chunks = batches.iter().map(|batch| counts::to_read(batch, Of::Kept));
        self.batches += batches.len();
        self.chunks = chunks.fold(self.chunks, u32::saturating_add);
        if self.batches > BATCHES || self.chunks > CHUNKS {
            return Err(too_much());
        }
        Ok(())
    }
}

fn too_much() -> Problem {
    invalid(
        "Too much of this time has to be counted anew: more than 40,000 campaigns, or more than 40,000 API sends, or four million messages of them, that aren't in the digest of their hour yet. Ask for less of it.",
    )
}
