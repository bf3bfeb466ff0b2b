//! What a cell of a column says, by the column's kind. What could mean two things is refused, never guessed.

use serde::{Deserialize, Serialize};

use crate::{
    contact::Value,
    recipients::{MAX_CELL, RowError, cell},
};

/// What an attribute's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    Text,
    /// `1234.5`
    Number,
    /// `1234,5`, as German and French spreadsheets write it.
    NumberWithComma,
    /// `true`, `yes`, `1` and their opposites.
    Boolean,
    /// `2026-12-31`
    Date,
    /// `31/12/2026`, `31.12.2026`, and `2026-12-31`.
    DateDayFirst,
    /// `12/31/2026`, and `2026-12-31`.
    DateMonthFirst,
}

/// Why a cell doesn't say what its column's kind asks for: code, and words with the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadCell {
    pub code: &'static str,
    pub words: &'static str,
}

impl BadCell {
    pub fn at(self, line: u64, column: &str) -> RowError {
        RowError {
            line,
            column: Some(column.to_owned()),
            code: self.code,
            message: self.words.to_owned(),
        }
    }
}

const FORMULA: BadCell = BadCell {
    code: "formula",
    words: "the cell is a formula; export the sheet's values instead of its formulas",
};
const CONTROL: BadCell = BadCell {
    code: "control_character",
    words: "the cell holds a NUL, which no text can have; the file was damaged on its way, so export it again",
};
const DAMAGED: BadCell = BadCell {
    code: "damaged_number",
    words: "the spreadsheet shortened the number (such as 4.48E+11) and lost digits; format the column as text or as a number without exponent, and export the original again",
};
const NOT_A_NUMBER: BadCell = BadCell {
    code: "invalid_number",
    words: "the cell isn't a number of its column's kind; write `1234.5` without thousands separators (`1234,5` for `number_with_comma`), or map the column as text",
};
const LEADING_ZERO: BadCell = BadCell {
    code: "leading_zero",
    words: "a number would lose the zero that it begins with; map the column as text",
};
const NOT_A_FLAG: BadCell = BadCell {
    code: "invalid_boolean",
    words: "the cell is neither true nor false; write `true` or `false`, `yes` or `no`, `1` or `0`, or map the column as text",
};
const NOT_A_DATE: BadCell = BadCell {
    code: "invalid_date",
    words: "the cell isn't a date of its column's kind; write it as `2026-12-31`, or choose `date_day_first` or `date_month_first`",
};
const SHORT_YEAR: BadCell = BadCell {
    code: "short_year",
    words: "the date's year has two digits, which may mean two centuries; format the column as `yyyy-mm-dd` and export again",
};
const SERIAL: BadCell = BadCell {
    code: "serial_date",
    words: "the cell is a spreadsheet's number of a day; format the column as `yyyy-mm-dd` and export again",
};

/// The text of a cell without what spreadsheets put around it.
pub(super) fn text(raw: &str) -> &str {
    cell::content(raw.trim()).trim()
}

/// What no column may hold.
pub(super) fn check(raw: &str, line: u64, column: &str) -> Result<(), RowError> {
    if raw.len() > MAX_CELL {
        return Err(RowError::cell_too_long(line, column, raw.len()));
    }
    if cell::is_spreadsheet_error(raw.trim_start()) {
        return Err(RowError::spreadsheet_error(line, column));
    }
    if raw.contains('\0') {
        return Err(CONTROL.at(line, column));
    }
    let trimmed = raw.trim();
    if trimmed.starts_with('=') && cell::content(trimmed) == trimmed && trimmed.len() > 1 {
        return Err(FORMULA.at(line, column));
    }
    Ok(())
}

impl ValueKind {
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Number,
        Self::NumberWithComma,
        Self::Boolean,
        Self::Date,
        Self::DateDayFirst,
        Self::DateMonthFirst,
    ];

    /// `text` isn't empty.
    pub(super) fn read(self, text: &str) -> Result<Value, BadCell> {
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Number => number(text),
            Self::NumberWithComma if text.contains('.') => Err(NOT_A_NUMBER),
            Self::NumberWithComma => number(&text.replacen(',', ".", 1)),
            Self::Boolean => flag(text).map(Value::Flag).ok_or(NOT_A_FLAG),
            Self::Date | Self::DateDayFirst | Self::DateMonthFirst => date(text, self),
        }
    }
}

/// Digits, perhaps a sign and a fraction.
fn number(text: &str) -> Result<Value, BadCell> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        let has_exponent = digits.contains(['e', 'E']) && digits.parse::<f64>().is_ok();
        return Err(if has_exponent { DAMAGED } else { NOT_A_NUMBER });
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(LEADING_ZERO);
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    let number = plain.parse::<serde_json::Number>();
    number.map(Value::Number).map_err(|_| NOT_A_NUMBER)
}

/// In the words that spreadsheets write in the languages that they are sold in most.
fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "on" | "wahr" | "ja" | "vrai" | "oui" | "verdadero" | "sí"
        | "si" | "vero" | "verdadeiro" | "sim" | "waar" => Some(true),
        "false" | "no" | "n" | "0" | "off" | "falsch" | "nein" | "faux" | "non" | "falso"
        | "não" | "onwaar" | "nee" => Some(false),
        _ => None,
    }
}

/// As ISO 8601, since filters compare dates as texts. A time of day behind it is left out.
fn date(text: &str, kind: ValueKind) -> Result<Value, BadCell> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    if day.len() == 5 && day.bytes().all(|it| it.is_ascii_digit()) {
        return Err(SERIAL);
    }
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let [first, second, third] = parts[..] else {
        return Err(NOT_A_DATE);
    };
    let (year, month, day) = match (first.len(), kind) {
        (4, _) => (first, second, third),
        (_, ValueKind::DateDayFirst) => (third, second, first),
        (_, ValueKind::DateMonthFirst) => (third, first, second),
        _ => return Err(NOT_A_DATE),
    };
    if year.len() == 2 {
        return Err(SHORT_YEAR);
    }
    let date = || {
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        jiff::civil::Date::new(year, month, day).ok()
    };
    let date = date().ok_or(NOT_A_DATE)?;
    Ok(Value::Text(date.to_string()))
}
