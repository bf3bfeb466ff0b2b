//! From contacts back to what was before, in the order of the file. What somebody changed after the import stays as it is, and is counted.

use std::fs::File;

use carillon_core::{
    id::ContactId,
    import::{Mark, Outcome, Progress, Reader, Row, Stage, Terms, Undo},
    recipients::FileError,
};
use carillon_store::contacts::{Marked, Stale};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    ImportError,
    upsert::{contended, patiently},
    work::{Hold, Turn},
};

const CONCURRENT: usize = 64;
const TRIES: u32 = 8;

/// What became of what an import did to a contact.
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
        let one = async |(outcome, row): (Outcome, Row)| {
            let id = self.importer.key.contact(terms.account, row.number);
            self.take_one_back(terms, id, outcome, known.get(&id).cloned())
                .await
        };
        let backs: Vec<Back> = stream::iter(changed)
            .map(one)
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
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

    async fn take_one_back(
        &self,
        terms: &Terms,
        id: ContactId,
        outcome: Outcome,
        mut found: Option<Marked>,
    ) -> Result<Back, ImportError> {
        let contacts = &self.importer.contacts;
        for _ in 0..TRIES {
            let Some(Marked { contact, mark }) = &found else {
                // Whoever removed it.
                return Ok(match outcome {
                    Outcome::Created => Back::Removed,
                    _ => Back::DeletedSince,
                });
            };
            let mark = mark.as_ref();
            let Some(mark) = mark.filter(|mark| mark.stands(terms.id, contact)) else {
                return Ok(Back::ChangedSince);
            };
            if mark.undone {
                return Ok(Back::Restored);
            }
            let (written, back) = match &mark.before {
                None => {
                    let deleted = patiently(|| contacts.delete(contact)).await?;
                    (deleted, Back::Removed)
                }
                Some(before) => {
                    let mut after = contact.clone();
                    let now = Timestamp::now();
                    if after.change(&before.change(), now).is_err() {
                        // It has more now than it may have.
                        return Ok(Back::ChangedSince);
                    }
                    let mark = Mark {
                        version: after.version,
                        before: None,
                        undone: true,
                        import: terms.id,
                    };
                    let saved = patiently(|| contacts.save_marked(Some(contact), &after, &mark));
                    (saved.await?, Back::Restored)
                }
            };
            match written {
                Ok(()) => return Ok(back),
                Err(Stale) => {
                    let again = contacts.find_marked(terms.account, &[id]).await?;
                    found = again.into_values().next();
                }
            }
        }
        Err(contended().into())
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
