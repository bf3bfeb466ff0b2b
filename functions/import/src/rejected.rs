//! The rejected rows as one CSV: where each was, what is wrong and how to mend it, then its cells as they were. Mended, it can be uploaded
//! as it is: its first four columns are left out by themselves.

use std::io::{BufWriter, Write};

use carillon_core::{
    csv_cell::harmless,
    import::{Counts, Terms},
};
use carillon_store::import_files::{Group, RejectedRow};

use crate::{ImportError, work::Hold};

const COLUMNS: [&str; 4] = [
    "import_line",
    "import_code",
    "import_column",
    "import_reason",
];
/// By which spreadsheets know UTF-8.
const MARK: &str = "\u{feff}";

impl Hold<'_> {
    /// Nothing, where no row was rejected.
    pub(crate) async fn list_rejected(
        &self,
        terms: &Terms,
        counts: &Counts,
    ) -> Result<(), ImportError> {
        if counts.rejected + counts.duplicates == 0 {
            return Ok(());
        }
        let file = tempfile::NamedTempFile::new()?;
        let mut lines = lines(BufWriter::new(file.as_file()), terms)?;
        let mut first = 0;
        while first < counts.rows {
            let group = self.group(terms, first).await?;
            for row in &group.rejected {
                write(&mut lines, row)?;
            }
            first += group.outcomes.len() as u64;
        }
        lines.flush()?;
        drop(lines);
        let put = self
            .importer
            .files
            .put_rejected_rows(terms.account, terms.id, file.path());
        Ok(put.await?)
    }

    /// What became of the rows from one on.
    pub(crate) async fn group(&self, terms: &Terms, first: u64) -> Result<Group, ImportError> {
        let files = &self.importer.files;
        let group = files.read_group(terms.account, terms.id, first).await?;
        let there = group.filter(|group| !group.outcomes.is_empty());
        there.ok_or_else(|| ImportError::Problem(GONE.to_owned()))
    }
}

const GONE: &str = "what became of the rows isn't kept any more: that is for 30 days";

/// With the delimiter of the file that it came from.
fn lines<W: Write>(mut output: W, terms: &Terms) -> Result<csv::Writer<W>, ImportError> {
    output.write_all(MARK.as_bytes())?;
    let mut lines = csv::WriterBuilder::new()
        .flexible(true)
        .delimiter(terms.layout.delimiter)
        .from_writer(output);
    let names = terms.layout.names.iter();
    let names = names.map(|name| harmless(name).into_owned());
    let all = COLUMNS.map(str::to_owned).into_iter().chain(names);
    lines.write_record(all).map_err(std::io::Error::from)?;
    Ok(lines)
}

fn write<W: Write>(lines: &mut csv::Writer<W>, row: &RejectedRow) -> Result<(), ImportError> {
    let RejectedRow {
        line,
        code,
        column,
        reason,
        cells,
    } = row;
    let told = [
        line.to_string(),
        code.clone(),
        harmless(column.as_deref().unwrap_or_default()).into_owned(),
        reason.clone(),
    ];
    let cells = cells.iter().map(|cell| harmless(cell).into_owned());
    let written = lines.write_record(told.into_iter().chain(cells));
    Ok(written.map_err(std::io::Error::from)?)
}
