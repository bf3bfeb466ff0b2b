//! Recipients of a request: each with a number, values that are not too long, and a text that can be rendered.

use std::collections::{BTreeMap, HashMap};

use carillon_core::{
    content::Texts,
    frame::Recipient,
    hours::hours_key,
    phone::{Country, Phone},
    template::RenderError,
};
use carillon_runtime::problem::{Code, FieldError, Problem};

use super::{content, located};
use crate::fields::{RecipientInput, To};

/// Bytes of a value, as of a cell.
const MAX_VALUE: usize = carillon_core::recipients::MAX_CELL;
const MAX_VALUES: usize = carillon_core::recipients::MAX_COLUMNS;
const MAX_REFERENCE: usize = 255;

/// Where recipients stand in a request.
pub struct Place<'a> {
    pub pointer: &'a str,
    pub most: usize,
    pub country: Option<Country>,
}

/// The recipients of `to`, each with a text that can be rendered.
pub fn to(to: To, place: &Place<'_>, texts: &Texts) -> Result<Vec<Recipient>, Problem> {
    match to {
        To::One(text) => {
            let (phone, country) = located(place.pointer, &text, place.country)?;
            let hours = hours_key(phone, country, None);
            let recipient = Recipient::new(phone, BTreeMap::new(), None).located(hours);
            match rendered(texts, &recipient, place.pointer) {
                Some(error) => Err(Problem::of_fields(Code::UnknownPlaceholder, vec![error])),
                None => Ok(vec![recipient]),
            }
        }
        To::Many(list) => recipients(list, place, texts),
    }
}

pub fn recipients(
    list: Vec<RecipientInput>,
    place: &Place<'_>,
    texts: &Texts,
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
        match recipient(input, &at, country, texts) {
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
    texts: &Texts,
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
    let (phone, country) = Phone::parse_located(&to, country).map_err(|error| {
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
    let values_at = if bare {
        at.to_owned()
    } else {
        format!("{at}/vars")
    };
    let hours = hours_key(phone, country, None);
    let recipient = Recipient::new(phone, vars, reference).located(hours);
    match rendered(texts, &recipient, &values_at) {
        Some(error) => Err((Code::UnknownPlaceholder, error)),
        None => Ok(recipient),
    }
}

/// What is wrong with one recipient's text, if anything is; `at` is where its values stand.
pub(super) fn rendered(texts: &Texts, recipient: &Recipient, at: &str) -> Option<FieldError> {
    let value = |name: &str| recipient.vars.get(name).map(String::as_str);
    let error = texts.render(value, None).err()?;
    let code = match error {
        RenderError::MissingValue { .. } => Code::UnknownPlaceholder,
        RenderError::TooLong { .. } => Code::InvalidText,
    };
    Some(FieldError::new(at, code.as_str(), error))
}
