//! What remains of an audience: its valid rows, then without those whose number came before, then without the opted-out.

use std::{collections::BinaryHeap, io};

use carillon_core::{
    batch::Prepared,
    content::Texts,
    hours::hours_key,
    limits::destinations::Destinations,
    phone::Phone,
    recipients::{FileError, RowError},
    segments::segment,
    template::RenderError,
};

use crate::{
    index::{GroupNumber, Index, Place},
    parts::Parts,
    payloads::{PayloadReader, PayloadWriter, Written},
    problem::Problem,
    rejected::{LISTED, Rejected},
    rows::{Row, Rows},
};

pub struct Recipients {
    index: Index,
    payloads: PayloadReader,
    rejected: Rejected,
    /// The first rows whose number came before, each with the first row of that number.
    repeated: BinaryHeap<(Place, Place)>,
    number_column: String,
    /// But for the parts, which are counted with the frames.
    counts: Prepared,
}

impl Recipients {
    /// Reads every row, and refuses those whose text can't be made, or whose country isn't among `destinations`.
    pub fn read(
        mut rows: Rows,
        texts: &Texts,
        destinations: Option<&Destinations>,
    ) -> Result<Self, FileError> {
        let column = rows.number_column().to_owned();
        let names = texts.values();
        let mut payloads = PayloadWriter::new()?;
        let mut index = Index::default();
        let mut rejected = Rejected::default();
        let mut text = String::new();
        while let Some(row) = rows.next()? {
            let checked = row.and_then(|row| {
                if destinations.is_some_and(|allowed| !allowed.allow(row.country)) {
                    return Err(not_allowed(&row, &column));
                }
                let parts = count_parts(&row, texts, &mut text)?;
                Ok((group(&row, &mut index)?, parts, row))
            });
            match checked {
                Ok((group, parts, row)) => {
                    let place = payloads.write(&Written::new(&row, &names, parts))?;
                    index.push(group, row.number, place);
                }
                Err(error) => rejected.add(error),
            }
        }
        let accepted = index.len() as u64;
        let counts = Prepared {
            rows: accepted + rejected.count(),
            accepted,
            rejected: rejected.count(),
            ..Prepared::default()
        };
        Ok(Self {
            index,
            payloads: payloads.into_reader()?,
            rejected,
            repeated: BinaryHeap::new(),
            number_column: column,
            counts,
        })
    }

    /// Leaves of each number the first row.
    pub fn deduplicate(&mut self) {
        let repeated = &mut self.repeated;
        self.index.deduplicate(|later, first| {
            repeated.push((later, first));
            if repeated.len() > LISTED {
                repeated.pop();
            }
        });
        self.counts.duplicates += self.take_lost();
    }

    /// Leaves out the numbers that must not be texted.
    pub fn remove_opted_out(&mut self, is_out: impl Fn(Phone) -> bool) {
        self.index.remove(is_out);
        self.counts.opted_out += self.take_lost();
    }

    /// Leaves out the numbers that got enough marketing, by place and number; only after [`Recipients::deduplicate`].
    pub fn remove_capped(&mut self, is_full: impl Fn(usize, Phone) -> bool) {
        self.index.remove_at(is_full);
        self.counts.capped += self.take_lost();
    }

    /// Leaves out those who never agreed, by place; only after [`Recipients::deduplicate`].
    pub fn remove_not_agreed(&mut self, lacks: impl Fn(usize) -> bool) {
        self.index.remove_at(|place, _| lacks(place));
        self.counts.no_consent += self.take_lost();
    }

    /// So many numbers from a place on, as long as there are.
    pub fn numbers(&self, from: usize, most: usize) -> Vec<Phone> {
        self.index.numbers().skip(from).take(most).collect()
    }

    pub fn count(&self) -> usize {
        self.index.len()
    }

    pub fn place_of(&self, number: Phone) -> Option<usize> {
        self.index.place_of(number)
    }

    /// The rejected rows and the duplicates, if there are any, as a CSV.
    pub fn rejected_csv(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut duplicates = Vec::with_capacity(self.repeated.len());
        for (later, first) in &self.repeated {
            let first = self.payloads.read(*first)?.line;
            duplicates.push(RowError {
                line: self.payloads.read(*later)?.line,
                column: Some(self.number_column.clone()),
                code: "duplicate",
                message: format!(
                    "line {first} has the same number and is the one that counts; remove one of them"
                ),
            });
        }
        Ok(self.rejected.to_csv(&duplicates))
    }

    pub fn counts(&self) -> &Prepared {
        &self.counts
    }

    /// Somebody must be left.
    pub fn check(&self) -> Result<(), Problem> {
        match self.counts {
            Prepared { rows: 0, .. } => Err(Problem::NoRows),
            Prepared { accepted: 0, .. } => Err(Problem::NobodyLeft {
                counts: Box::new(self.counts),
                first: self.rejected.first().cloned(),
            }),
            _ => Ok(()),
        }
    }

    /// Cuts what is left into chunks, and these into parts of at least `bytes`, but for the last.
    pub fn into_parts(self, chunk_size: usize, bytes: usize) -> Parts {
        let (entries, groups) = self.index.into_sorted();
        Parts::new(
            entries,
            groups,
            self.payloads,
            self.counts,
            chunk_size,
            bytes,
        )
    }

    /// How many entries the index has lost since the last look.
    fn take_lost(&mut self) -> u64 {
        let left = self.index.len() as u64;
        let lost = self.counts.accepted - left;
        self.counts.accepted = left;
        lost
    }
}

/// Makes the text of a row, in memory that is used again, and counts its message parts.
fn count_parts(row: &Row<'_>, texts: &Texts, text: &mut String) -> Result<u32, RowError> {
    match texts.render_into(text, |name| row.value(name), None) {
        Ok(()) => Ok(segment(text).parts),
        Err(error) => Err(unrenderable(row.line, &error)),
    }
}

fn not_allowed(row: &Row<'_>, column: &str) -> RowError {
    let country = row
        .country
        .map_or_else(|| "no country".to_owned(), |it| it.to_string());
    RowError {
        line: row.line,
        column: Some(column.to_owned()),
        code: "country_not_allowed",
        message: format!(
            "the account doesn't send to numbers of {country}; allow it with `PATCH /v1/account`, or leave the row out"
        ),
    }
}

/// By the sending hours of a row.
fn group(row: &Row<'_>, index: &mut Index) -> Result<GroupNumber, RowError> {
    let hours = hours_key(row.number, row.country, row.zone);
    index.group(hours).ok_or_else(|| RowError {
        line: row.line,
        column: None,
        code: "too_many_time_zones",
        message: "the rows before it have too many countries with too many time zones; leave the time zone empty, or divide the audience".to_owned(),
    })
}

fn unrenderable(line: u64, error: &RenderError) -> RowError {
    let (column, code) = match error {
        RenderError::MissingValue { name } => (Some(name.clone()), "missing_value"),
        RenderError::TooLong { .. } => (None, "text_too_long"),
    };
    RowError {
        line,
        column,
        code,
        message: error.to_string(),
    }
}
