//! What the columns of a file seem to mean, by their names and their first cells. A suggestion: a person looks at it.

use csv::StringRecord;

use super::{Headers, Target, ValueKind, cell};
use crate::{
    contact::AttributeName,
    phone::{Country, Phone},
    recipients::columns::{self, PHONE_NAMES},
};

const LANGUAGE_NAMES: [&str; 7] = [
    "language", "lang", "locale", "sprache", "langue", "idioma", "lingua",
];
const ZONE_NAMES: [&str; 3] = ["timezone", "tz", "zeitzone"];
const TAG_NAMES: [&str; 4] = ["tags", "tag", "labels", "schlagworte"];
/// Columns whose digits are no quantity.
const TEXT_NAMES: [&str; 12] = [
    "zip", "postal", "postcode", "plz", "code", "id", "number", "nummer", "no", "nr", "ref", "iban",
];
/// What a file of rejected rows has before the columns that it came from.
const OURS: &str = "import_";

/// What a column seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// `None`: to be left out.
    pub target: Option<Target>,
    /// It has dates, and none of them says whether its day comes first.
    pub is_ambiguous: bool,
}

/// Whether the first record names the columns: nobody's column is called by a number.
pub fn has_header(record: &StringRecord) -> bool {
    !record
        .iter()
        .any(|text| columns::is_number(cell::text(text)))
}

/// A suggestion for each column, in order. `rows` are the first ones below the header.
pub fn suggest(
    headers: &Headers,
    rows: &[StringRecord],
    default_country: Option<Country>,
) -> Vec<Suggestion> {
    let phone = phone(headers, rows, default_country);
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for (place, header) in headers.names().iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(place).map(cell::text));
        let cells: Vec<&str> = cells.filter(|text| !text.is_empty()).collect();
        let suggestion = if Some(place) == phone {
            of(Target::Phone)
        } else {
            of_column(header, &cells)
        };
        let is_tags = suggestion.target == Some(Target::Tags);
        let is_taken = suggestions.iter().any(|it| same_name(it, &suggestion));
        // The second of a kind is left to the person.
        suggestions.push(if is_taken && !is_tags {
            nothing()
        } else {
            suggestion
        });
    }
    suggestions
}

fn of(target: Target) -> Suggestion {
    Suggestion {
        target: Some(target),
        is_ambiguous: false,
    }
}

const fn nothing() -> Suggestion {
    Suggestion {
        target: None,
        is_ambiguous: false,
    }
}

fn same_name(one: &Suggestion, other: &Suggestion) -> bool {
    match (&one.target, &other.target) {
        (
            Some(Target::Attribute { name: one, .. }),
            Some(Target::Attribute { name: other, .. }),
        ) => one == other,
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The column with one of the usual names, the likeliest first; else the one with the most numbers in it.
fn phone(
    headers: &Headers,
    rows: &[StringRecord],
    default_country: Option<Country>,
) -> Option<usize> {
    let folded: Vec<String> = headers.names().iter().map(|it| columns::fold(it)).collect();
    let named = |name: &&str| folded.iter().position(|header| header == name);
    if let Some(place) = PHONE_NAMES.iter().find_map(named) {
        return Some(place);
    }
    let numbers = |place: usize| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        let is_number = |text: &&str| Phone::parse(cell::text(text), default_country).is_ok();
        cells.filter(is_number).count()
    };
    let counts = (0..folded.len()).map(|place| (numbers(place), place));
    // The first of those with the most.
    let most = counts.max_by_key(|(count, place)| (*count, std::cmp::Reverse(*place)));
    most.filter(|(count, _)| *count > 0).map(|(_, place)| place)
}

fn of_column(header: &str, cells: &[&str]) -> Suggestion {
    let folded = columns::fold(header);
    let is_in = |names: &[&str]| names.contains(&folded.as_str());
    if is_in(&LANGUAGE_NAMES) {
        return of(Target::Language);
    }
    if is_in(&ZONE_NAMES) {
        return of(Target::TimeZone);
    }
    if is_in(&TAG_NAMES) {
        return of(Target::Tags);
    }
    if cells.is_empty() || header.starts_with(OURS) {
        return nothing();
    }
    let is_text = TEXT_NAMES.iter().any(|name| folded.ends_with(name));
    let (kind, is_ambiguous) = if is_text {
        (ValueKind::Text, false)
    } else {
        kind(cells)
    };
    let name = attribute_name(header);
    Suggestion {
        target: name.map(|name| Target::Attribute { name, kind }),
        is_ambiguous,
    }
}

/// As a placeholder can say it: `First name` is `First_name`, `1st` is `_1st`.
fn attribute_name(header: &str) -> Option<AttributeName> {
    let fits = |character: char| character.is_alphanumeric() || character == '_';
    let name: String = columns::variable(header)
        .trim_start_matches('#')
        .chars()
        .map(|it| if fits(it) { it } else { '_' })
        .collect();
    let name = match name.chars().next() {
        _ if header.starts_with('#') => format!("column_{name}"),
        Some(first) if !first.is_alphabetic() && first != '_' => format!("_{name}"),
        _ => name,
    };
    name.parse().ok()
}

/// What all of these cells are, and whether they are dates that can be read in two ways.
fn kind(cells: &[&str]) -> (ValueKind, bool) {
    let all = |kind: ValueKind| cells.iter().all(|text| kind.read(text).is_ok());
    let is_word = |text: &&str| text.len() > 1 && text.chars().all(char::is_alphabetic);
    if cells.iter().all(is_word) && all(ValueKind::Boolean) {
        return (ValueKind::Boolean, false);
    }
    if all(ValueKind::Date) {
        return (ValueKind::Date, false);
    }
    match (all(ValueKind::DateDayFirst), all(ValueKind::DateMonthFirst)) {
        (true, true) => return (ValueKind::Text, true),
        (true, false) => return (ValueKind::DateDayFirst, false),
        (false, true) => return (ValueKind::DateMonthFirst, false),
        (false, false) => {}
    }
    // 15 digits are what a spreadsheet's numbers have; longer ones are names of things.
    let is_short = cells.iter().all(|text| text.len() <= 15);
    if is_short && all(ValueKind::Number) {
        return (ValueKind::Number, false);
    }
    let has_comma = cells.iter().any(|text| text.contains(','));
    if is_short && has_comma && all(ValueKind::NumberWithComma) {
        return (ValueKind::NumberWithComma, false);
    }
    (ValueKind::Text, false)
}
