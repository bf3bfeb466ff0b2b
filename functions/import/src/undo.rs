//! From contacts back to what was before, in the order of the file. What somebody changed after the import stays as it is, and is counted.

use std::fs::File;

use carillon_core::{
    import::{Mark, Outcome, Progress, Reader, Row, Stage, Terms, Undo},
    recipients::FileError,
};
use carillon_store::contacts::{Marked, MarkedWrite};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    ImportError,
    upsert::{ALONE, contended, patiently},
    work::{Hold, Turn},
};

const TRIES: u32 = 8;

/// What became of what an import did to a contact.
#[derive(Debug, Clone, Copy)]
enum Back {
    Removed,
    Restored,
    ChangedSince,
    DeletedSince,
}

impl Hold<'_> {
    /// Goes on where it is.
    pub(crate) async fn undo(
        &self,
        terms: &Terms,
        progress: &mut Progress,
    ) -> Result<Turn, ImportError> {
        let mut reader = Reader::open(self.importer.fetch(terms).await?, terms)?;
        for _ in 0..progress.undo.rows {
            reader.next()?;
        }
        while progress.undo.rows < progress.counts.rows {
            if self.is_over() {
                return Ok(Turn::TimeIsOver);
            }
            let group = self.group(terms, progress.undo.rows).await?;
            let changed = changed(&mut reader, &group.outcomes)?;
            self.take_back(terms, changed, &mut progress.undo).await?;
            progress.undo.rows += group.outcomes.len() as u64;
            self.advance(progress).await?;
        }
        Ok(Turn::Finished(Stage::Undone))
    }

    async fn take_back(
        &self,
        terms: &Terms,
        changed: Vec<(Outcome, Row)>,
        undo: &mut Undo,
    ) -> Result<(), ImportError> {
        let known = self
            .known(terms, changed.iter().map(|(_, row)| row))
            .await?;
        let now = Timestamp::now();
        let mut backs = Vec::with_capacity(changed.len());
        let (mut places, mut writes) = (Vec::new(), Vec::new());
        for (place, (outcome, row)) in changed.iter().enumerate() {
            let id = self.importer.key.contact(terms.account, row.number);
            let Step { back, write } = step(terms, *outcome, known.get(&id), now);
            backs.push(back);
            places.extend(write.as_ref().map(|_| place));
            writes.extend(write);
        }
        let left = self.write(writes, places).await?;
        let alone = async |place: usize| {
            let (outcome, row) = &changed[place];
            let back = self.take_back_alone(terms, *outcome, row).await?;
            Ok::<_, ImportError>((place, back))
        };
        let mut alone = stream::iter(left).map(alone).buffer_unordered(ALONE);
        while let Some((place, back)) = alone.try_next().await? {
            backs[place] = back;
        }
        for back in backs {
            let count = match back {
                Back::Removed => &mut undo.removed,
                Back::Restored => &mut undo.restored,
                Back::ChangedSince => &mut undo.changed_since,
                Back::DeletedSince => &mut undo.deleted_since,
            };
            *count += 1;
        }
        Ok(())
    }

    async fn take_back_alone(
        &self,
        terms: &Terms,
        outcome: Outcome,
        row: &Row,
    ) -> Result<Back, ImportError> {
        let contacts = &self.importer.contacts;
        let id = self.importer.key.contact(terms.account, row.number);
        for _ in 0..TRIES {
            let found = self.known(terms, [row].into_iter()).await?;
            let Step { back, write } = step(terms, outcome, found.get(&id), Timestamp::now());
            let writes: Vec<MarkedWrite> = write.into_iter().collect();
            if writes.is_empty() || patiently(|| contacts.write_marked(&writes)).await?.is_ok() {
                return Ok(back);
            }
        }
        Err(contended().into())
    }
}

/// What takes a contact back, by what was read.
struct Step {
    back: Back,
    /// Nothing, where it is so already, or is to stay.
    write: Option<MarkedWrite>,
}

fn step(terms: &Terms, outcome: Outcome, found: Option<&Marked>, now: Timestamp) -> Step {
    let is = |back| Step { back, write: None };
    let Some(Marked { contact, mark }) = found else {
        // Whoever removed it.
        return is(match outcome {
            Outcome::Created => Back::Removed,
            _ => Back::DeletedSince,
        });
    };
    let mark = mark.as_ref();
    let Some(mark) = mark.filter(|mark| mark.stands(terms.id, contact)) else {
        return is(Back::ChangedSince);
    };
    if mark.undone {
        return is(Back::Restored);
    }
    let Some(before) = &mark.before else {
        return Step {
            back: Back::Removed,
            write: Some(MarkedWrite::Delete(contact.clone())),
        };
    };
    let mut after = contact.clone();
    if after.change(&before.change(), now).is_err() {
        // It has more now than it may have.
        return is(Back::ChangedSince);
    }
    let mark = Mark {
        version: after.version,
        before: None,
        undone: true,
        import: terms.id,
    };
    let before = Some(contact.clone());
    Step {
        back: Back::Restored,
        write: Some(MarkedWrite::Save {
            before,
            after,
            mark,
        }),
    }
}

/// The rows of a group that made or changed a contact.
fn changed(
    reader: &mut Reader<'_, File>,
    outcomes: &str,
) -> Result<Vec<(Outcome, Row)>, FileError> {
    let mut changed = Vec::new();
    for letter in outcomes.bytes() {
        let row = reader.next()?;
        let outcome = Outcome::of_letter(letter);
        if let (Some(outcome @ (Outcome::Created | Outcome::Updated)), Some(Ok(row))) =
            (outcome, row)
        {
            changed.push((outcome, row));
        }
    }
    Ok(changed)
}
