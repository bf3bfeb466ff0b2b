//! What a request says, checked field by field before anything is done: texts, recipients, files.

use std::{collections::HashMap, io::Cursor};

use bytes::Bytes;
use carillon_core::{
    frame::Recipient,
    originator::Originator,
    phone::{Country, Phone},
    recipients::{FileError, Options, RecipientReader},
    template::{RenderError, Template},
};
use carillon_runtime::problem::{Code, FieldError, Problem};
use jiff::{SignedDuration, Timestamp};

use crate::fields::{RecipientInput, To};

/// Bytes of a value, as of a cell.
const MAX_VALUE: usize = carillon_core::recipients::MAX_CELL;
const MAX_VALUES: usize = carillon_core::recipients::MAX_COLUMNS;
const MAX_REFERENCE: usize = 255;
/// Seconds: a minute to a week.
const VALIDITY: std::ops::RangeInclusive<i64> = 60..=7 * 24 * 3_600;
/// How far ahead something may be planned.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);

/// A text as a template; not empty.
pub fn text(pointer: &str, text: &str) -> Result<Template, Problem> {
    let refused = |words: String| {
        let error = FieldError::new(pointer, Code::InvalidText.as_str(), words);
        Problem::of_fields(Code::InvalidText, vec![error])
    };
    if text.trim().is_empty() {
        return Err(refused("the text is empty; write one".to_owned()));
    }
    Template::parse(text).map_err(|error| refused(error.to_string()))
}

pub fn sender(pointer: &str, sender: Option<String>) -> Result<Option<Originator>, Problem> {
    let read = |sender: String| sender.parse().map_err(|error| content(pointer, &error));
    sender.map(read).transpose()
}

pub fn country(pointer: &str, country: Option<&str>) -> Result<Option<Country>, Problem> {
    let read = |text| Country::parse(text).map_err(|error| content(pointer, &error));
    country.map(read).transpose()
}

/// 1 to 100 characters.
pub fn name(pointer: &str, name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if (1..=100).contains(&name.chars().count()) {
        return Ok(name.to_owned());
    }
    Err(content(pointer, &"expected 1 to 100 characters"))
}

/// A number in E.164.
pub fn number(pointer: &str, number: &str) -> Result<Phone, Problem> {
    Phone::parse(number, None).map_err(|error| {
        let error = FieldError::new(pointer, error.code(), error);
        Problem::of_fields(Code::InvalidPhone, vec![error])
    })
}

/// Seconds that a message may wait.
pub fn validity(pointer: &str, seconds: Option<i64>) -> Result<SignedDuration, Problem> {
    let Some(seconds) = seconds else {
        return Ok(carillon_core::batch::DEFAULT_VALIDITY);
    };
    if VALIDITY.contains(&seconds) {
        return Ok(SignedDuration::from_secs(seconds));
    }
    let (least, most) = (VALIDITY.start(), VALIDITY.end());
    Err(content(
        pointer,
        &format!("expected {least} to {most} seconds"),
    ))
}

/// A time to come.
pub fn time(pointer: &str, time: Timestamp, now: Timestamp) -> Result<Timestamp, Problem> {
    if time <= now {
        return Err(content(
            pointer,
            &"the time is over; give a later one, or none to begin at once",
        ));
    }
    if time > now + AHEAD {
        return Err(content(
            pointer,
            &"the time is more than a year ahead; give an earlier one",
        ));
    }
    Ok(crate::time::whole(time))
}

pub fn content(pointer: &str, words: &dyn std::fmt::Display) -> Problem {
    let error = FieldError::new(pointer, Code::InvalidContent.as_str(), words);
    Problem::of_fields(Code::InvalidContent, vec![error])
}

/// Where recipients stand in a request.
pub struct Place<'a> {
    pub pointer: &'a str,
    pub most: usize,
    pub country: Option<Country>,
}

/// The recipients of `to`, each with a text that can be rendered.
pub fn to(to: To, place: &Place<'_>, template: &Template) -> Result<Vec<Recipient>, Problem> {
    match to {
        To::One(number) => {
            let phone = Phone::parse(&number, place.country).map_err(|error| {
                let error = FieldError::new(place.pointer, error.code(), error);
                Problem::of_fields(Code::InvalidPhone, vec![error])
            })?;
            let recipient = Recipient::new(phone, Default::default(), None);
            match rendered(template, &recipient, place.pointer) {
                Some(error) => Err(Problem::of_fields(Code::UnknownPlaceholder, vec![error])),
                None => Ok(vec![recipient]),
            }
        }
        To::Many(list) => recipients(list, place, template),
    }
}

pub fn recipients(
    list: Vec<RecipientInput>,
    place: &Place<'_>,
    template: &Template,
) -> Result<Vec<Recipient>, Problem> {
    let Place {
        pointer,
        most,
        country,
    } = *place;
    if list.is_empty() {
        let error = FieldError::new(
            pointer,
            Code::EmptyAudience.as_str(),
            "the list is empty; name at least one recipient",
        );
        return Err(Problem::of_fields(Code::EmptyAudience, vec![error]));
    }
    if list.len() > most {
        let words = format!(
            "{} recipients; {most} are allowed, so split the list or upload it as a file: `POST /v1/uploads`",
            list.len()
        );
        return Err(content(pointer, &words));
    }
    let mut errors = Vec::new();
    let mut codes = Vec::new();
    let mut recipients = Vec::with_capacity(list.len());
    for (row, input) in list.into_iter().enumerate() {
        let at = format!("{pointer}/{row}");
        match recipient(input, &at, country, template) {
            Ok(recipient) => recipients.push(recipient),
            Err((code, error)) => {
                codes.push(code);
                errors.push(error);
            }
        }
    }
    let Some(first) = codes.first() else {
        return Ok(recipients);
    };
    let alike = codes.iter().all(|code| code == first);
    let code = if alike { *first } else { Code::InvalidContent };
    Err(Problem::of_fields(code, errors))
}

/// Numbers that are in a list twice: sending to somebody twice by one request is a mistake.
pub fn distinct(recipients: &[Recipient], pointer: &str) -> Result<(), Problem> {
    let mut rows = HashMap::new();
    let mut errors = Vec::new();
    for (row, recipient) in recipients.iter().enumerate() {
        if let Some(first) = rows.insert(recipient.number, row) {
            rows.insert(recipient.number, first);
            let words = format!("the same number as in {pointer}/{first}; keep one of them");
            errors.push(FieldError::new(
                format!("{pointer}/{row}"),
                "duplicate_recipient",
                words,
            ));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::of_fields(Code::InvalidContent, errors))
}

fn recipient(
    input: RecipientInput,
    at: &str,
    country: Option<Country>,
    template: &Template,
) -> Result<Recipient, (Code, FieldError)> {
    let RecipientInput {
        to,
        vars,
        reference,
        bare,
    } = input;
    let wrong = |pointer: String, words: String| {
        let error = FieldError::new(pointer, Code::InvalidContent.as_str(), words);
        (Code::InvalidContent, error)
    };
    let number_at = if bare {
        at.to_owned()
    } else {
        format!("{at}/to")
    };
    let phone = Phone::parse(&to, country).map_err(|error| {
        (
            Code::InvalidPhone,
            FieldError::new(number_at, error.code(), error),
        )
    })?;
    if vars.len() > MAX_VALUES {
        return Err(wrong(
            format!("{at}/vars"),
            format!("{} values; {MAX_VALUES} are allowed", vars.len()),
        ));
    }
    if vars.values().any(|value| value.len() > MAX_VALUE) {
        return Err(wrong(
            format!("{at}/vars"),
            format!("a value is longer than {MAX_VALUE} bytes; shorten it"),
        ));
    }
    if reference
        .as_ref()
        .is_some_and(|reference| reference.len() > MAX_REFERENCE)
    {
        return Err(wrong(
            format!("{at}/reference"),
            format!("longer than {MAX_REFERENCE} bytes; shorten it"),
        ));
    }
    let recipient = Recipient::new(phone, vars, reference);
    match rendered(template, &recipient, at) {
        Some(error) => Err((Code::UnknownPlaceholder, error)),
        None => Ok(recipient),
    }
}

/// What is wrong with one recipient's text, if anything is.
fn rendered(template: &Template, recipient: &Recipient, at: &str) -> Option<FieldError> {
    let value = |name: &str| recipient.vars.get(name).map(String::as_str);
    match template.render(value).err()? {
        error @ RenderError::MissingValue { .. } => {
            let pointer = format!("{at}/vars");
            Some(FieldError::new(
                pointer,
                Code::UnknownPlaceholder.as_str(),
                error,
            ))
        }
        error @ RenderError::TooLong { .. } => {
            Some(FieldError::new(at, Code::InvalidText.as_str(), error))
        }
    }
}

/// The beginning of a file that is looked at before it is used.
pub const FILE_START: u64 = 64 * 1024;

/// Opens the beginning of a CSV: its header is sound, and there is somebody in it.
pub fn file(
    start: &Bytes,
    pointer: &str,
    options: Options,
    template: &Template,
) -> Result<(), Problem> {
    let unusable = |error: &FileError| {
        let error = FieldError::new(pointer, error.code(), error);
        Problem::of_fields(Code::UnusableFile, vec![error])
    };
    let mut reader = open_file(start, options).map_err(|error| unusable(&error))?;
    let columns: Vec<&str> = reader
        .columns()
        .iter()
        .flat_map(|column| [column.variable.as_str(), column.header.as_str()])
        .collect();
    if let Some(unknown) = unknown(template, &columns) {
        return Err(unknown);
    }
    match reader.next() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let words = "the file has a header and no rows; upload one with recipients";
            let error = FieldError::new(pointer, Code::EmptyAudience.as_str(), words);
            Err(Problem::of_fields(Code::EmptyAudience, vec![error]))
        }
        Err(error) => Err(unusable(&error)),
    }
}

pub fn open_file(
    start: &Bytes,
    options: Options,
) -> Result<RecipientReader<Cursor<&[u8]>>, FileError> {
    RecipientReader::open(Cursor::new(whole_lines(start)), &options)
}

/// Placeholders that no column gives a value for.
fn unknown(template: &Template, columns: &[&str]) -> Option<Problem> {
    let errors = template.unknown(columns).into_iter().map(|name| {
        let words = format!(
            "the file has no column for the placeholder `{name}`; rename one, or change the text"
        );
        FieldError::new("/content/text", Code::UnknownPlaceholder.as_str(), words)
    });
    let errors: Vec<_> = errors.collect();
    (!errors.is_empty()).then(|| Problem::of_fields(Code::UnknownPlaceholder, errors))
}

/// The beginning of a file up to the end of its last whole line, so that no row and no character is cut in two.
fn whole_lines(start: &[u8]) -> &[u8] {
    if (start.len() as u64) < FILE_START {
        return start;
    }
    let end = match start {
        // UTF-16 by its byte order mark, in whole units.
        [0xFF, 0xFE, ..] => last_unit(start, [b'\n', 0]),
        [0xFE, 0xFF, ..] => last_unit(start, [0, b'\n']),
        _ => start
            .iter()
            .rposition(|byte| matches!(byte, b'\n' | b'\r'))
            .map(|at| at + 1),
    };
    &start[..end.unwrap_or(start.len())]
}

fn last_unit(start: &[u8], newline: [u8; 2]) -> Option<usize> {
    let units = start.as_chunks::<2>().0;
    units
        .iter()
        .rposition(|unit| *unit == newline)
        .map(|at| 2 * (at + 1))
}

/// The recipients at the beginning of an inline audience's file.
pub fn recipients_of_lines(start: &Bytes) -> impl Iterator<Item = Recipient> + '_ {
    let lines = whole_lines(start).split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// The beginning of an inline audience's file: the text has its values.
pub fn lines(start: &Bytes, template: &Template) -> Result<(), Problem> {
    let rows = (0..).zip(recipients_of_lines(start));
    let errors = rows.filter_map(|(row, recipient): (usize, _)| {
        rendered(template, &recipient, &format!("/audience/recipients/{row}"))
    });
    let errors: Vec<_> = errors.collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::of_fields(Code::UnknownPlaceholder, errors))
}
