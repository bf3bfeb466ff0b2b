//! The rows of a file as contacts to be, one after the other.

use std::io::{Read, Seek};

use csv::StringRecord;

use super::{Blank, Layout, Target, Terms, cell};
use crate::{
    contact::{ContactChange, Tag},
    phone::{Country, Phone},
    recipients::{FileError, RowError, Sheet, cell::is_blank},
    zones::Zone,
};

/// A row whose cells say what they should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub number: Phone,
    pub country: Option<Country>,
    pub change: ContactChange,
}

/// A file as its terms read it.
pub struct Reader<'t, R> {
    sheet: Sheet<R>,
    terms: &'t Terms,
}

impl<'t, R: Read + Seek> Reader<'t, R> {
    pub fn open(input: R, terms: &'t Terms) -> Result<Self, FileError> {
        let mut sheet = Sheet::open(input, None, Some(terms.layout.delimiter))?;
        if terms.layout.header {
            sheet.read()?.ok_or(FileError::Empty)?;
        }
        Ok(Self { sheet, terms })
    }

    /// The cells of the row that was read last, as they are.
    pub fn cells(&self) -> &StringRecord {
        self.sheet.record()
    }

    /// Bytes of the file that were read, some of them for rows to come.
    pub fn bytes(&self) -> u64 {
        self.sheet.bytes()
    }

    /// The next row that isn't blank; `None` at the end. After a `FileError` there is no more.
    #[expect(
        clippy::should_implement_trait,
        reason = "rows can't be read after an error"
    )]
    pub fn next(&mut self) -> Result<Option<Result<Row, RowError>>, FileError> {
        let Some(line) = self.sheet.read()? else {
            return Ok(None);
        };
        Ok(Some(row(self.sheet.record(), self.terms, line)))
    }
}

fn row(record: &StringRecord, terms: &Terms, line: u64) -> Result<Row, RowError> {
    let Layout { names, columns, .. } = &terms.layout;
    check_width(record, names.len(), line)?;
    let mut change = ContactChange::default();
    let mut number = None;
    for column in columns {
        let raw = record.get(column.place).unwrap_or_default();
        let header = &column.header;
        cell::check(raw, line, header)?;
        let text = cell::text(raw);
        match &column.target {
            Target::Phone => {
                let located = Phone::parse_located(text, terms.default_country);
                number = Some(located.map_err(|error| RowError::phone(line, header, error))?);
            }
            _ if text.is_empty() && terms.blank == Blank::Keep => {}
            target => read(target, text, &mut change).map_err(|error| error.at(line, header))?,
        }
    }
    let (number, country) = number.expect("a mapping has a column for the number");
    Ok(Row {
        line,
        number,
        country,
        change,
    })
}

/// Empty cells take back what there was, but for tags, which there may be others of.
fn read(target: &Target, text: &str, change: &mut ContactChange) -> Result<(), cell::BadCell> {
    let given = !text.is_empty();
    match target {
        Target::Phone => {}
        Target::Language => {
            let language = given.then(|| text.parse()).transpose();
            change.language = Some(language.map_err(|_| NOT_A_LANGUAGE)?);
        }
        Target::TimeZone => {
            let zone = given.then(|| Zone::parse(text)).transpose();
            change.time_zone = Some(zone.map_err(|_| NOT_A_ZONE)?);
        }
        Target::Tags => {
            let words = text.split([',', ';', '|']).map(str::trim);
            for word in words.filter(|word| !word.is_empty()) {
                let tag: Tag = word.parse().map_err(|_| NOT_A_TAG)?;
                change.tags.add.insert(tag);
            }
        }
        Target::Attribute { name, kind } => {
            let value = given.then(|| kind.read(text)).transpose()?;
            change.attributes.insert(name.clone(), value);
        }
    }
    Ok(())
}

const NOT_A_LANGUAGE: cell::BadCell = cell::BadCell {
    code: "unknown_language",
    words: "the cell isn't a language; write `en`, `pt-BR` or `zh-Hant`, or leave it empty",
};
const NOT_A_ZONE: cell::BadCell = cell::BadCell {
    code: "unknown_time_zone",
    words: "the cell isn't a time zone; write a name of the IANA database, such as `Europe/Paris`, or leave it empty, and the number's own zone counts",
};
const NOT_A_TAG: cell::BadCell = cell::BadCell {
    code: "invalid_tag",
    words: "a tag has 1 to 64 characters, none of them a control character; separate tags by commas",
};

/// More cells than columns are a delimiter that should be in quotes. Fewer are as they should be: spreadsheets leave out empty
/// cells at the end.
fn check_width(record: &StringRecord, width: usize, line: u64) -> Result<(), RowError> {
    if record.iter().skip(width).all(is_blank) {
        return Ok(());
    }
    Err(RowError::wrong_column_count(line, record.len(), width))
}
