//! From the file to contacts, group by group.

use std::{collections::HashSet, fs::File};

use carillon_core::{
    import::{Counts, MAX_ROWS, Outcome, Progress, Reader, Row, Stage, Terms},
    recipients::{FileError, RowError},
};
use carillon_store::{
    import_files::{Group, RejectedRow},
    suppressions::OptedOut,
};

use crate::{
    ImportError,
    upsert::Done,
    work::{Hold, Turn},
};

/// A file, and the numbers that came in it so far.
struct Rows<'t> {
    reader: Reader<'t, File>,
    seen: HashSet<u64>,
}

/// A row, or why it makes no contact; with its cells, should it be rejected yet.
struct Read {
    row: Result<Row, (Outcome, RowError)>,
    cells: Vec<String>,
}

impl Hold<'_> {
    /// Goes on where it is.
    pub(crate) async fn forward(
        &self,
        terms: &Terms,
        progress: &mut Progress,
    ) -> Result<Turn, ImportError> {
        self.check_lists(terms).await?;
        let opted_out = self
            .importer
            .suppressions
            .since(terms.account, None)
            .await?;
        let opted_out: OptedOut = opted_out.into_iter().collect();
        let reader = Reader::open(self.importer.fetch(terms).await?, terms)?;
        let mut rows = Rows {
            reader,
            seen: HashSet::new(),
        };
        rows.skip(progress.counts.rows)?;
        loop {
            if self.is_over() {
                return Ok(Turn::TimeIsOver);
            }
            let mut group = Vec::new();
            let read = rows.read(self.importer.group, &mut group);
            let is_last = group.len() < self.importer.group;
            if !group.is_empty() {
                let counts = &mut progress.counts;
                let first = counts.rows;
                let group = self.bring_in(terms, &opted_out, group, counts).await?;
                let files = &self.importer.files;
                files
                    .put_group(terms.account, terms.id, first, &group)
                    .await?;
                counts.bytes = rows.reader.bytes().min(terms.bytes);
                if self.advance(progress).await? {
                    return Ok(Turn::Finished(Stage::Cancelled));
                }
            }
            read?;
            if is_last {
                progress.counts.bytes = terms.bytes;
                return Ok(Turn::Finished(Stage::Done));
            }
            if progress.counts.rows >= MAX_ROWS {
                let problem = format!(
                    "the file has more than {MAX_ROWS} rows, and those are imported; put the others into another file"
                );
                return Err(ImportError::Problem(problem));
            }
        }
    }

    /// A list that was deleted would have members that nobody sees.
    async fn check_lists(&self, terms: &Terms) -> Result<(), ImportError> {
        if terms.lists.is_empty() {
            return Ok(());
        }
        let lists = self.importer.lists.list(terms.account).await?;
        let is_there = |id| lists.iter().any(|list| list.id == id && !list.deleting);
        match terms.lists.iter().find(|id| !is_there(**id)) {
            None => Ok(()),
            Some(gone) => Err(ImportError::Problem(format!(
                "there is no list `{gone}` any more; choose another one and import again"
            ))),
        }
    }

    /// Makes contacts of a group of rows. What it comes to is the same however often it is done.
    async fn bring_in(
        &self,
        terms: &Terms,
        opted_out: &OptedOut,
        group: Vec<Read>,
        counts: &mut Counts,
    ) -> Result<Group, ImportError> {
        let rows: Vec<&Row> = group.iter().filter_map(|it| it.row.as_ref().ok()).collect();
        let mut brought = self.bring(terms, opted_out, &rows).await?.into_iter();
        let done: Vec<(Done, Vec<String>)> = group
            .into_iter()
            .map(|Read { row, cells }| {
                let done = match row {
                    Ok(_) => brought.next().expect("one for each row"),
                    Err((outcome, error)) => Done::refused(outcome, error),
                };
                (done, cells)
            })
            .collect();
        let mut group = Group::default();
        for (done, cells) in done {
            counts.add(done.outcome);
            counts.suppressed += u64::from(done.is_suppressed);
            counts.consents += u64::from(done.has_consented);
            group.outcomes.push(char::from(done.outcome.letter()));
            let rejected = done.error.map(|error| rejected(error, cells));
            group.rejected.extend(rejected);
        }
        Ok(group)
    }
}

fn rejected(error: RowError, cells: Vec<String>) -> RejectedRow {
    let RowError {
        line,
        column,
        code,
        message,
    } = error;
    RejectedRow {
        line,
        code: code.to_owned(),
        column,
        reason: message,
        cells,
    }
}

impl Rows<'_> {
    /// Goes past rows that are done with, and notes their numbers.
    fn skip(&mut self, rows: u64) -> Result<(), FileError> {
        for _ in 0..rows {
            if let Some(Ok(row)) = self.reader.next()? {
                self.seen.insert(row.number.digits());
            }
        }
        Ok(())
    }

    /// Up to `most` rows. What was read before an error is there too.
    fn read(&mut self, most: usize, group: &mut Vec<Read>) -> Result<(), FileError> {
        while group.len() < most
            && let Some(row) = self.reader.next()?
        {
            let row = row.map_err(|error| (Outcome::Rejected, error));
            let row = row.and_then(|row| {
                if self.seen.insert(row.number.digits()) {
                    Ok(row)
                } else {
                    Err((Outcome::Duplicate, duplicate(row.line)))
                }
            });
            let cells = self.reader.cells().iter().map(str::to_owned).collect();
            group.push(Read { row, cells });
        }
        Ok(())
    }
}

fn duplicate(line: u64) -> RowError {
    RowError {
        line,
        column: None,
        code: "duplicate",
        message: "the number came in an earlier row, which counts; put what both rows say into one"
            .to_owned(),
    }
}
