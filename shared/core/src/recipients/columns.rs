//! The header: what the columns are called, and which of them holds the number.

use csv::StringRecord;

use super::{FileError, MAX_CELL, MAX_COLUMNS, cell};

/// Names that people give to the phone column, the likeliest first, without case, blanks, `_`, `-` and `.`.
pub(crate) const PHONE_NAMES: [&str; 24] = [
    "phone",
    "phonenumber",
    "mobile",
    "mobilenumber",
    "mobilephone",
    "mobilephonenumber",
    "msisdn",
    "cell",
    "cellphone",
    "cellnumber",
    "cellphonenumber",
    "telephone",
    "telephonenumber",
    "tel",
    "number",
    "to",
    "recipient",
    "phoneno",
    "mobileno",
    "gsm",
    "telefon",
    "telefono",
    "telephonemobile",
    "handy",
];
const REFERENCE_NAMES: [&str; 2] = ["reference", "ref"];
const ZONE_NAMES: [&str; 1] = ["timezone"];
/// Digits from which a header is taken for a number.
const NUMBER_DIGITS: usize = 7;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the header says it, without blanks around it.
    pub header: String,
    /// As a placeholder can say it: blanks, dashes and dots inside are `_`, so `First name` is `First_name`.
    pub variable: String,
}

#[derive(Debug, Default)]
pub(super) struct Columns {
    all: Vec<Column>,
    phone: usize,
    reference: Option<usize>,
    zone: Option<usize>,
}

impl Columns {
    pub(super) fn from_header(
        record: &StringRecord,
        line: u64,
        phone: Option<&str>,
    ) -> Result<Columns, FileError> {
        let headers = headers_of(record);
        let used = headers
            .iter()
            .rposition(|header| !header.is_empty())
            .map_or(0, |last| last + 1);
        let headers = &headers[..used];
        check(headers, line)?;
        let phone_place = find_phone(headers, phone).ok_or_else(|| match phone {
            Some(wanted) => FileError::NoSuchColumn {
                wanted: shorten(wanted),
                seen: list(headers),
            },
            None => FileError::NoPhoneColumn {
                seen: list(headers),
            },
        })?;
        let other = |names: &[&str]| find(headers, names).filter(|place| *place != phone_place);
        let (reference, zone) = (other(&REFERENCE_NAMES), other(&ZONE_NAMES));
        let all = headers
            .iter()
            .map(|header| Column {
                header: (*header).to_owned(),
                variable: variable(header),
            })
            .collect();
        Ok(Columns {
            all,
            phone: phone_place,
            reference,
            zone,
        })
    }

    pub(super) fn all(&self) -> &[Column] {
        &self.all
    }

    pub(super) fn phone(&self) -> usize {
        self.phone
    }

    pub(super) fn reference(&self) -> Option<usize> {
        self.reference
    }

    pub(super) fn zone(&self) -> Option<usize> {
        self.zone
    }

    /// The column of a header or of its variable.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.all
            .iter()
            .position(|column| column.variable == name || column.header == name)
    }
}

/// Whether a header has the column that is wanted, or one with a usual name.
pub(super) fn has_phone(record: &StringRecord, wanted: Option<&str>) -> bool {
    find_phone(&headers_of(record), wanted).is_some()
}

fn headers_of(record: &StringRecord) -> Vec<&str> {
    record
        .iter()
        .map(|text| cell::content(text.trim()).trim())
        .collect()
}

fn check(headers: &[&str], line: u64) -> Result<(), FileError> {
    if headers.len() > MAX_COLUMNS {
        return Err(FileError::TooManyColumns {
            line,
            count: headers.len(),
        });
    }
    if headers.iter().any(|header| is_number(header)) {
        return Err(FileError::NoHeader { line });
    }
    for (index, header) in headers.iter().enumerate() {
        let column = index + 1;
        if header.is_empty() {
            return Err(FileError::EmptyHeader { line, column });
        }
        if header.len() > MAX_CELL {
            return Err(FileError::HeaderTooLong { line, column });
        }
        let name = variable(header).to_lowercase();
        if let Some(first) = headers[..index]
            .iter()
            .position(|earlier| variable(earlier).to_lowercase() == name)
        {
            return Err(FileError::DuplicateHeader {
                line,
                column,
                first: first + 1,
                header: shorten(header),
            });
        }
    }
    Ok(())
}

/// A file without a header begins with somebody's number, which no message may repeat.
pub(crate) fn is_number(header: &str) -> bool {
    let digits = header
        .chars()
        .filter(|character| character.is_numeric())
        .count();
    digits >= NUMBER_DIGITS
        && !header
            .chars()
            .any(|character| character.is_alphabetic() && !matches!(character, 'e' | 'E'))
}

fn find_phone(headers: &[&str], wanted: Option<&str>) -> Option<usize> {
    match wanted {
        Some(wanted) => find_wanted(headers, wanted),
        None => find(headers, &PHONE_NAMES),
    }
}

fn find(headers: &[&str], names: &[&str]) -> Option<usize> {
    let headers: Vec<String> = headers.iter().map(|header| fold(header)).collect();
    names
        .iter()
        .find_map(|name| headers.iter().position(|header| header == name))
}

fn find_wanted(headers: &[&str], wanted: &str) -> Option<usize> {
    let wanted = wanted.trim();
    let exact = headers.iter().position(|header| *header == wanted);
    exact.or_else(|| find(headers, &[&fold(wanted)]))
}

pub(crate) fn fold(header: &str) -> String {
    header
        .chars()
        .filter(|character| !is_separator(*character))
        .flat_map(char::to_lowercase)
        .collect()
}

pub(crate) fn variable(header: &str) -> String {
    let words: Vec<&str> = header
        .split(|character| is_separator(character) && character != '_')
        .filter(|word| !word.is_empty())
        .collect();
    words.join("_")
}

pub(crate) fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '_' | '-' | '.')
}

/// The headers for a message: the first of them, each in backticks.
pub(crate) fn list(headers: &[&str]) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<String> = headers
        .iter()
        .take(SHOWN)
        .map(|header| format!("`{}`", shorten(header)))
        .collect();
    if headers.len() > SHOWN {
        shown.push(format!("and {} more", headers.len() - SHOWN));
    }
    shown.join(", ")
}

/// A header for a message. Digits are hidden if they could be somebody's number.
pub(crate) fn shorten(header: &str) -> String {
    const SHOWN: usize = 40;
    let hides = header
        .chars()
        .filter(|character| character.is_numeric())
        .count()
        >= NUMBER_DIGITS;
    let visible = |character: char| {
        if hides && character.is_numeric() {
            '*'
        } else {
            character
        }
    };
    header
        .chars()
        .filter(|character| !character.is_control())
        .take(SHOWN)
        .map(visible)
        .collect()
}
