//! The rows of an audience, one after the other, whatever file they came in: a CSV, or the JSON lines of an inline audience.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Seek},
};

use carillon_core::{
    frame::Recipient,
    phone::{Country, Phone},
    recipients::{self, FileError, Options, RecipientReader, RowError},
    zones::Zone,
};

/// What refusals of an inline audience call the field with the number, as its request does.
const NUMBER_FIELD: &str = "to";

pub enum Rows {
    Csv(Box<RecipientReader<File>>),
    Lines(Box<Lines>),
}

/// A row with a valid number.
pub struct Row<'r> {
    /// From 1; in a CSV the header counts.
    pub line: u64,
    pub number: Phone,
    pub country: Option<Country>,
    /// The recipient's own, if it is known.
    pub zone: Option<Zone>,
    pub reference: Option<&'r str>,
    values: Values<'r>,
}

enum Values<'r> {
    Cells(recipients::Row<'r>),
    Vars(&'r BTreeMap<String, String>),
}

/// A [`Recipient`] a line, the numbers checked before.
pub struct Lines {
    file: BufReader<File>,
    text: String,
    line: u64,
    recipient: Option<Recipient>,
}

impl Rows {
    /// From the beginning of a file, wherever it stands now.
    pub fn csv(file: File, options: &Options) -> Result<Self, FileError> {
        Ok(Self::Csv(Box::new(RecipientReader::open(file, options)?)))
    }

    /// From the beginning of a file, wherever it stands now.
    pub fn lines(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self::Lines(Box::new(Lines {
            file: BufReader::new(file),
            text: String::new(),
            line: 0,
            recipient: None,
        })))
    }

    /// What the column with the numbers is called.
    pub fn number_column(&self) -> &str {
        match self {
            Self::Csv(reader) => &reader.columns()[reader.phone_column()].header,
            Self::Lines(_) => NUMBER_FIELD,
        }
    }

    /// The next row that isn't blank; `None` at the end. After a `FileError` there is no more.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the reader, which an Iterator's items can't"
    )]
    pub fn next(&mut self) -> Result<Option<Result<Row<'_>, RowError>>, FileError> {
        match self {
            Self::Csv(reader) => Ok(reader.next()?.map(|row| row.map(Row::of_cells))),
            Self::Lines(lines) => Ok(lines.next()?),
        }
    }
}

impl<'r> Row<'r> {
    /// What a placeholder of this name stands for; `None` when there is nothing of that name.
    pub fn value(&self, name: &str) -> Option<&'r str> {
        match self.values {
            Values::Cells(row) => row.value(name),
            Values::Vars(vars) => vars.get(name).map(String::as_str),
        }
    }

    fn of_cells(row: recipients::Row<'r>) -> Self {
        Self {
            line: row.line,
            number: row.phone,
            country: row.country,
            zone: row.zone,
            reference: row.reference(),
            values: Values::Cells(row),
        }
    }

    fn of_recipient(line: u64, recipient: &'r Recipient) -> Self {
        Self {
            line,
            number: recipient.number,
            country: recipient.country.or_else(|| recipient.number.country()),
            zone: None,
            reference: recipient.reference.as_deref(),
            values: Values::Vars(&recipient.vars),
        }
    }
}

impl Lines {
    fn next(&mut self) -> io::Result<Option<Result<Row<'_>, RowError>>> {
        self.text.clear();
        if self.file.read_line(&mut self.text)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = self.line;
        // Without the parser's words, which could quote a number.
        self.recipient = serde_json::from_str(&self.text).ok();
        let unreadable = || RowError {
            line,
            column: None,
            code: "unreadable_recipient",
            message: "the recipient can't be read; give it again".to_owned(),
        };
        let row = self
            .recipient
            .as_ref()
            .map(|recipient| Row::of_recipient(line, recipient));
        Ok(Some(row.ok_or_else(unreadable)))
    }
}
