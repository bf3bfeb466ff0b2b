//! The rows of an audience, one after the other, whatever file they came in: a CSV, or the JSON lines of an inline audience.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Seek, Write},
};

use carillon_core::{
    contact::Contact,
    frame::Recipient,
    hours::zone_of,
    phone::{Country, Phone},
    recipients::{self, FileError, Options, RecipientReader, RowError},
    zones::Zone,
};
use serde::{Deserialize, Serialize};

/// What refusals of an inline audience call the field with the number, as its request does.
const NUMBER_FIELD: &str = "to";
/// And those of contacts.
const CONTACT_FIELD: &str = "number";

pub enum Rows {
    Csv(Box<RecipientReader<File>>),
    Lines(Box<Lines<Recipient>>),
    Contacts(Box<Lines<ContactLine>>),
    /// Of an earlier batch.
    Retried(Box<Lines<Recipient>>),
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

/// JSON lines, the numbers checked before.
pub struct Lines<T> {
    file: BufReader<File>,
    text: String,
    line: u64,
    recipient: Option<T>,
}

/// What is kept of a contact until its row is read.
#[derive(Debug, Serialize, Deserialize)]
pub struct ContactLine {
    #[serde(rename = "to")]
    number: Phone,
    #[serde(rename = "cc", skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[serde(rename = "tz", skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    vars: BTreeMap<String, String>,
}

impl ContactLine {
    /// With the attributes that a text uses.
    pub fn new(contact: &Contact, names: &[&str]) -> Self {
        Self {
            number: contact.number,
            country: contact.country,
            zone: contact.time_zone,
            vars: contact.values(names),
        }
    }

    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *file, self)?;
        file.write_all(b"\n")
    }
}

impl Rows {
    /// From the beginning of a file, wherever it stands now.
    pub fn csv(file: File, options: &Options) -> Result<Self, FileError> {
        Ok(Self::Csv(Box::new(RecipientReader::open(file, options)?)))
    }

    /// From the beginning of a file, wherever it stands now.
    pub fn lines(file: File) -> io::Result<Self> {
        Ok(Self::Lines(Box::new(Lines::open(file)?)))
    }

    /// From the beginning of a file, wherever it stands now.
    pub fn contacts(file: File) -> io::Result<Self> {
        Ok(Self::Contacts(Box::new(Lines::open(file)?)))
    }

    /// From the beginning of a file, wherever it stands now.
    pub fn retried(file: File) -> io::Result<Self> {
        Ok(Self::Retried(Box::new(Lines::open(file)?)))
    }

    /// What the column with the numbers is called.
    pub fn number_column(&self) -> &str {
        match self {
            Self::Csv(reader) => &reader.columns()[reader.phone_column()].header,
            Self::Lines(_) | Self::Retried(_) => NUMBER_FIELD,
            Self::Contacts(_) => CONTACT_FIELD,
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
            Self::Lines(lines) => Ok(lines.next(Row::of_recipient)?),
            Self::Contacts(lines) => Ok(lines.next(Row::of_contact)?),
            Self::Retried(lines) => Ok(lines.next(Row::of_retried)?),
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

    /// Where the number was taken to be, it still is.
    fn of_retried(line: u64, recipient: &'r Recipient) -> Self {
        Self {
            zone: recipient.hours().and_then(zone_of),
            ..Self::of_recipient(line, recipient)
        }
    }

    fn of_contact(line: u64, contact: &'r ContactLine) -> Self {
        Self {
            line,
            number: contact.number,
            country: contact.country.or_else(|| contact.number.country()),
            zone: contact.zone,
            reference: None,
            values: Values::Vars(&contact.vars),
        }
    }
}

impl<T: for<'de> Deserialize<'de>> Lines<T> {
    fn open(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self {
            file: BufReader::new(file),
            text: String::new(),
            line: 0,
            recipient: None,
        })
    }

    fn next<'r>(
        &'r mut self,
        row: impl Fn(u64, &'r T) -> Row<'r>,
    ) -> io::Result<Option<Result<Row<'r>, RowError>>> {
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
            .map(|recipient| row(line, recipient));
        Ok(Some(row.ok_or_else(unreadable)))
    }
}
